/** Header, footer, trailer and checksums of a segment. ON DISK: docs/formats/segment.md. */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { NONCE_BYTES, TAG_BYTES, openBytes, sealBytes, type Seal } from "../base/cipher.ts";
import { crc32 } from "../base/crc32.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import { toHex } from "../base/brands.ts";

/** ON DISK: the first and the last eight bytes. */
const HEADER_MAGIC = Buffer.from("INSULSEG", "latin1");
const TRAILER_MAGIC = Buffer.from("GESLUSNI", "latin1");
/** ON DISK: of a plain segment, and of one whose chunks and footer are sealed. */
const VERSION_PLAIN = 1;
const VERSION_SEALED = 2;
export const SEGMENT_HEADER_BYTES = 64;
export const SEGMENT_TRAILER_BYTES = 32;
const UID_BYTES = 16;
/** ON DISK: codec of plain bytes, and of chunks sealed with AES-256-GCM. */
export const CODEC_PLAIN = 0;
export const CODEC_SEALED = 1;
/** ON DISK: where the seal of the footer stands instead of a section's number. */
const FOOTER_PLACE = 0xffff_ffff;

/**
 * Sections of one segment. Source: 1,024 inverted properties, 16 vector fields, room for more
 * kinds.
 */
export const SECTIONS_MAX = 16_384;
/** Bytes of one chunk. Source: a row of 16,384 float32 is 64 KiB; one chunk is held in memory. */
export const CHUNK_BYTES_MAX = 4_194_304;
/** Free-form bytes of the footer. */
export const STATS_BYTES_MAX = 1_048_576;

/** Whose bytes these are: 16 random bytes each. */
export interface SegmentIdentity {
  readonly segment: Uint8Array;
  readonly shard: Uint8Array;
  /** Data key of a sealed segment, 32 bytes; undefined for a plain one. */
  readonly key?: Uint8Array | undefined;
}

/** ON DISK: bytes of a chunk in the chunk table: CRC-32 of what is stored, then the tag. */
export function chunkEntryBytes(codec: number): number {
  return codec === CODEC_SEALED ? 4 + TAG_BYTES : 4;
}

/** One row of the section table. */
export interface SectionEntry {
  readonly type: number;
  /** Property or vector field; empty where a segment has one section of the type. */
  readonly name: string;
  /** First chunk, from the start of the segment; the chunk table follows the last chunk. */
  readonly offset: number;
  readonly storedBytes: number;
  readonly plainBytes: number;
  readonly codec: number;
  readonly chunkBytes: number;
  readonly tableCrc: number;
}

export interface SegmentFooter {
  readonly sections: readonly SectionEntry[];
  readonly stats: Uint8Array;
}

export interface SegmentTrailer {
  readonly footerOffset: number;
  readonly footerBytes: number;
  readonly footerCrc: number;
  readonly isSealed: boolean;
}

const place = Buffer.alloc(8);

/**
 * Checksum of a chunk that knows where the chunk belongs. For equal bytes two start values give two
 * results, so a whole chunk in another place fails as surely as a damaged one.
 */
export function chunkCrc(
  chunk: Uint8Array,
  segment: Uint8Array,
  sectionNumber: number,
  chunkNumber: number,
): number {
  place.writeUInt32LE(sectionNumber, 0);
  place.writeUInt32LE(chunkNumber, 4);
  return crc32(chunk, crc32(place, crc32(segment)));
}

/** Encrypts a chunk. The key is the segment's own, so its place is a nonce that comes once. */
export function sealChunk(
  chunk: Uint8Array,
  { segment, key }: SegmentIdentity & { readonly key: Uint8Array },
  sectionNumber: number,
  chunkNumber: number,
): { readonly sealed: Buffer; readonly tag: Buffer } {
  return sealBytes(sealOf(segment, key, { sectionNumber, chunkNumber }), [chunk]);
}

/** Undefined when the chunk is not this one of this segment. */
export function openChunk(
  chunk: { readonly sealed: Uint8Array; readonly tag: Uint8Array },
  { segment, key }: SegmentIdentity & { readonly key: Uint8Array },
  sectionNumber: number,
  chunkNumber: number,
): Buffer | undefined {
  const seal = sealOf(segment, key, { sectionNumber, chunkNumber });
  return openBytes(seal, chunk.sealed, chunk.tag);
}

function sealOf(
  segment: Uint8Array,
  key: Uint8Array,
  place: { readonly sectionNumber: number; readonly chunkNumber: number },
): Seal {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32LE(place.sectionNumber, 0);
  nonce.writeUInt32LE(place.chunkNumber, 4);
  return { key, nonce, context: segment };
}

/** The first bytes of a segment; opening does not need them, a repair tool does. */
export function encodeHeader({ segment, shard }: SegmentIdentity): Buffer {
  const writer = new ByteWriter(SEGMENT_HEADER_BYTES).raw(HEADER_MAGIC);
  writer.uint32(VERSION_PLAIN).uint32(SEGMENT_HEADER_BYTES).raw(segment).raw(shard);
  writer.raw(new Uint8Array(SEGMENT_HEADER_BYTES - 4 - writer.length));
  return writer.uint32(crc32(writer.view())).finish();
}

/** @throws InsulaError `data_damaged` when these are the first bytes of no segment. */
export function decodeHeader(header: Uint8Array): SegmentIdentity {
  const at = HEADER_MAGIC.length + 8;
  const identity = {
    segment: Uint8Array.from(header.subarray(at, at + UID_BYTES)),
    shard: Uint8Array.from(header.subarray(at + UID_BYTES, at + 2 * UID_BYTES)),
  };
  requireHeader(header, identity);
  return identity;
}

/**
 * @throws InsulaError `data_damaged` when these are not the first bytes of this segment;
 *   `format_unsupported`.
 */
export function requireHeader(header: Uint8Array, identity: SegmentIdentity): void {
  if (encodeHeader(identity).equals(header)) return;
  const reader = new ByteReader(header);
  const isHeader =
    header.length === SEGMENT_HEADER_BYTES && reader.raw(HEADER_MAGIC.length).equals(HEADER_MAGIC);
  const end = SEGMENT_HEADER_BYTES - 4;
  if (isHeader && crc32(header.subarray(0, end)) === new ByteReader(header, end).uint32()) {
    const version = reader.uint32();
    if (version !== VERSION_PLAIN) throw otherFormat(nameOf(identity), VERSION_PLAIN, version);
  }
  throw damaged(identity, "its header is wrong");
}

/** Sealed when the segment has a key: it names properties. */
export function encodeFooter(identity: SegmentIdentity, footer: SegmentFooter): Buffer {
  const { segment, shard, key } = identity;
  const writer = new ByteWriter(256).raw(segment).raw(shard).uint32(footer.sections.length);
  for (const section of footer.sections) {
    writer.uint8(section.type).string(section.name);
    writer.uint64(section.offset).uint64(section.storedBytes).uint64(section.plainBytes);
    writer.uint8(section.codec).uint32(section.chunkBytes).uint32(section.tableCrc);
  }
  const plain = writer.bytes(footer.stats).finish();
  if (key === undefined) return plain;
  const seal = sealOf(segment, key, { sectionNumber: FOOTER_PLACE, chunkNumber: 0 });
  const { sealed, tag } = sealBytes(seal, [plain]);
  return Buffer.concat([sealed, tag]);
}

export function encodeTrailer(
  identity: SegmentIdentity,
  footerOffset: number,
  footer: Uint8Array,
): Buffer {
  const version = identity.key === undefined ? VERSION_PLAIN : VERSION_SEALED;
  const writer = new ByteWriter(SEGMENT_TRAILER_BYTES).uint64(footerOffset).uint32(footer.length);
  writer.uint32(crc32(footer)).uint32(version);
  return writer.uint32(crc32(writer.view())).raw(TRAILER_MAGIC).finish();
}

/**
 * @param identity whose trailer it is, as far as it is known.
 * @throws InsulaError `data_damaged`; `format_unsupported` for a sound trailer of another version.
 */
export function decodeTrailer(
  trailer: Uint8Array,
  identity: Pick<SegmentIdentity, "segment">,
): SegmentTrailer {
  const reader = new ByteReader(trailer);
  const footerOffset = reader.uint64();
  const footerBytes = reader.uint32();
  const footerCrc = reader.uint32();
  const version = reader.uint32();
  const isSound =
    reader.uint32() === crc32(trailer.subarray(0, 20)) && reader.raw(8).equals(TRAILER_MAGIC);
  if (!isSound) {
    throw damaged(identity, "its trailer is wrong");
  }
  if (version !== VERSION_PLAIN && version !== VERSION_SEALED) {
    throw otherFormat(nameOf(identity), [VERSION_PLAIN, VERSION_SEALED], version);
  }
  return { footerOffset, footerBytes, footerCrc, isSealed: version === VERSION_SEALED };
}

/**
 * Checks that the sections lie one behind the other between header and footer, so that no read of
 * a section can leave the segment.
 *
 * @throws InsulaError `data_damaged`, also when the footer is sound but another segment's.
 */
export function decodeFooter(
  stored: Uint8Array,
  { footerCrc, footerOffset, isSealed }: SegmentTrailer,
  identity: SegmentIdentity,
): SegmentFooter {
  if (crc32(stored) !== footerCrc) throw damaged(identity, "its footer is wrong");
  if (isSealed !== (identity.key !== undefined)) {
    throw damaged(identity, isSealed ? "it is sealed and no key is known" : "it is not sealed");
  }
  const reader = new ByteReader(isSealed ? openFooter(stored, identity) : stored);
  const isOurs =
    reader.raw(UID_BYTES).equals(identity.segment) && reader.raw(UID_BYTES).equals(identity.shard);
  if (!isOurs) throw damaged(identity, "its bytes are those of another segment or shard");
  const count = reader.uint32();
  if (count > SECTIONS_MAX) throw damaged(identity, "it has too many sections");
  const sections: SectionEntry[] = [];
  let free = SEGMENT_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const section = decodeSection(reader);
    const hasCodec = section.codec === (isSealed ? CODEC_SEALED : CODEC_PLAIN);
    const end = hasCodec ? endOfSection(section) : Number.NaN;
    const isInside = section.offset >= free && Number.isSafeInteger(end) && end <= footerOffset;
    if (!isInside) throw damaged(identity, `section ${String(i)} lies outside`);
    free = end;
    sections.push(section);
  }
  const stats = Uint8Array.from(reader.bytes());
  if (stats.length > STATS_BYTES_MAX || reader.remaining > 0) {
    throw damaged(identity, "its footer has more than there should be");
  }
  return { sections, stats };
}

/** First byte behind the chunk table; not a number when the section's own fields disagree. */
function endOfSection({
  offset,
  codec,
  storedBytes,
  plainBytes,
  chunkBytes,
}: SectionEntry): number {
  const isSound = storedBytes === plainBytes && chunkBytes >= 1 && chunkBytes <= CHUNK_BYTES_MAX;
  const tableBytes = Math.ceil(plainBytes / chunkBytes) * chunkEntryBytes(codec);
  return isSound ? offset + storedBytes + tableBytes : Number.NaN;
}

function openFooter(stored: Uint8Array, identity: SegmentIdentity): Uint8Array {
  const { segment, key } = identity;
  const end = Math.max(0, stored.length - TAG_BYTES);
  const plain =
    key &&
    openBytes(
      sealOf(segment, key, { sectionNumber: FOOTER_PLACE, chunkNumber: 0 }),
      stored.subarray(0, end),
      stored.subarray(end),
    );
  if (plain === undefined) throw damaged(identity, "its footer was sealed with another key");
  return plain;
}

function decodeSection(reader: ByteReader): SectionEntry {
  return {
    type: reader.uint8(),
    name: reader.string(),
    offset: reader.uint64(),
    storedBytes: reader.uint64(),
    plainBytes: reader.uint64(),
    codec: reader.uint8(),
    chunkBytes: reader.uint32(),
    tableCrc: reader.uint32(),
  };
}

function nameOf({ segment }: Pick<SegmentIdentity, "segment">): string {
  return `segment ${toHex(segment)}`;
}

function damaged(identity: Pick<SegmentIdentity, "segment">, reason: string): InsulaError {
  return new InsulaError("data_damaged", `Cannot read ${nameOf(identity)}: ${reason}.`);
}
