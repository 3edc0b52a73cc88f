/** What was measured of each way: told at once, and side by side at the end. */
import type { Report, Row } from "../support/report.ts";

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly wanted?: { readonly min: number } | { readonly max: number };
}

export class Figures {
  readonly #report: Report;
  readonly #way: string;
  readonly #all: Figure[] = [];

  /** @param way  stands before each figure that is told. */
  constructor(report: Report, way: string) {
    this.#report = report;
    this.#way = way;
  }

  get all(): readonly Figure[] {
    return this.#all;
  }

  add(figure: Figure): void {
    const { what, value, unit, wanted } = figure;
    this.#all.push(figure);
    this.#report.figure(`${this.#way}: ${what}`, value, unit, wanted);
  }

  progress(text: string): void {
    this.#report.progress(`${this.#way}: ${text}`);
  }

  remark(text: string): void {
    this.#report.remark(`${this.#way}: ${text}`);
  }
}

/** A line for each figure, a column for each way; what a way has not is a dash. */
export function sideBySide(ways: ReadonlyMap<string, Figures>): readonly Row[] {
  const lines = new Map<string, Figure>();
  for (const { all } of ways.values()) {
    for (const figure of all) lines.set(figure.what, figure);
  }
  return [...lines.values()].map(({ what, unit }) => {
    const cells = [...ways].map(([way, { all }]) => [
      way,
      all.find((figure) => figure.what === what)?.value ?? "–",
    ]);
    return { what, unit, ...(Object.fromEntries(cells) as Row) };
  });
}
