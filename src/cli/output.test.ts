import { afterEach, describe, expect, it, vi } from "vitest";
import { createOutput, findColumns, printBytes, printCounted, printTable } from "./output.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Without a terminal, and with lines of so many characters. */
function table(columns: number, rows: readonly (readonly string[])[]): readonly string[] {
  const output = { ...createOutput(false), columns, bold: (text: string) => text };
  return printTable(output, rows).split("\n");
}

const WORDS = [
  ["CHECK", "WHAT"],
  ["memory", "budget of half the machine, as set by nobody"],
];

describe("a table", () => {
  it("pads every column to its widest cell, with no blanks at line ends", () => {
    const rows = [
      ["NAME", "SIZE", "STATE"],
      ["a", "1.5 kB", "sound"],
      ["longer", "0 B", ""],
    ];
    expect(table(Infinity, rows)).toEqual([
      "NAME    SIZE    STATE",
      "a       1.5 kB  sound",
      "longer  0 B",
    ]);
  });

  it("wraps the words of the last column below themselves where the line is too short", () => {
    expect(table(40, WORDS)).toEqual([
      "CHECK   WHAT",
      "memory  budget of half the machine, as",
      "        set by nobody",
    ]);
  });

  it("is not wrapped where it just fits", () => {
    expect(table(52, WORDS)).toHaveLength(2);
    expect(table(51, WORDS)).toHaveLength(3);
  });

  it("becomes blocks where no room is left for the last column, and cuts nothing", () => {
    expect(table(31, WORDS)).toEqual([
      "CHECK  memory",
      "WHAT   budget of half the machine, as set by nobody",
    ]);
  });

  it("becomes blocks where the last column cannot be broken", () => {
    const rows = [
      ["ID", "PATH"],
      ["1", "a".repeat(60)],
      ["2", "b"],
    ];
    expect(table(40, rows)).toEqual([
      "ID    1",
      `PATH  ${"a".repeat(60)}`,
      "",
      "ID    2",
      "PATH  b",
    ]);
  });

  it("of no rows is its heading", () => {
    expect(table(80, [["NAME", "SIZE"]])).toEqual(["NAME  SIZE"]);
  });
});

describe("the width of a line", () => {
  it("is what COLUMNS says, unless that is no width to read in", () => {
    vi.stubEnv("COLUMNS", "120");
    expect(findColumns()).toBe(120);
    const without = ["", "39", "wide", "80.5"].map((given) => {
      vi.stubEnv("COLUMNS", given);
      return findColumns();
    });
    vi.stubEnv("COLUMNS", undefined);
    expect(new Set(without)).toEqual(new Set([findColumns()]));
  });
});

it("counts one thing and many", () => {
  expect([0, 1, 2, 1234].map((count) => printCounted(count, "record"))).toEqual([
    "0 records",
    "1 record",
    "2 records",
    "1,234 records",
  ]);
});

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_536, "1.5 kB"],
  [12_800_000, "12.8 MB"],
  [5e15, "5000.0 TB"],
])("prints %i bytes as %s", (bytes, text) => {
  expect(printBytes(bytes)).toBe(text);
});
