/**
 * Live rows of several segments as one run in key order: the source of a compaction.
 *
 * A first pass over the keys fixes the order (source and row of each output row: 8 bytes a row);
 * each vector field is then gathered in that order. Sources are read from front to back, a window
 * at a time.
 */
import { compareBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import {
  joinSparse,
  type SparseField,
  type SparseRows,
  type SparseVector,
  type VectorField,
} from "../model/index.ts";
import { SegmentReader, type SectionReader } from "../storage/index.ts";
import { rowStrideBytes } from "../math/index.ts";
import {
  GRAPH_HEADER_BYTES,
  GRAPH_M,
  decodeGraphHeader,
  openOldGraph,
  type OldGraph,
} from "../vector/index.ts";
import type { MergeSource } from "./build-input.ts";
import { kernelMetric } from "./kernel-metric.ts";
import { RecordBlock, RecordFences } from "./record-blocks.ts";
import { SECTION } from "./section-types.ts";
import { SparseWindow } from "./sparse-window.ts";
import type { OpenMergeSource } from "./segment-source.ts";
import {
  decodeSegmentStats,
  type KeyedRecord,
  type SegmentPlan,
  type SegmentRows,
} from "./segment-write.ts";

/** Float32 rows of one source read at once. */
const WINDOW_BYTES = 256 * 1024;
/** Rows handed over at once. */
const STEP_ROWS = 256;

/** A row of a source that is not in the merged segment: it was dead. */
export const NO_ROW = 0xffff_ffff;

export interface MergedRows extends SegmentRows {
  /** For each source the row of the output for each of its rows; after `records` has ended. */
  outputRows(): readonly Uint32Array[];
  /** Closes the files. */
  close(): Promise<void>;
}

export async function mergedRows(
  open: OpenMergeSource,
  plan: SegmentPlan,
  sources: readonly MergeSource[],
): Promise<MergedRows> {
  const opened: OpenSource[] = [];
  try {
    for (const source of sources) opened.push(await OpenSource.open(open, source));
  } catch (error) {
    for (const source of opened) await source.close();
    throw error;
  }
  const count = opened.reduce((sum, source) => sum + source.liveCount, 0);
  const order = { sources: new Uint16Array(count), rows: new Uint32Array(count) };
  let isOrdered = false;
  return {
    count,
    records: async function* (): AsyncIterable<readonly KeyedRecord[]> {
      yield* mergeRecords(opened, order);
      isOrdered = true;
    },
    vectors: (field) => {
      assert(
        isOrdered,
        `records of ${String(plan.fields.length)} fields are merged before vectors`,
      );
      return gatherVectors(opened, order, field);
    },
    sparse: (field) => gatherSparse(opened, order, field),
    rowsAt: (field, rows) => readRows(opened, order, field, rows),
    oldGraph: async (field) => {
      const copyFrom = plan.graph?.copyFrom;
      const source = copyFrom === undefined ? undefined : opened[copyFrom];
      if (copyFrom === undefined || source === undefined) return undefined;
      const newRows = invert(sources, order)[copyFrom];
      return newRows && source.oldGraph(field, newRows);
    },
    keptEfs: (field) => keptEfs(opened, field),
    outputRows: () => invert(sources, order),
    close: async () => {
      for (const source of opened) await source.close();
    },
  };
}

interface MergeOrder {
  readonly sources: Uint16Array;
  readonly rows: Uint32Array;
}

function invert(sources: readonly MergeSource[], order: MergeOrder): readonly Uint32Array[] {
  const rows = sources.map(({ rowCount }) => new Uint32Array(rowCount).fill(NO_ROW));
  for (let row = 0; row < order.rows.length; row++) {
    const target = rows[order.sources[row] ?? 0];
    if (target !== undefined) target[order.rows[row] ?? 0] = row;
  }
  return rows;
}

async function* mergeRecords(
  sources: readonly OpenSource[],
  order: MergeOrder,
): AsyncIterable<readonly KeyedRecord[]> {
  const cursors: RecordCursor[] = [];
  for (const [number, source] of sources.entries()) {
    const cursor = new RecordCursor(source, number);
    if (await cursor.advance()) cursors.push(cursor);
  }
  let at = 0;
  let step: KeyedRecord[] = [];
  while (cursors.length > 0) {
    const cursor = smallest(cursors);
    order.sources[at] = cursor.number;
    order.rows[at] = cursor.row;
    at++;
    step.push({ key: cursor.key, metadata: cursor.metadata });
    if (!(await cursor.advance())) cursors.splice(cursors.indexOf(cursor), 1);
    if (step.length >= STEP_ROWS) {
      yield step;
      step = [];
    }
  }
  if (step.length > 0) yield step;
}

/** Few sources: a look at each is cheaper than keeping a heap. */
function smallest(cursors: readonly RecordCursor[]): RecordCursor {
  let best = cursors[0];
  assert(best !== undefined, "called while a cursor is left");
  for (let i = 1; i < cursors.length; i++) {
    const other = cursors[i];
    if (other !== undefined && compareBytes(other.key, best.key) < 0) best = other;
  }
  return best;
}

async function* gatherVectors(
  sources: readonly OpenSource[],
  order: MergeOrder,
  field: VectorField,
): AsyncIterable<Float32Array> {
  const windows = sources.map((source) => new RowWindow(source.vectors(field), field.dimension));
  const { dimension } = field;
  for (let start = 0; start < order.rows.length; start += STEP_ROWS) {
    const count = Math.min(STEP_ROWS, order.rows.length - start);
    const step = new Float32Array(count * dimension);
    for (let i = 0; i < count; i++) {
      const window = windows[order.sources[start + i] ?? 0];
      assert(window !== undefined, "a window for every source");
      await window.copyRow(order.rows[start + i] ?? 0, step, i * dimension);
    }
    yield step;
  }
}

async function readRows(
  sources: readonly OpenSource[],
  order: MergeOrder,
  { name, dimension }: VectorField,
  rows: readonly number[],
): Promise<readonly Float32Array[]> {
  const strideBytes = rowStrideBytes(dimension);
  const vectors: Float32Array[] = [];
  for (const row of rows) {
    const source = sources[order.sources[row] ?? 0];
    assert(source !== undefined, "a source for every row");
    const start = (order.rows[row] ?? 0) * strideBytes;
    const bytes = await source.vectors({ name }).read(start, dimension * 4);
    vectors.push(new Float32Array(Uint8Array.from(bytes).buffer));
  }
  return vectors;
}

/** Of the source with most rows that has or had a graph. */
async function keptEfs(
  sources: readonly OpenSource[],
  field: VectorField,
): Promise<readonly number[] | undefined> {
  const largest = [...sources].sort((a, b) => b.liveCount - a.liveCount);
  for (const source of largest) {
    const efs = await source.efs(field);
    if (efs !== undefined) return efs;
  }
  return undefined;
}

async function* gatherSparse(
  sources: readonly OpenSource[],
  order: MergeOrder,
  field: SparseField,
): AsyncIterable<SparseRows> {
  const windows: SparseWindow[] = [];
  for (const source of sources) windows.push(await source.sparse(field));
  for (let start = 0; start < order.rows.length; start += STEP_ROWS) {
    const vectors: (SparseVector | undefined)[] = [];
    for (let at = start; at < Math.min(start + STEP_ROWS, order.rows.length); at++) {
      const window = windows[order.sources[at] ?? 0];
      assert(window !== undefined, "a window for every source");
      vectors.push(await window.row(order.rows[at] ?? 0));
    }
    yield joinSparse(vectors);
  }
}

class OpenSource {
  readonly source: MergeSource;
  readonly fences: RecordFences;
  readonly records: SectionReader;
  readonly #reader: SegmentReader;
  readonly #close: () => Promise<void>;

  private constructor(
    source: MergeSource,
    reader: SegmentReader,
    fences: RecordFences,
    close: () => Promise<void>,
  ) {
    this.source = source;
    this.#reader = reader;
    this.fences = fences;
    this.records = section(reader, SECTION.records, "");
    this.#close = close;
  }

  static async open(open: OpenMergeSource, source: MergeSource): Promise<OpenSource> {
    const opened = await open(source);
    try {
      const reader = await SegmentReader.open(opened.source, { ...source, ...source.origin });
      const fences = section(reader, SECTION.recordFences, "");
      const bytes = await fences.read(0, fences.length);
      return new OpenSource(source, reader, new RecordFences(bytes), () => opened.close());
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  get liveCount(): number {
    const { liveBits, rowCount } = this.source;
    if (liveBits === undefined) return rowCount;
    let count = 0;
    for (let row = 0; row < rowCount; row++) if (this.isLive(row)) count++;
    return count;
  }

  isLive(row: number): boolean {
    const { liveBits } = this.source;
    return liveBits === undefined || ((liveBits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  vectors({ name }: Pick<VectorField, "name">): SectionReader {
    return section(this.#reader, SECTION.vectors, name);
  }

  sparse(field: SparseField): Promise<SparseWindow> {
    const { rowCount } = this.source;
    return SparseWindow.open(this.#reader.section(SECTION.sparseRows, field.name), rowCount);
  }

  /** The graph of a field with where its rows are now; undefined when there is none. */
  async oldGraph(field: VectorField, newRows: Uint32Array): Promise<OldGraph | undefined> {
    const section = this.#reader.section(SECTION.graph, field.name);
    if (section === undefined) return undefined;
    const bytes = await section.read(0, section.length);
    const { rowCount } = this.source;
    const header = openOldGraph(bytes, { rowCount, metric: kernelMetric(field) });
    return header.m === GRAPH_M ? { header, bytes, newRows } : undefined;
  }

  /** Breadths of the graph of a field, or of one that its rows were in. */
  async efs(field: VectorField): Promise<readonly number[] | undefined> {
    const section = this.#reader.section(SECTION.graph, field.name);
    if (section === undefined) {
      return decodeSegmentStats(this.#reader.stats).keptEfs.get(field.name);
    }
    const bytes = await section.read(0, Math.min(GRAPH_HEADER_BYTES, section.length));
    const { rowCount } = this.source;
    const metric = kernelMetric(field);
    return decodeGraphHeader(bytes, { rowCount, metric, bytes: section.length }).efs;
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** Walks the live rows of one source in key order. */
class RecordCursor {
  readonly number: number;
  key: Uint8Array = new Uint8Array(0);
  metadata: Uint8Array | undefined;
  row = -1;
  readonly #source: OpenSource;
  #block: RecordBlock | undefined;
  #blockNumber = -1;

  constructor(source: OpenSource, number: number) {
    this.#source = source;
    this.number = number;
  }

  /** False at the end. */
  async advance(): Promise<boolean> {
    do {
      this.row++;
      if (this.row >= this.#source.source.rowCount) return false;
    } while (!this.#source.isLive(this.row));
    let block = this.#block;
    while (block === undefined || this.row >= block.firstRow + block.count)
      block = await this.#nextBlock();
    const entry = block.entry(this.row - block.firstRow);
    this.key = entry.key;
    this.metadata = entry.metadata;
    return true;
  }

  async #nextBlock(): Promise<RecordBlock> {
    this.#blockNumber++;
    const { offset, length, firstRow } = this.#source.fences.block(this.#blockNumber);
    this.#block = new RecordBlock(await this.#source.records.read(offset, length), firstRow);
    return this.#block;
  }
}

/** Float32 rows of one source, read forward a window at a time. */
class RowWindow {
  readonly #section: SectionReader;
  readonly #strideBytes: number;
  readonly #dimension: number;
  #firstRow = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(vectors: SectionReader, dimension: number) {
    this.#section = vectors;
    this.#dimension = dimension;
    this.#strideBytes = rowStrideBytes(dimension);
  }

  async copyRow(row: number, target: Float32Array, at: number): Promise<void> {
    const start = row * this.#strideBytes;
    const windowStart = this.#firstRow * this.#strideBytes;
    if (start < windowStart || start + this.#strideBytes > windowStart + this.#bytes.length) {
      const length = Math.max(WINDOW_BYTES - (WINDOW_BYTES % this.#strideBytes), this.#strideBytes);
      this.#bytes = await this.#section.read(start, Math.min(length, this.#section.length - start));
      this.#firstRow = row;
    }
    const offset = start - this.#firstRow * this.#strideBytes;
    const bytes = this.#bytes.subarray(offset, offset + this.#dimension * 4);
    new Uint8Array(target.buffer, target.byteOffset + at * 4, bytes.length).set(bytes);
  }
}

function section(reader: SegmentReader, type: number, name: string): SectionReader {
  const found = reader.section(type, name);
  assert(found !== undefined, "every segment has its records and vectors");
  return found;
}
