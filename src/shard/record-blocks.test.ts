import { expect, it } from "vitest";
import { RecordBlockBuilder, RecordFences } from "./record-blocks.ts";

/** Blocks of rows whose metadata is as long as said. */
function fencesOf(lengths: readonly number[]): RecordFences {
  const builder = new RecordBlockBuilder(() => undefined);
  for (const [i, length] of lengths.entries()) {
    builder.add(Buffer.from(String(i).padStart(8, "0")), new Uint8Array(length));
  }
  return new RecordFences(builder.finish());
}

/** The block of a row, found by looking at all of them. */
function blockHolding(fences: RecordFences, row: number): number {
  let found = 0;
  for (let i = 0; i < fences.blockCount; i++) if (fences.firstRow(i) <= row) found = i;
  return found;
}

it.each([
  ["records of one size", Array.from({ length: 3_000 }, () => 40)],
  ["long records before short ones", Array.from({ length: 3_000 }, (_, i) => (i < 60 ? 4_500 : 2))],
  [
    "short records before long ones",
    Array.from({ length: 3_000 }, (_, i) => (i < 2_900 ? 2 : 4_500)),
  ],
  ["one block", [1, 2, 3]],
])("finds the block of every row among %s", (_, lengths) => {
  const fences = fencesOf(lengths);
  for (let row = 0; row < lengths.length; row++) {
    expect(fences.blockOfRow(row)).toBe(blockHolding(fences, row));
  }
});
