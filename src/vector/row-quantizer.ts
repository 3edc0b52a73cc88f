/**
 * Pads and quantizes rows while a segment is written: int8 codes, scale and norms of each row.
 *
 * Works in a small memory that it borrows, so that a build needs nothing of the arenas; the codes
 * of the whole field are collected on the way (one byte a component).
 */
import { assert } from "../base/errors.ts";
import {
  alignBytes,
  codeStrideBytes,
  giveBackMemory,
  int8Layout,
  lendMemory,
  rowStrideBytes,
  type Int8Layout,
  type LentMemory,
  type WasmModule,
} from "../math/index.ts";

/** Float32 rows worked on at once. */
const STAGING_BYTES = 1_048_576;
/** Kernels want their arrays behind the null page. */
const START = 64;

export interface QuantizedRows {
  /** Rows of codes, padded stride. */
  readonly codes: Uint8Array;
  /** Scales, squared norms and inverse norms: three float32 arrays, each padded to 16 bytes. */
  readonly factors: Uint8Array;
}

export class RowQuantizer {
  readonly strideBytes: number;
  readonly #dimension: number;
  readonly #rowCount: number;
  readonly #codeStride: number;
  readonly #stepRows: number;
  readonly #layout: Int8Layout;
  readonly #module: WasmModule;
  readonly #lent: LentMemory;
  readonly #codes: Uint8Array;
  readonly #factors: Uint8Array;
  #at = 0;

  /**
   * @param rowCount rows that will be added in all.
   * @param target   where codes and factors go; else memory of its own.
   */
  constructor(module: WasmModule, dimension: number, rowCount: number, target?: QuantizedRows) {
    this.strideBytes = rowStrideBytes(dimension);
    this.#dimension = dimension;
    this.#rowCount = rowCount;
    this.#codeStride = codeStrideBytes(dimension);
    const stepRowsMax = Math.floor(STAGING_BYTES / this.strideBytes);
    this.#stepRows = Math.max(1, Math.min(rowCount, stepRowsMax));
    const rowBytes = this.strideBytes + this.#codeStride + 3 * 4;
    this.#module = module;
    this.#lent = lendMemory(module, START + this.#stepRows * rowBytes + 256);
    this.#layout = int8Layout(dimension, rowCount);
    const { scales, bytes } = this.#layout;
    this.#codes = target?.codes ?? new Uint8Array(scales);
    this.#factors = target?.factors ?? new Uint8Array(bytes - scales);
    assert(this.#codes.length === scales, "room for the codes of all rows");
    // Padding behind each column; a target is not cleared.
    this.#factors.fill(0);
  }

  /**
   * Adds rows without padding.
   *
   * @returns the same rows with padding, in pieces; each is valid until the next is asked for.
   */
  *add(values: Float32Array): Iterable<Uint8Array> {
    const count = values.length / this.#dimension;
    assert(this.#at + count <= this.#rowCount, "as many rows as announced");
    for (let start = 0; start < count; start += this.#stepRows) {
      yield this.#step(values, start, Math.min(this.#stepRows, count - start));
    }
  }

  /** Call once, when all rows are added and the last piece was used. */
  finish(): QuantizedRows {
    assert(this.#at === this.#rowCount, "every announced row was added");
    giveBackMemory(this.#module, this.#lent);
    return { codes: this.#codes, factors: this.#factors };
  }

  #step(values: Float32Array, start: number, count: number): Uint8Array {
    const { memory, kernels } = this.#lent;
    const { buffer } = memory;
    const floats = this.strideBytes / 4;
    const rows = new Float32Array(buffer, START, count * floats);
    for (let i = 0; i < count; i++) {
      const from = (start + i) * this.#dimension;
      rows.set(values.subarray(from, from + this.#dimension), i * floats);
      rows.fill(0, i * floats + this.#dimension, (i + 1) * floats);
    }
    const codesAt = START + this.#stepRows * this.strideBytes;
    const scalesAt = codesAt + this.#stepRows * this.#codeStride;
    const arrayBytes = alignBytes(this.#stepRows * 4);
    kernels.quantizeRows(
      START, this.strideBytes, count, codesAt, this.#codeStride,
      scalesAt, scalesAt + arrayBytes, scalesAt + 2 * arrayBytes,
    ); // prettier-ignore
    const codes = new Uint8Array(buffer, codesAt, count * this.#codeStride);
    this.#codes.set(codes, this.#at * this.#codeStride);
    const { scales, squaredNorms, inverseNorms } = this.#layout;
    for (const [i, column] of [scales, squaredNorms, inverseNorms].entries()) {
      const factors = new Uint8Array(buffer, scalesAt + i * arrayBytes, count * 4);
      this.#factors.set(factors, column - scales + this.#at * 4);
    }
    this.#at += count;
    return new Uint8Array(buffer, START, count * this.strideBytes);
  }
}
