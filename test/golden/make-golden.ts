/**
 * Makes the golden folder of the format that this program writes:
 * `node --import tsx test/golden/make-golden.ts format-1`. Once a version is released its folder is
 * never made again.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openEngine } from "../../src/engine/index.ts";
import { askAll, type Json } from "./answers.ts";
import { readFiles, toMemory, writeFiles } from "./files.ts";
import { openKeys, optionsOf, tellStory, VARIANTS, type Variant } from "./story.ts";

async function make(folder: string, variant: Variant): Promise<number> {
  const { data, backup } = await tellStory(variant);
  const options = optionsOf(await toMemory(data), 41);
  const engine = await openEngine(options);
  const expected = await askAll(engine, await openKeys(engine, options));
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
  writeFiles(join(folder, "data"), data);
  writeFiles(join(folder, "backup"), backup);
  writeFileSync(join(folder, "expected.json"), print(expected));
  return [...readFiles(folder).values()].reduce((sum, { length }) => sum + length, 0);
}

/** One line for each record and each list of hits, so that a difference can be read. */
function print(expected: Json): string {
  const text = JSON.stringify(expected);
  return `${text.replaceAll(/(?<=[[,])(?=\{"(?:key|name)":|\[\[")/g, "\n")}\n`;
}

const [name] = process.argv.slice(2);
if (name === undefined || !/^format-\d+$/.test(name)) throw new Error("Name it, as in format-1");
for (const variant of VARIANTS) {
  const bytes = await make(join(import.meta.dirname, name, variant), variant);
  process.stdout.write(`${name}/${variant}: ${String(bytes)} bytes\n`);
}
