/** Sorting of lists that may be long: in runs, which are merged, a slice of work at a time. */
import type { Pace } from "./pace.ts";

/** Items sorted or merged at a time; shorter lists need no turns. */
export const SORTED_AT_ONCE = 1_024;
/** Steps of a run for each of its items: ten comparisons of two numbers; of short byte strings. */
const NUMBER_STEPS = 40;
export const BYTES_STEPS = 150;

/** Steps of sorting so many, at most {@link SORTED_AT_ONCE}. */
export function sortSteps(count: number): number {
  return count * NUMBER_STEPS;
}

/**
 * The items in order, those that are equal in the order they had; a new list.
 *
 * @param itemSteps of a run, for each item; by default as much as comparing numbers costs.
 * @throws what the signal of the pace was aborted with.
 *
 * Cost: n log n comparisons; a run is sorted or merged between two looks at the pace.
 */
export async function sortInTurns<Item>(
  items: readonly Item[],
  compare: (a: Item, b: Item) => number,
  pace: Pace,
  itemSteps: number = NUMBER_STEPS,
): Promise<Item[]> {
  const steps = SORTED_AT_ONCE * itemSteps;
  let runs: Item[][] = [];
  for (let first = 0; first < items.length; first += SORTED_AT_ONCE) {
    if (!pace.fits(steps)) await pace.take(steps);
    runs.push(items.slice(first, first + SORTED_AT_ONCE).sort(compare));
  }
  while (runs.length > 1) {
    const merged: Item[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [a = [], b] = runs.slice(i, i + 2);
      merged.push(b === undefined ? a : await mergeRuns({ a, b, steps }, compare, pace));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

interface TwoRuns<Item> {
  readonly a: readonly Item[];
  readonly b: readonly Item[];
  /** Of {@link SORTED_AT_ONCE} items. */
  readonly steps: number;
}

async function mergeRuns<Item>(
  { a, b, steps }: TwoRuns<Item>,
  compare: (a: Item, b: Item) => number,
  pace: Pace,
): Promise<Item[]> {
  const merged: Item[] = [];
  const length = a.length + b.length;
  let i = 0;
  let j = 0;
  while (merged.length < length) {
    if (!pace.fits(steps)) await pace.take(steps);
    for (const end = Math.min(length, merged.length + SORTED_AT_ONCE); merged.length < end;) {
      const [left, right] = [a[i], b[j]];
      if (left !== undefined && (right === undefined || compare(left, right) <= 0)) {
        merged.push(left);
        i++;
      } else if (right !== undefined) {
        merged.push(right);
        j++;
      }
    }
  }
  return merged;
}
