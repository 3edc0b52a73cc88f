/** What good bodies are made of. */
import type { Chance } from "../support/chance.ts";

/** Name of the index that holds the records. */
export const INDEX = "fuzz";
export const DIMENSION = 8;

export function drawKeys(chance: Chance, most: number): readonly string[] {
  const count = chance.between(1, most);
  return [...new Set(Array.from({ length: count }, () => `k${chance.between(0, 60)}`))];
}

export function drawVector(chance: Chance): readonly number[] {
  return Array.from({ length: DIMENSION }, () => chance.fraction() - 0.5);
}

/** Sparse field of the collections of our own interface. */
export const SPARSE_FIELD = "terms";

/** Few dimensions, so that vectors share some; now and then the largest there is. */
export function drawSparse(chance: Chance): object {
  const drawn = Array.from({ length: chance.between(1, 6) }, () => chance.between(0, 30));
  const indices = [...new Set(chance.isLikely(0.1) ? [...drawn, 4_294_967_295] : drawn)];
  const values = indices.map(() => chance.fraction() - 0.5);
  return { field: SPARSE_FIELD, indices, values };
}

export function drawFilter(chance: Chance, depth: number): unknown {
  if (depth === 0 || chance.isLikely(0.5)) {
    const value = chance.pick<unknown>(["a", 1, true, -2.5]);
    const operator = chance.pick(["$eq", "$ne", "$in", "$nin", "$exists", "$gt", "$lte"]);
    if (operator === "$in" || operator === "$nin") return { tag: { [operator]: [value, "b"] } };
    if (operator === "$exists") return { tag: { $exists: true } };
    if (operator === "$gt" || operator === "$lte") return { n: { [operator]: 0 } };
    return { tag: { [operator]: value } };
  }
  const parts = Array.from({ length: chance.between(1, 3) }, () => drawFilter(chance, depth - 1));
  return { [chance.pick(["$and", "$or"])]: parts };
}
