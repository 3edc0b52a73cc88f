/**
 * Vectors that look like embeddings: a mixture of Gaussians, each on a low-dimensional affine
 * subspace of a shared basis, with isotropic noise, at unit length. Equal seeds give equal bytes.
 */

const INTRINSIC_DIMENSION = 32;
/** Directions of the shared basis for each of a cluster. */
const BASIS_FACTOR = 3;
const ROWS_PER_CLUSTER = 400;
const CLUSTERS_MIN = 8;
/** Normal numbers drawn from a table: four times faster than making each. */
const NORMAL_TABLE_BITS = 16;

/** xorshift128: fast, and equal on every machine. */
export class SeededNumbers {
  #a: number;
  #b = 362_436_069;
  #c = 521_288_629;
  #d = 88_675_123;

  constructor(seed: number) {
    this.#a = (seed * 2_654_435_761 + 123_456_789) >>> 0;
    for (let i = 0; i < 16; i++) this.uint32();
  }

  uint32(): number {
    const t = this.#a ^ (this.#a << 11);
    this.#a = this.#b;
    this.#b = this.#c;
    this.#c = this.#d;
    this.#d = this.#d ^ (this.#d >>> 19) ^ t ^ (t >>> 8);
    return this.#d >>> 0;
  }

  /** 0 to `bound` - 1. */
  below(bound: number): number {
    return this.uint32() % bound;
  }

  /** 0 to 1, without 1. */
  unit(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Mean 0, deviation 1. */
  normal(): number {
    return NORMALS[this.uint32() >>> (32 - NORMAL_TABLE_BITS)] ?? 0;
  }
}

const NORMALS = makeNormals();

function makeNormals(): Float32Array {
  const numbers = new Float32Array(2 ** NORMAL_TABLE_BITS);
  let state = 1;
  const unit = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit());
  }
  return numbers;
}

export interface VectorSource {
  readonly dimension: number;
  /** The next `count` vectors, row-major. */
  next(count: number): Float32Array;
}

/**
 * @param rowCount   decides the number of clusters: one for each 400 rows.
 * @param intrinsic  dimension of a cluster: the higher, the harder for an index.
 */
export function clusteredVectors(
  dimension: number,
  rowCount: number,
  seed: number,
  intrinsic: number = INTRINSIC_DIMENSION,
): VectorSource {
  const numbers = new SeededNumbers(seed);
  const clusterCount = Math.max(CLUSTERS_MIN, Math.floor(rowCount / ROWS_PER_CLUSTER));
  const basis = makeBasis(numbers, dimension, intrinsic * BASIS_FACTOR);
  const clusters = makeClusters(numbers, { basis, dimension, intrinsic }, clusterCount);
  return {
    dimension,
    next: (count) => {
      const rows = new Float32Array(count * dimension);
      for (let i = 0; i < count; i++) {
        fillRow(rows.subarray(i * dimension, (i + 1) * dimension), clusters, numbers);
      }
      return rows;
    },
  };
}

interface Space {
  readonly basis: Float32Array;
  readonly dimension: number;
  readonly intrinsic: number;
}

interface Clusters extends Space {
  readonly centres: Float32Array;
  readonly directions: Uint32Array;
  readonly scales: Float32Array;
  /** Running sums of weights, last is 1. */
  readonly shares: Float64Array;
}

function makeBasis(numbers: SeededNumbers, dimension: number, directions: number): Float32Array {
  const basis = new Float32Array(directions * dimension);
  const length = Math.sqrt(dimension);
  for (let i = 0; i < basis.length; i++) basis[i] = numbers.normal() / length;
  return basis;
}

function makeClusters(numbers: SeededNumbers, space: Space, count: number): Clusters {
  const { basis, dimension, intrinsic } = space;
  const basisCount = intrinsic * BASIS_FACTOR;
  const centres = new Float32Array(count * dimension);
  const directions = new Uint32Array(count * intrinsic);
  const scales = new Float32Array(count * intrinsic);
  const shares = new Float64Array(count);
  let weights = 0;
  for (let c = 0; c < count; c++) {
    for (let k = 0; k < basisCount; k++) {
      const decay = Math.exp(-k / (0.375 * basisCount));
      const factor = ((numbers.normal() * 4) / Math.sqrt(basisCount)) * decay;
      for (let d = 0; d < dimension; d++) {
        centres[c * dimension + d] =
          (centres[c * dimension + d] ?? 0) + factor * (basis[k * dimension + d] ?? 0);
      }
    }
    for (let r = 0; r < intrinsic; r++) {
      directions[c * intrinsic + r] = numbers.below(basisCount);
      scales[c * intrinsic + r] = 0.9 * Math.exp((-2 * r) / intrinsic);
    }
    weights += Math.exp(0.8 * numbers.normal());
    shares[c] = weights;
  }
  for (let c = 0; c < count; c++) shares[c] = (shares[c] ?? 0) / weights;
  return { ...space, centres, directions, scales, shares };
}

function fillRow(row: Float32Array, clusters: Clusters, numbers: SeededNumbers): void {
  const dimension = row.length;
  const cluster = pick(clusters.shares, numbers.unit());
  const noise = 0.3 / Math.sqrt(dimension);
  const centre = cluster * dimension;
  for (let d = 0; d < dimension; d++) {
    row[d] = (clusters.centres[centre + d] ?? 0) + noise * numbers.normal();
  }
  for (let r = 0; r < clusters.intrinsic; r++) {
    const at = cluster * clusters.intrinsic + r;
    const factor = numbers.normal() * (clusters.scales[at] ?? 0);
    const direction = (clusters.directions[at] ?? 0) * dimension;
    for (let d = 0; d < dimension; d++) {
      row[d] = (row[d] ?? 0) + factor * (clusters.basis[direction + d] ?? 0);
    }
  }
  let squares = 0;
  for (const value of row) squares += value * value;
  const factor = 1 / Math.sqrt(squares);
  for (let d = 0; d < dimension; d++) row[d] = (row[d] ?? 0) * factor;
}

/** The first cluster whose running share reaches `at`. */
function pick(shares: Float64Array, at: number): number {
  let low = 0;
  let high = shares.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((shares[middle] ?? 1) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
