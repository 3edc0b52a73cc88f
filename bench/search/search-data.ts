/** Rows and queries of a bench of searches: made here, or read from files. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SeededNumbers, clusteredVectors } from "../support/clustered-vectors.ts";
import type { SearchData } from "./contender.ts";
import { keptNumbers } from "./kept-data.ts";

/** Values of the properties that filters compare. */
const STEPS = 1_000;

export interface SyntheticSize {
  readonly rows: number;
  readonly dimension: number;
  readonly queries: number;
  /** Dimension of a cluster. */
  readonly intrinsic: number;
}

/**
 * Synthetic rows like embeddings; the queries are further rows of the same making.
 *
 * @param folder keeps the numbers for the next run, where there is one.
 */
export function syntheticData(size: SyntheticSize, folder?: string): SearchData {
  const { dimension, rows, queries, intrinsic } = size;
  const make = (): Float32Array =>
    clusteredVectors(dimension, rows, 5, intrinsic).next(rows + queries);
  const path = folder && join(folder, `${nameOfSize(size)}.float32`);
  const count = (rows + queries) * dimension;
  const numbers = path === undefined ? make() : keptNumbers(path, count, make);
  const title = `synthetic, ${rows.toLocaleString("en-US")} × ${dimension}`;
  const end = rows * dimension;
  return complete(title, dimension, numbers.subarray(0, end), numbers.subarray(end));
}

/** Of the files that are kept of such data. */
export function nameOfSize({ rows, dimension, queries, intrinsic }: SyntheticSize): string {
  return `${rows}x${dimension}-${intrinsic}-${queries}`;
}

/**
 * Rows of files in the format of the ann-benchmarks sets: each vector its dimension as int32 and
 * its numbers as float32, little-endian. They are brought to unit length. Source:
 * http://corpus-texmex.irisa.fr
 */
export function fileData(
  paths: { readonly base: string; readonly queries: string },
  limits: { readonly rows: number; readonly queries: number },
): SearchData {
  const base = readVectors(paths.base, limits.rows);
  const queries = readVectors(paths.queries, limits.queries);
  if (base.dimension !== queries.dimension) {
    throw new Error(`${paths.base} and ${paths.queries} differ in dimension.`);
  }
  const count = base.values.length / base.dimension;
  const name = paths.base.split("/").at(-1) ?? paths.base;
  const title = `${name}, ${count.toLocaleString("en-US")} × ${base.dimension}`;
  return complete(title, base.dimension, base.values, queries.values);
}

function readVectors(
  path: string,
  limit: number,
): { readonly dimension: number; readonly values: Float32Array } {
  const bytes = readFileSync(path);
  const dimension = bytes.length < 4 ? 0 : bytes.readInt32LE(0);
  const stride = 4 + dimension * 4;
  if (dimension < 1 || bytes.length % stride !== 0) throw new Error(`${path} is no fvecs file.`);
  const count = Math.min(limit, bytes.length / stride);
  const values = new Float32Array(count * dimension);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < dimension; j++) {
      values[i * dimension + j] = view.getFloat32(i * stride + 4 + j * 4, true);
    }
    toUnitLength(values.subarray(i * dimension, (i + 1) * dimension));
  }
  return { dimension, values };
}

function toUnitLength(row: Float32Array): void {
  const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  if (norm > 0) for (let j = 0; j < row.length; j++) row[j] = (row[j] ?? 0) / norm;
}

function complete(
  title: string,
  dimension: number,
  rows: Float32Array,
  queryValues: Float32Array,
): SearchData {
  const rowCount = rows.length / dimension;
  const numbers = new SeededNumbers(17);
  return {
    ...{ title, dimension, rowCount, rows },
    queries: Array.from({ length: queryValues.length / dimension }, (_, i) =>
      queryValues.slice(i * dimension, (i + 1) * dimension),
    ),
    buckets: Uint16Array.from({ length: rowCount }, () => numbers.below(STEPS)),
    sides: sidesOf(rows, dimension),
  };
}

/** Ranks of the rows along the first row, nearest to it first, in {@link STEPS} equal parts. */
function sidesOf(rows: Float32Array, dimension: number): Uint16Array {
  const count = rows.length / dimension;
  const products = Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < dimension; j++) sum += (rows[j] ?? 0) * (rows[i * dimension + j] ?? 0);
    return sum;
  });
  const order = Uint32Array.from(products, (_, i) => i).sort(
    (a, b) => (products[b] ?? 0) - (products[a] ?? 0),
  );
  const sides = new Uint16Array(count);
  for (const [rank, row] of order.entries()) sides[row] = Math.floor((rank * STEPS) / count);
  return sides;
}

/** Queries in the order of their nearness to the first row: the last are on the other side. */
export function queriesBySide({ rows, queries }: SearchData): readonly Float32Array[] {
  const product = (query: Float32Array): number =>
    query.reduce((sum, value, j) => sum + value * (rows[j] ?? 0), 0);
  return [...queries].sort((a, b) => product(b) - product(a));
}
