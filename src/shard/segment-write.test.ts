/** Statistics of a segment: those of early builds are read, and begin those of later ones. */
import { expect, it } from "vitest";
import { decodeSegmentStats, encodeSegmentStats } from "./segment-write.ts";

const EARLY = Uint8Array.of(1, 0xac, 0x02, 7, 1);
const STATS = { rowCount: 300, sequenceMax: 7, hasAllProperties: true };

it("statistics without counts of rows to compare are those that were always written", () => {
  expect(Uint8Array.from(encodeSegmentStats({ ...STATS, codeCounts: new Map() }))).toEqual(EARLY);
  expect(decodeSegmentStats(EARLY)).toEqual({ ...STATS, codeCounts: new Map() });
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
