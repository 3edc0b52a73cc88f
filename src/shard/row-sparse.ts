/** The sparse vectors of one row, by field; a row without any has an empty map. */
import type { SparseVector } from "../model/index.ts";
import type { Memtable } from "./memtable.ts";
import type { SegmentHandle } from "./segment-handle.ts";
import type { ShardStructure } from "./shard-structure.ts";

export const NO_SPARSE: ReadonlyMap<string, SparseVector> = new Map();

export function memtableSparse(
  { schema }: Pick<ShardStructure, "schema">,
  memtable: Memtable,
  row: number,
): ReadonlyMap<string, SparseVector> {
  if (schema.sparseVectors === undefined) return NO_SPARSE;
  const found = new Map<string, SparseVector>();
  for (const { name } of schema.sparseVectors) {
    const vector = memtable.sparse(name, row);
    if (vector !== undefined) found.set(name, vector);
  }
  return found;
}

export async function segmentSparse(
  { schema }: Pick<ShardStructure, "schema">,
  segment: SegmentHandle,
  row: number,
): Promise<ReadonlyMap<string, SparseVector>> {
  if (schema.sparseVectors === undefined) return NO_SPARSE;
  const found = new Map<string, SparseVector>();
  for (const { name } of schema.sparseVectors) {
    const vector = await segment.sparse.vector(name, row);
    if (vector !== undefined) found.set(name, vector);
  }
  return found;
}
