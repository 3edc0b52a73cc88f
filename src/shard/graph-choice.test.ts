/** Which segments get graphs, which graphs merges take over, and when a walk is worth it. */
import { expect, it } from "vitest";
import { GRAPH_ROWS_MAX, WALK_SCORED_MAX, type WalkBreadths } from "../vector/index.ts";
import { chooseGraph, graphToCopy, keepingGraph, walkLimits } from "./graph-choice.ts";
import type { MergeCandidate } from "./merge-choice.ts";

const MIB = 1_048_576;
/** What a walk is asked for, where nothing else is said. */
const ASKED = { k: 10, recall: 0.95, needed: 0, wanted: 0 };
const POLICY = {
  graphRowsMin: 1_000,
  segmentBytesMax: 1_024 * MIB,
  segmentRowsMax: GRAPH_ROWS_MAX,
  scannedPerEf: 32,
};

function segment(
  rowCount: number,
  more: { live?: number; bytes?: number; isIndexed?: boolean } = {},
): MergeCandidate {
  const liveCount = more.live ?? rowCount;
  return {
    entry: {
      uid: new Uint8Array(16) as MergeCandidate["entry"]["uid"],
      location: { kind: "file", bytes: more.bytes ?? MIB },
      rowCount,
      sequenceMax: 1,
      deadRows: new Uint32Array(0),
      wrappedKey: undefined,
      isIndexed: more.isIndexed,
    },
    rowCount,
    liveCount,
    hasDeadRows: liveCount < rowCount,
  };
}

it("a graph is for segments with enough live rows that have none, the largest first", () => {
  const few = segment(999);
  const dead = segment(1_500, { live: 900 });
  const some = segment(1_000);
  const more = segment(5_000);
  const beyond = segment(GRAPH_ROWS_MAX + 1);
  const all = [few, dead, some, more, beyond];
  expect(chooseGraph(all, POLICY, true)).toEqual([more, some]);
});

it("beside a graph an eighth of the rows is enough, once writers pause", () => {
  const has = segment(9_000, { isIndexed: true });
  const last = segment(125);
  const all = [has, segment(124), last];
  expect(chooseGraph(all, POLICY, true)).toEqual([last]);
  const large = segment(999, { bytes: 64 * MIB });
  expect(chooseGraph([has, large], POLICY, false)).toEqual([]);
});

it("while a shard is written to, only a large segment gets one", () => {
  const small = segment(5_000, { bytes: 63 * MIB });
  const large = segment(4_000, { bytes: 64 * MIB });
  expect(chooseGraph([small, large], POLICY, false)).toEqual([large]);
  const manyShort = segment(GRAPH_ROWS_MAX / 16, { bytes: 8 * MIB });
  expect(chooseGraph([small, manyShort], POLICY, false)).toEqual([manyShort]);
});

it("a merge takes over a graph that holds half of the rows, and is mostly alive", () => {
  const has = { isIndexed: true };
  expect(graphToCopy([segment(100), segment(100, has)])).toBe(1);
  expect(graphToCopy([segment(101), segment(100, has)])).toBeUndefined();
  expect(graphToCopy([segment(100), segment(300)])).toBeUndefined();
  expect(graphToCopy([segment(10), segment(300, { ...has, live: 149 })])).toBeUndefined();
  expect(graphToCopy([segment(10), segment(300, { ...has, live: 150 })])).toBe(1);
});

/** Reaches of a hundredth of the breadths. */
function breadths(efs: readonly number[]): WalkBreadths {
  return { efs, reaches: efs.map((ef) => ef / 100) };
}

const BREADTHS = breadths([10, 15, 20, 40, 60, 0, 80]);
const REACH = { near: 10, kept: 10, distance: 0.4 };

it("a walk is for when it costs less than a scan of the matches", () => {
  const limits = (rowCount: number, matchCount: number, k = 10): unknown =>
    walkLimits(BREADTHS, { ...ASKED, rowCount, matchCount, k }, POLICY);
  expect(limits(1_280, 1_280)).toEqual({ ef: 40, reach: REACH, scoredMax: 1_200 });
  expect(limits(1_279, 1_279)).toBeUndefined();
  expect(limits(100_000, 11_000)).toBeUndefined();
  expect(limits(100_000, 12_000)).toEqual({ ef: 40, reach: REACH, scoredMax: 11_250 });
  expect(limits(1_000_000, 900_000)).toMatchObject({ ef: 40, scoredMax: WALK_SCORED_MAX });
  expect(limits(100_000, 0)).toBeUndefined();
  expect(limits(1_000_000, 1_000_000, 60)).toMatchObject({ ef: 140, reach: undefined });
  expect(limits(1_000_000, 1_000_000, 10_000)).toBeUndefined();
});

it("a walk ends by its reach for as many neighbours as were checked, where one is known", () => {
  const among = { ...ASKED, rowCount: 100_000, matchCount: 100_000 };
  const reachFor = (k: number): unknown => walkLimits(BREADTHS, { ...among, k }, POLICY)?.reach;
  expect([1, 10, 11].map(reachFor)).toEqual([REACH, REACH, undefined]);
  const unknown = { ...BREADTHS, reaches: BREADTHS.efs.map(() => 0) };
  expect(walkLimits(unknown, among, POLICY)).toMatchObject({ ef: 40, reach: undefined });
});

it("a graph whose check found no breadth for the recall is not walked", () => {
  const among = { ...ASKED, rowCount: 100_000, matchCount: 100_000 };
  expect(walkLimits(breadths([10, 15, 20, 0, 0, 0, 0, 0, 0]), among, POLICY)).toBeUndefined();
});

it("a walk finds at least as many rows as must be compared exactly, or none is made", () => {
  const efFor = (needed: number): number | undefined => {
    const among = { ...ASKED, rowCount: 100_000, matchCount: 100_000, needed };
    return walkLimits(BREADTHS, among, POLICY)?.ef;
  };
  expect([0, 39, 40, 41, 300].map(efFor)).toEqual([40, 40, 40, 41, 300]);
  const among = { ...ASKED, rowCount: 100_000, matchCount: 100_000, needed: 14 };
  expect(walkLimits(BREADTHS, among, POLICY)?.reach).toEqual({ ...REACH, kept: 14 });
  const compared = (wanted: number): unknown =>
    walkLimits(BREADTHS, { ...among, needed: 0, wanted }, POLICY)?.reach?.kept;
  expect([5, 20, 40, 50].map(compared)).toEqual([10, 20, 40, 40]);
  expect(efFor(4_000)).toBeUndefined();
});

it("a walk is as broad as the next recall measured needs, and none is made beyond them", () => {
  const efFor = (recall: number): number | undefined => {
    const among = { ...ASKED, rowCount: 1_000_000, matchCount: 1_000_000, recall };
    return walkLimits(breadths([10, 15, 20, 40, 60, 0, 80, 0, 0]), among, POLICY)?.ef;
  };
  expect([0.5, 0.7, 0.71, 0.9, 0.93, 0.96].map(efFor)).toEqual([10, 10, 15, 20, 40, 60]);
  expect(efFor(0.975)).toBe(80);
  expect(efFor(0.991)).toBeUndefined();
});

it("a long merge of what is walked takes two, so that one hands its graph on", () => {
  const walked = (rows: number) => segment(rows, { isIndexed: true, bytes: rows * MIB });
  const [a, b, c] = [walked(300), walked(250), walked(240)];
  const fresh = segment(200, { bytes: 200 * MIB });
  expect(keepingGraph([a, b, c, fresh], 900 * MIB)).toEqual([c, b]);
  expect(graphToCopy([c, b])).toBe(1);
  // As short as it was ever, with a graph that is handed on, or with rows that are scanned anyway.
  for (const [chosen, bytesMax] of [
    [[a, b, c, fresh], 1_000 * MIB],
    [[walked(700), b, c], 900 * MIB],
    [[a, b, segment(600, { bytes: 600 * MIB })], 900 * MIB],
    [[segment(600), segment(700)], 0],
  ] as const) {
    expect(keepingGraph(chosen, bytesMax)).toEqual(chosen);
  }
});
