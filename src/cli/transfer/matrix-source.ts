/**
 * Files of rows of one length: fvecs, ivecs and npy. A row is read by its number, so that an import
 * goes on where it stopped without reading what came before.
 */
import { open, type FileHandle } from "node:fs/promises";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import type {
  BatchBounds,
  RecordSource,
  SourceBatch,
  SourcePosition,
  SourceShape,
} from "./record-source.ts";
import { readKeyLines } from "./key-lines.ts";
import type { MatrixLayout, MatrixNumber } from "./matrix-layout.ts";
import { readNpyHeader } from "./npy-header.ts";

export type MatrixFormat = "fvecs" | "ivecs" | "npy";
/** What one number is in the file. */
export interface MatrixOptions {
  readonly format: MatrixFormat;
  readonly byteLength: number;
  /** One key a line, in the order of the rows; absent: `keyPrefix` and the row's number. */
  readonly keysPath: string | undefined;
  readonly keyPrefix: string;
  /** Rows of the files before this one: row numbers go on. */
  readonly rowsBefore: number;
}

const NUMBER_BYTES: Readonly<Record<MatrixNumber, number>> = { float32: 4, float64: 8, int32: 4 };
/** Integers up to here are float32 exactly. */
const EXACT_INTEGER_MAX = 2 ** 24;

export class MatrixSource implements RecordSource {
  readonly path: string;
  readonly byteLength: number;
  readonly #options: MatrixOptions;

  constructor(path: string, options: MatrixOptions) {
    this.path = path;
    this.byteLength = options.byteLength;
    this.#options = options;
  }

  async shape(): Promise<SourceShape> {
    const { rows, dimension } = await this.layout();
    return { dimensions: new Map(rows === 0 ? [] : [["", dimension]]), hasTenants: false };
  }

  async layout(): Promise<MatrixLayout> {
    const file = await open(this.path);
    try {
      return await this.#readLayout(file);
    } finally {
      await file.close();
    }
  }

  async *batches(from: SourcePosition, bounds: BatchBounds): AsyncIterable<SourceBatch> {
    const file = await open(this.path);
    try {
      const layout = await this.#readLayout(file);
      const rowBytes = layout.rowHead + layout.dimension * NUMBER_BYTES[layout.number];
      const fit = Math.max(1, Math.floor(bounds.bytesMax / Math.max(1, layout.dimension * 4)));
      const step = Math.min(bounds.recordsMax, fit);
      const keys = this.#keys(from.records, step);
      for (let row = from.records; row < layout.rows; row += step) {
        const count = Math.min(step, layout.rows - row);
        const bytes = Buffer.allocUnsafe(count * rowBytes);
        const { bytesRead } = await file.read(
          bytes,
          0,
          bytes.length,
          layout.start + row * rowBytes,
        );
        if (bytesRead !== bytes.length) throw this.#bad(`it ends within row ${String(row)}`);
        const values = this.#toValues(bytes, layout, row);
        const next = await keys.next();
        const names = next.done === true ? [] : next.value;
        if (names.length < count) throw this.#bad(`${String(layout.rows)} rows have fewer keys`);
        yield {
          tenant: undefined,
          batch: {
            keys: names.slice(0, count),
            vectors: [{ field: "", values }],
            metadata: new Array<undefined>(count).fill(undefined),
          },
          end: { records: row + count, bytes: layout.start + (row + count) * rowBytes },
        };
      }
    } finally {
      await file.close();
    }
  }

  async *#keys(row: number, step: number): AsyncGenerator<readonly string[]> {
    const { keysPath, keyPrefix, rowsBefore } = this.#options;
    if (keysPath !== undefined) {
      yield* readKeyLines(keysPath, row, step);
      return;
    }
    for (let first = rowsBefore + row; ; first += step) {
      yield Array.from({ length: step }, (_, i) => keyPrefix + String(first + i));
    }
  }

  async #readLayout(file: FileHandle): Promise<MatrixLayout> {
    const { format, byteLength } = this.#options;
    if (format === "npy") {
      const layout = await readNpyHeader(file).catch((error: unknown) => {
        throw error instanceof RangeError ? this.#bad(error.message) : error;
      });
      const needed = layout.start + layout.rows * layout.dimension * NUMBER_BYTES[layout.number];
      if (needed !== byteLength)
        throw this.#bad(`expected ${String(needed)} bytes, received ${String(byteLength)}`);
      return layout;
    }
    const number = format === "fvecs" ? "float32" : "int32";
    if (byteLength === 0) return { rows: 0, dimension: 0, start: 0, rowHead: 4, number };
    const head = Buffer.alloc(4);
    await file.read(head, 0, 4, 0);
    const dimension = head.readInt32LE();
    const rowBytes = 4 + dimension * 4;
    if (dimension < 1 || byteLength % rowBytes !== 0)
      throw this.#bad(`${String(byteLength)} bytes are no whole rows of ${String(dimension)}`);
    return { rows: byteLength / rowBytes, dimension, start: 0, rowHead: 4, number };
  }

  #toValues(bytes: Buffer, layout: MatrixLayout, firstRow: number): Float32Array {
    const { dimension, rowHead, number } = layout;
    const rowBytes = rowHead + dimension * NUMBER_BYTES[number];
    const count = bytes.length / rowBytes;
    const values = new Float32Array(count * dimension);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let row = 0, at = 0, out = 0; row < count; row++) {
      if (rowHead > 0 && view.getInt32(at, true) !== dimension)
        throw this.#bad(`row ${String(firstRow + row)} has another dimension`);
      at += rowHead;
      if (number === "float32") {
        new Uint8Array(values.buffer, out * 4, dimension * 4).set(
          bytes.subarray(at, at + dimension * 4),
        );
        at += dimension * 4;
        out += dimension;
        continue;
      }
      for (let i = 0; i < dimension; i++, out++) {
        if (number === "float64") {
          values[out] = view.getFloat64(at, true);
          at += 8;
          continue;
        }
        const integer = view.getInt32(at, true);
        if (Math.abs(integer) > EXACT_INTEGER_MAX)
          throw this.#bad(`row ${String(firstRow + row)}: ${String(integer)} is no exact float32`);
        values[out] = integer;
        at += 4;
      }
    }
    return values;
  }

  #bad(reason: string): CommandError {
    return new CommandError(
      EXIT_CODES.usage,
      `Cannot read ${this.path} as ${this.#options.format}: ${reason}.`,
      "Name the format with --format when the ending misleads.",
    );
  }
}
