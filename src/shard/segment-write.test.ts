/** Statistics of a segment: those of early builds are read, and begin those of later ones. */
import { expect, it } from "vitest";
import { decodeSegmentStats, encodeSegmentStats } from "./segment-write.ts";

const EARLY = Uint8Array.of(1, 0xac, 0x02, 7, 1);
const NONE: ReadonlyMap<string, readonly number[]> = new Map();
const STATS = { rowCount: 300, sequenceMax: 7, hasAllProperties: true, keptEfs: NONE };

it("statistics without counts of rows to compare are those that were always written", () => {
  expect(Uint8Array.from(encodeSegmentStats({ ...STATS, codeCounts: NONE }))).toEqual(EARLY);
  expect(decodeSegmentStats(EARLY)).toEqual({ ...STATS, codeCounts: NONE });
});

it("counts of each field stand behind what older readers know", () => {
  const codeCounts = new Map([
    ["", [10, 12, 300]],
    ["título", [0, 2_048]],
  ]);
  const bytes = encodeSegmentStats({ ...STATS, codeCounts });
  expect(Uint8Array.from(bytes.subarray(0, EARLY.length))).toEqual(EARLY);
  expect(decodeSegmentStats(bytes)).toEqual({ ...STATS, codeCounts });
});

it("breadths of a graph that is no more stand behind the counts, with or without any", () => {
  const keptEfs = new Map([["", [10, 10, 13, 18, 26, 31, 40, 48, 68]]]);
  for (const codeCounts of [NONE, new Map([["", [10, 12, 300]]])]) {
    const bytes = encodeSegmentStats({ ...STATS, codeCounts, keptEfs });
    expect(decodeSegmentStats(bytes)).toEqual({ ...STATS, codeCounts, keptEfs });
    const known = encodeSegmentStats({ ...STATS, codeCounts });
    if (codeCounts !== NONE) expect(bytes.subarray(0, known.length)).toEqual(known);
  }
});
