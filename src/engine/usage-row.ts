/**
 * What was done at one place: a row with counters by hour, older ones by day, the oldest by month.
 * ON DISK: docs/formats/catalogue.md.
 *
 * Folding is lossless: an hour that is no longer kept is added to its day, a day to its month; so
 * the sum over a row is everything since its oldest month, and a row has a bounded size. Hours,
 * days and months are those of UTC.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import type { UsageCounters, UsagePeriod } from "../model/index.ts";
import { USAGE_DAYS_KEPT, USAGE_HOURS_KEPT, USAGE_MONTHS_KEPT } from "./limits.ts";

/** ON DISK: without and with what renames note; a row that has none is of the first. */
const ROW_VERSION = 1;
const RENAMED_ROW_VERSION = 2;
/** ON DISK: position is the encoded number. */
export const USAGE_PERIODS: readonly UsagePeriod[] = ["hour", "day", "month"];
/** ON DISK: the order in which counters are written. */
export const USAGE_COUNTERS: readonly (keyof UsageCounters)[] = [
  ...(["queries", "queryUnits", "reads", "readUnits", "writes", "writeUnits"] as const),
  ...(["bytesIn", "bytesOut", "activations", "refused", "throttledMs"] as const),
];
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export type Counters = { -readonly [Name in keyof UsageCounters]: number };

/** What is stored at a place at one moment. */
export interface StoredSize {
  readonly records: number;
  readonly bytes: number;
}

export interface UsageEntry {
  readonly period: UsagePeriod;
  /** Since 1970, in units of the period. */
  readonly number: number;
  readonly counters: UsageCounters;
  /** As it was after the last call of the period. */
  readonly stored: StoredSize;
  /** What the name's tenant was called before, and is called now; the newest of the period. */
  readonly renamedFrom?: string;
  readonly renamedTo?: string;
}

export function noCounters(): Counters {
  // Written out, as below: every call on a tenant's data comes by here.
  return {
    queries: 0,
    queryUnits: 0,
    reads: 0,
    readUnits: 0,
    writes: 0,
    writeUnits: 0,
    bytesIn: 0,
    bytesOut: 0,
    activations: 0,
    refused: 0,
    throttledMs: 0,
  };
}

/**
 * Takes whole counters only: objects that lack some, each call others, make each look at them a
 * search, which took 5 % of a query.
 */
export function addCounters(sum: Counters, counters: UsageCounters): Counters {
  sum.queries += counters.queries;
  sum.queryUnits += counters.queryUnits;
  sum.reads += counters.reads;
  sum.readUnits += counters.readUnits;
  sum.writes += counters.writes;
  sum.writeUnits += counters.writeUnits;
  sum.bytesIn += counters.bytesIn;
  sum.bytesOut += counters.bytesOut;
  sum.activations += counters.activations;
  sum.refused += counters.refused;
  sum.throttledMs += counters.throttledMs;
  return sum;
}

export function hourOf(wallMs: number): number {
  return Math.floor(wallMs / HOUR_MS);
}

/** First millisecond of a period, which is also the end of the one before it. */
export function startOf({ period, number }: Pick<UsageEntry, "period" | "number">): number {
  switch (period) {
    case "hour":
      return number * HOUR_MS;
    case "day":
      return number * DAY_MS;
    case "month":
      return Date.UTC(1970, number);
  }
}

/** Number of the period that a moment lies in. */
export function numberAt(period: UsagePeriod, ms: number): number {
  switch (period) {
    case "hour":
      return hourOf(ms);
    case "day":
      return Math.floor(ms / DAY_MS);
    case "month": {
      const date = new Date(ms);
      return (date.getUTCFullYear() - 1_970) * 12 + date.getUTCMonth();
    }
  }
}

/** Entries of the same period become one; sorted by start. */
export function mergeEntries(entries: readonly UsageEntry[]): readonly UsageEntry[] {
  const sums = new Map<string, UsageEntry>();
  const sorted = [...entries].sort((a, b) => startOf(a) - startOf(b));
  for (const entry of sorted) {
    const id = `${entry.period}${String(entry.number)}`;
    const before = sums.get(id);
    const counters = addCounters(
      addCounters(noCounters(), entry.counters),
      before?.counters ?? NONE,
    );
    // The later of two says what is stored: they are in the order of their starts.
    const { renamedFrom = before?.renamedFrom, renamedTo = before?.renamedTo, ...rest } = entry;
    sums.set(id, {
      ...{ ...rest, counters },
      ...(renamedFrom !== undefined && { renamedFrom }),
      ...(renamedTo !== undefined && { renamedTo }),
    });
  }
  return [...sums.values()];
}

const NONE: UsageCounters = noCounters();

/** The entry as part of a coarser period, or as it is when it is no finer. */
export function coarsen(entry: UsageEntry, period: UsagePeriod): UsageEntry {
  if (USAGE_PERIODS.indexOf(entry.period) >= USAGE_PERIODS.indexOf(period)) return entry;
  return { ...entry, period, number: numberAt(period, startOf(entry)) };
}

/** What is older than it may be becomes coarser, what is oldest goes. */
export function foldEntries(entries: readonly UsageEntry[], nowMs: number): readonly UsageEntry[] {
  const hourMin = hourOf(nowMs) - USAGE_HOURS_KEPT;
  const dayMin = numberAt("day", nowMs) - USAGE_DAYS_KEPT;
  const monthMin = numberAt("month", nowMs) - USAGE_MONTHS_KEPT;
  const folded = entries.map((entry) => {
    const isOldHour = entry.period === "hour" && entry.number <= hourMin;
    const day = isOldHour ? coarsen(entry, "day") : entry;
    return day.period === "day" && day.number <= dayMin ? coarsen(day, "month") : day;
  });
  return mergeEntries(folded).filter(
    ({ period, number }) => period !== "month" || number > monthMin,
  );
}

export function encodeUsage(entries: readonly UsageEntry[]): Buffer {
  const hasRenames = entries.some((entry) => entry.renamedFrom ?? entry.renamedTo);
  const version = hasRenames ? RENAMED_ROW_VERSION : ROW_VERSION;
  const writer = new ByteWriter(64).uint8(version).varint(entries.length);
  for (const { period, number, counters, stored, renamedFrom = "", renamedTo = "" } of entries) {
    writer.uint8(USAGE_PERIODS.indexOf(period)).varint(number);
    writer.varint(stored.records).varint(stored.bytes);
    for (const name of USAGE_COUNTERS) writer.varint(counters[name]);
    if (hasRenames) writer.string(renamedFrom).string(renamedTo);
  }
  return writer.finish();
}

/** @throws InsulaError `format_unsupported`, `data_damaged`. */
export function decodeUsage(bytes: Uint8Array): readonly UsageEntry[] {
  const reader = new ByteReader(bytes);
  const version = reader.uint8();
  if (version !== ROW_VERSION && version !== RENAMED_ROW_VERSION) {
    throw otherFormat("a usage row of the catalogue", RENAMED_ROW_VERSION, version);
  }
  const hasRenames = version === RENAMED_ROW_VERSION;
  return Array.from({ length: reader.varint() }, () => decodeEntry(reader, hasRenames));
}

function decodeEntry(reader: ByteReader, hasRenames: boolean): UsageEntry {
  const period = USAGE_PERIODS[reader.uint8()];
  if (period === undefined) {
    throw new InsulaError("data_damaged", "Cannot read a usage row: unknown period.");
  }
  const number = reader.varint();
  const stored = { records: reader.varint(), bytes: reader.varint() };
  const counters = noCounters();
  for (const name of USAGE_COUNTERS) counters[name] = reader.varint();
  const [renamedFrom, renamedTo] = hasRenames ? [reader.string(), reader.string()] : ["", ""];
  return {
    ...{ period, number, counters, stored },
    ...(renamedFrom !== "" && { renamedFrom }),
    ...(renamedTo !== "" && { renamedTo }),
  };
}
