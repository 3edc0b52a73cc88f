/**
 * The best rows of one segment for a sparse vector, through its inverted index.
 *
 * Rows are cut into blocks of 64. First the bound of each block: for each term of the query that it
 * has, the absolute weight times the largest absolute value. Then blocks are scored from the
 * highest bound down, all terms of a block into 64 sums, until the next bound is below the score of
 * the k-th row. No row is lost: bounds are added in the order of the sums and rounding is monotone,
 * so that a bound is never below a score, to the last bit.
 *
 * Where values lie anywhere, bounds of many terms rule out little, and block after block costs more
 * than list after list. So after the first blocks those left are counted: are they more than a few,
 * every posting is added instead (`sparse-sums.ts`). Both ways give the same bits.
 *
 * Sources: block maxima as in Ding and Suel, Faster top-k document retrieval using block-max
 * indexes, SIGIR 2011; blocks of rows in the order of their bounds as in Mallia, Suel and
 * Tonellotto, Faster learned sparse retrieval with block-max pruning, SIGIR 2024.
 */
import type { Pace } from "../../base/pace.ts";
import type { SparseVector } from "../../model/index.ts";
import { BestRows } from "./best-rows.ts";
import { BLOCK_ROWS } from "./sparse-format.ts";
import type { SparseReader } from "./sparse-reader.ts";
import { addTerms, termsOf, type QueryTerm } from "./sparse-sums.ts";

/** Bounds are sorted into this many drawers: exact order is not needed. */
const DRAWERS = 2_048;
/** Blocks scored before those left are counted: this many, or this many times k rows. */
const PROBED_BLOCKS = 16;
const PROBED_ROWS_PER_K = 4;
/** A block costs as much by itself as this many in lists (bench/sparse.bench.ts). */
const BLOCK_COST = 6;

export interface SparseScan {
  /** Candidates, one bit a row; undefined for all. */
  readonly bits: Uint8Array | undefined;
  readonly k: number;
  readonly pace: Pace;
}

export interface SparseHits {
  readonly rows: Uint32Array;
  /** Rounded to float32; higher is nearer. Equal ones by row. */
  readonly scores: Float64Array;
  /** Rows of the blocks that were scored. */
  readonly rowsScored: number;
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

/** One search: bounds, then blocks. Plain loops; what takes long gives the thread back. */
class BlockSearch {
  readonly #terms: readonly QueryTerm[];
  readonly #scan: SparseScan;
  readonly #pace: Pace;
  readonly #rowCount: number;
  readonly #bounds: Float64Array;
  /** 1 for blocks that any term has. */
  readonly #isNamed: Uint8Array;
  readonly #sums = new Float64Array(BLOCK_ROWS);
  readonly #touched = new Uint8Array(BLOCK_ROWS);
  #best: BestRows;
  #rowsScored = 0;

  constructor(terms: readonly QueryTerm[], rowCount: number, scan: SparseScan) {
    this.#terms = terms;
    this.#scan = scan;
    this.#pace = scan.pace;
    this.#rowCount = rowCount;
    this.#best = new BestRows(scan.k, rowCount);
    const blockCount = Math.ceil(rowCount / BLOCK_ROWS);
    this.#bounds = new Float64Array(blockCount);
    this.#isNamed = new Uint8Array(blockCount);
  }

  async run(): Promise<void> {
    await this.#addBounds();
    const blocks = await this.#orderedBlocks();
    const byRows = Math.ceil((this.#scan.k * PROBED_ROWS_PER_K) / BLOCK_ROWS);
    const probed = Math.max(PROBED_BLOCKS, byRows);
    for (let i = 0; i < blocks.length; i++) {
      if (i === probed && this.#isMany(blocks.subarray(i))) {
        await this.#scoreAll();
        return;
      }
      const block = blocks[i] ?? 0;
      if (!this.#pace.fits(BLOCK_STEPS)) await this.#pace.take(BLOCK_STEPS);
      if (this.#mayHaveBetter(block)) this.#scoreBlock(block);
    }
  }

  async hits(): Promise<SparseHits> {
    return { ...(await this.#best.sorted(this.#pace)), rowsScored: this.#rowsScored };
  }

  async #addBounds(): Promise<void> {
    const bounds = this.#bounds;
    const isNamed = this.#isNamed;
    for (const { weight, list } of this.#terms) {
      const { blockNumbers, blockMaxima } = list;
      const factor = Math.abs(weight);
      if (!this.#pace.fits(blockNumbers.length)) await this.#pace.take(blockNumbers.length);
      for (let i = 0; i < blockNumbers.length; i++) {
        const block = blockNumbers[i] ?? 0;
        bounds[block] = (bounds[block] ?? 0) + factor * (blockMaxima[i] ?? 0);
        isNamed[block] = 1;
      }
    }
  }

  /** Blocks with candidates, those with high bounds first, roughly in order. */
  async #orderedBlocks(): Promise<Uint32Array> {
    const bounds = this.#bounds;
    if (!this.#pace.fits(bounds.length)) await this.#pace.take(bounds.length);
    let highest = 0;
    for (const bound of bounds) if (bound > highest) highest = bound;
    const scale = highest === 0 ? 0 : (DRAWERS - 1) / highest;
    const ends = new Uint32Array(DRAWERS + 1);
    const blocks: number[] = [];
    for (let block = 0; block < bounds.length; block++) {
      // Eight bytes of candidates a block, besides what it has itself.
      if (block % BLOCKS_LOOKED_AT === 0 && !this.#pace.fits(LOOK_STEPS)) {
        await this.#pace.take(LOOK_STEPS);
      }
      if (this.#isNamed[block] === 0 || !this.#hasCandidates(block)) continue;
      blocks.push(block);
      const drawer = DRAWERS - 1 - Math.floor((bounds[block] ?? 0) * scale);
      ends[drawer + 1] = (ends[drawer + 1] ?? 0) + 1;
    }
    for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0);
    const steps = blocks.length * ORDER_STEPS;
    if (!this.#pace.fits(steps)) await this.#pace.take(steps);
    const ordered = new Uint32Array(blocks.length);
    for (const block of blocks) {
      const drawer = DRAWERS - 1 - Math.floor((bounds[block] ?? 0) * scale);
      const at = ends[drawer] ?? 0;
      ends[drawer] = at + 1;
      ordered[at] = block;
    }
    return ordered;
  }

  #hasCandidates(block: number): boolean {
    const { bits } = this.#scan;
    if (bits === undefined) return true;
    const first = block * (BLOCK_ROWS / 8);
    for (let i = first; i < first + BLOCK_ROWS / 8; i++) if ((bits[i] ?? 0) !== 0) return true;
    return false;
  }

  #mayHaveBetter(block: number): boolean {
    return Math.fround(this.#bounds[block] ?? 0) >= this.#best.threshold;
  }

  /** True when the blocks that may have better rows cost more by themselves than all lists do. */
  #isMany(blocks: Uint32Array): boolean {
    let count = 0;
    for (const block of blocks) if (this.#mayHaveBetter(block)) count++;
    return count * BLOCK_COST > this.#bounds.length;
  }

  #scoreBlock(block: number): void {
    const sums = this.#sums.fill(0);
    const touched = this.#touched.fill(0);
    for (const term of this.#terms) {
      const at = positionOf(term.list.blockNumbers, block);
      if (at >= 0) this.#pace.add(addBlock(term, at, sums, touched));
    }
    this.#rowsScored += BLOCK_ROWS;
    this.#offer({ sums, touched }, block * BLOCK_ROWS, this.#best.threshold);
  }

  /** From nothing: what was scored before only says which rows are too far. */
  async #scoreAll(): Promise<void> {
    const floor = this.#best.threshold;
    this.#best = new BestRows(this.#scan.k, this.#rowCount);
    const { sums, touched } = await addTerms(this.#terms, this.#rowCount, this.#pace);
    this.#rowsScored += this.#rowCount;
    for (let base = 0; base < this.#rowCount; base += OFFERED_ROWS) {
      const end = Math.min(this.#rowCount, base + OFFERED_ROWS);
      const part = { sums: sums.subarray(base, end), touched: touched.subarray(base, end) };
      if (!this.#pace.fits(end - base)) await this.#pace.take(end - base);
      this.#offer(part, base, floor);
    }
  }

  /** @param floor what a score has to reach besides. */
  #offer(
    { sums, touched }: { readonly sums: Float64Array; readonly touched: Uint8Array },
    base: number,
    floor: number,
  ): void {
    const { bits } = this.#scan;
    let threshold = Math.max(floor, this.#best.threshold);
    for (let i = 0; i < sums.length; i++) {
      if (touched[i] === 0) continue;
      const score = Math.fround(sums[i] ?? 0);
      if (score < threshold) continue;
      const row = base + i;
      if (bits !== undefined && ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) === 0) continue;
      this.#best.offer(row, score);
      threshold = Math.max(floor, this.#best.threshold);
    }
  }
}

/** Steps of a block besides its postings. */
const BLOCK_STEPS = BLOCK_ROWS;
/** Blocks whose candidates are looked at between two looks at the pace, and what that costs. */
const BLOCKS_LOOKED_AT = 8_192;
const LOOK_STEPS = 65_536;
/** Steps of putting a block in its place. */
const ORDER_STEPS = 1;
/** Rows offered at a time. */
const OFFERED_ROWS = 65_536;

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

/** Where a block stands in a list; -1 when the list does not have it. */
function positionOf(blockNumbers: Uint32Array, block: number): number {
  let low = 0;
  let high = blockNumbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((blockNumbers[middle] ?? 0) < block) low = middle + 1;
    else high = middle;
  }
  return blockNumbers[low] === block ? low : -1;
}
