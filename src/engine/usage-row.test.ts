import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { USAGE_DAYS_KEPT, USAGE_HOURS_KEPT, USAGE_MONTHS_KEPT } from "./limits.ts";
import {
  USAGE_COUNTERS,
  addCounters,
  decodeUsage,
  encodeUsage,
  foldEntries,
  hourOf,
  noCounters,
  numberAt,
  startOf,
  type UsageEntry,
} from "./usage-row.ts";

const NOW_MS = Date.UTC(2026, 10, 27, 10, 30);
const HOUR_MS = 3_600_000;

function hour(ms: number, queries: number): UsageEntry {
  const counters = { ...noCounters(), queries, bytesOut: queries * 7 };
  return {
    period: "hour",
    number: hourOf(ms),
    counters,
    stored: { records: queries, bytes: 1 },
  };
}

describe("foldEntries", () => {
  it("keeps so many hours by themselves, and adds older ones to their days", () => {
    const entries = [
      hour(NOW_MS, 1),
      hour(NOW_MS - (USAGE_HOURS_KEPT - 1) * HOUR_MS, 2),
      hour(NOW_MS - USAGE_HOURS_KEPT * HOUR_MS, 4),
      hour(NOW_MS - (USAGE_HOURS_KEPT + 1) * HOUR_MS, 8),
    ];
    const folded = foldEntries(entries, NOW_MS);
    expect(folded.map(({ period, counters }) => [period, counters.queries])).toEqual([
      ["day", 12],
      ["hour", 2],
      ["hour", 1],
    ]);
  });

  it("keeps so many days, and so many months, and forgets what is older", () => {
    const day = 24 * HOUR_MS;
    const entries = [
      hour(NOW_MS - (USAGE_DAYS_KEPT - 1) * day, 1),
      hour(NOW_MS - USAGE_DAYS_KEPT * day, 2),
      hour(Date.UTC(2026, 11 - USAGE_MONTHS_KEPT, 3), 4),
      hour(Date.UTC(2026, 10 - USAGE_MONTHS_KEPT, 3), 8),
    ];
    const folded = foldEntries(entries, NOW_MS);
    expect(folded.map(({ period, counters }) => [period, counters.queries])).toEqual([
      ["month", 4],
      ["month", 2],
      ["day", 1],
    ]);
  });

  it("says of a period what was stored at its end", () => {
    const [folded] = foldEntries([hour(0, 9), hour(HOUR_MS, 5)], USAGE_HOURS_KEPT * 2 * HOUR_MS);
    expect([folded?.counters.queries, folded?.stored.records]).toEqual([14, 5]);
  });

  it("loses nothing of the last two years, in a bounded row, in whatever order hours come", () => {
    const hoursBack = fc.integer({ min: 0, max: 24 * 365 * 2 });
    fc.assert(
      fc.property(fc.array(fc.tuple(hoursBack, fc.nat(1_000)), { maxLength: 60 }), (calls) => {
        let entries: readonly UsageEntry[] = [];
        for (const [back, queries] of calls) {
          entries = foldEntries([...entries, hour(NOW_MS - back * HOUR_MS, queries)], NOW_MS);
        }
        const sum = entries.reduce((all, entry) => addCounters(all, entry.counters), noCounters());
        expect(sum.queries).toBe(calls.reduce((all, [, queries]) => all + queries, 0));
        const most = USAGE_HOURS_KEPT + USAGE_DAYS_KEPT + USAGE_MONTHS_KEPT;
        expect(entries.length).toBeLessThanOrEqual(most);
        expect(foldEntries(entries, NOW_MS)).toEqual(entries);
      }),
    );
  });
});

it("what a rename notes is kept where hours become days, the newest of them", () => {
  const at = NOW_MS - USAGE_HOURS_KEPT * HOUR_MS;
  const earlier = { ...hour(at, 1), renamedFrom: "a", renamedTo: "b" };
  const later = { ...hour(at + 60, 1), renamedTo: "c" };
  const [day] = foldEntries([earlier, later, hour(at + 90, 1)], NOW_MS);
  expect(day).toMatchObject({ period: "day", renamedFrom: "a", renamedTo: "c" });
});

describe("the row", () => {
  it("is read as it was written", () => {
    const counters = noCounters();
    for (const [i, name] of USAGE_COUNTERS.entries()) counters[name] = 2 ** (4 * i);
    const stored = { records: 3, bytes: 2 ** 50 };
    const entries: UsageEntry[] = [
      { period: "month", number: 682, counters, stored },
      { period: "day", number: 20_000, counters: noCounters(), stored },
      { period: "hour", number: hourOf(NOW_MS), counters, stored },
    ];
    expect(decodeUsage(encodeUsage(entries))).toEqual(entries);
    expect(encodeUsage(entries)[0]).toBe(1);
    const [month, ...rest] = entries as [UsageEntry, UsageEntry, UsageEntry];
    const renamed = [{ ...month, renamedFrom: "é", renamedTo: "b" }, ...rest];
    expect(decodeUsage(encodeUsage(renamed))).toEqual(renamed);
    expect(encodeUsage(renamed)[0]).toBe(2);
  });

  it("is refused in another version, or with an unknown period", () => {
    const bytes = Uint8Array.from(encodeUsage([hour(NOW_MS, 1)]));
    expect(() => decodeUsage(Uint8Array.of(9, ...bytes.subarray(1)))).toThrow(/version/i);
    expect(() => decodeUsage(Uint8Array.of(1, 1, 7, ...bytes.subarray(3)))).toThrow(/period/);
  });
});

it("has months of the calendar", () => {
  const number = numberAt("month", Date.UTC(2026, 1, 28, 23, 59));
  expect(startOf({ period: "month", number })).toBe(Date.UTC(2026, 1, 1));
  expect(startOf({ period: "month", number: number + 1 })).toBe(Date.UTC(2026, 2, 1));
});
