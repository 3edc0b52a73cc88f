/**
 * Reads a segment: the footer when it is opened, sections when they are asked for, each chunk
 * verified before a byte of it is used.
 */
import { allDone } from "../base/all-done.ts";
import { crc32 } from "../base/crc32.ts";
import { assert, InsulaError } from "../base/errors.ts";
import { freeBytes } from "../base/free-bytes.ts";
import type { Pace } from "../base/pace.ts";
import { toHex } from "../base/brands.ts";
import { readEach, type FilePiece } from "../io/index.ts";
import { PassingBuffers } from "./passing-buffers.ts";
import {
  SEGMENT_TRAILER_BYTES,
  chunkCrc,
  chunkEntryBytes,
  decodeFooter,
  decodeTrailer,
  openChunk,
  type SectionEntry,
  type SegmentIdentity,
} from "./segment-format.ts";

/** Read at once: sealed bytes need as much memory again on their way. */
const OPEN_STEP_BYTES = 1_048_576;
/** Of this thread. Shorter pieces are made anew, they cost little. */
const passing = new PassingBuffers({
  smallest: 65_536,
  largest: OPEN_STEP_BYTES,
  keptBytes: 4_194_304,
});
/** Bytes whose checksum is made in a step, bytes opened in one, and the steps that begin that. */
const CHECKED_BYTES = 8;
const OPENED_BYTES = 6;
const OPEN_STEPS = 1_500;
/** A read, on this thread: what is asked of the system, and what comes back. */
const READ_STEPS = 16_384;

/** Bytes of one segment, wherever they are. */
export interface SegmentSource {
  readonly length: number;
  /** Fills `target`; resolves to the bytes read, less only at the end. */
  read(position: number, target: Uint8Array): Promise<number>;
  /** As `read` of each, all at once; resolves to the bytes read of all of them. */
  readMany?(pieces: readonly FilePiece[]): Promise<number>;
  /** Of a source that is far away: brings these bytes near, as far as there is room for them. */
  fetchAhead?(spans: readonly ByteSpan[]): Promise<void>;
}

export interface ByteSpan {
  readonly start: number;
  readonly length: number;
}

export class SegmentReader {
  readonly #source: SegmentSource;
  readonly #identity: SegmentIdentity;
  readonly #sections: readonly SectionEntry[];
  readonly #open = new Map<number, SectionReader>();
  /** As the writer set them. */
  readonly stats: Uint8Array;

  private constructor(
    source: SegmentSource,
    identity: SegmentIdentity,
    footer: { readonly sections: readonly SectionEntry[]; readonly stats: Uint8Array },
  ) {
    this.#source = source;
    this.#identity = identity;
    this.#sections = footer.sections;
    this.stats = footer.stats;
  }

  /**
   * Reads the trailer, then the footer, and not a byte else: both are on one page most often.
   *
   * @throws InsulaError `data_damaged`, `format_unsupported`.
   */
  static async open(source: SegmentSource, identity: SegmentIdentity): Promise<SegmentReader> {
    const trailerStart = source.length - SEGMENT_TRAILER_BYTES;
    if (trailerStart < 0) throw damaged(identity, "it is too short");
    const bytes = await readExactly(source, trailerStart, SEGMENT_TRAILER_BYTES);
    const trailer = decodeTrailer(bytes, identity);
    const { footerOffset, footerBytes } = trailer;
    if (footerOffset + footerBytes !== trailerStart) {
      throw damaged(identity, "its length is not what its trailer says");
    }
    const footer = await readExactly(source, footerOffset, footerBytes);
    return new SegmentReader(source, identity, decodeFooter(footer, trailer, identity));
  }

  /** What there is, in the order written. */
  sections(): readonly { readonly type: number; readonly name: string; readonly bytes: number }[] {
    return this.#sections.map(({ type, name, plainBytes }) => ({ type, name, bytes: plainBytes }));
  }

  /** Where the sections and what verifies them lie, in the order written. */
  spans(): readonly ByteSpan[] {
    return this.#sections.map(({ codec, offset, storedBytes, plainBytes, chunkBytes }) => ({
      start: offset,
      length: storedBytes + Math.ceil(plainBytes / chunkBytes) * chunkEntryBytes(codec),
    }));
  }

  /** Reads nothing by itself; the same reader each time. */
  section(type: number, name: string): SectionReader | undefined {
    const number = this.#sections.findIndex((entry) => entry.type === type && entry.name === name);
    const entry = this.#sections[number];
    if (entry === undefined) return undefined;
    const known = this.#open.get(number);
    if (known !== undefined) return known;
    const reader = new SectionReader(this.#source, this.#identity, entry, number);
    this.#open.set(number, reader);
    return reader;
  }
}

/** The plain bytes of one section. */
export class SectionReader {
  readonly length: number;
  readonly #source: SegmentSource;
  readonly #identity: SegmentIdentity;
  readonly #entry: SectionEntry;
  /** Of the segment's sections. */
  readonly number: number;
  /** Plain bytes that are verified together. */
  readonly chunkBytes: number;
  readonly #entryBytes: number;
  #table: Promise<Buffer> | undefined;

  constructor(
    source: SegmentSource,
    identity: SegmentIdentity,
    entry: SectionEntry,
    number: number,
  ) {
    this.#source = source;
    this.#identity = identity;
    this.#entry = entry;
    this.number = number;
    this.chunkBytes = entry.chunkBytes;
    this.length = entry.plainBytes;
    this.#entryBytes = chunkEntryBytes(entry.codec);
  }

  /** A copy of a range, owned by the caller. Reads and verifies the chunks it touches. */
  async read(start: number, length: number, pace?: Pace): Promise<Uint8Array> {
    this.#check(start, length);
    if (length === 0) return new Uint8Array(0);
    const { chunkBytes } = this.#entry;
    const first = Math.floor(start / chunkBytes);
    const from = first * chunkBytes;
    const to = Math.min(this.length, Math.ceil((start + length) / chunkBytes) * chunkBytes);
    const chunks = Buffer.allocUnsafeSlow(to - from);
    await this.#readChunks(first, chunks, pace);
    return chunks.subarray(start - from, start - from + length);
  }

  /**
   * Fills `target`, which may lie in shared memory: whole chunks are read where they belong and
   * verified there, the rest is copied. On an error the target's contents are not to be used.
   *
   * @param pace of verifying and opening much; without one the thread is given back at reads.
   * @throws also what the signal of the pace was aborted with.
   */
  async readInto(start: number, target: Uint8Array, pace?: Pace): Promise<void> {
    this.#check(start, target.length);
    const { chunkBytes } = this.#entry;
    const end = start + target.length;
    const from = Math.ceil(start / chunkBytes) * chunkBytes;
    const to = end === this.length ? end : Math.floor(end / chunkBytes) * chunkBytes;
    const isWhole = from === start && to === end;
    // Of much only the ends are copied; little, or what lies in two chunks, is read in one go.
    if (!isWhole && (target.length <= OPEN_STEP_BYTES || from >= to)) {
      target.set(await this.read(start, target.length, pace));
      return;
    }
    if (from > start) target.set(await this.read(start, from - start, pace));
    await this.#readChunks(from / chunkBytes, target.subarray(from - start, to - start), pace);
    if (to < end) target.set(await this.read(to, end - to, pace), to - start);
  }

  /**
   * Pieces of `length` bytes that begin at `starts`, one behind the other, owned by the caller.
   * Reads and verifies each chunk they touch once, all of them at the same time: one wait, and of
   * many pieces a third of what as many calls of `read` leave behind for the collector. The bytes
   * are copied in one go: they should be some hundred kibibytes at most.
   *
   * @throws also what the signal of the pace was aborted with.
   */
  async readPieces(
    starts: readonly number[],
    length: number,
    pace?: Pace,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const pieces = new Uint8Array(starts.length * length);
    if (pieces.length === 0) return pieces;
    for (const start of starts) this.#check(start, length);
    pace?.check();
    const { chunkBytes } = this.#entry;
    const chunks = chunksUnder(starts, length, chunkBytes);
    const end = Math.min(this.length, ((chunks.at(-1) ?? 0) + 1) * chunkBytes);
    const lastBytes = end - (chunks.at(-1) ?? 0) * chunkBytes;
    const heldBytes = (chunks.length - 1) * chunkBytes + lastBytes;
    await passing.during(heldBytes, async (held) => {
      try {
        await this.#readScattered(chunks, held, pace);
        // Chunks that are neighbours here are so there, and each piece lies in neighbours.
        const places = new Map(chunks.map((chunk, i) => [chunk, i * chunkBytes]));
        for (const [i, start] of starts.entries()) {
          const chunk = Math.floor(start / chunkBytes);
          const from = (places.get(chunk) ?? 0) + start - chunk * chunkBytes;
          pieces.set(held.subarray(from, from + length), i * length);
        }
      } finally {
        // What was opened is not left where others read.
        if (this.#identity.key !== undefined) held.fill(0);
      }
    });
    return pieces;
  }

  /**
   * Reads and verifies all of it, about `bytes` at a time, and the chunk table even of none. The
   * thread is given back between chunks.
   */
  async verify(bytes: number, pace: Pace): Promise<void> {
    const table = await this.#chunkTable();
    const { chunkBytes } = this.#entry;
    const { key } = this.#identity;
    const step = Math.max(1, Math.floor(bytes / chunkBytes)) * chunkBytes;
    const held = Buffer.allocUnsafeSlow(Math.min(step, this.length));
    for (let start = 0; start < this.length; start += step) {
      const stored = held.subarray(0, Math.min(step, this.length - start));
      const first = start / chunkBytes;
      if (!pace.fits(READ_STEPS)) await pace.take(READ_STEPS);
      await this.#fetch(first, stored);
      for (const [chunk, piece] of cut(first, stored, chunkBytes)) {
        const steps = verifySteps(piece.length, key !== undefined);
        if (!pace.fits(steps)) await pace.take(steps);
        this.#verify(table, chunk, piece);
        if (key !== undefined) freeBytes(this.#opened(table, { chunk, bytes: piece, key }));
      }
    }
  }

  #check(start: number, length: number): void {
    assert(
      start >= 0 && length >= 0 && start + length <= this.length,
      "a range inside the section",
    );
  }

  /** Reads consecutive chunks into `target`, which ends at a chunk's end. */
  async #readChunks(first: number, target: Uint8Array, pace?: Pace): Promise<void> {
    const { key } = this.#identity;
    const { chunkBytes } = this.#entry;
    const step = Math.max(1, Math.floor(OPEN_STEP_BYTES / chunkBytes)) * chunkBytes;
    if (key === undefined) {
      for (let start = 0; start < target.length; start += step) {
        pace?.check();
        const some = target.subarray(start, Math.min(start + step, target.length));
        const table = await this.#fetchWithTable(first + start / chunkBytes, some);
        for (const [chunk, bytes] of cut(first + start / chunkBytes, some, chunkBytes)) {
          const steps = verifySteps(bytes.length, false);
          if (pace?.fits(steps) === false) await pace.take(steps);
          this.#verify(table, chunk, bytes);
        }
      }
      return;
    }
    // What is sealed passes through other memory on its way into the target: in steps.
    for (let start = 0; start < target.length; start += step) {
      pace?.check();
      const some = target.subarray(start, Math.min(start + step, target.length));
      await passing.during(some.length, (stored) =>
        this.#openInto(first + start / chunkBytes, some, { stored, key }, pace),
      );
    }
  }

  async #openInto(
    first: number,
    target: Uint8Array,
    { stored, key }: { readonly stored: Uint8Array; readonly key: Uint8Array },
    pace?: Pace,
  ): Promise<void> {
    const { chunkBytes } = this.#entry;
    const table = await this.#fetchWithTable(first, stored);
    let at = 0;
    for (const [chunk, bytes] of cut(first, stored, chunkBytes)) {
      const steps = verifySteps(bytes.length, true);
      if (pace?.fits(steps) === false) await pace.take(steps);
      this.#verify(table, chunk, bytes);
      const plain = this.#opened(table, { chunk, bytes, key });
      target.set(plain, at);
      freeBytes(plain);
      at += bytes.length;
    }
  }

  /** Reads listed chunks into `target`, one behind the other, and opens them there. */
  async #readScattered(
    chunks: readonly number[],
    target: Uint8Array,
    pace: Pace | undefined,
  ): Promise<void> {
    const { key } = this.#identity;
    const { chunkBytes, offset } = this.#entry;
    const reads = chunks.map((chunk, i) => ({
      position: offset + chunk * chunkBytes,
      target: target.subarray(i * chunkBytes, (i + 1) * chunkBytes),
    }));
    const [table, count] = await allDone([this.#chunkTable(), this.#readAll(reads)]);
    if (count !== target.length)
      throw damaged(this.#identity, `section ${this.#label()} is cut off`);
    for (const [i, chunk] of chunks.entries()) {
      const bytes = reads[i]?.target ?? new Uint8Array(0);
      const steps = verifySteps(bytes.length, key !== undefined);
      if (pace?.fits(steps) === false) await pace.take(steps);
      this.#verify(table, chunk, bytes);
      if (key === undefined) continue;
      const plain = this.#opened(table, { chunk, bytes, key });
      bytes.set(plain);
      freeBytes(plain);
    }
  }

  /** Bytes read of all of them. */
  async #readAll(pieces: readonly FilePiece[]): Promise<number> {
    if (this.#source.readMany !== undefined) return this.#source.readMany(pieces);
    return readEach((position, target) => this.#source.read(position, target), pieces);
  }

  /** The first time the table is read beside the bytes: neither waits for the other. */
  async #fetchWithTable(first: number, target: Uint8Array): Promise<Buffer> {
    const [table] = await allDone([this.#chunkTable(), this.#fetch(first, target)]);
    return table;
  }

  async #fetch(first: number, target: Uint8Array): Promise<void> {
    const { chunkBytes, offset } = this.#entry;
    const count = await this.#source.read(offset + first * chunkBytes, target);
    if (count !== target.length)
      throw damaged(this.#identity, `section ${this.#label()} is cut off`);
  }

  #verify(table: Buffer, chunk: number, bytes: Uint8Array): void {
    const crc = chunkCrc(bytes, this.#identity.segment, this.number, chunk);
    if (crc !== table.readUInt32LE(chunk * this.#entryBytes)) throw this.#wrong(chunk, "is wrong");
  }

  /** Memory of its own, which is the caller's. */
  #opened(
    table: Buffer,
    sealed: { readonly chunk: number; readonly bytes: Uint8Array; readonly key: Uint8Array },
  ): Uint8Array {
    const { chunk, bytes, key } = sealed;
    const start = chunk * this.#entryBytes;
    const tag = table.subarray(start + 4, start + this.#entryBytes);
    const { segment, shard } = this.#identity;
    const plain = openChunk({ sealed: bytes, tag }, { segment, shard, key }, this.number, chunk);
    if (plain === undefined) throw this.#wrong(chunk, "was sealed with another key");
    return plain;
  }

  #wrong(chunk: number, what: string): InsulaError {
    const reason = `chunk ${String(chunk)} of section ${this.#label()} ${what}`;
    return damaged(this.#identity, reason);
  }

  /** Small, read once with the first chunk. */
  #chunkTable(): Promise<Buffer> {
    this.#table ??= this.#loadTable().catch((error: unknown) => {
      this.#table = undefined;
      throw error;
    });
    return this.#table;
  }

  async #loadTable(): Promise<Buffer> {
    const { offset, storedBytes, plainBytes, chunkBytes, tableCrc } = this.#entry;
    const count = Math.ceil(plainBytes / chunkBytes);
    const table = await readExactly(this.#source, offset + storedBytes, count * this.#entryBytes);
    if (crc32(table) !== tableCrc) {
      throw damaged(this.#identity, `the chunk table of section ${this.#label()} is wrong`);
    }
    return table;
  }

  #label(): string {
    const { type, name } = this.#entry;
    return name === "" ? String(type) : `${String(type)} "${name}"`;
  }
}

function verifySteps(bytes: number, isSealed: boolean): number {
  const checked = Math.ceil(bytes / CHECKED_BYTES);
  return isSealed ? checked + Math.ceil(bytes / OPENED_BYTES) + OPEN_STEPS : checked;
}

/** Chunks with their numbers. */
function* cut(
  first: number,
  bytes: Uint8Array,
  chunkBytes: number,
): Iterable<readonly [number, Uint8Array]> {
  for (let at = 0, chunk = first; at < bytes.length; at += chunkBytes, chunk++) {
    yield [chunk, bytes.subarray(at, Math.min(at + chunkBytes, bytes.length))];
  }
}

/** The chunks that pieces touch, ascending. */
function chunksUnder(
  starts: readonly number[],
  length: number,
  chunkBytes: number,
): readonly number[] {
  const chunks = new Set<number>();
  for (const start of starts) {
    const last = Math.floor((start + length - 1) / chunkBytes);
    for (let chunk = Math.floor(start / chunkBytes); chunk <= last; chunk++) chunks.add(chunk);
  }
  return [...chunks].sort((a, b) => a - b);
}

async function readExactly(source: SegmentSource, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  const count = await source.read(start, bytes);
  if (count !== length) {
    throw new InsulaError("data_damaged", "Cannot read a segment: its file is cut off.");
  }
  return bytes;
}

function damaged({ segment }: SegmentIdentity, reason: string): InsulaError {
  return new InsulaError("data_damaged", `Cannot read segment ${toHex(segment)}: ${reason}.`);
}
