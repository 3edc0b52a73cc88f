/**
 * What a search does on the control thread besides scanning is cut into slices: rows looked at,
 * keys read and hits made between two turns are counted by the memtable that gives them.
 */
import { expect, it } from "vitest";
import { Pace } from "../base/pace.ts";
import { encodeMetadata, type Filter } from "../model/index.ts";
import { memtableCandidates } from "./candidates.ts";
import { nearest, toHits, type Candidate } from "./ranked-records.ts";
import type { MemtableView } from "./read-view.ts";
import { WorkTally } from "./work-tally.ts";

const ROWS = 50_000;
const METADATA = encodeMetadata({ group: 3, name: "a record like others", size: 12.5 });
const FIELDS = { dense: undefined, sparse: undefined };

/** What was asked of the memtable since the last turn, at most, and in all. */
interface Asked {
  since: number;
  most: number;
  all: number;
}

function asked(): Asked {
  return { since: 0, most: 0, all: 0 };
}

function note(count: Asked): void {
  count.all++;
  count.most = Math.max(count.most, ++count.since);
}

function viewOf(count: Asked): MemtableView {
  const memtable = {
    metadata: () => {
      note(count);
      return METADATA;
    },
    key: (row: number) => {
      note(count);
      return `k${String((row * 7_919) % ROWS).padStart(6, "0")}`;
    },
  };
  return {
    memtable: memtable as unknown as MemtableView["memtable"],
    rowCount: ROWS,
    liveBits: undefined,
  };
}

function paceOf(count: Asked, abortAt = Number.POSITIVE_INFINITY): Pace {
  const abort = new AbortController();
  let turns = 0;
  return new Pace(async () => {
    await new Promise(setImmediate);
    count.since = 0;
    if (++turns === abortAt) abort.abort(new RangeError("enough"));
  }, abort.signal);
}

function candidates(count: Asked, distanceOf: (row: number) => number): Candidate[] {
  const view = viewOf(count);
  return Array.from({ length: ROWS }, (_, row) => ({ view, row, distance: distanceOf(row) }));
}

it("a filter looks at a bounded number of rows of a memtable between two turns", async () => {
  const filters: Filter[] = [
    { kind: "equal", property: "group", value: 3 },
    {
      kind: "or",
      filters: Array.from({ length: 200 }, (_, value) => ({
        kind: "range",
        property: "size",
        lower: { value: value * 2, isInclusive: true },
        upper: { value: value * 2, isInclusive: true },
      })),
    },
  ];
  const most: number[] = [];
  for (const filter of filters) {
    const count = asked();
    const bits = await memtableCandidates(viewOf(count), filter, paceOf(count));
    expect(count.all).toBe(ROWS);
    expect(bits?.[0]).toBe(filter.kind === "equal" ? 0xff : 0);
    most.push(count.most);
  }
  expect(most[0]).toBeLessThan(6_000);
  // What a row costs grows with the filter.
  expect(most[1]).toBeLessThan(300);
});

it("a filter that is given up ends inside the memtable", async () => {
  const count = asked();
  const filter: Filter = { kind: "exists", property: "none" };
  const given = memtableCandidates(viewOf(count), filter, paceOf(count, 2));
  await expect(given).rejects.toThrow("enough");
  expect(count.all).toBeLessThan(12_000);
});

it("rows that all share the last place are put in the order of their keys, in slices", async () => {
  const count = asked();
  const ranked = await nearest(
    candidates(count, () => 1),
    { topK: 40 },
    paceOf(count),
  );
  expect(ranked.map(({ key }) => key)).toEqual(
    Array.from({ length: 40 }, (_, i) => `k${String(i).padStart(6, "0")}`),
  );
  expect(count.all).toBe(ROWS);
  expect(count.most).toBeLessThanOrEqual(4_096);
});

it("many candidates are sorted in slices, and only the nearest have their keys read", async () => {
  const count = asked();
  const found = candidates(count, (row) => (row * 31) % ROWS);
  const ranked = await nearest(found, { topK: 9_000 }, paceOf(count));
  expect(ranked.map(({ candidate }) => candidate.distance)).toEqual(
    Array.from({ length: 9_000 }, (_, i) => i),
  );
  expect(count.all).toBe(9_000);
  expect(count.most).toBeLessThanOrEqual(4_096);
});

it("ranking that is given up ends inside, while it sorts and while it reads keys", async () => {
  for (const abortAt of [1, 40]) {
    const count = asked();
    const given = nearest(
      candidates(count, () => 1),
      { topK: 40 },
      paceOf(count, abortAt),
    );
    await expect(given).rejects.toThrow("enough");
    expect(count.all).toBeLessThan(ROWS);
  }
});

it.each([
  ["their metadata", { metadata: true, vectors: false }],
  ["keys alone", { metadata: false, vectors: false }],
])("ten thousand hits with %s are made in slices, and given up inside", async (_, include) => {
  const count = asked();
  const ranked = candidates(count, (row) => row)
    .slice(0, 10_000)
    .map((candidate) => ({ candidate, key: String(candidate.row) }));
  let turns = 0;
  const pace = new Pace(async () => {
    await new Promise(setImmediate);
    turns++;
    count.since = 0;
  });
  const hits = await toHits(ranked, { include }, FIELDS, { work: new WorkTally(), pace });
  expect(hits).toHaveLength(10_000);
  expect(turns).toBeGreaterThan(3);
  expect(count.most).toBeLessThanOrEqual(2_048);
  const given = toHits(ranked, { include }, FIELDS, {
    work: new WorkTally(),
    pace: paceOf(count, 1),
  });
  await expect(given).rejects.toThrow("enough");
});
