/**
 * ON DISK: the weighted inverted index of one sparse field, docs/formats/sparse.md.
 *
 * ```
 * lists       of the terms in ascending order, each a multiple of 4 bytes
 *   block numbers u32 × blocks, ascending        rows are cut into blocks of BLOCK_ROWS
 *   block ends    u32 × blocks                   postings up to the end of the block
 *   block maxima  f32 × blocks                   largest absolute value in the block
 *   values        f32 × postings                 ascending rows
 *   rows          u8  × postings, zeros          row within its block
 * dictionary  term u32, list offset u32 (in 4 bytes), postings u32, blocks u32: four arrays
 * trailer     32 bytes
 * ```
 *
 * The kinds of terms and values stand in the trailer, so that text can be kept the same way: its
 * terms are words, its values frequencies.
 */
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { otherFormat } from "../../base/format-version.ts";
import { damaged } from "../postings.ts";

export const SPARSE_FORMAT_VERSION = 1;
/** ON DISK: rows of one block; a row within a block is one byte. */
export const BLOCK_ROWS = 64;
export const BLOCK_SHIFT = 6;
/** ON DISK: kinds of terms and values; others are for text. */
const TERMS_ARE_DIMENSIONS = 1;
const VALUES_ARE_FLOAT32 = 1;

export const TRAILER_BYTES = 32;
export const DICTIONARY_ENTRY_BYTES = 16;

export interface SparseTrailer {
  /** Rows of the segment. */
  readonly rowCount: number;
  readonly termCount: number;
  /** Bytes of all lists: where the dictionary begins. */
  readonly listBytes: number;
}

export function writeTrailer({ rowCount, termCount, listBytes }: SparseTrailer): Uint8Array {
  const writer = new ByteWriter(TRAILER_BYTES).uint32(SPARSE_FORMAT_VERSION);
  writer.uint32(TERMS_ARE_DIMENSIONS).uint32(VALUES_ARE_FLOAT32).uint32(BLOCK_ROWS);
  return writer.uint32(rowCount).uint32(termCount).uint64(listBytes).finish();
}

/**
 * @param bytes the last TRAILER_BYTES of the section.
 * @throws InsulaError `format_unsupported` for another version or kind, `data_damaged` when the
 *   parts do not fill the section.
 */
export function readTrailer(bytes: Uint8Array, sectionBytes: number, owner: string): SparseTrailer {
  const reader = new ByteReader(bytes);
  const version = reader.uint32();
  if (version !== SPARSE_FORMAT_VERSION) {
    throw otherFormat(`the sparse index of ${owner}`, SPARSE_FORMAT_VERSION, version);
  }
  const kinds = [reader.uint32(), reader.uint32(), reader.uint32()];
  if (kinds.join() !== [TERMS_ARE_DIMENSIONS, VALUES_ARE_FLOAT32, BLOCK_ROWS].join()) {
    throw damaged("unknown kinds of terms, values or blocks");
  }
  const rowCount = reader.uint32();
  const termCount = reader.uint32();
  const listBytes = reader.uint64();
  const trailer: SparseTrailer = { rowCount, termCount, listBytes };
  if (listBytes + termCount * DICTIONARY_ENTRY_BYTES + TRAILER_BYTES !== sectionBytes) {
    throw damaged("the parts do not fill the section");
  }
  return trailer;
}

/** Bytes of one list. */
export function listBytesOf(postings: number, blocks: number): number {
  return blocks * 12 + postings * 4 + ((postings + 3) & ~3);
}

/** The postings of one term, views on the bytes of its list. */
export interface SparseList {
  readonly blockNumbers: Uint32Array;
  readonly blockEnds: Uint32Array;
  readonly blockMaxima: Float32Array;
  readonly values: Float32Array;
  /** Row within its block. */
  readonly rows: Uint8Array;
}

export interface ListShape {
  readonly postings: number;
  readonly blocks: number;
}

/** @param bytes of one list, at an offset that is a multiple of 4; kept. */
export function viewList(bytes: Uint8Array, { postings, blocks }: ListShape): SparseList {
  const { buffer, byteOffset } = bytes;
  const valuesAt = byteOffset + blocks * 12;
  return {
    blockNumbers: new Uint32Array(buffer, byteOffset, blocks),
    blockEnds: new Uint32Array(buffer, byteOffset + blocks * 4, blocks),
    blockMaxima: new Float32Array(buffer, byteOffset + blocks * 8, blocks),
    values: new Float32Array(buffer, valuesAt, postings),
    rows: new Uint8Array(buffer, valuesAt + postings * 4, postings),
  };
}

/**
 * Once, when a list was read: a search may trust what it says.
 *
 * @throws InsulaError `data_damaged`.
 */
export function checkList(list: SparseList, rowCount: number): void {
  const { blockNumbers, blockEnds, rows } = list;
  let start = 0;
  let previousBlock = -1;
  for (let i = 0; i < blockNumbers.length; i++) {
    const block = blockNumbers[i] ?? 0;
    const end = blockEnds[i] ?? 0;
    if (block <= previousBlock || block * BLOCK_ROWS >= rowCount) {
      throw damaged("blocks are out of order");
    }
    if (end <= start || end > rows.length) throw damaged("a block has no postings");
    const maximum = list.blockMaxima[i] ?? Number.NaN;
    if (!(maximum >= 0 && maximum < Number.POSITIVE_INFINITY)) {
      throw damaged("a block has no maximum");
    }
    const rowsHere = Math.min(BLOCK_ROWS, rowCount - block * BLOCK_ROWS);
    let previousRow = -1;
    for (let at = start; at < end; at++) {
      const row = rows[at] ?? 0;
      if (row <= previousRow || row >= rowsHere) throw damaged("rows are out of order");
      previousRow = row;
    }
    previousBlock = block;
    start = end;
  }
  if (start !== rows.length) throw damaged("blocks do not hold all postings");
}
