import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeNearest } from "./top-k.ts";

interface Hit {
  readonly distance: number;
  readonly key: number;
}

const HIT: fc.Arbitrary<Hit> = fc.record({
  distance: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(-1, Infinity)),
  key: fc.integer({ min: 0, max: 20 }),
});

function compareHits(a: Hit, b: Hit): number {
  if (a.distance !== b.distance) return a.distance < b.distance ? -1 : 1;
  return a.key - b.key;
}

describe("mergeNearest", () => {
  it("gives the first k of everything sorted, ties by the order given", () => {
    const lists = fc.array(fc.array(HIT, { maxLength: 12 }), { maxLength: 9 });
    fc.assert(
      fc.property(lists, fc.integer({ min: 0, max: 40 }), (unsorted, k) => {
        const sorted = unsorted.map((list) => [...list].sort(compareHits));
        const merged = mergeNearest(sorted, k, (a, b) => a.key - b.key);
        expect(merged).toEqual(unsorted.flat().sort(compareHits).slice(0, k));
      }),
    );
  });

  it("leaves its lists as they are", () => {
    const lists = [[{ distance: 1, key: 1 }], [{ distance: 0, key: 2 }]];
    mergeNearest(lists, 5, () => 0);
    expect(lists).toEqual([[{ distance: 1, key: 1 }], [{ distance: 0, key: 2 }]]);
  });

  it("gives nothing for no lists", () => {
    expect(mergeNearest([], 5, () => 0)).toEqual([]);
    expect(mergeNearest([[], []], 5, () => 0)).toEqual([]);
  });
});
