/** Vectors of hits come in the order of the hits, and are read some at a time of each segment. */
import { expect, it } from "vitest";
import { Pace } from "../base/pace.ts";
import type { VectorField } from "../model/index.ts";
import type { Candidate } from "./ranked-records.ts";
import type { MemtableView, SegmentView } from "./read-view.ts";
import { listedRowsMax } from "./segment-dense.ts";
import { StoredVectors } from "./stored-vectors.ts";

const PACE = new Pace(() => Promise.resolve());

function fieldOf(dimension: number): VectorField {
  return { name: "v", dimension, metric: "cosine" };
}

function segmentView(mark: number, reads: (readonly number[])[]): SegmentView {
  const dense = {
    rows: async (_: VectorField, rows: readonly number[]) => {
      reads.push(rows);
      await Promise.resolve();
      return rows.map((row) => Float32Array.of(mark, row));
    },
  };
  return { segment: { dense }, liveBits: undefined } as unknown as SegmentView;
}

function memtableView(): MemtableView {
  const memtable = { vector: (_: string, row: number) => Float32Array.of(-1, row) };
  return { memtable, rowCount: 1_000, liveBits: undefined } as unknown as MemtableView;
}

it("each vector is that of its record, and those of a segment are read together", async () => {
  const reads: (readonly number[])[][] = [[], []];
  const views = [
    segmentView(0, reads[0] ?? []),
    segmentView(1, reads[1] ?? []),
    memtableView(),
  ] as const;
  const records = Array.from({ length: 300 }, (_, i) => {
    const candidate: Candidate = { view: views[i % 3] ?? views[0], row: 1_000 - i, distance: i };
    return { candidate };
  });
  const field = fieldOf(1_024);
  const stored = new StoredVectors(records, field, PACE);
  for (let i = 0; i < records.length; i++) {
    expect([...(await stored.take(i))]).toEqual([i % 3 === 2 ? -1 : i % 3, 1_000 - i]);
  }
  expect(listedRowsMax(field)).toBe(32);
  for (const rows of reads) {
    expect(rows).toHaveLength(Math.ceil(300 / 32));
    expect(rows.flat()).toHaveLength(100);
  }
});

it("long rows are read one by one, short ones not without end", () => {
  const counts = [1, 100, 1_024, 16_384, 40_000].map((dimension) =>
    listedRowsMax(fieldOf(dimension)),
  );
  expect(counts).toEqual([128, 128, 32, 2, 1]);
});

it("what one of them cannot tell is said, when the others have ended", async () => {
  const ends: string[] = [];
  const failing = {
    segment: { dense: { rows: () => Promise.reject(new RangeError("a wrong chunk")) } },
  } as unknown as SegmentView;
  const slow = {
    segment: {
      dense: {
        rows: async () => {
          await new Promise(setImmediate);
          ends.push("slow");
          return [Float32Array.of(1)];
        },
      },
    },
  } as unknown as SegmentView;
  const records = [failing, slow].map((view) => ({ candidate: { view, row: 0, distance: 0 } }));
  const stored = new StoredVectors(records, fieldOf(4), PACE);
  await expect(stored.take(0)).rejects.toThrow("a wrong chunk");
  expect(ends).toEqual(["slow"]);
});
