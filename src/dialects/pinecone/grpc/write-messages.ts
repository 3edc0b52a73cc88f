/** Answers of the data plane as the vendor's messages. */
import { ProtoWriter, writeStruct } from "../../../wire/index.ts";
import type {
  FetchAnswer,
  FetchByMetadataAnswer,
  ListAnswer,
  QueryAnswer,
  ScoredVector,
  SparseValues,
  StatsAnswer,
  StoredVector,
  UpsertAnswer,
  Usage,
} from "../operations/messages.ts";

/** Room for a record besides its floats. */
const RECORD_BYTES = 64;

/** A message that may be long: written in pieces, each paid for behind it, in steps. */
export type InTurns = Generator<number, Uint8Array, void>;

/** Records written between two looks at the pace. */
const RECORDS_AT_ONCE = 16;
/** About half a microsecond a record, and what its bytes cost. */
const RECORD_STEPS = 128;

function* writeEach<Item>(
  writer: ProtoWriter,
  items: readonly Item[],
  write: (item: Item) => void,
): Generator<number, void, void> {
  for (let first = 0; first < items.length; first += RECORDS_AT_ONCE) {
    const before = writer.written.length;
    for (const item of items.slice(first, first + RECORDS_AT_ONCE)) write(item);
    yield RECORDS_AT_ONCE * RECORD_STEPS + (writer.written.length - before);
  }
}

export function writeUpsert({ upsertedCount }: UpsertAnswer): Uint8Array {
  const writer = new ProtoWriter();
  writer.uint(1, upsertedCount);
  return writer.written;
}

export function writeNothing(): Uint8Array {
  return new Uint8Array(0);
}

export function* writeQuery({ matches, namespace, usage }: QueryAnswer): InTurns {
  const writer = new ProtoWriter(roomFor(matches));
  yield* writeEach(writer, matches, (match) => {
    writer.message(2, () => {
      writeScored(writer, match);
    });
  });
  writer.text(3, namespace);
  writeUsage(writer, 4, usage);
  return writer.written;
}

function writeScored(writer: ProtoWriter, match: ScoredVector): void {
  const { id, score, values, metadata, sparseValues } = match;
  writer.text(1, id);
  writer.float(2, score);
  if (values !== undefined) writer.floats(3, values);
  if (metadata !== undefined) writeStruct(writer, 4, metadata);
  writeSparse(writer, 5, sparseValues);
}

export function* writeFetch(answer: FetchAnswer): InTurns {
  return (yield* fillFetch(answer)).written;
}

export function* writeFetchByMetadata(answer: FetchByMetadataAnswer): InTurns {
  const writer = yield* fillFetch(answer);
  writePagination(writer, 4, answer.next);
  return writer.written;
}

function* fillFetch({
  vectors,
  namespace,
  usage,
}: FetchAnswer): Generator<number, ProtoWriter, void> {
  const writer = new ProtoWriter(roomFor(vectors));
  yield* writeEach(writer, vectors, (vector) => {
    writer.message(1, () => {
      writer.text(1, vector.id);
      writer.message(2, () => {
        writeStored(writer, vector);
      });
    });
  });
  writer.text(2, namespace);
  writeUsage(writer, 3, usage);
  return writer;
}

function writeStored(writer: ProtoWriter, vector: StoredVector): void {
  const { id, values, metadata, sparseValues } = vector;
  writer.text(1, id);
  if (values !== undefined) writer.floats(2, values);
  if (metadata !== undefined) writeStruct(writer, 3, metadata);
  writeSparse(writer, 4, sparseValues);
}

function writeSparse(writer: ProtoWriter, field: number, sparse: SparseValues | undefined): void {
  if (sparse === undefined) return;
  writer.message(field, () => {
    writer.uints(1, sparse.indices);
    writer.floats(2, sparse.values);
  });
}

export function writeList({ ids, next, namespace, usage }: ListAnswer): Uint8Array {
  const writer = new ProtoWriter();
  for (const id of ids) {
    writer.message(1, () => {
      writer.text(1, id);
    });
  }
  writePagination(writer, 2, next);
  writer.text(3, namespace);
  writeUsage(writer, 4, usage);
  return writer.written;
}

export function writeStats(stats: StatsAnswer): Uint8Array {
  const { namespaces, dimension, indexFullness, totalVectorCount, metric, vectorType } = stats;
  const writer = new ProtoWriter();
  for (const { name, vectorCount } of namespaces) {
    writer.message(1, () => {
      writer.text(1, name);
      writer.message(2, () => {
        writer.uint(1, vectorCount);
      });
    });
  }
  if (dimension !== undefined) writer.uintAlways(2, dimension);
  writer.float(3, indexFullness);
  writer.uint(4, totalVectorCount);
  writer.textAlways(5, metric);
  writer.textAlways(6, vectorType);
  return writer.written;
}

/** On the last page nothing. */
export function writePagination(
  writer: ProtoWriter,
  field: number,
  next: string | undefined,
): void {
  if (next === undefined) return;
  writer.message(field, () => {
    writer.text(1, next);
  });
}

function writeUsage(writer: ProtoWriter, field: number, { readUnits }: Usage): void {
  writer.message(field, () => {
    writer.uintAlways(1, readUnits);
  });
}

/** What records take about, so that the buffer does not grow while it is filled. */
function roomFor(vectors: readonly StoredVector[]): number {
  const floats = vectors[0]?.values?.length ?? 0;
  return vectors.length * (4 * floats + RECORD_BYTES);
}
