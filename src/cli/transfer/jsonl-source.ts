/** JSON Lines: one record a line, read as a stream; the memory holds a line and a batch. */
import { createReadStream } from "node:fs";
import { InsulaError, isInsulaError } from "../../base/errors.ts";
import { parseJsonBytes, type JsonObject } from "../../wire/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { BatchBuilder } from "./batch-builder.ts";
import { PassedOver } from "./passed-over.ts";
import {
  isExported,
  toExportedRecord,
  toRecord,
  type MemberNames,
  type OtherRecord,
  type SourceRecord,
} from "./record-members.ts";
import {
  SOURCE_START,
  type BatchBounds,
  type RecordSource,
  type SourceBatch,
  type SourcePosition,
  type SourceShape,
} from "./record-source.ts";

/** Bytes of one line. Source: 16 vectors of 16,384 numbers and the metadata fit. */
export const IMPORT_LINE_BYTES_MAX = 67_108_864;
const LINE_FEED = 0x0a;
/** As the export of a customer over HTTP begins its lines. */
const EXPORTED = Buffer.from('{"collection":');

interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly record: SourceRecord;
  readonly end: SourcePosition;
}

export class JsonlSource implements RecordSource {
  readonly path: string;
  readonly byteLength: number | undefined;
  passedOver: PassedOver = new PassedOver();
  readonly #names: MemberNames;

  /** @param path  `-` is standard input, which can be read once. */
  constructor(path: string, byteLength: number | undefined, names: MemberNames) {
    this.path = path;
    this.byteLength = byteLength;
    this.#names = names;
  }

  async shape(): Promise<SourceShape> {
    this.passedOver = new PassedOver();
    for await (const { record } of this.#records(SOURCE_START)) {
      const dimensions = new Map([...record.vectors].map(([name, { length }]) => [name, length]));
      const hasTenants = record.tenant !== undefined;
      return { dimensions, sparseFields: [...record.sparse.keys()], hasTenants };
    }
    return { dimensions: new Map(), hasTenants: false };
  }

  async *batches(from: SourcePosition, bounds: BatchBounds): AsyncIterable<SourceBatch> {
    this.passedOver = new PassedOver();
    const builder = new BatchBuilder(bounds);
    let end = from;
    try {
      for await (const line of this.#records(from)) {
        if (builder.mustBegin(line.record)) {
          const batch = builder.take(end);
          if (batch !== undefined) yield batch;
        }
        builder.add(line.record, line.end.bytes - end.bytes);
        end = line.end;
      }
    } catch (error) {
      // What came before the bad line is written first.
      const before = builder.take(end);
      if (before !== undefined) yield before;
      throw error;
    }
    const rest = builder.take(end);
    if (rest !== undefined) yield rest;
  }

  async *#records(from: SourcePosition): AsyncIterable<Line> {
    // Blank lines are no records, but lines in messages count them: known only from the start on.
    let number = from.records;
    let records = from.records;
    let bytes = from.bytes;
    for await (const line of this.#lines(from.bytes)) {
      number++;
      bytes += line.length + 1;
      if (line.every(isBlank)) continue;
      records++;
      const record = this.#parse(line, number);
      if ("otherCollection" in record) this.passedOver.add(record.otherCollection);
      else yield { number, record, end: { records, bytes } };
    }
  }

  #parse(line: Buffer, number: number): SourceRecord | OtherRecord {
    try {
      // As our server writes it: read once, the other way.
      if (this.#isExported(line)) return this.#parseExported(line);
      const json = parseJsonBytes(line);
      if (typeof json !== "object" || json === null || Array.isArray(json))
        throw new RangeError("expected an object");
      return isExported(json, this.#names)
        ? this.#parseExported(line)
        : toRecord(json, this.#names);
    } catch (cause) {
      if (!(cause instanceof RangeError) && !isInsulaError(cause)) throw cause;
      const reason = cause instanceof InsulaError ? cause.details["reason"] : cause.message;
      throw new CommandError(
        EXIT_CODES.usage,
        `Cannot read ${this.path}, line ${String(number)}: ${String(reason ?? cause.message)}.`,
        "Records before it are written; after the correction the same command goes on.",
        cause,
      );
    }
  }

  /** By its first bytes alone, where more need not be known. */
  #isExported(line: Buffer): boolean {
    const isTaken = isExported({ collection: "" }, this.#names);
    return isTaken && line.subarray(0, EXPORTED.length).equals(EXPORTED);
  }

  #parseExported(line: Buffer): SourceRecord | OtherRecord {
    let members: JsonObject;
    try {
      members = JSON.parse(UTF8.decode(line)) as JsonObject;
    } catch (cause) {
      throw new RangeError("it is no JSON", { cause });
    }
    return toExportedRecord(members, this.#names);
  }

  async *#lines(start: number): AsyncIterable<Buffer> {
    const stream =
      this.path === "-"
        ? process.stdin
        : createReadStream(this.path, { start, highWaterMark: MIB });
    const parts: Buffer[] = [];
    let length = 0;
    for await (const piece of stream) {
      const bytes = Buffer.from(piece as Uint8Array);
      let at = 0;
      for (let feed = bytes.indexOf(LINE_FEED); feed >= 0; feed = bytes.indexOf(LINE_FEED, at)) {
        const tail = bytes.subarray(at, feed);
        yield parts.length === 0 ? tail : Buffer.concat([...parts, tail]);
        parts.length = 0;
        length = 0;
        at = feed + 1;
      }
      parts.push(bytes.subarray(at));
      length += bytes.length - at;
      if (length > IMPORT_LINE_BYTES_MAX) throw tooLong(this.path);
    }
    if (length > 0) yield Buffer.concat(parts);
  }
}

const MIB = 1_048_576;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

function tooLong(path: string): CommandError {
  return new CommandError(
    EXIT_CODES.usage,
    `Cannot read ${path}: a line has more than ${String(IMPORT_LINE_BYTES_MAX)} bytes.`,
    "Is it JSON Lines, one record a line?",
  );
}
