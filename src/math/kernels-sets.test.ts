import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { bitmapBytes } from "./distance.ts";
import {
  kernels,
  memory,
  openKernels,
  place,
  placeBitmap,
  placeFloat32,
  sortedHeap,
  startOver,
  uint32,
} from "./kernel-cases.contract.ts";

beforeAll(openKernels);

describe("the heap and bitmap kernels", () => {
  it("keep what a sorted list would keep, and hand it on in order", () => {
    const candidates = fc.array(fc.tuple(fc.integer({ min: -4, max: 4 }), fc.nat(1_000)), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(candidates, fc.integer({ min: 1, max: 40 }), (list, k) => {
        startOver();
        const heap = place(k * 8);
        const ids = place(list.length * 4);
        const distances = placeFloat32(list.map(([distance]) => distance));
        uint32(ids, list.length).set(list.map(([, row]) => row));
        let count = 0;
        for (const [distance, row] of list)
          count = kernels.heapOffer(heap, count, k, distance, row);
        const expected = [...list].sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, k);
        expect(sortedHeap(heap, count)).toEqual(expected);
        count = kernels.offerRows(ids, distances, list.length, 5, heap, 0, k);
        expect(sortedHeap(heap, count)).toEqual(
          expected.map(([distance, row]) => [distance, row + 5]),
        );
        kernels.heapRows(heap, count, ids);
        expect([...uint32(ids, count)]).toEqual(expected.map(([, row]) => row + 5));
      }),
    );
  });

  it("work on sets of rows like sets", () => {
    const sets = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.nat());
    fc.assert(
      fc.property(sets, ([bits, seed]) => {
        const bytes = bitmapBytes(bits);
        const run = (apply: (target: number, source: number) => void): number[] => {
          startOver();
          const [target, source] = [0.5, 0.3].map(
            (live, i) =>
              placeBitmap({
                dimension: 1,
                count: bits,
                seed: seed + i,
                metric: "dot",
                k: 1,
                live,
                cut: 0,
              }).bitmap,
          );
          apply(target ?? 0, source ?? 0);
          expect(kernels.bitmapCount(target ?? 0, bits)).toBe(membersOf(target ?? 0, bytes).length);
          return membersOf(target ?? 0, bytes);
        };
        const a = run(() => undefined);
        const b = run((target, source) => {
          kernels.bitmapAnd(target, target, bits);
          kernels.bitmapOr(target, source, bits);
          kernels.bitmapAnd(target, source, bits);
        });
        const all = Array.from({ length: bits }, (_, row) => row);
        expect(
          run((target, source) => {
            kernels.bitmapAnd(target, source, bits);
          }),
        ).toEqual(a.filter((row) => b.includes(row)));
        expect(
          run((target, source) => {
            kernels.bitmapOr(target, source, bits);
          }),
        ).toEqual(all.filter((row) => a.includes(row) || b.includes(row)));
        expect(
          run((target, source) => {
            kernels.bitmapAndNot(target, source, bits);
          }),
        ).toEqual(a.filter((row) => !b.includes(row)));
        expect(
          run((target) => {
            kernels.bitmapNot(target, bits);
          }),
        ).toEqual(all.filter((row) => !a.includes(row)));
      }),
    );
  });

  it("read a whole range in the loop that measures bandwidth", () => {
    startOver();
    const words = Uint32Array.from({ length: 64 }, (_, i) => Math.imul(i, 2_654_435_761));
    const offset = place(256);
    uint32(offset, 64).set(words);
    expect(kernels.readLoop(offset, 256)).toBe(words.reduce((sum, word) => sum ^ word, 0));
  });
});

function membersOf(bitmap: number, bytes: number): number[] {
  const found: number[] = [];
  for (const [i, byte] of new Uint8Array(memory.buffer, bitmap, bytes).entries()) {
    for (let bit = 0; bit < 8; bit++) if (((byte >>> bit) & 1) === 1) found.push(i * 8 + bit);
  }
  return found;
}
