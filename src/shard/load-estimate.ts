/**
 * How much memory a field of a segment will take, from the manifest alone: what is to be promised
 * before anything is read. A little more than it comes to.
 */
import { BIT_HEADER_BYTES, int8Layout, rowStrideBytes } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import type { ShardPolicy } from "./shard-context.ts";
import type { SegmentEntry } from "./shard-state.ts";

/** An extent takes at most an eighth more than was asked for. */
const BLOCK_SHARE = 1.125;
/** Links of a row, on all levels; graphs say how many only in their footers. */
const GRAPH_BYTES_PER_ROW = 160;

export function loadBytes(
  { rowCount, isIndexed }: Pick<SegmentEntry, "rowCount" | "isIndexed">,
  { dimension, memory }: Pick<VectorField, "dimension" | "memory">,
  policy: Pick<ShardPolicy, "residentRowsBytesMax" | "graphRowsMin">,
): number {
  if (memory === "small") {
    // Eight columns of four bytes at most stand beside the bits of a row.
    return BLOCK_SHARE * (BIT_HEADER_BYTES + rowCount * (Math.ceil(dimension / 8) + 32));
  }
  const rows = rowCount * rowStrideBytes(dimension);
  const hasGraph = isIndexed === true && rowCount >= policy.graphRowsMin;
  return (
    BLOCK_SHARE *
    (int8Layout(dimension, rowCount).bytes +
      (rows <= policy.residentRowsBytesMax ? rows + rowCount * 4 : 0) +
      (hasGraph ? rowCount * GRAPH_BYTES_PER_ROW : 0))
  );
}
