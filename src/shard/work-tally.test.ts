import { describe, expect, it } from "vitest";
import type { Filter } from "../model/index.ts";
import { WorkTally, answeredBytes } from "./work-tally.ts";

const UNIT = 1_048_576;
const VIEW = {
  memtables: [{ rowCount: 128 }],
  segments: [{ segment: { rowCount: 32_768 }, liveCount: 12_800 }],
};
const LEAF: Filter = { kind: "equal", property: "color", value: "red" };

function unitsOf(work: (tally: WorkTally) => void): number {
  const tally = new WorkTally();
  work(tally);
  return tally.units;
}

describe("WorkTally", () => {
  it("costs one unit when nothing was done", () => {
    expect(new WorkTally().units).toBe(1);
  });

  it("is a whole number: a begun unit counts", () => {
    const compare = (rows: number): number =>
      unitsOf((tally) => {
        tally.compared(rows, 1_024);
      });
    expect([compare(1_024), compare(1_025), compare(2_048), compare(2_049)]).toEqual([1, 2, 2, 3]);
  });

  it("weighs records, bytes answered and bytes written as the documents say", () => {
    const costs = (work: (tally: WorkTally) => void): number =>
      unitsOf((tally) => {
        for (let i = 0; i < 3; i++) work(tally);
      });
    expect(costs((tally) => tally.records(32))).toBe(3);
    expect(costs((tally) => tally.answered(65_536))).toBe(3);
    expect(costs((tally) => tally.written(16_384))).toBe(3);
    expect(costs((tally) => tally.looked(128))).toBe(3);
    expect(costs((tally) => tally.came(1_000_000))).toBe(1);
  });

  it("costs a filter the rows it passes over, and more where it reads them", () => {
    // 128 rows of a memtable are one unit, 32,768 of a segment two.
    expect(unitsOf((tally) => tally.filtered(VIEW, LEAF, []))).toBe(3);
    expect(unitsOf((tally) => tally.filtered(VIEW, LEAF, ["size"]))).toBe(3);
    expect(unitsOf((tally) => tally.filtered(VIEW, LEAF, ["color"]))).toBe(103);
    const deep: Filter = { kind: "not", filter: { kind: "or", filters: [LEAF] } };
    expect(unitsOf((tally) => tally.filtered(VIEW, deep, ["color"]))).toBe(103);
    expect(unitsOf((tally) => tally.filtered(VIEW, undefined, ["color"]))).toBe(1);
  });

  it("costs several searches of one call what each costs by itself", () => {
    const call = new WorkTally();
    for (let i = 0; i < 3; i++) {
      const search = new WorkTally();
      search.compared(1, UNIT / 2);
      search.answered(10);
      search.came(4);
      call.search(search);
    }
    expect([call.units, call.bytesOut, call.bytesIn]).toEqual([3, 30, 12]);
  });

  it("counts of a record what is answered of it", () => {
    const metadata = new Uint8Array(7);
    const vectors = new Map([["", new Float32Array(3)]]);
    const sparse = new Map([["s", { indices: new Uint32Array(2), values: new Float32Array(2) }]]);
    const shown = { vectors: true, metadata: true };
    expect(answeredBytes(5, metadata, shown, { vectors, sparse })).toBe(5 + 7 + 12 + 16);
    expect(answeredBytes(5, metadata, { vectors: false, metadata: false }, {})).toBe(5);
  });
});
