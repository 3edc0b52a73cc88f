/**
 * What of the engine is a vector index, and the checks on what goes into one; shared by the twins.
 */
import { InsulaError } from "../../base/errors.ts";
import type { CollectionInfo, Engine } from "../../engine/api.ts";
import { DEFAULT_VECTOR, isWellFormed } from "../../model/index.ts";
import type { VectorField } from "../../model/index.ts";

/**
 * True for collections with one unnamed vector, keys and no tenants: what other protocols made
 * with more than that has no picture here and is not shown.
 */
export function isVectorIndex(info: CollectionInfo): boolean {
  const [field] = info.schema.vectors;
  return (
    info.tenancy === "single" &&
    info.schema.identity === "key" &&
    info.schema.vectors.length === 1 &&
    info.schema.sparseVectors === undefined &&
    field?.name === DEFAULT_VECTOR
  );
}

/**
 * Names an index is looked up by: wider than what either vendor lets its clients create, because
 * the other protocols make indexes too.
 */
const INDEX_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

export function isIndexName(name: string): boolean {
  return INDEX_NAME.test(name);
}

/** @throws InsulaError `collection_not_found`, also for collections that are no vector index. */
export async function findVectorIndex(
  engine: Pick<Engine, "getCollection">,
  bucket: string,
  index: string,
): Promise<CollectionInfo> {
  const info = await engine.getCollection(bucket, index);
  if (info !== undefined && isVectorIndex(info)) return info;
  throw new InsulaError("collection_not_found", "Cannot find the vector index: it does not exist.");
}

/** The one vector field of a vector index. */
export function vectorFieldOf(info: CollectionInfo): VectorField {
  const [field] = info.schema.vectors;
  if (field !== undefined) return field;
  throw new InsulaError("invariant_broken", "Invariant broken: a schema has a vector field.");
}

/** @throws InsulaError `key_invalid` */
export function checkKey(key: string, charactersMax: number): void {
  if (key === "") throw new InsulaError("key_invalid", "Cannot use a key: it is empty.");
  // Characters are code points; a string of n units has at most n and at least n / 2 of them.
  if (key.length > charactersMax && countCharacters(key, charactersMax) > charactersMax) {
    throw new InsulaError(
      "key_invalid",
      `Cannot use a key: expected at most ${String(charactersMax)} characters.`,
    );
  }
  // A lone half of a surrogate pair has no UTF-8 form: two such keys would be one on disk.
  if (!isWellFormed(key)) {
    throw new InsulaError("key_invalid", "Cannot use a key: it has no UTF-8 form.");
  }
}

function countCharacters(key: string, charactersMax: number): number {
  if (key.length > charactersMax * 2) return key.length;
  let count = 0;
  for (const _ of key) count++;
  return count;
}

/**
 * Refuses vectors a metric cannot compare: the direction of a zero vector is nowhere.
 *
 * @param values  rows of `field.dimension` numbers.
 * @throws InsulaError `vector_invalid`
 */
export function checkDirections(values: Float32Array, field: VectorField): void {
  if (field.metric !== "cosine") return;
  for (let start = 0; start < values.length; start += field.dimension) {
    let i = start;
    const end = start + field.dimension;
    while (i < end && values[i] === 0) i++;
    if (i === end) {
      throw new InsulaError(
        "vector_invalid",
        `Cannot use vector ${String(start / field.dimension)}: expected a direction for the ` +
          "metric cosine, received zeros only.",
      );
    }
  }
}

/** @throws InsulaError `dimension_mismatch` */
export function checkDimension(values: Float32Array, field: VectorField): void {
  if (values.length === field.dimension) return;
  throw new InsulaError(
    "dimension_mismatch",
    `Cannot use a vector: expected ${String(field.dimension)} numbers, received ${String(values.length)}.`,
  );
}
