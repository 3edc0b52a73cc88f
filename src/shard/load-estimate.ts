/**
 * How much memory a field of a segment will take, from the manifest alone: what is to be promised
 * before anything is read. A little more than it comes to.
 */
import { BIT_HEADER_BYTES, int8Layout, rowStrideBytes } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import { codeMetric } from "./kernel-metric.ts";
import type { ShardPolicy } from "./shard-context.ts";
import type { SegmentEntry } from "./shard-state.ts";

/** An extent takes at most an eighth more than was asked for. */
const BLOCK_SHARE = 1.125;
/** Links of a row, on all levels; graphs say how many only in their footers. */
const GRAPH_BYTES_PER_ROW = 160;

/** Float32 rows of a segment up to this size are read with its codes, in one go. */
export const ROWS_AT_ONCE_BYTES = 65_536;

/** Which float32 rows come with the codes: few, and those without which there is no search. */
export function rowsAtOnceMax(
  field: Pick<VectorField, "memory" | "metric">,
  { residentRowsBytesMax }: Pick<ShardPolicy, "residentRowsBytesMax">,
): number {
  if (field.memory === "small") return 0;
  if (codeMetric(field) === undefined) return residentRowsBytesMax;
  return Math.min(residentRowsBytesMax, ROWS_AT_ONCE_BYTES);
}

/** For a search of a field that sleeps: its codes, and with them what must be there too. */
export function loadBytes(
  { rowCount, isIndexed }: Pick<SegmentEntry, "rowCount" | "isIndexed">,
  field: Pick<VectorField, "dimension" | "memory" | "metric">,
  policy: Pick<ShardPolicy, "residentRowsBytesMax" | "graphRowsMin">,
): number {
  const { dimension } = field;
  if (field.memory === "small") {
    // Eight columns of four bytes at most stand beside the bits of a row.
    return BLOCK_SHARE * (BIT_HEADER_BYTES + rowCount * (Math.ceil(dimension / 8) + 32));
  }
  const rows = rowCount * rowStrideBytes(dimension);
  const hasGraph = isIndexed === true && rowCount >= policy.graphRowsMin;
  return (
    BLOCK_SHARE *
    (int8Layout(dimension, rowCount).bytes +
      (rows <= rowsAtOnceMax(field, policy) ? rows + rowCount * 4 : 0) +
      (hasGraph ? rowCount * GRAPH_BYTES_PER_ROW : 0))
  );
}

/** For the float32 rows alone, with their norms. */
export function rowsBytes(rowCount: number, dimension: number): number {
  return BLOCK_SHARE * rowCount * (rowStrideBytes(dimension) + 4);
}
