/**
 * Applies tidy-rules.ts to all files that are in git or would be. Prints what is wrong, exits with
 * 1.
 *
 *   node --import tsx scripts/tidy.ts [--fix [FOLDER]]     --fix wraps comments that are too wide
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ERROR_KINDS } from "../src/base/errors.ts";
import { FILE_RULES, errorCodes, roomsWithoutDoor, rootEntries } from "./tidy-rules.ts";
import { wrapComments } from "./tidy-wrap.ts";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const TEXT = /\.(ts|mts|js|mjs|cjs|py|go|sh|md|json|mod|txt|yaml|yml|toml|proto)$|(^|\/)run$/;

function listFiles(...options: readonly string[]): string[] {
  const output = execFileSync("git", ["ls-files", ...options], { cwd: root, encoding: "utf8" });
  return output.split("\n").filter((path) => path !== "" && existsSync(resolve(root, path)));
}

const tracked = listFiles();
const all = listFiles("--cached", "--others", "--exclude-standard");
if (process.argv[2] === "--fix") {
  const folder = process.argv[3] ?? "";
  for (const path of all.filter((name) => name.startsWith(folder) && /\.[cm]?[jt]s$/.test(name))) {
    const text = readFileSync(resolve(root, path), "utf8");
    const wrapped = wrapComments(text);
    if (wrapped !== text) writeFileSync(resolve(root, path), wrapped);
  }
}
const sentences = [
  ...rootEntries(tracked),
  ...roomsWithoutDoor(all),
  ...all
    .filter((path) => TEXT.test(path))
    .map((path) => ({ path, text: readFileSync(resolve(root, path), "utf8") }))
    .flatMap((file) => FILE_RULES.flatMap((rule) => rule(file))),
];
const document = resolve(root, "docs/errors.md");
if (existsSync(document)) {
  sentences.push(...errorCodes(Object.keys(ERROR_KINDS), readFileSync(document, "utf8")));
}
for (const sentence of sentences) process.stdout.write(`${sentence}\n`);
process.exitCode = sentences.length === 0 ? 0 : 1;
