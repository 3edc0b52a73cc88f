import fc from "fast-check";
import { expect, it } from "vitest";
import { Pace } from "./pace.ts";
import { SORTED_AT_ONCE, sortInTurns } from "./sort-in-turns.ts";

interface Item {
  readonly value: number;
  readonly place: number;
}

function items(count: number, values: number): Item[] {
  return Array.from({ length: count }, (_, place) => ({
    value: (Math.imul(place, 0x9e37_79b1) >>> 0) % values,
    place,
  }));
}

const byValue = (a: Item, b: Item): number => a.value - b.value;

it("gives the order of a stable sort, whatever the length", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(3_000), fc.integer({ min: 1, max: 40 }), async (count, values) => {
      const list = items(count, values);
      const sorted = await sortInTurns(list, byValue, new Pace(() => Promise.resolve()));
      expect(sorted).toEqual([...list].sort(byValue));
    }),
    { numRuns: 40 },
  );
});

it("compares a bounded number of items between two turns, and fewer than n log n in all", async () => {
  let since = 0;
  let most = 0;
  let all = 0;
  const pace = new Pace(() => {
    since = 0;
    return Promise.resolve();
  });
  const count = 60_000;
  const compare = (a: Item, b: Item): number => {
    all++;
    most = Math.max(most, ++since);
    return byValue(a, b);
  };
  await sortInTurns(items(count, count), compare, pace);
  // A slice has room for six runs of ten comparisons an item.
  expect(most).toBeLessThan(8 * 10 * SORTED_AT_ONCE);
  expect(all).toBeLessThan(count * Math.log2(count));
});

it("ends inside when it is given up", async () => {
  const abort = new AbortController();
  let compared = 0;
  const pace = new Pace(() => {
    abort.abort(new RangeError("enough"));
    return Promise.resolve();
  }, abort.signal);
  const compare = (a: Item, b: Item): number => {
    compared++;
    return byValue(a, b);
  };
  await expect(sortInTurns(items(60_000, 7), compare, pace)).rejects.toThrow("enough");
  expect(compared).toBeLessThan(100_000);
});
