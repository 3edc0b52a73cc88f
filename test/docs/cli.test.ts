/** docs/cli.md has every command with its arguments, its options, their defaults, and no other. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { EXIT_MEANINGS } from "../../src/cli/command-error.ts";
import { createProgram } from "../../src/cli/program.ts";
import { documentedCommands, optionRows } from "./commands.ts";
import { rowsOf } from "./tables.ts";

// Defaults of the program may be variables of whoever runs this.
vi.stubEnv("INSULA_DATA_DIR", undefined);
vi.stubEnv("INSULA_URL", undefined);
afterAll(() => {
  vi.unstubAllEnvs();
});

const FILE = path.resolve(import.meta.dirname, "../../docs/cli.md");
const PROGRAM = createProgram();
const COMMANDS = documentedCommands(PROGRAM);

/** Title to text of what follows it. */
const SECTIONS = new Map(
  readFileSync(FILE, "utf8")
    .split(/^##+ /m)
    .slice(1)
    .map((section): [string, string] => {
      const [title = "", ...lines] = section.split("\n");
      return [title.replaceAll("`", ""), lines.join("\n")];
    }),
);

/** Rows without the head and without the backslashes of Markdown. */
function tableOf(title: string): readonly (readonly string[])[] {
  const rows = rowsOf(SECTIONS.get(title) ?? "").slice(1);
  return rows.map((cells) => cells.map((cell) => cell.replaceAll(/\\([*_<])/g, "$1")));
}

describe("docs/cli.md", () => {
  it("has a section for every command and no other", () => {
    const titles = [...SECTIONS.keys()].filter((title) => title.startsWith("insula "));
    expect(titles.toSorted()).toEqual(COMMANDS.map(({ usage }) => usage).toSorted());
  });

  it.each(COMMANDS)("has the options of $usage", ({ usage, rows }) => {
    expect(tableOf(usage)).toEqual(rows);
  });

  it("has the options of every command", () => {
    expect(tableOf("For every command")).toEqual(optionRows(PROGRAM));
  });

  it("has the exit codes", () => {
    const codes = EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning]);
    expect(tableOf("Exit codes")).toEqual(codes);
  });
});
