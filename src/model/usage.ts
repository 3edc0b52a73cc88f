/** What was done at places, by period: the words of the ledger. docs/fairness.md. */
import type { Place } from "./query.ts";

export type UsagePeriod = "hour" | "day" | "month";

/** Which places, and which periods of them. */
export interface UsageRequest {
  readonly database?: string;
  /** Only with a database. */
  readonly collection?: string;
  /** Alone: this tenant in every collection. */
  readonly tenant?: string;
  /** The finest that is told; what is older than it is kept comes by a coarser one. */
  readonly period: UsagePeriod;
  /** Periods that have a part in this time, ms since 1970; default all. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Places behind this one, which need not exist. */
  readonly after?: Place;
  /** Places, 1 to USAGE_PLACES_MAX; each has several periods. */
  readonly limit: number;
}

/**
 * Whole numbers. Units are work units. Calls that failed count with what they had done; those that
 * were refused before they began do not.
 */
export interface UsageCounters {
  /** Searches, each of a call of several. */
  readonly queries: number;
  readonly queryUnits: number;
  /** Calls that get, count and list. */
  readonly reads: number;
  readonly readUnits: number;
  /** Calls that write or delete. */
  readonly writes: number;
  readonly writeUnits: number;
  /** Bytes of keys, metadata and vectors, as they are stored. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Times that a call woke the place. */
  readonly activations: number;
  /** Calls refused by a limit, and the time those callers were told to wait. */
  readonly refused: number;
  readonly throttledMs: number;
}

export interface UsageItem extends UsageCounters, Place {
  readonly period: UsagePeriod;
  /** Of UTC. */
  readonly startMs: number;
  readonly endMs: number;
  /** After the last call of the period; holds until the next period with a call. */
  readonly storedRecords: number;
  readonly storedBytes: number;
  /** Within the period its tenant was given this name in place of that one: the newest. */
  readonly renamedFrom?: string;
  /** Within the period its tenant was given that name, under which it is counted from then on. */
  readonly renamedTo?: string;
}

const NUMBERS = [
  ...(["queries", "queryUnits", "reads", "readUnits", "writes", "writeUnits"] as const),
  ...(["bytesIn", "bytesOut", "activations", "refused", "throttledMs"] as const),
  ...(["storedRecords", "storedBytes"] as const),
];

/**
 * A line an item below a line of names, as RFC 4180 has it; times are ISO 8601 of UTC. Fields that
 * a spreadsheet would take for a formula have an apostrophe before them.
 */
export function printUsageCsv(items: readonly UsageItem[]): string {
  const names = ["database", "collection", "tenant", "period", "start", "end"];
  const heading = [...names, ...NUMBERS, "renamedFrom", "renamedTo"];
  const lines = items.map((item) => [
    quote(item.database),
    quote(item.collection),
    quote(item.tenant ?? ""),
    item.period,
    new Date(item.startMs).toISOString(),
    new Date(item.endMs).toISOString(),
    ...NUMBERS.map((name) => String(item[name])),
    quote(item.renamedFrom ?? ""),
    quote(item.renamedTo ?? ""),
  ]);
  return [heading, ...lines].map((fields) => `${fields.join(",")}\r\n`).join("");
}

function quote(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
