/** The program of docs/embedding.md is run as it stands. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");
const TSX = pathToFileURL(path.join(ROOT, "node_modules/tsx/dist/loader.mjs")).href;

test("fusion and diversity print what the comments say", async () => {
  const text = readFileSync(path.join(ROOT, "docs/embedding.md"), "utf8");
  const program = /^```ts\n(.*?)^```$/ms.exec(text)?.[1] ?? "";
  const printed = [...program.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line]) => line);
  expect(printed).toHaveLength(2);
  const entry = pathToFileURL(path.join(ROOT, "src/embed/index.ts")).href;
  const folder = mkdtempSync(path.join(tmpdir(), "insula-embedding-"));
  try {
    const file = path.join(folder, "program.mts");
    writeFileSync(file, program.replace('"insula-db/embed"', JSON.stringify(entry)));
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", TSX, file]);
    expect(stdout.trim().split("\n")).toEqual(printed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
