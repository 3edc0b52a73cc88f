/** Which segments a merge takes, and that long lives end with few segments and little rewritten. */
import { expect, it } from "vitest";
import { SeededRandom } from "../io/index.ts";
import {
  MERGE_INPUTS_MAX,
  chooseFullMerge,
  chooseMerge,
  isSmall,
  mergeBacklog,
  type MergeCandidate,
} from "./merge-choice.ts";
import type { MergePolicy } from "./merge-policy.ts";

const MIB = 1_048_576;
const POLICY: MergePolicy = {
  memtableBytesMax: 16 * MIB,
  quietFlushMs: 2_000,
  quietFlushBytesMin: 65_536,
  mergeFanIn: 4,
  smallShardBytes: 8 * MIB,
  quietMergeMs: 60_000,
  deadShareMax: 0.2,
  segmentBytesMax: 1_024 * MIB,
  segmentVectorBytesMax: 0,
  vectorBytesPerRow: 0,
  segmentRowsMax: 1_500_000,
  segmentsSlow: 32,
  segmentsMax: 64,
  residentRowsBytesMax: 64 * MIB,
  residentRowsShare: 0.5,
  rowPartBytesMax: 1_024 * MIB,
  packedBytesMax: 262_144,
  graphRowsMin: 20_000,
  scannedPerEf: 32,
};
const ROW_BYTES = 1_024;

function segment(bytes: number, deadShare = 0): MergeCandidate {
  const rowCount = Math.ceil(bytes / ROW_BYTES);
  const liveCount = Math.round(rowCount * (1 - deadShare));
  return {
    entry: {
      uid: new Uint8Array(16) as MergeCandidate["entry"]["uid"],
      location: { kind: "file", bytes },
      rowCount,
      sequenceMax: 1,
      deadRows: new Uint32Array(0),
      wrappedKey: undefined,
    },
    rowCount,
    liveCount,
    hasDeadRows: liveCount < rowCount,
  };
}

function bytesOf(segments: readonly MergeCandidate[]): number {
  return segments.reduce((sum, { entry }) => sum + entry.location.bytes, 0);
}

function merged(inputs: readonly MergeCandidate[]): readonly MergeCandidate[] {
  const bytes = inputs.reduce((sum, { liveCount }) => sum + liveCount * ROW_BYTES, 0);
  return bytes === 0 ? [] : [segment(bytes)];
}

it("three segments of one size wait for the fourth", () => {
  const three = [segment(MIB), segment(MIB), segment(MIB)];
  expect(chooseMerge(three, POLICY, "busy")).toEqual([]);
  const four = [...three, segment(MIB)];
  expect(chooseMerge(four, POLICY, "busy")).toHaveLength(4);
});

it("small segments are not merged with one of another class", () => {
  const large = segment(512 * MIB);
  const small = Array.from({ length: 4 }, () => segment(16 * MIB));
  expect(chooseMerge([large, ...small], POLICY, "busy")).toEqual(small);
});

it("a small shard becomes one segment when it is quiet, not before", () => {
  const two = [segment(MIB), segment(3 * MIB)];
  expect(isSmall(two, POLICY)).toBe(true);
  expect(chooseMerge(two, POLICY, "busy")).toEqual([]);
  expect(chooseMerge(two, POLICY, "quiet")).toHaveLength(2);
  expect(chooseMerge([segment(MIB)], POLICY, "quiet")).toEqual([]);
  const large = [segment(MIB), segment(8 * MIB)];
  expect(chooseMerge(large, POLICY, "quiet")).toEqual([]);
});

it("segments worth a graph become one when writers pause, as far as the largest grows by it", () => {
  const pair = [segment(64 * MIB), segment(20 * MIB)];
  expect(chooseMerge(pair, POLICY, "busy")).toEqual([]);
  expect(chooseMerge(pair, POLICY, "settled")).toEqual([pair[1], pair[0]]);
  const unequal = [segment(64 * MIB), segment(12 * MIB)];
  expect(chooseMerge(unequal, POLICY, "settled")).toEqual([]);
  const stairs = [segment(512 * MIB), segment(40 * MIB), segment(12 * MIB)];
  expect(chooseMerge(stairs, POLICY, "settled")).toEqual([stairs[2], stairs[1]]);
  const fewRows = [segment(8 * MIB), segment(8 * MIB)];
  expect(chooseMerge(fewRows, POLICY, "settled")).toEqual([]);
  const full = [segment(900 * MIB), segment(300 * MIB)];
  expect(chooseMerge(full, POLICY, "settled")).toEqual([]);
});

it("beside a graph the rows of the last flushes become one segment that is worth another", () => {
  const large = segment(512 * MIB);
  const last = [segment(4 * MIB), segment(2 * MIB)];
  expect(chooseMerge([large, ...last], POLICY, "settled")).toEqual([]);
  const indexed = { ...large, entry: { ...large.entry, isIndexed: true } };
  expect(chooseMerge([indexed, ...last], POLICY, "settled")).toEqual([last[1], last[0]]);
});

it("a segment with more dead rows than the share is rewritten, one with fewer is not", () => {
  const large = segment(512 * MIB);
  expect(chooseMerge([large, segment(64 * MIB, 0.19)], POLICY, "busy")).toEqual([]);
  const wasteful = segment(64 * MIB, 0.21);
  expect(chooseMerge([large, wasteful], POLICY, "busy")).toEqual([wasteful]);
});

it("a segment that only says which rows are dead is left alone", () => {
  const large = segment(512 * MIB);
  const onlyDeaths = { ...segment(1_000), rowCount: 0, liveCount: 0, hasDeadRows: false };
  expect(chooseMerge([large, onlyDeaths], POLICY, "busy")).toEqual([]);
});

it("wasteful segments are rewritten together only as far as one segment may grow", () => {
  const wasteful = Array.from({ length: 4 }, () => segment(900 * MIB, 0.5));
  const chosen = chooseMerge(wasteful, POLICY, "busy");
  expect(chosen).toHaveLength(2);
  expect(bytesOf(merged(chosen))).toBeLessThanOrEqual(POLICY.segmentBytesMax);
});

it("a full merge takes no more than one segment may hold, and ends", () => {
  let segments: readonly MergeCandidate[] = [
    ...Array.from({ length: 70 }, () => segment(MIB)),
    segment(700 * MIB, 0.1),
    segment(700 * MIB),
    segment(1_000 * MIB, 0.01),
  ];
  let rounds = 0;
  for (;;) {
    const inputs = chooseFullMerge(segments, POLICY);
    if (inputs.length === 0) break;
    expect(inputs.length).toBeLessThanOrEqual(MERGE_INPUTS_MAX);
    const output = merged(inputs);
    expect(bytesOf(output)).toBeLessThanOrEqual(POLICY.segmentBytesMax);
    segments = [...segments.filter((other) => !inputs.includes(other)), ...output];
    expect(++rounds).toBeLessThan(10);
  }
  expect(segments).toHaveLength(3);
  expect(segments.some(({ hasDeadRows }) => hasDeadRows)).toBe(false);
});

it("no merge makes more rows than a graph may have, however short they are", () => {
  const short = (rows: number): MergeCandidate => ({
    ...segment(rows * 16),
    rowCount: rows,
    liveCount: rows,
  });
  const rowsOf = (segments: readonly MergeCandidate[]): number =>
    segments.reduce((sum, { liveCount }) => sum + liveCount, 0);
  const fits = Array.from({ length: 4 }, () => short(370_000));
  expect(chooseMerge(fits, POLICY, "busy")).toHaveLength(4);
  const tooMany = Array.from({ length: 4 }, () => short(380_000));
  expect(chooseMerge(tooMany, POLICY, "busy")).toEqual([]);
  expect(rowsOf(chooseMerge(tooMany, POLICY, "settled"))).toBe(3 * 380_000);
  expect(rowsOf(chooseFullMerge(tooMany, POLICY))).toBe(3 * 380_000);
  expect(chooseMerge([short(1_100_000), short(401_000)], POLICY, "settled")).toEqual([]);
  // One of few bytes and many rows hides nobody.
  const full = { ...segment(100 * MIB), rowCount: 1_450_000, liveCount: 1_450_000 };
  const others = Array.from({ length: 3 }, () => segment(180 * MIB));
  expect(chooseFullMerge([full, ...others], POLICY)).toEqual(others);
  expect(chooseMerge([full, ...others], POLICY, "settled")).toEqual(others);
  const four = Array.from({ length: 4 }, (_, i) => segment((90 + 10 * i) * MIB));
  expect(chooseMerge([full, ...four], POLICY, "busy")).toEqual(four);
  // One that has too many by itself is still rid of its dead rows.
  const beyond = { ...segment(900 * MIB), rowCount: 4_000_000, liveCount: 1_600_000 };
  expect(chooseMerge([beyond], POLICY, "busy")).toEqual([beyond]);
  expect(mergeBacklog([...tooMany, short(370_000)], POLICY)).toBe(1);
});

it("segments that are as large as they should be are no backlog", () => {
  const segments = [segment(512 * MIB), segment(16 * MIB), segment(16 * MIB)];
  expect(mergeBacklog(segments, POLICY)).toBe(2);
});

/** Lives of flushes, half of whose rows replace older ones: merges run to their end each time. */
it.each([
  ["64 KiB", 65_536, 300],
  ["16 MiB", 16 * MIB, 1_000],
])("%s a flush: segments stay few, bytes written and dead stay bounded", (_, flushBytes, count) => {
  const random = new SeededRandom(7);
  let segments: readonly MergeCandidate[] = [];
  let flushed = 0;
  let written = 0;
  let segmentsMost = 0;
  for (let i = 0; i < count; i++) {
    segments = [...killed(segments, flushBytes / ROW_BYTES / 2, random), segment(flushBytes)];
    flushed += flushBytes;
    for (;;) {
      const inputs = chooseMerge(segments, POLICY, "busy");
      if (inputs.length === 0) break;
      const output = merged(inputs);
      written += bytesOf(output);
      segments = [...segments.filter((other) => !inputs.includes(other)), ...output];
    }
    segmentsMost = Math.max(segmentsMost, mergeBacklog(segments, POLICY));
    const live = segments.reduce((sum, { liveCount }) => sum + liveCount * ROW_BYTES, 0);
    expect(bytesOf(segments)).toBeLessThanOrEqual(live * 1.26 + 4 * flushBytes);
  }
  expect(segmentsMost).toBeLessThan(POLICY.segmentsSlow);
  expect(written / flushed).toBeLessThan(12);
});

/** Rows die in segments by their size: a key is updated wherever it lies. */
function killed(
  segments: readonly MergeCandidate[],
  rows: number,
  random: SeededRandom,
): readonly MergeCandidate[] {
  const total = segments.reduce((sum, { liveCount }) => sum + liveCount, 0);
  return segments.map((old) => {
    const share = total === 0 ? 0 : old.liveCount / total;
    const died = Math.min(old.liveCount, Math.round(rows * share) + random.below(2));
    const liveCount = old.liveCount - died;
    return { ...old, liveCount, hasDeadRows: liveCount < old.rowCount };
  });
}

it("segments of many vectors become one, whose other bytes are few", () => {
  const vectors = { segmentVectorBytesMax: 3_000 * MIB, vectorBytesPerRow: 900 };
  const four = [950, 900, 850, 800].map((mib) => segment(mib * MIB));
  const policy = { ...POLICY, ...vectors, segmentRowsMax: 10_000_000 };
  expect(chooseMerge(four, POLICY, "settled")).toEqual([]);
  // While somebody writes merges are short.
  expect(chooseMerge(four, policy, "busy")).toEqual([]);
  expect(new Set(chooseMerge(four, policy, "settled"))).toEqual(new Set(four));
  expect(new Set(chooseFullMerge(four, policy))).toEqual(new Set(four));
  // A settled shard's three, too few for a tier.
  const three = four.slice(1);
  expect(new Set(chooseMerge(three, policy, "settled"))).toEqual(new Set(three));
  expect(chooseMerge(three, policy, "busy")).toEqual([]);
  // Vectors that are too many count as everything else does.
  const short = { ...policy, segmentVectorBytesMax: 1_000 * MIB };
  expect(chooseFullMerge(four, short)).toHaveLength(2);
  // And so do other bytes.
  const heavy = { ...policy, vectorBytesPerRow: 300 };
  expect(chooseFullMerge(four, heavy).length).toBeLessThan(4);
});
