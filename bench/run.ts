/**
 * Runs the benchmarks one after the other, with the given options for each.
 *
 *   npm run bench -- --quick             all, small sizes
 *   npm run bench -- log kernels         two of them, full sizes
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";

const ENDING = ".bench.ts";
const folder = import.meta.dirname;
const names = readdirSync(folder)
  .filter((name) => name.endsWith(ENDING))
  .map((name) => name.slice(0, -ENDING.length))
  .sort();
const words = process.argv.slice(2);
const firstOption = words.findIndex((word) => word.startsWith("-"));
const wanted = firstOption < 0 ? words : words.slice(0, firstOption);
const options = firstOption < 0 ? [] : words.slice(firstOption);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no benchmark ${unknown.join(", ")}: expected ${names.join(", ")}.\n`,
  );
  process.exit(2);
}
if (options.includes("--help")) {
  process.stdout.write(
    `Benchmarks: ${names.join(", ")}\n\nExample:\n  $ npm run bench -- log kernels --quick\n`,
  );
  process.exit(0);
}
const loaders = [
  "--import",
  "tsx",
  "--import",
  new URL("./support/built.mjs", import.meta.url).href,
];
const failed: string[] = [];
for (const name of wanted.length > 0 ? wanted : names) {
  const path = relative(process.cwd(), join(folder, `${name}${ENDING}`));
  process.stderr.write(`\n${path}\n`);
  const { status } = spawnSync(process.execPath, [...loaders, path, ...options], {
    stdio: "inherit",
  });
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  process.stderr.write(`\nFailed: ${failed.join(", ")}\n`);
  process.exitCode = 1;
}
