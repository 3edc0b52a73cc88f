/**
 * ON DISK: the rows of one term.
 *
 * ```
 * 0, first row varint, gaps varint            a few rows, ascending, gap ≥ 1
 * 1, ceil(rows of the segment / 8) bytes      many rows: bit r % 8 of byte r / 8, lowest first
 * 2                                           all rows
 * ```
 *
 * The shorter form is written. No rows are no bytes.
 */
import type { Bitmap } from "../base/bitset.ts";
import { ByteReader, type ByteWriter } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";

const FORM = { sparse: 0, dense: 1, all: 2 } as const;

/** Appends the postings of ascending, distinct rows; returns the bytes written. */
export function writePostings(
  writer: ByteWriter,
  rows: readonly number[],
  rowCount: number,
): number {
  const start = writer.length;
  if (rows.length === 0) return 0;
  if (rows.length === rowCount) {
    writer.uint8(FORM.all);
  } else if (sparseSize(rows) <= (rowCount + 7) >>> 3) {
    writer.uint8(FORM.sparse);
    let previous = 0;
    for (const row of rows) {
      writer.varint(row - previous);
      previous = row;
    }
  } else {
    const bits = Buffer.alloc((rowCount + 7) >>> 3);
    for (const row of rows) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (1 << (row & 7));
    writer.uint8(FORM.dense).raw(bits);
  }
  return writer.length - start;
}

/**
 * Adds the rows of one posting list to a bitmap of all rows of the segment.
 *
 * @throws InsulaError `data_damaged` for rows outside the segment or out of order, and for bytes
 *   left over.
 */
export function addPostings(bitmap: Bitmap, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const reader = new ByteReader(bytes);
  const form = reader.uint8();
  if (form === FORM.all) bitmap.addRange(0, bitmap.rowCount);
  else if (form === FORM.dense) addDense(bitmap, reader);
  else if (form === FORM.sparse) addSparse(bitmap, reader);
  else throw damaged("unknown form of postings");
  if (reader.remaining > 0) throw damaged("postings are followed by other bytes");
}

/** Adds a row whose number was read from a file. */
export function addRow(bitmap: Bitmap, row: number): void {
  if (row >= bitmap.rowCount) throw damaged("a row is outside the segment");
  bitmap.add(row);
}

/** The error for bytes that are no inverted index. */
export function damaged(reason: string): InsulaError {
  return new InsulaError("data_damaged", `Cannot read the inverted index: ${reason}.`);
}

function addSparse(bitmap: Bitmap, reader: ByteReader): void {
  let row = reader.varint();
  addRow(bitmap, row);
  while (reader.remaining > 0) {
    const gap = reader.varint();
    if (gap === 0) throw damaged("rows are out of order");
    row += gap;
    addRow(bitmap, row);
  }
}

function addDense(bitmap: Bitmap, reader: ByteReader): void {
  const { rowCount } = bitmap;
  const bits = reader.raw((rowCount + 7) >>> 3);
  const tail = rowCount & 7;
  if (tail !== 0 && (bits.at(-1) ?? 0) >>> tail !== 0)
    throw damaged("a row is outside the segment");
  const target = bitmap.bytes();
  for (let i = 0; i < bits.length; i++) target[i] = (target[i] ?? 0) | (bits[i] ?? 0);
}

function sparseSize(rows: readonly number[]): number {
  let size = 0;
  let previous = 0;
  for (const row of rows) {
    for (let rest = row - previous; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
    size++;
    previous = row;
  }
  return size;
}
