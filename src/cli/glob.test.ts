import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromPattern, isPattern, toMatcher } from "./glob.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-glob-")).replaceAll("\\", "/");
  mkdirSync(path.join(folder, "a/b"), { recursive: true });
  for (const name of ["x.md", "a/y.md", "a/b/z.md", "a/b/z.txt", "a/[odd].md"]) {
    writeFileSync(path.join(folder, name), "text");
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("patterns of files", () => {
  it.each([
    ["*.md", ["x.md"]],
    ["**/*.md", ["a/[odd].md", "a/b/z.md", "a/y.md", "x.md"]],
    ["a/**/*.{md,txt}", ["a/[odd].md", "a/b/z.md", "a/b/z.txt", "a/y.md"]],
    ["a/?.md", ["a/y.md"]],
    ["[!a].md", ["x.md"]],
    ["**", ["a/[odd].md", "a/b/z.md", "a/b/z.txt", "a/y.md", "x.md"]],
  ])("%s", async (pattern, expected) => {
    const found = await fromPattern(`${folder}/${pattern}`);
    expect(found.map(({ key }) => key.slice(folder.length + 1))).toEqual(expected);
  });

  it("refuses what matches nothing or is no pattern", async () => {
    await expect(fromPattern(`${folder}/*.pdf`)).rejects.toMatchObject({ exitCode: 3 });
    await expect(fromPattern(`${folder}/none/*.md`)).rejects.toMatchObject({ exitCode: 3 });
    expect(() => toMatcher("a{b")).toThrow("pattern");
    expect(() => toMatcher("[z-a]")).toThrow("pattern");
  });

  it("takes a file whose name looks like a pattern as a file", () => {
    expect(isPattern(`${folder}/a/[odd].md`)).toBe(false);
    expect(isPattern(`${folder}/a/*.md`)).toBe(true);
    expect(isPattern("plain.md")).toBe(false);
  });
});
