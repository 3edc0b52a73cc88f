/** What commands print: for a person by default, one JSON document per line with `--json`. */
import type { MemoryBudget } from "../engine/index.ts";

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
function findColumns(): number {
  const given = Number(process.env["COLUMNS"]);
  if (Number.isInteger(given) && given >= 40) return given;
  return process.stdout.isTTY ? process.stdout.columns : Infinity;
}

/** Columns padded to the widest cell; the first row is the heading. */
export function printTable(output: Output, rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  }
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const [heading = "", ...rest] = lines;
  return [output.bold(heading), ...rest].join("\n");
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
