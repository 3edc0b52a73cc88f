/**
 * Parquet: one record a row, columns named as the members of JSON Lines. `metadata` is JSON text or
 * a struct. The library is loaded with the first such file.
 */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { FileMetaData } from "hyparquet";
import { isInsulaError } from "../../base/errors.ts";
import { parseJsonExact, type JsonObject, type JsonValue } from "../../wire/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { BatchBuilder } from "./batch-builder.ts";
import { toRecord, type MemberNames, type SourceRecord } from "./record-members.ts";
import {
  SOURCE_START,
  type BatchBounds,
  type RecordSource,
  type SourceBatch,
  type SourcePosition,
  type SourceShape,
} from "./record-source.ts";
import { toVector } from "./vector-member.ts";

/** Rows read at once. Source: ours; a row of 1,536 numbers is 12 kB while it is read. */
const SLICE_ROWS = 8_192;
const METADATA = "metadata";

/** A row as the library gives it. */
type Row = Readonly<Record<string, unknown>>;

export class ParquetSource implements RecordSource {
  readonly path: string;
  readonly byteLength: number;
  readonly #names: MemberNames;

  constructor(path: string, byteLength: number, names: MemberNames) {
    this.path = path;
    this.byteLength = byteLength;
    this.#names = names;
  }

  async shape(): Promise<SourceShape> {
    const bounds = { recordsMax: 1, bytesMax: 1 };
    for await (const { tenant, batch } of this.batches(SOURCE_START, bounds)) {
      const rows = batch.keys.length;
      const dimensions = new Map(
        batch.vectors.map(({ field, values }) => [field, values.length / rows]),
      );
      return { dimensions, hasTenants: tenant !== undefined };
    }
    return { dimensions: new Map(), hasTenants: false };
  }

  async *batches(from: SourcePosition, bounds: BatchBounds): AsyncIterable<SourceBatch> {
    const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } =
      await import("hyparquet");
    const file = await asyncBufferFromFile(this.path);
    const metadata = await parquetMetadataAsync(file).catch((cause: unknown) => {
      throw this.#bad(0, cause);
    });
    const builder = new BatchBuilder(bounds);
    for (const slice of slicesOf(metadata, from.records, bounds.recordsMax)) {
      const rows = (await parquetReadObjects({
        file,
        metadata,
        compressors: { GZIP: inflate, BROTLI: (bytes) => brotliDecompressSync(bytes) },
        ...slice,
      }).catch((cause: unknown) => {
        throw this.#bad(slice.rowStart, cause);
      })) as readonly Row[];
      for (const [i, row] of rows.entries()) {
        const number = slice.rowStart + i;
        const record = this.#recordOrFailure(row, number);
        if (record instanceof CommandError || builder.mustBegin(record)) {
          const batch = builder.take(this.#place(number, metadata));
          if (batch !== undefined) yield batch;
        }
        // What came before the bad row is written first.
        if (record instanceof CommandError) throw record;
        builder.add(record, (record.vectors.get("")?.byteLength ?? 0) + 64);
      }
    }
    const rest = builder.take(this.#place(Number(metadata.num_rows), metadata));
    if (rest !== undefined) yield rest;
  }

  /** Bytes are a share of the file: rows of a compressed file lie at no byte. */
  #place(records: number, metadata: FileMetaData): SourcePosition {
    const share = records / Math.max(1, Number(metadata.num_rows));
    return { records, bytes: Math.floor(this.byteLength * share) };
  }

  #recordOrFailure(row: Row, number: number): SourceRecord | CommandError {
    try {
      return toRecord(toMembers(row), this.#names);
    } catch (cause) {
      if (!(cause instanceof RangeError) && !isInsulaError(cause)) throw cause;
      return this.#bad(number, cause);
    }
  }

  #bad(row: number, cause: unknown): CommandError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new CommandError(
      EXIT_CODES.usage,
      `Cannot read ${this.path}, row ${String(row)}: ${reason}.`,
      "Rows before it are written; after the correction the same command goes on.",
      cause,
    );
  }
}

function* slicesOf(
  metadata: FileMetaData,
  from: number,
  recordsMax: number,
): Iterable<{ readonly rowStart: number; readonly rowEnd: number }> {
  const step = recordsMax === 1 ? 1 : SLICE_ROWS;
  let groupStart = 0;
  for (const { num_rows: count } of metadata.row_groups) {
    const groupEnd = groupStart + Number(count);
    // Slices begin at the same rows whatever was read before.
    for (let start = groupStart; start < groupEnd; start += step) {
      const end = Math.min(start + step, groupEnd);
      if (end > from) yield { rowStart: Math.max(start, from), rowEnd: end };
    }
    groupStart = groupEnd;
  }
}

function inflate(bytes: Uint8Array): Uint8Array {
  return gunzipSync(bytes);
}

/** Lists of numbers stay as they are; everything else becomes what JSON would have given. */
function toMembers(row: Row): JsonObject {
  const members = Object.create(null) as Record<string, JsonValue>;
  for (const [name, value] of Object.entries(row)) {
    if (value === undefined || value === null) continue;
    if (name === METADATA && typeof value === "string") members[name] = parseJsonExact(value);
    else if (isNumbers(value)) members[name] = [...toVector(value, name)];
    else members[name] = toJson(value);
  }
  return members;
}

function isNumbers(value: unknown): boolean {
  return value instanceof Float32Array || value instanceof Float64Array;
}

function toJson(value: unknown): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
    case "bigint":
      return value;
    default:
      break;
  }
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(toJson);
  const members = Object.create(null) as Record<string, JsonValue>;
  for (const [name, inner] of Object.entries(value)) members[name] = toJson(inner);
  return members;
}
