/** Usage of several places as one. */
import type { UsageItem } from "../model/index.ts";
import type { UsageSum } from "./api.ts";
import { addCounters, noCounters } from "./usage-row.ts";

/**
 * Period by period, by start. What is stored is a sum of what the places had after their last calls
 * of that period: a place without a call in it is not in the sum.
 */
export function sumUsage(items: readonly UsageItem[]): readonly UsageSum[] {
  const sums = new Map<string, UsageItem[]>();
  for (const item of items) {
    const id = `${item.period} ${String(item.startMs)}`;
    const same = sums.get(id);
    if (same === undefined) sums.set(id, [item]);
    else same.push(item);
  }
  return [...sums.values()].map(sumOne).sort((a, b) => a.startMs - b.startMs);
}

function sumOne(items: readonly UsageItem[]): UsageSum {
  const counters = noCounters();
  const [stored, times] = [
    { storedRecords: 0, storedBytes: 0 },
    { startMs: 0, endMs: 0 },
  ];
  let period: UsageItem["period"] = "day";
  for (const item of items) {
    addCounters(counters, item);
    stored.storedRecords += item.storedRecords;
    stored.storedBytes += item.storedBytes;
    times.startMs = item.startMs;
    times.endMs = item.endMs;
    period = item.period;
  }
  return { period, ...times, ...counters, ...stored };
}
