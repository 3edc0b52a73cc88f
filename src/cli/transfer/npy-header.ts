/**
 * The head of an `.npy` file of NumPy: magic, version, a Python literal that tells type and shape.
 *
 * Source: NumPy enhancement proposal 1, "A simple file format for NumPy arrays".
 */
import type { FileHandle } from "node:fs/promises";
import type { MatrixLayout, MatrixNumber } from "./matrix-layout.ts";

const MAGIC = Buffer.from("\u0093NUMPY", "latin1");
/** Bytes of the literal. Source: ours; those of matrices have about 70. */
const LITERAL_BYTES_MAX = 65_536;
const ALIGN_BYTES = 64;
const NUMBERS: Readonly<Record<string, MatrixNumber>> = {
  "<f4": "float32",
  "<f8": "float64",
  "<i4": "int32",
};

/** @throws RangeError with a reason. */
export async function readNpyHeader(file: FileHandle): Promise<MatrixLayout> {
  const head = Buffer.alloc(12);
  await file.read(head, 0, head.length, 0);
  if (!head.subarray(0, 6).equals(MAGIC)) throw new RangeError("it does not begin as one");
  const isShort = head[6] === 1;
  const length = isShort ? head.readUInt16LE(8) : head.readUInt32LE(8);
  const start = (isShort ? 10 : 12) + length;
  if (length > LITERAL_BYTES_MAX) throw new RangeError("its head is too long");
  const literal = Buffer.alloc(length);
  await file.read(literal, 0, length, start - length);
  const text = literal.toString("latin1");
  const type = /'descr': *'([^']*)'/.exec(text)?.[1] ?? "";
  const number = NUMBERS[type];
  if (number === undefined) throw new RangeError(`expected <f4, <f8 or <i4, received ${type}`);
  if (!/'fortran_order': *False/.test(text)) throw new RangeError("expected rows, not columns");
  const shape = /'shape': *\((\d+), *(\d+),?\)/.exec(text);
  if (shape === null) throw new RangeError("expected two dimensions");
  return { rows: Number(shape[1]), dimension: Number(shape[2]), start, rowHead: 0, number };
}

/** As many bytes for every number of rows, so that the count can be written last. */
export function printNpyHeader(rows: number, dimension: number): Buffer {
  const shape = `(${String(rows)}, ${String(dimension)})`.padEnd(40);
  const literal = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const length = Math.ceil((10 + literal.length + 1) / ALIGN_BYTES) * ALIGN_BYTES - 10;
  const head = Buffer.alloc(10);
  MAGIC.copy(head);
  head.writeUInt16LE(1, 6);
  head[7] = 0;
  head[6] = 1;
  head.writeUInt16LE(length, 8);
  return Buffer.concat([head, Buffer.from(`${literal.padEnd(length - 1)}\n`, "latin1")]);
}
