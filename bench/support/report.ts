/**
 * The face of a benchmark: options with a full and a quick size, a head with the machine, tables,
 * figures against what is wanted, and the same as one JSON document with `--json`.
 */
import { parseArgs } from "node:util";
import { describeMachine, readMemory } from "./machine.ts";

export interface SizeOption {
  readonly description: string;
  readonly full: number;
  readonly quick: number;
}

export interface TextOption {
  readonly description: string;
  readonly placeholder: string;
}

export interface BenchSpec {
  /** File name without its ending, for example `log.bench`. */
  readonly path: string;
  readonly purpose: string;
  readonly example: string;
  readonly sizes: Readonly<Record<string, SizeOption>>;
  readonly texts?: Readonly<Record<string, TextOption>>;
  /** Sentences under the options of the help text. */
  readonly remarks?: readonly string[];
}

export type Cell = string | number | boolean;
export type Row = Readonly<Record<string, Cell>>;

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly wanted?: string;
  readonly isReached?: boolean;
}

/** Opens a bench from the command line; `--help` prints and ends the process. */
export function openReport(spec: BenchSpec): Report {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      quick: { type: "boolean" },
      json: { type: "boolean" },
      ...Object.fromEntries(
        [...Object.keys(spec.sizes), ...Object.keys(spec.texts ?? {})].map((name) => [
          name,
          { type: "string" as const },
        ]),
      ),
    },
  });
  const given = values as Readonly<Record<string, string | boolean | undefined>>;
  if (given["help"] === true) {
    process.stdout.write(helpText(spec));
    process.exit(0);
  }
  const isQuick = given["quick"] === true;
  const sizes = new Map<string, number>();
  for (const [name, { full, quick }] of Object.entries(spec.sizes)) {
    const text = given[name];
    const value = text === undefined ? (isQuick ? quick : full) : Number(text);
    if (!Number.isFinite(value) || value < 0) {
      process.stderr.write(`--${name}: expected a number, received ${String(text)}.\n`);
      process.exit(2);
    }
    sizes.set(name, value);
  }
  const texts = new Map<string, string>();
  for (const name of Object.keys(spec.texts ?? {})) {
    const text = given[name];
    if (typeof text === "string") texts.set(name, text);
  }
  return new Report({ spec, sizes, texts, isQuick, isJson: given["json"] === true });
}

function helpText(spec: BenchSpec): string {
  const lines = [
    spec.purpose,
    "",
    `  npx tsx ${spec.path} [options]`,
    "",
    "  --quick              small sizes: shows that it runs, not how fast",
    "  --json               one JSON document on the output, progress on the error stream",
  ];
  for (const [name, { description, full, quick }] of Object.entries(spec.sizes)) {
    lines.push(`  ${`--${name} <n>`.padEnd(20)} ${description} (default ${full}, quick ${quick})`);
  }
  for (const [name, { description, placeholder }] of Object.entries(spec.texts ?? {})) {
    lines.push(`  ${`--${name} <${placeholder}>`.padEnd(20)} ${description}`);
  }
  lines.push("", ...(spec.remarks ?? []), "Example:", `  $ ${spec.example}`, "");
  return lines.join("\n");
}

export class Report {
  readonly isQuick: boolean;
  readonly #spec: BenchSpec;
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #texts: ReadonlyMap<string, string>;
  readonly #isJson: boolean;
  readonly #tables: { title: string; rows: readonly Row[] }[] = [];
  readonly #figures: Figure[] = [];
  readonly #remarks: string[] = [];
  readonly #startedAt = performance.now();
  readonly #machine = describeMachine();

  constructor(parts: {
    readonly spec: BenchSpec;
    readonly sizes: ReadonlyMap<string, number>;
    readonly texts: ReadonlyMap<string, string>;
    readonly isQuick: boolean;
    readonly isJson: boolean;
  }) {
    this.#spec = parts.spec;
    this.#sizes = parts.sizes;
    this.#texts = parts.texts;
    this.isQuick = parts.isQuick;
    this.#isJson = parts.isJson;
    const { cpu, cores, memoryGib, system, node, loadBefore } = this.#machine;
    this.#print(`${parts.spec.path}${this.isQuick ? " (quick: sizes too small to quote)" : ""}\n`);
    this.#print(`${cores} × ${cpu}, ${memoryGib} GiB, ${system}, Node ${node}\n`);
    this.#print(
      `load before: ${loadBefore}; ${[...parts.sizes].map(([k, v]) => `${k} ${v}`).join(", ")}\n`,
    );
  }

  size(name: string): number {
    const value = this.#sizes.get(name);
    if (value === undefined) throw new Error(`The bench declares no size "${name}".`);
    return value;
  }

  text(name: string): string | undefined {
    return this.#texts.get(name);
  }

  /** A step that is under way; not part of the results. */
  progress(text: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1_000).toFixed(1);
    process.stderr.write(`  [${seconds} s] ${text}\n`);
  }

  /** A sentence that belongs to the results. */
  remark(text: string): void {
    this.#remarks.push(text);
    this.#print(`${text}\n`);
  }

  table(title: string, rows: readonly Row[]): void {
    this.#tables.push({ title, rows });
    this.#print(`\n${title}\n${formatRows(rows)}`);
  }

  /** A figure that somebody asked for. @param wanted  with the bound it is held against. */
  figure(
    name: string,
    value: number,
    unit: string,
    wanted?: { readonly min: number } | { readonly max: number },
  ): void {
    if (wanted === undefined) {
      this.#figures.push({ name, value, unit });
      this.#print(`${name}: ${formatNumber(value)} ${unit}\n`);
      return;
    }
    const isMin = "min" in wanted;
    const isReached = isMin ? value >= wanted.min : value <= wanted.max;
    const text = isMin ? `≥ ${formatNumber(wanted.min)}` : `≤ ${formatNumber(wanted.max)}`;
    this.#figures.push({ name, value, unit, wanted: text, isReached });
    const verdict = isReached ? "reached" : "NOT reached";
    this.#print(`${name}: ${formatNumber(value)} ${unit} (wanted ${text}: ${verdict})\n`);
  }

  /** Prints the memory of this process and, with `--json`, everything. */
  finish(): void {
    const memory = readMemory();
    const seconds = Number(((performance.now() - this.#startedAt) / 1_000).toFixed(1));
    this.#print(
      `\nthis process: ${memory.anonymousMib} MiB anonymous, ${memory.peakResidentMib} MiB at most; ${seconds} s\n`,
    );
    if (!this.#isJson) return;
    const document = {
      bench: this.#spec.path,
      isQuick: this.isQuick,
      machine: this.#machine,
      sizes: Object.fromEntries(this.#sizes),
      seconds,
      memory,
      figures: this.#figures,
      tables: this.#tables,
      remarks: this.#remarks,
    };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }

  #print(text: string): void {
    if (!this.#isJson) process.stdout.write(text);
  }
}

/** Three digits that count, whole numbers with separators. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString("en-US");
  if (Number.isInteger(value)) return String(value);
  return size >= 100
    ? value.toFixed(0)
    : size >= 10
      ? value.toFixed(1)
      : value.toFixed(size >= 1 ? 2 : 3);
}

function formatRows(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) =>
    columns.map((column) => {
      const cell = row[column] ?? "";
      return typeof cell === "number" ? formatNumber(cell) : String(cell);
    }),
  );
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...cells.map((row) => row[i]?.length ?? 0)),
  );
  const isText = columns.map((column) => rows.some((row) => typeof row[column] === "string"));
  const line = (row: readonly string[]): string =>
    `  ${row
      .map((cell, i) => (isText[i] ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd()}\n`;
  return [columns, ...cells].map(line).join("");
}
