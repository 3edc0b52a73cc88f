/**
 * What a search did, part by part, when somebody asks for an explanation. Nobody asks most of the
 * time: then there is no trace, and a search pays one comparison where it would note something.
 */
import type { Clock } from "../io/index.ts";
import type { ExplainedPart, Explanation, QueryPhase } from "../model/index.ts";
import type { SegmentHandle } from "./segment-handle.ts";

type PhaseSums = Record<QueryPhase, number>;

export class SearchTrace {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #parts: PartTrace[] = [];
  readonly #sums: PhaseSums = { wake: 0, load: 0, filter: 0, scan: 0, rescore: 0, fetch: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  memtable(rowCount: number): PartTrace {
    return this.#part(rowCount, undefined);
  }

  segment(segment: SegmentHandle): PartTrace {
    return this.#part(segment.rowCount, segment);
  }

  add(phase: QueryPhase, ms: number): void {
    this.#sums[phase] += ms;
  }

  /** The search is over. */
  explain(workUnits: number): Explanation {
    const total = this.#clock.monotonicMs() - this.#startMs;
    const parts = this.#parts.map((part) => part.explain());
    const bytesRead = parts.reduce((sum, part) => sum + part.bytesRead, 0);
    return {
      reason: reasonOf(parts),
      parts,
      bytesRead,
      workUnits,
      ms: { ...roundAll(this.#sums), total: round(total) },
    };
  }

  #part(rowCount: number, segment: SegmentHandle | undefined): PartTrace {
    const part = new PartTrace(this.#clock, this.#sums, rowCount, segment);
    this.#parts.push(part);
    return part;
  }
}

/** One part; each call ends a phase that began with the call before. */
export class PartTrace {
  readonly #clock: Clock;
  readonly #sums: PhaseSums;
  readonly #rowCount: number;
  readonly #segment: SegmentHandle | undefined;
  readonly #bytesBefore: number;
  #lapMs: number;
  #matchCount = 0;
  #method: ExplainedPart["method"] = "none";
  #reason = "";
  #rowsScanned = 0;
  #rowsRescored = 0;

  constructor(clock: Clock, sums: PhaseSums, rowCount: number, segment: SegmentHandle | undefined) {
    this.#clock = clock;
    this.#sums = sums;
    this.#rowCount = rowCount;
    this.#segment = segment;
    this.#bytesBefore = segment?.bytesRead ?? 0;
    this.#lapMs = clock.monotonicMs();
  }

  filtered(matchCount: number): void {
    this.#matchCount = matchCount;
    this.#lap("filter");
  }

  loaded(): void {
    this.#lap("load");
  }

  /** Why, should nothing else be said. */
  because(reason: string): void {
    this.#reason = reason;
  }

  /** Rows scored by a walk, whether it was of use or not, or through a sparse index. */
  walked(rows: number): void {
    this.#rowsScanned += rows;
  }

  /** By a scan, every row that passes was compared; other rows are told by themselves. */
  scanned(method: Exclude<ExplainedPart["method"], "none">, reason: string = this.#reason): void {
    this.#reason = reason;
    if (method === "codes" || method === "exact") this.#rowsScanned += this.#matchCount;
    if (this.#matchCount > 0) this.#method = method;
    else this.#reason = "No row passes.";
    this.#lap("scan");
  }

  rescored(rows: number): void {
    this.#rowsRescored += rows;
    this.#lap("rescore");
  }

  explain(): ExplainedPart {
    const segment = this.#segment;
    return {
      kind: segment === undefined ? "memtable" : "segment",
      ...(segment === undefined ? {} : { segment: segment.id }),
      rowCount: this.#rowCount,
      matchCount: this.#matchCount,
      method: this.#method,
      reason: this.#reason,
      rowsScanned: this.#rowsScanned,
      rowsRescored: this.#rowsRescored,
      bytesRead: (segment?.bytesRead ?? 0) - this.#bytesBefore,
    };
  }

  #lap(phase: QueryPhase): void {
    const nowMs = this.#clock.monotonicMs();
    this.#sums[phase] += nowMs - this.#lapMs;
    this.#lapMs = nowMs;
  }
}

/** That of the part with most rows that pass. */
function reasonOf(parts: readonly ExplainedPart[]): string {
  let largest: ExplainedPart | undefined;
  for (const part of parts) {
    if (largest === undefined || part.matchCount > largest.matchCount) largest = part;
  }
  return largest?.reason ?? "There are no records.";
}

function roundAll(sums: PhaseSums): PhaseSums {
  const { wake, load, filter, scan, rescore, fetch } = sums;
  return {
    wake: round(wake),
    load: round(load),
    filter: round(filter),
    scan: round(scan),
    rescore: round(rescore),
    fetch: round(fetch),
  };
}

/** To a thousandth: microseconds. */
function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
