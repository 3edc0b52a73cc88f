import { describe, expect, it } from "vitest";
import * as rules from "./tidy-rules.ts";
import { wrapComments } from "./tidy-wrap.ts";

const file = (path: string, text: string): rules.HouseFile => ({ path, text });
const long = "word ".repeat(24).trim();

describe("what the house asks of a file", () => {
  it.each([
    ["a long line", rules.lineLength, file("src/io/a.ts", `// ${long}`)],
    ["a long line of a kernel", rules.lineLength, file("src/math/kernels/a.ts", long)],
    ["a long file", rules.fileLength, file("src/io/a.ts", "x();\n".repeat(401))],
    ["a long suite", rules.fileLength, file("src/io/a.test.ts", "x();\n".repeat(601))],
    ["a file called utils", rules.fileName, file("src/io/utils.ts", "")],
    ["a folder called common", rules.fileName, file("src/common/clock.ts", "")],
    ["a name with capitals", rules.fileName, file("src/io/fileSystem.ts", "")],
    ["a type called Manager", rules.typeName, file("src/io/a.ts", "export class Manager {}")],
    ["a document without a title", rules.oneTitle, file("docs/a.md", "## Part\n")],
    ["a document with two titles", rules.oneTitle, file("docs/a.md", "# One\n\n# Two\n")],
    ["a to-do of nobody", rules.openEnds, file("src/io/a.ts", "// TODO: later")],
    ["a test alone", rules.skippedTests, file("src/io/a.test.ts", 'it.only("x", f);')],
    ["a test skipped in silence", rules.skippedTests, file("src/io/a.test.ts", 'it.skip("x", f);')],
    [
      "a reason that stands too far away",
      rules.skippedTests,
      file("src/a.test.ts", '// broken disk, until 2030-01-31\n\nit.skip("x", f);'),
    ],
    ["a path of a machine", rules.machinePaths, file("docs/a.md", "see /home/ann/notes")],
    ["a registry", rules.registryHosts, file("package-lock.json", "https://registry.npmjs.org/a")],
  ])("finds %s", (_, rule, given) => {
    expect(rule(given)).toEqual([expect.stringContaining(given.path)]);
  });

  it.each([
    ["a long paragraph", rules.lineLength, file("docs/a.md", long)],
    ["an address", rules.lineLength, file("src/a.ts", `// https://example.org/${"a".repeat(99)}`)],
    ["a long text", rules.lineLength, file("src/a.ts", `      "${long}",`)],
    ["comments in a long file", rules.fileLength, file("src/io/a.ts", "// x\n".repeat(401))],
    ["a long table", rules.fileLength, file("src/base/errors.ts", "x();\n".repeat(401))],
    ["a name in kebab-case", rules.fileName, file("src/io/file-system.contract.ts", "")],
    ["a name that contains one", rules.typeName, file("src/io/a.ts", "interface DataFolder {}")],
    ["a shell comment", rules.oneTitle, file("docs/a.md", "# One\n\n```sh\n# two\n```\n")],
    ["a to-do with an issue", rules.openEnds, file("src/io/a.ts", "// TODO #12: later")],
    [
      "a test skipped for a time",
      rules.skippedTests,
      file("src/a.test.ts", '// needs etcd, until 2030-01-31\nit.skip("x", f);'),
    ],
    ["a path of the web", rules.machinePaths, file("docs/a.md", "GET https://x.org/home/a")],
  ])("leaves %s alone", (_, rule, given) => {
    expect(rule(given)).toEqual([]);
  });

  it("counts the entries of the root, not the files", () => {
    const entries = Array.from({ length: 17 }, (_, i) => `folder-${i}/a.ts`);
    expect(rules.rootEntries([...entries, "folder-0/b.ts"])).toEqual([]);
    expect(rules.rootEntries([...entries, "one-more"])).toHaveLength(1);
  });

  it("wants a door in each room but base", () => {
    expect(rules.roomsWithoutDoor(["src/base/a.ts", "src/io/a.ts", "src/io/index.ts"])).toEqual([]);
    expect(rules.roomsWithoutDoor(["src/io/node/index.ts"])).toHaveLength(1);
  });

  it("compares error codes with their document in both directions", () => {
    const document = "| `name_invalid` | x |\n| `gone` | x |\n\nSee `name_invalid`.";
    expect(rules.errorCodes(["name_invalid", "disk_full"], document)).toEqual([
      expect.stringContaining("disk_full"),
      expect.stringContaining("gone"),
    ]);
  });
});

describe("wrapping comments", () => {
  const isNarrow = (text: string): boolean => text.split("\n").every((line) => line.length <= 100);
  const words = (text: string): string[] => text.match(/[a-z]+/g) ?? [];

  it("moves the end of a line to the next one of the paragraph", () => {
    const source = `/**\n * ${long}\n * and on.\n *\n * New.\n */`;
    const wrapped = wrapComments(source);
    expect(isNarrow(wrapped)).toBe(true);
    expect(words(wrapped)).toEqual(words(source));
    expect(wrapped.split("\n")).toHaveLength(6);
  });

  it("opens a block that was one line", () => {
    expect(wrapComments(`  /** ${long} */`).split("\n")).toEqual([
      "  /**",
      expect.stringMatching(/^ {3}\* word/),
      expect.stringMatching(/^ {3}\* word/),
      "   */",
    ]);
  });

  it("does not join what follows a tag or a list", () => {
    const wrapped = wrapComments(`// ${long}\n// - a list\n// - of two`);
    expect(wrapped.split("\n").slice(2)).toEqual(["// - a list", "// - of two"]);
  });

  it("leaves code, drawings and narrow lines as they are", () => {
    const source = `const text = "${long}";\n// a  b ${long}\n// narrow\n`;
    expect(wrapComments(source)).toBe(source);
  });
});
