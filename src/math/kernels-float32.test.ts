import { beforeAll, describe, expect, it } from "vitest";
import {
  KERNEL_METRICS,
  exactDistance,
  inverseNorm,
  rowStrideBytes,
  squaredNorm,
} from "./distance.ts";
import {
  float32,
  forEachCase,
  kernels,
  nearest,
  openKernels,
  place,
  placeBitmap,
  placeFloat32,
  placeRows,
  slices,
  sortedHeap,
  startOver,
  uint32,
} from "./kernel-cases.contract.ts";
import type { Case } from "./kernel-cases.contract.ts";

const fround = Math.fround;

beforeAll(openKernels);

function exactDistances(item: Case, rows: readonly Float32Array[], query: Float32Array): number[] {
  const normed = { vector: query, inverseNorm: inverseNorm(query) };
  return rows.map((vector) =>
    exactDistance(item.metric, normed, { vector, inverseNorm: inverseNorm(vector) }),
  );
}

describe("the float32 kernels", () => {
  it("give every row the bits of exactDistance, whether in a range or listed", () => {
    forEachCase((item, rows, query) => {
      const { dimension, count, metric } = item;
      const stride = rowStrideBytes(dimension);
      const rowsAt = placeRows(rows, dimension);
      const queryAt = placeRows([query], dimension);
      const normsAt = place(count * 4);
      kernels.normRows(rowsAt, stride, count, 0, normsAt);
      const number = KERNEL_METRICS[metric];
      const expected = exactDistances(item, rows, query);
      const out = place(count * 4 + 16);
      const first = Math.min(item.cut, count);
      kernels.scoreRange(
        number,
        queryAt,
        inverseNorm(query),
        rowsAt,
        stride,
        normsAt,
        first,
        count - first,
        out,
      );
      expect([...float32(out, count - first)]).toEqual(expected.slice(first));
      const ids = Array.from({ length: count }, (_, i) => (i * 7 + item.seed) % count);
      const idsAt = place(count * 4);
      uint32(idsAt, count).set(ids);
      const guard = float32(out, count + 1);
      guard[count] = 42;
      kernels.scoreRows(
        number,
        queryAt,
        inverseNorm(query),
        rowsAt,
        stride,
        normsAt,
        idsAt,
        count,
        out,
      );
      expect([...guard.subarray(0, count)]).toEqual(ids.map((id) => expected[id]));
      expect(guard[count]).toBe(42);
    });
  });

  it("keep the k nearest over slices and bitmaps, ties to the smaller row", () => {
    forEachCase((item, rows, query) => {
      const stride = rowStrideBytes(item.dimension);
      const rowsAt = placeRows(rows, item.dimension);
      const queryAt = placeRows([query], item.dimension);
      const normsAt = placeFloat32(rows.map(inverseNorm));
      const { bitmap, isLive } = placeBitmap(item);
      const heap = place(item.k * 8);
      let count = 0;
      // The later slice first: the order of scans must not show.
      for (const [first, length] of [...slices(item)].reverse()) {
        count = kernels.scanFloat32(
          KERNEL_METRICS[item.metric],
          queryAt,
          inverseNorm(query),
          rowsAt,
          stride,
          normsAt,
          first,
          length,
          bitmap,
          1_000,
          heap,
          count,
          item.k,
        );
      }
      const expected = nearest(exactDistances(item, rows, query), isLive, item.k);
      expect(sortedHeap(heap, count)).toEqual(
        expected.map(([distance, row]) => [distance, row + 1_000]),
      );
    });
  });

  it("give the norms of squaredNorm and inverseNorm", () => {
    forEachCase(({ dimension, count }, rows) => {
      const rowsAt = placeRows(rows, dimension);
      const squares = place(count * 4);
      const inverses = place(count * 4);
      kernels.normRows(rowsAt, rowStrideBytes(dimension), count, squares, inverses);
      expect([...float32(squares, count)]).toEqual(rows.map((row) => fround(squaredNorm(row))));
      expect([...float32(inverses, count)]).toEqual(rows.map(inverseNorm));
    });
  });

  it("put overflowing rows last instead of losing them", () => {
    startOver();
    const rows = [
      [3e38, -3e38],
      [1, 1],
      [-3e38, 3e38],
    ].map((row) => Float32Array.from(row));
    const rowsAt = placeRows(rows, 2);
    const queryAt = placeRows([Float32Array.of(3e38, 3e38)], 2);
    const heap = place(24);
    const count = kernels.scanFloat32(1, queryAt, 0, rowsAt, 16, 0, 0, 3, 0, 0, heap, 0, 3);
    expect(sortedHeap(heap, count)).toEqual([
      [-Infinity, 1],
      [Infinity, 0],
      [Infinity, 2],
    ]);
  });
});
