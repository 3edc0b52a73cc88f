/**
 * The sum of products of two sparse vectors: float32 products, exact in float64, added in float64
 * in ascending order of the dimension. The inverted index adds in the same order, so both agree to
 * the bit.
 */
import type { SparseVector } from "../../model/index.ts";

/** Undefined when no dimension is in both. */
export function sparseDot(query: SparseVector, row: SparseVector): number | undefined {
  const { indices: left, values: leftValues } = query;
  const { indices: right, values: rightValues } = row;
  let sum = 0;
  let isShared = false;
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const a = left[i] ?? 0;
    const b = right[j] ?? 0;
    if (a === b) {
      sum += (leftValues[i] ?? 0) * (rightValues[j] ?? 0);
      isShared = true;
    }
    if (a <= b) i++;
    if (b <= a) j++;
  }
  return isShared ? sum : undefined;
}
