/**
 * The sparse rows of one segment as they are stored: a section per sparse field.
 *
 * ```
 * rows    per row its dimensions u32, then their values float32
 * starts  u32 per row and one more: values before the row
 * ```
 */
import { InsulaError } from "../base/errors.ts";
import type { SparseVector } from "../model/index.ts";
import type { SectionReader } from "../storage/index.ts";

/** Bytes of rows read at once when they are read in their order. */
const WINDOW_BYTES = 262_144;
const NONE = new Uint8Array(0);

/** Where each row lies; `rowCount + 1` numbers, ascending. @throws InsulaError `data_damaged` */
export async function readSparseStarts(
  section: SectionReader,
  rowCount: number,
): Promise<Uint32Array> {
  const at = section.length - 4 * (rowCount + 1);
  if (at < 0) throw damaged("shorter than its rows");
  const bytes = Uint8Array.from(await section.read(at, section.length - at));
  const starts = new Uint32Array(bytes.buffer);
  for (let row = 0; row < rowCount; row++) {
    if ((starts[row + 1] ?? 0) < (starts[row] ?? 0)) throw damaged("rows are out of order");
  }
  if (starts[0] !== 0 || (starts[rowCount] ?? 0) * 8 !== at) throw damaged("rows are missing");
  return starts;
}

/** A row from its bytes, at any offset. */
export function toSparseVector(bytes: Uint8Array): SparseVector {
  const own = Uint8Array.from(bytes).buffer;
  const count = own.byteLength / 8;
  return {
    indices: new Uint32Array(own, 0, count),
    values: new Float32Array(own, count * 4, count),
  };
}

/** Rows of one source of a merge, read forward a window at a time. */
export class SparseWindow {
  readonly #section: SectionReader | undefined;
  readonly #starts: Uint32Array;
  #first = 0;
  #bytes: Uint8Array = NONE;

  private constructor(section: SectionReader | undefined, starts: Uint32Array) {
    this.#section = section;
    this.#starts = starts;
  }

  /** @param section undefined: no row has a vector. */
  static async open(section: SectionReader | undefined, rowCount: number): Promise<SparseWindow> {
    const starts =
      section === undefined ? new Uint32Array(0) : await readSparseStarts(section, rowCount);
    return new SparseWindow(section, starts);
  }

  /** Owned by the caller; undefined when the row has none. Rows are asked for ascending. */
  async row(row: number): Promise<SparseVector | undefined> {
    const start = (this.#starts[row] ?? 0) * 8;
    const end = (this.#starts[row + 1] ?? 0) * 8;
    if (this.#section === undefined || end <= start) return undefined;
    if (start < this.#first || end > this.#first + this.#bytes.length) {
      const rowsEnd = (this.#starts.at(-1) ?? 0) * 8;
      const length = Math.min(Math.max(WINDOW_BYTES, end - start), rowsEnd - start);
      this.#bytes = await this.#section.read(start, length);
      this.#first = start;
    }
    return toSparseVector(this.#bytes.subarray(start - this.#first, end - this.#first));
  }
}

function damaged(reason: string): InsulaError {
  return new InsulaError("data_damaged", `Cannot read sparse rows: ${reason}.`);
}
