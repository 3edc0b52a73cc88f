/** Which ranges of a growing file are sent again as one: few stay, and little is sent twice. */
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../io/index.ts";
import { JOINED_BYTES_MIN, SMALL_RANGES_MAX, joinedFrom } from "./join-ranges.ts";
import { PIECE_BYTES_MAX } from "./piece-writer.ts";

const KIB = 1_024;
const MIB = 1_048_576;

/** A file that grows by one length after the other. */
function grow(lengths: Iterable<number>): { most: number; sent: number; ranges: number[] } {
  let ranges: number[] = [];
  let sent = 0;
  let most = 0;
  for (const added of lengths) {
    const first = joinedFrom(ranges, added);
    let left = ranges.slice(first).reduce((sum, length) => sum + length, added);
    ranges = ranges.slice(0, first);
    sent += left;
    for (; left > 0; left -= PIECE_BYTES_MAX) ranges.push(Math.min(left, PIECE_BYTES_MAX));
    const small = ranges.filter((length) => length < JOINED_BYTES_MIN).length;
    most = Math.max(most, small);
  }
  return { most, sent, ranges };
}

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}

describe("ranges of a file that grows", () => {
  const random = new SeededRandom(7);
  const patterns: readonly (readonly [string, number[]])[] = [
    ["by 64 bytes", Array.from({ length: 40_000 }, () => 64)],
    ["by 800 bytes", Array.from({ length: 40_000 }, () => 800)],
    ["by 20 KiB", Array.from({ length: 20_000 }, () => 20 * KIB)],
    ["by just less than what is left alone", Array.from({ length: 500 }, () => MIB - 1)],
    ["by 8.5 MiB", Array.from({ length: 50 }, () => 8.5 * MIB)],
    [
      "by little and now and then by more",
      Array.from({ length: 20_000 }, (_, i) => (i % 15 === 0 ? 100 * KIB : 100)),
    ],
    [
      "by any length, evenly over their orders of magnitude",
      Array.from({ length: 20_000 }, () => 64 * 2 ** random.below(15) + random.below(64)),
    ],
    [
      "by lengths that shrink",
      Array.from({ length: 20_000 }, (_, i) => 64 + Math.floor((3 * MIB) / (1 + (i % 400)))),
    ],
  ];

  it.each(patterns)("%s stay few, and no byte is sent more than four times", (_, lengths) => {
    const { most, sent, ranges } = grow(lengths);
    const total = sum(lengths);
    expect(sum(ranges)).toBe(total);
    expect(most).toBeLessThan(SMALL_RANGES_MAX);
    expect(ranges.length).toBeLessThan(SMALL_RANGES_MAX + total / JOINED_BYTES_MIN);
    expect(sent).toBeLessThanOrEqual(4 * total);
  });

  it("are sent once when each is large", () => {
    const lengths = Array.from({ length: 200 }, () => JOINED_BYTES_MIN);
    expect(grow(lengths)).toMatchObject({ sent: sum(lengths), most: 0 });
  });
});

describe("ranges that were not sent by this rule", () => {
  it("are joined from the first small one when they are too many, with or without more", () => {
    const mixed = Array.from({ length: 4_000 }, (_, i) => (i % 2 === 0 ? 2 * KIB : 500));
    for (const added of [0, 500]) {
      expect(joinedFrom([2 * MIB, ...mixed], added)).toBe(1);
      expect(joinedFrom([...mixed, 2 * MIB], added)).toBe(0);
    }
  });

  it("stay when they are few and nothing is added", () => {
    expect(joinedFrom([], 0)).toBe(0);
    expect(joinedFrom([500, 700, 2 * MIB, 5], 0)).toBe(4);
    const most = Array.from({ length: SMALL_RANGES_MAX - 1 }, () => 5);
    expect(joinedFrom(most, 0)).toBe(most.length);
    expect(joinedFrom([...most, 5], 0)).toBe(0);
  });
});
