/** The files of a customer's export. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { CustomerRecord } from "../../client/index.ts";
import { ExportFiles } from "./export-files.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-files-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function recordsOf(collection: string, ...keys: readonly string[]): readonly CustomerRecord[] {
  return keys.map((key) => ({ collection, record: { key } }));
}

it("have the records of their collections, by name, also where there are none", async () => {
  const files = new ExportFiles(folder);
  await files.write(recordsOf("notes/1", "a", "b"));
  await files.write(recordsOf("notes/1", "c"));
  await files.write(recordsOf("mails", "d"));
  for (const name of ["empty", "mails", "notes/1"]) await files.begin(name);
  expect((await files.finish()).map(({ collection, records }) => [collection, records])).toEqual([
    ["empty", 0],
    ["mails", 1],
    ["notes/1", 3],
  ]);
  const text = readFileSync(path.join(folder, "notes%2F1.jsonl"), "utf8");
  expect(text).toBe('{"key":"a"}\n{"key":"b"}\n{"key":"c"}\n');
});

it("never have those of another collection: what comes back to one ends the export", async () => {
  const files = new ExportFiles(folder);
  await files.write(recordsOf("mails", "a"));
  await files.write(recordsOf("notes", "b"));
  await files.write(recordsOf("tags", "c"));
  await expect(files.write(recordsOf("mails", "d"))).rejects.toThrow(
    "records of collection mails came again behind those of others",
  );
  await files.discard();
  expect(readdirSync(folder)).toEqual(["notes.jsonl"]);
});
