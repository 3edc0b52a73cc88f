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
import type { ByteWriter } from "../base/bytes.ts";
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
  const form = bytes[0];
  if (form === FORM.sparse) {
    addSparse(bitmap, bytes);
    return;
  }
  const rest = bytes.subarray(1);
  if (form === FORM.dense) addDense(bitmap, rest);
  else if (form !== FORM.all) throw damaged("unknown form of postings");
  else if (rest.length > 0) throw damaged("postings are followed by other bytes");
  else bitmap.addRange(0, bitmap.rowCount);
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

/** Written out: a range over a property reads a list for each of its values. */
function addSparse(bitmap: Bitmap, bytes: Uint8Array): void {
  const { rowCount, words } = bitmap;
  let row = 0;
  let isFirst = true;
  let at = 1;
  do {
    let byte = bytes[at++] ?? LAST_VARINT_BYTE;
    let gap = byte & 0x7f;
    for (let factor = 0x80; byte > 0x7f; factor *= 0x80) {
      byte = bytes[at++] ?? LAST_VARINT_BYTE;
      gap += (byte & 0x7f) * factor;
      if (gap >= rowCount) break;
    }
    if (gap === 0 && !isFirst) throw damaged("rows are out of order");
    isFirst = false;
    row += gap;
    if (row >= rowCount || at > bytes.length) throw damaged("a row is outside the segment");
    words[row >>> 5] = (words[row >>> 5] ?? 0) | (1 << (row & 31));
  } while (at < bytes.length);
}

/** Stands for what is missing: it ends the number. */
const LAST_VARINT_BYTE = 0x7f;

function addDense(bitmap: Bitmap, bits: Uint8Array): void {
  const { rowCount } = bitmap;
  if (bits.length !== (rowCount + 7) >>> 3) throw damaged("postings of another length");
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
