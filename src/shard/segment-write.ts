/**
 * Writes one segment from rows in key order: records, key filter, vectors with their codes,
 * inverted indexes, dead rows. The same function serves flush and compaction, on a worker or
 * inline.
 *
 * Rows are streamed: what is held at once are the codes of one field and the inverted indexes.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { SegmentUid, ShardUid } from "../base/brands.ts";
import { otherFormat } from "../base/format-version.ts";
import { InvertedBuilder } from "../inverted/index.ts";
import type { SparseField, SparseRows, VectorField } from "../model/index.ts";
import { BloomBuilder, SegmentBuilder, type SegmentSink } from "../storage/index.ts";
import {
  BIT_ROWS_MIN,
  BitQuantizer,
  CHECKED_ROWS_MIN,
  CodeCheck,
  RowQuantizer,
  RowSample,
  checkedRows,
} from "../vector/index.ts";
import type { OldGraph } from "../vector/index.ts";
import { codeMetric, hasGraph } from "./kernel-metric.ts";
import { buildGraph, openGraphBuild, type GraphPlace, type PlannedGraph } from "./segment-graph.ts";
import { writeSparseField } from "./segment-sparse-write.ts";
import { RecordBlockBuilder } from "./record-blocks.ts";
import { SECTION } from "./section-types.ts";

/** Chunk of sections that are read whole or in long runs. */
const CHUNK_BYTES = 65_536;
/** Chunk of records: a block is about 4 KiB, so one block costs one or two chunks. */
const RECORD_CHUNK_BYTES = 4_096;
/** Float32 rows are fetched one by one: a chunk is as many whole rows as fit. */
const ROW_CHUNK_BYTES = 4_096;
/** Of a section that is there whole, written at once: whole chunks. */
const APPENDED_BYTES = 16 * CHUNK_BYTES;
/** Vectors start where the kernels and the page cache like them. */
const VECTOR_ALIGN_BYTES = 64;

/** Where the rows come from. Each iteration gives the same rows in the same order. */
export interface SegmentRows {
  readonly count: number;
  /** Keys (UTF-8, ascending) and metadata; views that live until the next step. */
  records(): AsyncIterable<readonly KeyedRecord[]>;
  /**
   * Rows of one field, `dimension` float32 each without padding; views that live until the next
   * step.
   */
  vectors(field: VectorField): AsyncIterable<Float32Array>;
  /**
   * Rows of one sparse field, one behind the other; views that live until the next step. Called
   * more than once.
   */
  sparse(field: SparseField): AsyncIterable<SparseRows>;
  /** Single rows of one field, in the order of the list. */
  rowsAt(field: VectorField, rows: readonly number[]): Promise<readonly Float32Array[]>;
  /** The graph that is to be taken over; of a memtable none. */
  oldGraph?(field: VectorField): Promise<OldGraph | undefined>;
  /** Breadths of walks among most of these rows, as GRAPH_RECALLS; of a memtable none. */
  keptEfs?(field: VectorField): Promise<readonly number[] | undefined>;
}

export interface KeyedRecord {
  readonly key: Uint8Array;
  readonly metadata: Uint8Array | undefined;
}

export interface SegmentPlan {
  readonly segment: SegmentUid;
  readonly shard: ShardUid;
  readonly fields: readonly VectorField[];
  /** Undefined for none. */
  readonly sparseFields?: readonly SparseField[] | undefined;
  readonly unfilterable: readonly string[];
  readonly sequenceMax: number;
  /** The segment's own key; undefined for a plain one. */
  readonly key: Uint8Array | undefined;
  /** Encoded dead rows of other segments; undefined for none. */
  readonly deadRows: Uint8Array | undefined;
  /** Undefined: the segment gets no graph now. */
  readonly graph?: PlannedGraph | undefined;
}

/** Streams the segment into `sink`; resolves to its length in bytes. Does not sync. */
export async function writeSegment(
  sink: SegmentSink,
  plan: SegmentPlan,
  rows: SegmentRows,
  place: GraphPlace,
): Promise<number> {
  const builder = new SegmentBuilder(sink, plan);
  const inverted = new InvertedBuilder(plan.unfilterable);
  await writeRecords(builder, rows, inverted);
  const codeCounts = new Map<string, readonly number[]>();
  const keptEfs = new Map<string, readonly number[]>();
  for (const field of plan.fields) {
    const written = await writeField(builder, { plan, field, rows }, place);
    if (written.counts !== undefined) codeCounts.set(field.name, written.counts);
    if (written.keptEfs !== undefined) keptEfs.set(field.name, written.keptEfs);
  }
  for (const field of plan.sparseFields ?? []) {
    await writeSparseField(builder, field, rows, place);
  }
  const { sections, hasOverflow } = inverted.finish(rows.count);
  for (const { property, bytes } of sections) {
    await writeWhole(builder, SECTION.inverted, property, [bytes]);
  }
  if (plan.deadRows !== undefined) await writeWhole(builder, SECTION.deadRows, "", [plan.deadRows]);
  const { sequenceMax } = plan;
  const hasAllProperties = !hasOverflow;
  const { count: rowCount } = rows;
  const stats = { rowCount, sequenceMax, hasAllProperties, codeCounts, keptEfs };
  builder.setStats(encodeSegmentStats(stats));
  const { bytes } = await builder.finish();
  return bytes;
}

export interface SegmentStats {
  readonly rowCount: number;
  readonly sequenceMax: number;
  /** False when there were too many properties to index all of them. */
  readonly hasAllProperties: boolean;
  /**
   * By vector field, how many rows must be compared after a scan of its int8 codes, for each of
   * GRAPH_RECALLS; fields that were not checked are missing.
   */
  readonly codeCounts: ReadonlyMap<string, readonly number[]>;
  /**
   * By vector field without a graph, the breadths of a graph that most of its rows were in: those
   * of the next one, while its check agrees.
   */
  readonly keptEfs: ReadonlyMap<string, readonly number[]>;
}

export function encodeSegmentStats(stats: SegmentStats): Uint8Array {
  const writer = new ByteWriter(32).uint8(1).varint(stats.rowCount).varint(stats.sequenceMax);
  writer.uint8(stats.hasAllProperties ? 1 : 0);
  const { codeCounts, keptEfs } = stats;
  if (codeCounts.size + keptEfs.size > 0) writeByField(writer, codeCounts);
  if (keptEfs.size > 0) writeByField(writer, keptEfs);
  return writer.finish();
}

function writeByField(writer: ByteWriter, numbers: ReadonlyMap<string, readonly number[]>): void {
  writer.varint(numbers.size);
  for (const [field, counts] of numbers) {
    writer.string(field).varint(counts.length);
    for (const count of counts) writer.varint(count);
  }
}

/** Nothing when the bytes have ended: statistics of early builds are shorter. */
function readByField(reader: ByteReader): ReadonlyMap<string, readonly number[]> {
  const numbers = new Map<string, readonly number[]>();
  const fieldCount = reader.remaining > 0 ? reader.varint() : 0;
  for (let i = 0; i < fieldCount; i++) {
    const field = reader.string();
    numbers.set(
      field,
      Array.from({ length: reader.varint() }, () => reader.varint()),
    );
  }
  return numbers;
}

/** @throws InsulaError `format_unsupported` for statistics of another version. */
export function decodeSegmentStats(bytes: Uint8Array): SegmentStats {
  const reader = new ByteReader(bytes);
  const version = reader.uint8();
  if (version !== 1) {
    throw otherFormat("the statistics of a segment", 1, version);
  }
  const rowCount = reader.varint();
  const sequenceMax = reader.varint();
  const hasAllProperties = reader.uint8() === 1;
  const codeCounts = readByField(reader);
  const keptEfs = readByField(reader);
  return { rowCount, sequenceMax, hasAllProperties, codeCounts, keptEfs };
}

async function writeRecords(
  builder: SegmentBuilder,
  rows: SegmentRows,
  inverted: InvertedBuilder,
): Promise<void> {
  const filter = new BloomBuilder(rows.count);
  const closed: Uint8Array[] = [];
  const blocks = new RecordBlockBuilder((block) => closed.push(block));
  builder.beginSection(SECTION.records, "", {
    chunkBytes: RECORD_CHUNK_BYTES,
    alignBytes: 1,
  });
  let row = 0;
  for await (const records of rows.records()) {
    for (const { key, metadata } of records) {
      blocks.add(key, metadata);
      filter.add(key);
      if (metadata !== undefined) inverted.addEncoded(row, metadata);
      row++;
    }
    for (const block of closed.splice(0)) await builder.append(block);
  }
  const fences = blocks.finish();
  for (const block of closed.splice(0)) await builder.append(block);
  await builder.endSection();
  await writeWhole(builder, SECTION.recordFences, "", [fences]);
  await writeWhole(builder, SECTION.keyFilter, "", [filter.finish()]);
}

interface WrittenField {
  /** What the check of the int8 codes says; undefined where there was none. */
  readonly counts: readonly number[] | undefined;
  /** For the next graph, of a field that has none now. */
  readonly keptEfs: readonly number[] | undefined;
}

async function writeField(
  builder: SegmentBuilder,
  {
    plan,
    field,
    rows,
  }: {
    readonly plan: SegmentPlan;
    readonly field: VectorField;
    readonly rows: SegmentRows;
  },
  place: GraphPlace,
): Promise<WrittenField> {
  const { kernelModule } = place.memory;
  const isWalked = rows.count > 0 && hasGraph(field);
  const keptEfs = isWalked ? await rows.keptEfs?.(field) : undefined;
  if (plan.graph === undefined || !isWalked) {
    const quantizer = new RowQuantizer(kernelModule, field.dimension, rows.count);
    const counts = await writeVectors(builder, { field, rows, quantizer }, place);
    await writeBits(builder, field, rows, place);
    return { counts, keptEfs };
  }
  const graph = openGraphBuild(place, plan.graph, field, rows.count);
  const quantizer = new RowQuantizer(kernelModule, field.dimension, rows.count, graph);
  const counts = await writeVectors(builder, { field, rows, quantizer }, place);
  const old = await rows.oldGraph?.(field);
  const pieces = await buildGraph(place, graph, { old, keptEfs: old?.header.efs ?? keptEfs });
  if (pieces !== undefined) await writeWhole(builder, SECTION.graph, field.name, pieces);
  return { counts, keptEfs: undefined };
}

/** Undefined for few rows, and for fields that are searched by other codes, or by none. */
async function openCheck(
  field: VectorField,
  rows: SegmentRows,
  { memory }: GraphPlace,
): Promise<CodeCheck | undefined> {
  const metric = codeMetric(field);
  const rowCount = rows.count;
  if (metric === undefined || field.memory === "small" || rowCount < CHECKED_ROWS_MIN) {
    return undefined;
  }
  const { dimension } = field;
  const numbers = checkedRows(dimension, rowCount);
  const vectors = await rows.rowsAt(field, numbers);
  const sample = vectors.map((vector, i) => ({ row: numbers[i] ?? 0, vector }));
  return new CodeCheck(memory.kernelModule, metric, { dimension, rowCount }, sample);
}

/** Codes of one bit a component, for fields that are to cost little memory. */
async function writeBits(
  builder: SegmentBuilder,
  field: VectorField,
  rows: SegmentRows,
  place: GraphPlace,
): Promise<void> {
  const metric = codeMetric(field);
  if (field.memory !== "small" || metric === undefined || rows.count < BIT_ROWS_MIN) return;
  const sample = new RowSample(field.dimension, rows.count);
  for await (const values of rows.vectors(field)) sample.add(values);
  const quantizer = new BitQuantizer(place.memory.kernelModule, metric, sample);
  for await (const values of rows.vectors(field)) {
    quantizer.add(values);
    await place.turn();
  }
  const section = quantizer.finish();
  if (section !== undefined) await writeWhole(builder, SECTION.bits, field.name, [section]);
}

async function writeVectors(
  builder: SegmentBuilder,
  {
    field,
    rows,
    quantizer,
  }: {
    readonly field: VectorField;
    readonly rows: SegmentRows;
    readonly quantizer: RowQuantizer;
  },
  place: GraphPlace,
): Promise<readonly number[] | undefined> {
  const { strideBytes } = quantizer;
  const check = await openCheck(field, rows, place);
  const chunkBytes = Math.max(1, Math.floor(ROW_CHUNK_BYTES / strideBytes)) * strideBytes;
  builder.beginSection(SECTION.vectors, field.name, {
    chunkBytes,
    alignBytes: VECTOR_ALIGN_BYTES,
  });
  for await (const values of rows.vectors(field)) {
    for (const padded of quantizer.add(values)) {
      check?.compare(padded);
      await builder.append(padded);
    }
  }
  await builder.endSection();
  const quantized = quantizer.finish();
  const { codes, factors } = quantized;
  const counts = await check?.finish(quantized, () => place.turn());
  await writeWhole(builder, SECTION.codes, field.name, [codes]);
  await writeWhole(builder, SECTION.rowFactors, field.name, [factors]);
  return counts;
}

async function writeWhole(
  builder: SegmentBuilder,
  type: number,
  name: string,
  pieces: readonly Uint8Array[],
): Promise<void> {
  builder.beginSection(type, name, {
    chunkBytes: CHUNK_BYTES,
    alignBytes: VECTOR_ALIGN_BYTES,
  });
  // In steps: sinks copy what they are given, and codes may have a gibibyte.
  for (const bytes of pieces) {
    for (let start = 0; start < bytes.length; start += APPENDED_BYTES) {
      await builder.append(bytes.subarray(start, start + APPENDED_BYTES));
    }
  }
  await builder.endSection();
}
