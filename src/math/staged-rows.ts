/** Rows from outside of the arenas, copied into the scratch of a scanner to be scored there. */
import { rowStrideBytes } from "./distance.ts";
import { SELECT_ROWS_MAX } from "./scratch.ts";

/** Room that is free between selections. */
const STAGED_BYTES = SELECT_ROWS_MAX * 2;
export const STAGED_ROWS_MAX = 256;
/** Their numbers, as a list. */
export const STAGED_ROWS: Uint32Array = Uint32Array.from({ length: STAGED_ROWS_MAX }, (_, i) => i);

/** Rows that are staged at once. */
export function stagedRowsMax(dimension: number): number {
  return Math.min(STAGED_ROWS_MAX, Math.floor(STAGED_BYTES / rowStrideBytes(dimension)));
}

/**
 * Copies rows, one behind the other and without padding, to where each has its stride.
 *
 * @param staging byte offset of the room.
 */
export function stageRows(
  memory: SharedArrayBuffer,
  staging: number,
  rows: Float32Array,
  dimension: number,
): void {
  const stride = rowStrideBytes(dimension) / 4;
  const count = rows.length / dimension;
  const staged = new Float32Array(memory, staging, count * stride);
  if (stride === dimension) {
    staged.set(rows);
    return;
  }
  staged.fill(0);
  for (let i = 0; i < count; i++) {
    staged.set(rows.subarray(i * dimension, (i + 1) * dimension), i * stride);
  }
}
