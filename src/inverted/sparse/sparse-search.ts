/**
 * The best rows of one segment for a sparse vector, through its inverted index.
 *
 * Rows are cut into blocks of 64. First the bound of each block: for each term of the query that it
 * has, the absolute weight times the largest absolute value. Then blocks are scored from the
 * highest bound down, all terms of a block into 64 sums, until the next bound is below the score of
 * the k-th row. No row is lost: bounds are added in the order of the sums and rounding is monotone,
 * so that a bound is never below a score, to the last bit.
 *
 * Sources: block maxima as in Ding and Suel, Faster top-k document retrieval using block-max
 * indexes, SIGIR 2011; blocks of rows in the order of their bounds as in Mallia, Suel and
 * Tonellotto, Faster learned sparse retrieval with block-max pruning, SIGIR 2024.
 */
import type { Clock } from "../../io/index.ts";
import type { SparseVector } from "../../model/index.ts";
import { BestRows } from "./best-rows.ts";
import { BLOCK_ROWS, BLOCK_SHIFT, type SparseList } from "./sparse-format.ts";
import type { SparseReader } from "./sparse-reader.ts";

/** Steps of the inner loops before the thread is given back: about 1 ms. */
const STEPS_PER_TURN = 262_144;
/** Bounds are sorted into this many drawers: exact order is not needed. */
const DRAWERS = 2_048;

export interface SparseTurn {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

export interface SparseScan extends SparseTurn {
  /** Candidates, one bit a row; undefined for all. */
  readonly bits: Uint8Array | undefined;
  readonly k: number;
}

export interface SparseHits {
  readonly rows: Uint32Array;
  /** Rounded to float32; higher is nearer. Equal ones by row. */
  readonly scores: Float64Array;
  /** Rows of the blocks that were scored. */
  readonly rowsScored: number;
}

interface QueryTerm {
  readonly weight: number;
  readonly list: SparseList;
}

/**
 * The k candidates with the highest scores among the rows that share a dimension with the query.
 *
 * @throws InsulaError `data_damaged`; what the signal was aborted with.
 */
export async function searchSparse(
  reader: SparseReader,
  query: SparseVector,
  scan: SparseScan,
): Promise<SparseHits> {
  const terms = await termsOf(reader, query);
  const search = new BlockSearch(terms, reader.rowCount, scan);
  await search.run();
  return search.hits();
}

/**
 * The sum of every row that shares a dimension with the query, not rounded: for one score of dense
 * and sparse. Rows without are 0.
 */
export async function scoreAllSparse(
  reader: SparseReader,
  query: SparseVector,
  { clock, signal }: SparseTurn,
): Promise<Float64Array> {
  const sums = new Float64Array(reader.rowCount);
  let steps = 0;
  for (const { weight, list } of await termsOf(reader, query)) {
    addList(sums, list, weight);
    steps += list.values.length;
    if (steps < STEPS_PER_TURN) continue;
    steps = 0;
    await clock.yield();
    signal?.throwIfAborted();
  }
  return sums;
}

function addList(sums: Float64Array, list: SparseList, weight: number): void {
  const { blockNumbers, blockEnds, values, rows } = list;
  let at = 0;
  for (let block = 0; block < blockNumbers.length; block++) {
    const base = (blockNumbers[block] ?? 0) << BLOCK_SHIFT;
    const end = blockEnds[block] ?? 0;
    for (; at < end; at++) {
      const row = base + (rows[at] ?? 0);
      sums[row] = (sums[row] ?? 0) + weight * (values[at] ?? 0);
    }
  }
}

/** In ascending order of the dimension, as the query has them. */
async function termsOf(reader: SparseReader, query: SparseVector): Promise<readonly QueryTerm[]> {
  const lists = await Promise.all(Array.from(query.indices, async (index) => reader.list(index)));
  const terms: QueryTerm[] = [];
  for (const [i, list] of lists.entries()) {
    if (list !== undefined) terms.push({ weight: query.values[i] ?? 0, list });
  }
  return terms;
}

/** One search: bounds, then blocks. Plain loops; what takes long gives the thread back. */
class BlockSearch {
  readonly #terms: readonly QueryTerm[];
  readonly #scan: SparseScan;
  readonly #best: BestRows;
  readonly #bounds: Float64Array;
  /** Per block the place of its first entry in the two lists below; one more for the end. */
  readonly #firsts: Uint32Array;
  /** Per entry the number of its term in the query and of its block in the term's list. */
  #entryTerms = new Uint16Array(0);
  #entryBlocks = new Uint32Array(0);
  readonly #sums = new Float64Array(BLOCK_ROWS);
  readonly #touched = new Uint8Array(BLOCK_ROWS);
  #rowsScored = 0;
  #steps = 0;

  constructor(terms: readonly QueryTerm[], rowCount: number, scan: SparseScan) {
    this.#terms = terms;
    this.#scan = scan;
    this.#best = new BestRows(scan.k, rowCount);
    const blockCount = Math.ceil(rowCount / BLOCK_ROWS);
    this.#bounds = new Float64Array(blockCount);
    this.#firsts = new Uint32Array(blockCount + 1);
  }

  async run(): Promise<void> {
    await this.#addBounds();
    await this.#listEntries();
    for (const drawer of this.#drawers()) {
      // Bounds of later drawers are not higher than the lowest of this one.
      if (drawer.bound < this.#best.threshold) return;
      for (const block of drawer.blocks) {
        if (Math.fround(this.#bounds[block] ?? 0) < this.#best.threshold) continue;
        this.#scoreBlock(block);
        if (this.#steps >= STEPS_PER_TURN) await this.#turn();
      }
    }
  }

  hits(): SparseHits {
    return { ...this.#best.sorted(), rowsScored: this.#rowsScored };
  }

  async #addBounds(): Promise<void> {
    const bounds = this.#bounds;
    const firsts = this.#firsts;
    for (const { weight, list } of this.#terms) {
      const { blockNumbers, blockMaxima } = list;
      const factor = Math.abs(weight);
      for (let i = 0; i < blockNumbers.length; i++) {
        const block = blockNumbers[i] ?? 0;
        bounds[block] = (bounds[block] ?? 0) + factor * (blockMaxima[i] ?? 0);
        firsts[block + 1] = (firsts[block + 1] ?? 0) + 1;
      }
      this.#steps += blockNumbers.length;
      if (this.#steps >= STEPS_PER_TURN) await this.#turn();
    }
    for (let block = 1; block < firsts.length; block++) {
      firsts[block] = (firsts[block] ?? 0) + (firsts[block - 1] ?? 0);
    }
  }

  /** For each block its entries in the order of the terms. */
  async #listEntries(): Promise<void> {
    const count = this.#firsts[this.#firsts.length - 1] ?? 0;
    const entryTerms = (this.#entryTerms = new Uint16Array(count));
    const entryBlocks = (this.#entryBlocks = new Uint32Array(count));
    const next = this.#firsts.slice();
    for (const [term, { list }] of this.#terms.entries()) {
      const { blockNumbers } = list;
      for (let i = 0; i < blockNumbers.length; i++) {
        const block = blockNumbers[i] ?? 0;
        const at = next[block] ?? 0;
        next[block] = at + 1;
        entryTerms[at] = term;
        entryBlocks[at] = i;
      }
      this.#steps += blockNumbers.length;
      if (this.#steps >= STEPS_PER_TURN) await this.#turn();
    }
  }

  /** Blocks with candidates, those with high bounds first, roughly in order. */
  *#drawers(): Iterable<{ readonly bound: number; readonly blocks: Uint32Array }> {
    const bounds = this.#bounds;
    let highest = 0;
    for (const bound of bounds) if (bound > highest) highest = bound;
    const scale = highest === 0 ? 0 : (DRAWERS - 1) / highest;
    const ends = new Uint32Array(DRAWERS + 1);
    const blocks: number[] = [];
    for (let block = 0; block < bounds.length; block++) {
      if (this.#firsts[block] === this.#firsts[block + 1] || !this.#hasCandidates(block)) continue;
      blocks.push(block);
      const drawer = DRAWERS - 1 - Math.floor((bounds[block] ?? 0) * scale);
      ends[drawer + 1] = (ends[drawer + 1] ?? 0) + 1;
    }
    for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0);
    const next = ends.slice();
    const ordered = new Uint32Array(blocks.length);
    const tops = new Float64Array(DRAWERS).fill(Number.NEGATIVE_INFINITY);
    for (const block of blocks) {
      const bound = bounds[block] ?? 0;
      const drawer = DRAWERS - 1 - Math.floor(bound * scale);
      const at = next[drawer] ?? 0;
      next[drawer] = at + 1;
      ordered[at] = block;
      tops[drawer] = Math.max(tops[drawer] ?? 0, Math.fround(bound));
    }
    for (let drawer = 0; drawer < DRAWERS; drawer++) {
      const inside = ordered.subarray(ends[drawer] ?? 0, ends[drawer + 1] ?? 0);
      if (inside.length > 0) yield { bound: tops[drawer] ?? 0, blocks: inside };
    }
  }

  #hasCandidates(block: number): boolean {
    const { bits } = this.#scan;
    if (bits === undefined) return true;
    const first = block * (BLOCK_ROWS / 8);
    for (let i = first; i < first + BLOCK_ROWS / 8; i++) if ((bits[i] ?? 0) !== 0) return true;
    return false;
  }

  #scoreBlock(block: number): void {
    const sums = this.#sums.fill(0);
    const touched = this.#touched.fill(0);
    const end = this.#firsts[block + 1] ?? 0;
    for (let entry = this.#firsts[block] ?? 0; entry < end; entry++) {
      const term = this.#terms[this.#entryTerms[entry] ?? 0];
      if (term === undefined) continue;
      this.#steps += addBlock(term, this.#entryBlocks[entry] ?? 0, sums, touched);
    }
    this.#offer(block);
    this.#steps += BLOCK_ROWS;
  }

  #offer(block: number): void {
    const { bits } = this.#scan;
    const base = block * BLOCK_ROWS;
    this.#rowsScored += BLOCK_ROWS;
    let threshold = this.#best.threshold;
    for (let i = 0; i < BLOCK_ROWS; i++) {
      if (this.#touched[i] === 0) continue;
      const score = Math.fround(this.#sums[i] ?? 0);
      if (score < threshold) continue;
      const row = base + i;
      if (bits !== undefined && ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) === 0) continue;
      this.#best.offer(row, score);
      threshold = this.#best.threshold;
    }
  }

  async #turn(): Promise<void> {
    this.#steps = 0;
    await this.#scan.clock.yield();
    this.#scan.signal?.throwIfAborted();
  }
}

/** Adds one block of one list to the sums; how many postings it has. */
function addBlock(
  { weight, list }: QueryTerm,
  block: number,
  sums: Float64Array,
  touched: Uint8Array,
): number {
  const { blockEnds, values, rows } = list;
  const start = block === 0 ? 0 : (blockEnds[block - 1] ?? 0);
  const end = blockEnds[block] ?? 0;
  for (let at = start; at < end; at++) {
    const row = rows[at] ?? 0;
    sums[row] = (sums[row] ?? 0) + weight * (values[at] ?? 0);
    touched[row] = 1;
  }
  return end - start;
}
