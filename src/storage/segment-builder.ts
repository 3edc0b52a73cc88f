/** Writes a segment section by section. Layout: docs/formats/segment.md. */
import { crc32 } from "../base/crc32.ts";
import { assert, InsulaError } from "../base/errors.ts";
import {
  CHUNK_BYTES_MAX,
  chunkCrc,
  chunkEntryBytes,
  CODEC_PLAIN,
  CODEC_SEALED,
  encodeFooter,
  encodeHeader,
  encodeTrailer,
  sealChunk,
  SECTIONS_MAX,
  STATS_BYTES_MAX,
  type SectionEntry,
  type SegmentIdentity,
} from "./segment-format.ts";

/** Sections start at most at a page's multiple. */
const ALIGN_BYTES_MAX = 4_096;

/** Takes the bytes of a segment in order; they are the builder's again when the promise settles. */
export interface SegmentSink {
  write(bytes: Uint8Array): Promise<void>;
}

/** How a section is cut and where it starts. */
export interface SectionOptions {
  /** What is verified, and so read, together. */
  readonly chunkBytes: number;
  /** The section starts at a multiple of this, a power of two; 1 for anywhere. */
  readonly alignBytes: number;
}

interface OpenSection extends SectionOptions {
  readonly type: number;
  readonly name: string;
  offset: number;
  length: number;
  /** The last chunk while it is not full. */
  partial: Buffer;
  partialLength: number;
  readonly table: ChunkTable;
}

/**
 * Streams a segment into a sink. Held are one unfinished chunk and the checksums of the open
 * section; whole chunks go through without a copy. Syncing is the sink's business.
 */
export class SegmentBuilder {
  readonly #sink: SegmentSink;
  readonly #identity: SegmentIdentity;
  readonly #codec: number;
  readonly #sections: SectionEntry[] = [];
  #stats: Uint8Array = new Uint8Array(0);
  #length = 0;
  #open: OpenSection | undefined;

  constructor(sink: SegmentSink, identity: SegmentIdentity) {
    this.#sink = sink;
    this.#identity = identity;
    this.#codec = identity.key === undefined ? CODEC_PLAIN : CODEC_SEALED;
  }

  /** @param type 0 … 255; a segment has each pair of type and name once. */
  beginSection(type: number, name: string, { chunkBytes, alignBytes }: SectionOptions): void {
    assert(this.#open === undefined, "one section of a segment is open at a time");
    assert(chunkBytes >= 1 && chunkBytes <= CHUNK_BYTES_MAX, "a chunk size within its bounds");
    assert(alignBytes >= 1 && alignBytes <= ALIGN_BYTES_MAX, "an alignment up to a page");
    assert((alignBytes & (alignBytes - 1)) === 0, "an alignment that is a power of two");
    const isKnown = this.#sections.some((known) => known.type === type && known.name === name);
    assert(!isKnown, "a segment has each section once");
    requireAtMost("sections", SECTIONS_MAX, this.#sections.length + 1);
    const partial = Buffer.alloc(0);
    const table = new ChunkTable(chunkEntryBytes(this.#codec));
    const base = { type, name, chunkBytes, alignBytes, partial, table };
    this.#open = { ...base, offset: -1, length: 0, partialLength: 0 };
  }

  /** The bytes belong to the builder until the promise settles. */
  async append(bytes: Uint8Array): Promise<void> {
    const section = await this.#started();
    section.length += bytes.length;
    let at = 0;
    if (section.partialLength > 0) {
      at = Math.min(bytes.length, section.chunkBytes - section.partialLength);
      keepPartial(section, bytes.subarray(0, at));
      if (section.partialLength === section.chunkBytes) await this.#writePartial(section);
    }
    const end = bytes.length - ((bytes.length - at) % section.chunkBytes);
    if (this.#codec === CODEC_PLAIN) {
      for (let start = at; start < end; start += section.chunkBytes) {
        this.#store(section, bytes.subarray(start, start + section.chunkBytes));
      }
      await this.#write(bytes.subarray(at, end));
    } else {
      for (let start = at; start < end; start += section.chunkBytes) {
        await this.#write(this.#store(section, bytes.subarray(start, start + section.chunkBytes)));
      }
    }
    keepPartial(section, bytes.subarray(end));
  }

  async endSection(): Promise<void> {
    const section = await this.#started();
    if (section.partialLength > 0) await this.#writePartial(section);
    const { type, name, offset, length, chunkBytes } = section;
    const table = section.table.bytes;
    await this.#write(table);
    this.#sections.push({
      type,
      name,
      offset,
      storedBytes: length,
      plainBytes: length,
      codec: this.#codec,
      chunkBytes,
      tableCrc: crc32(table),
    });
    this.#open = undefined;
  }

  /** Bytes kept in the footer and read with it. Copied; the last call counts. */
  setStats(stats: Uint8Array): void {
    requireAtMost("bytes of statistics", STATS_BYTES_MAX, stats.length);
    this.#stats = Uint8Array.from(stats);
  }

  /** Footer and trailer; resolves to the length of the whole segment. */
  async finish(): Promise<{ readonly bytes: number }> {
    assert(this.#open === undefined, "every section of a segment is ended");
    await this.#writeHeader();
    const footer = encodeFooter(this.#identity, { sections: this.#sections, stats: this.#stats });
    const trailer = encodeTrailer(this.#identity, this.#length, footer);
    await this.#write(footer);
    await this.#write(trailer);
    return { bytes: this.#length };
  }

  /** The open section, with header and padding in front of it written. */
  async #started(): Promise<OpenSection> {
    const section = this.#open;
    assert(section !== undefined, "bytes are appended to an open section");
    if (section.offset >= 0) return section;
    await this.#writeHeader();
    await this.#write(new Uint8Array(-this.#length & (section.alignBytes - 1)));
    section.offset = this.#length;
    return section;
  }

  async #writeHeader(): Promise<void> {
    if (this.#length === 0) await this.#write(encodeHeader(this.#identity));
  }

  async #writePartial(section: OpenSection): Promise<void> {
    const chunk = section.partial.subarray(0, section.partialLength);
    section.partialLength = 0;
    await this.#write(this.#store(section, chunk));
  }

  /**
   * The bytes to be written for a chunk; its checksum, and its tag when it is sealed, are noted.
   */
  #store({ table }: OpenSection, chunk: Uint8Array): Uint8Array {
    const { segment, shard, key } = this.#identity;
    const place = [this.#sections.length, table.count] as const;
    const { sealed, tag } =
      key === undefined
        ? { sealed: chunk, tag: undefined }
        : sealChunk(chunk, { segment, shard, key }, ...place);
    table.add(chunkCrc(sealed, segment, ...place), tag);
    return sealed;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    await this.#sink.write(bytes);
  }
}

/** Bytes of a table that is begun: of a small segment it stays so. */
const TABLE_BYTES_MIN = 256;

/** Checksums of a section's chunks, and their tags where they are sealed, as they are written. */
class ChunkTable {
  count = 0;
  readonly #entryBytes: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(entryBytes: number) {
    this.#entryBytes = entryBytes;
  }

  get bytes(): Buffer {
    return this.#held.subarray(0, this.count * this.#entryBytes);
  }

  add(crc: number, tag: Uint8Array | undefined): void {
    const at = this.count * this.#entryBytes;
    if (at + this.#entryBytes > this.#held.length) this.#grow();
    this.#held.writeUInt32LE(crc, at);
    if (tag !== undefined) this.#held.set(tag, at + 4);
    this.count++;
  }

  #grow(): void {
    const grown = Buffer.alloc(Math.max(TABLE_BYTES_MIN, this.#held.length * 2));
    this.#held.copy(grown);
    this.#held = grown;
  }
}

function keepPartial(section: OpenSection, bytes: Uint8Array): void {
  const length = section.partialLength + bytes.length;
  if (length > section.partial.length) {
    const wanted = Math.max(length, section.partial.length * 2);
    const grown = Buffer.allocUnsafe(Math.min(section.chunkBytes, wanted));
    section.partial.copy(grown, 0, 0, section.partialLength);
    section.partial = grown;
  }
  section.partial.set(bytes, section.partialLength);
  section.partialLength = length;
}

function requireAtMost(what: string, expected: number, received: number): void {
  if (received <= expected) return;
  throw new InsulaError(
    "argument_invalid",
    `Cannot build a segment: too many ${what}: expected at most ${String(expected)}, received ${String(received)}.`,
  );
}
