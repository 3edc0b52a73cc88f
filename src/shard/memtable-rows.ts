/** The rows of a frozen memtable in key order, read where they lie. */
import { ByteReader, compareBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import {
  joinSparse,
  sparseRow,
  type SparseField,
  type SparseRows,
  type VectorField,
} from "../model/index.ts";
import { rowView, type MemoryViews, type RowBlockPlace } from "../vector/index.ts";
import type { BuildInput } from "./build-input.ts";
import type { KeyedRecord, SegmentRows } from "./segment-write.ts";

/** Rows handed over at once. */
const STEP_ROWS = 256;

type MemtableInput = Extract<BuildInput["rows"], { kind: "memtable" }>;

interface PackedRow extends KeyedRecord {
  readonly row: number;
}

export interface MemtableRows extends SegmentRows {
  /** Row of the memtable for each row of the segment. */
  readonly order: Uint32Array;
}

/** Sorts by key: here and not on the control thread, where it would be one long step. */
export function memtableRows(memory: MemoryViews, input: MemtableInput): MemtableRows {
  const rows = unpack(input).sort((a, b) => compareBytes(a.key, b.key));
  const order = Uint32Array.from(rows, ({ row }) => row);
  return {
    order,
    count: rows.length,
    records: () => readRecords(rows),
    vectors: (field) => readVectors(memory, { input, order, field }),
    sparse: (field) => readSparse(input, order, field),
    rowsAt: (field, numbers) => {
      const { dimension } = field;
      const blocks = blocksOf(input, field);
      const rowAt = (i: number): Float32Array =>
        rowView(memory, blocks, dimension, order[i] ?? 0).slice();
      return Promise.resolve(numbers.map(rowAt));
    },
  };
}

function unpack(input: MemtableInput): PackedRow[] {
  const reader = new ByteReader(input.records);
  return Array.from({ length: input.count }, () => {
    const row = reader.varint();
    const key = reader.bytes();
    const metadata = reader.bytes();
    return { row, key, metadata: metadata.length === 0 ? undefined : metadata };
  });
}

async function* readRecords(rows: readonly PackedRow[]): AsyncIterable<readonly KeyedRecord[]> {
  for (let row = 0; row < rows.length; row += STEP_ROWS) yield rows.slice(row, row + STEP_ROWS);
}

interface VectorRead {
  readonly input: MemtableInput;
  readonly order: Uint32Array;
  readonly field: VectorField;
}

async function* readVectors(
  memory: MemoryViews,
  { input, order, field }: VectorRead,
): AsyncIterable<Float32Array> {
  const blocks = blocksOf(input, field);
  const { dimension } = field;
  const step = new Float32Array(STEP_ROWS * dimension);
  for (let start = 0; start < order.length; start += STEP_ROWS) {
    const count = Math.min(STEP_ROWS, order.length - start);
    for (let i = 0; i < count; i++) {
      step.set(rowView(memory, blocks, dimension, order[start + i] ?? 0), i * dimension);
    }
    yield step.subarray(0, count * dimension);
  }
}

function blocksOf(input: MemtableInput, { name }: VectorField): readonly RowBlockPlace[] {
  const blocks = input.blocks.find((candidate) => candidate.field === name)?.blocks;
  assert(blocks !== undefined, "blocks for every field of the schema");
  return blocks;
}

async function* readSparse(
  input: MemtableInput,
  order: Uint32Array,
  field: SparseField,
): AsyncIterable<SparseRows> {
  const column = input.sparse.find((candidate) => candidate.field === field.name);
  assert(column !== undefined, "rows for every sparse field of the schema");
  for (let start = 0; start < order.length; start += STEP_ROWS) {
    const rows = order.subarray(start, start + STEP_ROWS);
    yield joinSparse(Array.from(rows, (row) => sparseRow(column, row)));
  }
}
