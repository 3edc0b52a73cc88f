/** Bodies with vectors as JSON, written piece by piece: a large batch is never one text. */
import { toExactMembers } from "../base/exact-json.ts";
import type { WriteBatch } from "../model/index.ts";
import type { SentBody } from "./http-channel.ts";
import { JsonBytes } from "./json-bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes of one piece, about. */
const PIECE_BYTES = 131_072;
/** Bodies of at most this many pieces, 1 MiB, are sent as one. */
const PIECES_AT_ONCE_MAX = 8;

/** `{"records":[…]}` of a batch. @throws InsulaError `metadata_invalid` when it is written. */
export function toRecordsBody(batch: WriteBatch): SentBody {
  return toBody(inPieces(batch));
}

/** A JSON list of float32; a number that is not finite becomes null, which the server refuses. */
export function printVector(values: Float32Array): string {
  const bytes = new JsonBytes(0);
  bytes.numbers(values);
  return new TextDecoder().decode(bytes.take());
}

function* inPieces(batch: WriteBatch): Generator<Bytes, void> {
  const bytes = new JsonBytes(PIECE_BYTES + PIECE_BYTES / 8);
  bytes.text('{"records":[');
  for (let i = 0; i < batch.keys.length; i++) {
    if (i > 0) bytes.text(",");
    writeRecord(batch, i, bytes);
    if (bytes.length >= PIECE_BYTES) yield bytes.take();
  }
  bytes.text("]}");
  yield bytes.take();
}

function writeRecord(batch: WriteBatch, i: number, bytes: JsonBytes): void {
  const { keys, vectors, sparse = [], metadata } = batch;
  bytes.text(`{"key":${JSON.stringify(keys[i])}`);
  let named = 0;
  for (const { field, values } of vectors) {
    const dimension = values.length / keys.length;
    const row = values.subarray(i * dimension, (i + 1) * dimension);
    if (field === "") {
      bytes.text(',"vector":');
      bytes.numbers(row);
    } else named++;
  }
  if (named > 0) writeNamed(vectors, i, keys.length, bytes);
  if (sparse.length > 0) writeSparse(sparse, i, bytes);
  const members = metadata[i];
  if (members !== undefined) {
    bytes.text(`,"metadata":${JSON.stringify(toExactMembers(members, "metadata_invalid"))}`);
  }
  bytes.text("}");
}

function writeNamed(
  vectors: WriteBatch["vectors"],
  i: number,
  count: number,
  bytes: JsonBytes,
): void {
  let before = ',"vectors":[';
  for (const { field, values } of vectors) {
    if (field === "") continue;
    const dimension = values.length / count;
    bytes.text(`${before}{"field":${JSON.stringify(field)},"values":`);
    bytes.numbers(values.subarray(i * dimension, (i + 1) * dimension));
    bytes.text("}");
    before = ",";
  }
  bytes.text("]");
}

function writeSparse(
  columns: NonNullable<WriteBatch["sparse"]>,
  i: number,
  bytes: JsonBytes,
): void {
  let before = ',"sparse":[';
  for (const { field, starts, indices, values } of columns) {
    const start = starts[i] ?? 0;
    const end = starts[i + 1] ?? start;
    if (end === start) continue;
    const dimensions = indices.subarray(start, end).join();
    bytes.text(`${before}{"field":${JSON.stringify(field)},"indices":[${dimensions}],"values":`);
    bytes.numbers(values.subarray(start, end));
    bytes.text("}");
    before = ",";
  }
  if (before === ",") bytes.text("]");
}

function toBody(pieces: Generator<Bytes, void>): SentBody {
  const first: Bytes[] = [];
  for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
    first.push(next.value);
    if (first.length > PIECES_AT_ONCE_MAX) return toLongBody(first, pieces);
  }
  return concatenate(first);
}

function concatenate(pieces: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * A stream where the runtime sends one over HTTP/1.1 (Node, Deno, Bun); browsers do not, there the
 * pieces become a Blob, outside of the program's heap.
 */
function toLongBody(first: readonly Bytes[], rest: Generator<Bytes, void>): SentBody {
  if (!isStreaming()) return new Blob([...first, ...rest]);
  const waiting = [...first];
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = waiting.shift() ?? rest.next().value;
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
}

function isStreaming(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node !== undefined;
}
