/** What commands print: for a person by default, one JSON document per line with `--json`. */
import type { MemoryBudget } from "../engine/index.ts";
import { wrapWords } from "./wrap-words.ts";

/** Where results and remarks go; tests put strings in their place. */
export interface Output {
  /** True: only {@link Output.result} writes, and as JSON. */
  readonly isJson: boolean;
  /** True when a progress bar can be drawn on the error stream. */
  readonly isInteractive: boolean;
  /** The result of the command, on standard output. */
  result(value: unknown, print: () => string): void;
  /** A remark for the person in front, on the error stream; silent with `--json`. */
  remark(text: string): void;
  /** Characters of a line: COLUMNS, else of the terminal, else no end. */
  readonly columns: number;
  /** Emphasis, unless colours are off. */
  bold(text: string): string;
  dim(text: string): string;
}

/**
 * @param isJson  the `--json` flag. Colours obey NO_COLOR (https://no-color.org) and need a terminal.
 */
export function createOutput(isJson: boolean): Output {
  const hasColor = process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "";
  const paint = (code: string) => (text: string) =>
    hasColor && !isJson ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    isJson,
    isInteractive: process.stderr.isTTY && !isJson,
    columns: findColumns(),
    result: (value, print) => {
      process.stdout.write(`${isJson ? JSON.stringify(value) : print()}\n`);
    },
    remark: (text) => {
      if (!isJson) process.stderr.write(`${text}\n`);
    },
    bold: paint("1"),
    dim: paint("2"),
  };
}

/** Without a terminal lines are not cut for one: a program reads them. */
export function findColumns(): number {
  const given = Number(process.env["COLUMNS"]);
  if (Number.isInteger(given) && given >= 40) return given;
  return process.stdout.isTTY ? process.stdout.columns : Infinity;
}

/** A last column narrower than this is no column to read a sentence in. */
const LAST_COLUMN_MIN = 24;

/**
 * Columns padded to the widest cell; the first row is the heading. Where the lines are too short
 * for that, the last column is wrapped, or every row becomes a block of its own: nothing is cut.
 */
export function printTable(output: Output, rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  }
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const last = Math.min(widths.at(-1) ?? 0, output.columns - before);
  const isLastWordy = rows.some((row) => (row.at(-1) ?? "").includes(" "));
  if (last < (widths.at(-1) ?? 0) && (last < LAST_COLUMN_MIN || !isLastWordy))
    return printBlocks(output, rows);
  const lines = rows.map((row) => {
    const start = row.slice(0, -1).map((cell, i) => cell.padEnd((widths[i] ?? 0) + 2));
    const wrapped = wrapWords(row.at(-1) ?? "", last).join(`\n${" ".repeat(before)}`);
    return `${start.join("")}${wrapped}`.trimEnd();
  });
  const [heading = "", ...rest] = lines;
  return [output.bold(heading), ...rest].join("\n");
}

function printBlocks(output: Output, rows: readonly (readonly string[])[]): string {
  const [heading = [], ...rest] = rows;
  const width = Math.max(...heading.map(({ length }) => length));
  return rest
    .map((row) =>
      row.map((cell, i) => `${output.bold((heading[i] ?? "").padEnd(width))}  ${cell}`).join("\n"),
    )
    .join("\n\n");
}

/** 1536 is "1.5 kB"; powers of 1000. */
export function printBytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** `1 text`, `12 texts`. */
export function printCounted(count: number, word: string): string {
  return `${printCount(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** 1234567 is "1,234,567". */
export function printCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** "2.0 GiB, half of the container's limit". */
export function printBudget({ bytes, source }: MemoryBudget): string {
  const gibibytes = (bytes / 1_073_741_824).toFixed(2);
  const reason = {
    given: "as configured",
    container: "half of the container's limit",
    machine: "half of the machine",
  }[source];
  return `${gibibytes} GiB, ${reason}`;
}
