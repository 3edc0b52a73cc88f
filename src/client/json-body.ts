/** Bodies with vectors as JSON, written piece by piece: a large batch is never one string. */
import { toExactMembers } from "../base/exact-json.ts";
import type { WriteBatch } from "../model/index.ts";
import type { SentBody } from "./http-channel.ts";

/** UTF-16 units of one piece. */
const PIECE_LENGTH = 65_536;
/** Bodies of at most this many pieces, 1 MiB, are sent as one string. */
const PIECES_AT_ONCE_MAX = 16;

/** `{"records":[…]}` of a batch. @throws InsulaError `metadata_invalid` when it is written. */
export function toRecordsBody(batch: WriteBatch): SentBody {
  return toBody(inPieces(recordTexts(batch)));
}

/** A JSON list of float32; a number that is not finite becomes null, which the server refuses. */
export function printVector(values: Float32Array): string {
  let text = "[";
  for (let i = 0; i < values.length; i++) {
    text += i === 0 ? printNumber(values[i] ?? 0) : `,${printNumber(values[i] ?? 0)}`;
  }
  return `${text}]`;
}

/** Nine digits tell all float32 apart, and are half of what the double has. */
function printNumber(value: number): string {
  if (!Number.isFinite(value)) return "null";
  if (Object.is(value, -0)) return "-0";
  return Number.isInteger(value) && Math.abs(value) < 2 ** 24
    ? String(value)
    : value.toPrecision(9);
}

function* recordTexts({ keys, vectors, metadata }: WriteBatch): Iterable<string> {
  yield '{"records":[';
  for (const [i, key] of keys.entries()) {
    let text = `${i === 0 ? "" : ","}{"key":${JSON.stringify(key)}`;
    const named: string[] = [];
    for (const { field, values } of vectors) {
      const dimension = values.length / keys.length;
      const row = printVector(values.subarray(i * dimension, (i + 1) * dimension));
      if (field === "") text += `,"vector":${row}`;
      else named.push(`{"field":${JSON.stringify(field)},"values":${row}}`);
    }
    if (named.length > 0) text += `,"vectors":[${named.join()}]`;
    const members = metadata[i];
    if (members !== undefined) {
      text += `,"metadata":${JSON.stringify(toExactMembers(members, "metadata_invalid"))}`;
    }
    yield `${text}}`;
  }
  yield "]}";
}

function* inPieces(texts: Iterable<string>): Generator<string, void> {
  let piece = "";
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

function toBody(pieces: Generator<string, void>): SentBody {
  const first: string[] = [];
  for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
    first.push(next.value);
    if (first.length > PIECES_AT_ONCE_MAX) return toLongBody(first, pieces);
  }
  return first.join("");
}

/**
 * A stream where the runtime sends one over HTTP/1.1 (Node, Deno, Bun); browsers do not, there the
 * pieces become a Blob, outside of the program's heap.
 */
function toLongBody(first: readonly string[], rest: Generator<string, void>): SentBody {
  if (!isStreaming()) return new Blob([...first, ...rest]);
  const encoder = new TextEncoder();
  const waiting = [...first];
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = waiting.shift() ?? rest.next().value;
      if (piece === undefined) controller.close();
      else controller.enqueue(encoder.encode(piece));
    },
  });
}

function isStreaming(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node !== undefined;
}
