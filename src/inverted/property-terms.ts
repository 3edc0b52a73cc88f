/** Terms of one property with their rows, while a section is being made. */
import { ByteWriter, compareBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { toCanonicalNumber, type MetadataValue } from "../model/index.ts";
import { writeHeader } from "./header.ts";
import { writePostings } from "./postings.ts";
import { isLongString, toTerm } from "./term.ts";

/** A dictionary block is closed when it holds this much: one lookup reads one block. */
const BLOCK_BYTES_TARGET = 4_096;
/** Offsets are 32 bits wide. */
const SECTION_BYTES_MAX = 0xffff_ffff;

/** One row as a number, more as a list: most properties with many values have one row for each. */
type Rows = number | number[];

interface Term {
  readonly bytes: Uint8Array;
  readonly rows: Rows;
}

export class PropertyTerms {
  readonly #plain = new Map<string | number | bigint | boolean, Rows>();
  readonly #dates = new Map<number, Rows>();
  readonly #exists: number[] = [];
  readonly #long: number[] = [];

  addPresence(row: number): void {
    this.#exists.push(row);
  }

  /** Null, objects, bytes and lists have no term: they are only present. */
  addScalar(row: number, value: MetadataValue): void {
    switch (typeof value) {
      case "string":
        if (isLongString(value)) this.#addLong(row);
        else addRow(this.#plain, value, row);
        return;
      case "boolean":
        addRow(this.#plain, value, row);
        return;
      case "number":
      case "bigint":
        addRow(this.#plain, toCanonicalNumber(value), row);
        return;
      default:
        if (value instanceof Date) addRow(this.#dates, value.getTime(), row);
    }
  }

  /** The bytes of the section. */
  finish(rowCount: number): Uint8Array {
    const terms = this.#sortedTerms();
    const dictionary = new ByteWriter(BLOCK_BYTES_TARGET * 2);
    const postings = new ByteWriter(1024);
    const fences = new ByteWriter(256);
    const blockCount = writeTerms(terms, rowCount, { dictionary, postings, fences });
    const exists = new ByteWriter(64);
    writePostings(exists, this.#exists, rowCount);
    const long = new ByteWriter(64);
    writePostings(long, this.#long, rowCount);
    const parts = [fences, exists, long, dictionary, postings];
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    assert(bytes < SECTION_BYTES_MAX, "an inverted index stays below 4 GiB");
    const head = new ByteWriter(64);
    writeHeader(head, {
      rowCount,
      termCount: terms.length,
      blockCount,
      fencesBytes: fences.length,
      existsBytes: exists.length,
      longBytes: long.length,
      dictionaryBytes: dictionary.length,
      postingsBytes: postings.length,
    });
    return Buffer.concat([head.view(), ...parts.map((part) => part.view())]);
  }

  #addLong(row: number): void {
    if (this.#long.at(-1) !== row) this.#long.push(row);
  }

  #sortedTerms(): Term[] {
    const terms: Term[] = [];
    for (const [value, rows] of this.#plain) terms.push({ bytes: toTerm(value), rows });
    for (const [time, rows] of this.#dates) terms.push({ bytes: toTerm(new Date(time)), rows });
    return terms.sort((a, b) => compareBytes(a.bytes, b.bytes));
  }
}

function addRow<Value>(map: Map<Value, Rows>, value: Value, row: number): void {
  const rows = map.get(value);
  if (rows === undefined) map.set(value, row);
  else if (typeof rows !== "number") {
    if (rows.at(-1) !== row) rows.push(row);
  } else if (rows !== row) map.set(value, [rows, row]);
}

interface TermWriters {
  readonly dictionary: ByteWriter;
  readonly postings: ByteWriter;
  readonly fences: ByteWriter;
}

/** Writes all terms in blocks; returns the number of blocks. */
function writeTerms(terms: readonly Term[], rowCount: number, writers: TermWriters): number {
  const { dictionary, postings, fences } = writers;
  let blockCount = 0;
  let blockStart = 0;
  let previous: Uint8Array = new Uint8Array(0);
  for (const { bytes, rows } of terms) {
    const isFirst = blockCount === 0 || dictionary.length - blockStart >= BLOCK_BYTES_TARGET;
    const shared = sharedLength(previous, bytes);
    if (isFirst) {
      // The shortest prefix that is above the last term of the block before.
      const fence = bytes.subarray(0, shared + 1);
      fences.uint32(dictionary.length).uint32(postings.length).bytes(fence);
      blockStart = dictionary.length;
      blockCount++;
    }
    const kept = isFirst ? 0 : shared;
    dictionary.varint(kept).bytes(bytes.subarray(kept));
    if (typeof rows === "number") {
      dictionary.varint(1).varint(rows);
    } else {
      dictionary.varint(rows.length).varint(writePostings(postings, rows, rowCount));
    }
    previous = bytes;
  }
  return blockCount;
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < end && a[shared] === b[shared]) shared++;
  return shared;
}
