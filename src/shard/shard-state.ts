/**
 * What the catalogue knows about one shard: its manifest, its tail in the log, exact totals.
 *
 * One row per shard, decoded when the shard wakes and kept beside it while it is awake. Everything
 * a sleeping shard must answer (counts, liveness of log extents, segment locations) is in here.
 * The encoding is ON DISK: docs/formats/catalogue.md.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { CIPHER_KEY_BYTES, SEAL_BYTES } from "../base/cipher.ts";
import { otherFormat } from "../base/format-version.ts";
import type { SegmentUid, ShardUid } from "../base/brands.ts";

/** ON DISK: first byte of every shard row. */
const SHARD_ROW_VERSION = 2;
/** ON DISK: some of its segments are in an object store. */
const SHARD_ROW_VERSION_REMOTE = 3;
/** ON DISK: without a key slot: everything of the shard is plain. */
const SHARD_ROW_VERSION_PLAIN = 1;
/** ON DISK: bit of a segment's place: its wrapped key follows. */
const PLACE_SEALED = 2;
/** ON DISK: bit of a segment's place: the identity that its bytes carry follows. */
const PLACE_COPIED = 4;
/** ON DISK: bit of a segment's place: graphs were made for it, or found to be of no use. */
const PLACE_INDEXED = 8;
/** ON DISK: bit of a segment's place: it is in an object store. */
const PLACE_REMOTE = 16;
const SHARD_ROW_VERSIONS: readonly number[] = [
  SHARD_ROW_VERSION_PLAIN,
  SHARD_ROW_VERSION,
  SHARD_ROW_VERSION_REMOTE,
];
const WRAPPED_KEY_BYTES = CIPHER_KEY_BYTES + SEAL_BYTES;

/** A segment in an object store: docs/formats/offload.md. */
export interface RemoteLocation {
  readonly kind: "remote";
  readonly bytes: number;
  /** What the names of its objects begin with. */
  readonly prefix: string;
  /** Of the segment in the manifest's own object; undefined: it has objects of its own. */
  readonly offset: number | undefined;
}

/**
 * Where the bytes of a segment are: a file of its own, an extent of a pack file, or an object
 * store.
 */
export type SegmentLocation =
  | { readonly kind: "file"; readonly bytes: number }
  | {
      readonly kind: "pack";
      readonly pack: number;
      readonly offset: number;
      readonly bytes: number;
    }
  | RemoteLocation;

/** Whose bytes a copied segment says it is: segments are copied as they are, sealed. */
export interface SegmentOrigin {
  readonly segment: Uint8Array;
  readonly shard: Uint8Array;
}

export interface SegmentEntry {
  readonly uid: SegmentUid;
  readonly location: SegmentLocation;
  /** Rows in the segment, dead ones included. */
  readonly rowCount: number;
  /** Highest sequence number whose effect is in here. */
  readonly sequenceMax: number;
  /** Rows that were dead when the manifest was written but are said nowhere else: ascending. */
  readonly deadRows: Uint32Array;
  /** The segment's key, wrapped by that of the shard; undefined for a plain segment. */
  readonly wrappedKey: Uint8Array | undefined;
  /** Where it was written first; absent for a segment that the shard wrote itself. */
  readonly origin?: SegmentOrigin | undefined;
  /** True when it has its graphs, or none would be of use; absent: it may get some later. */
  readonly isIndexed?: boolean | undefined;
}

/** The identity inside a segment's bytes. */
export function writtenIdentity(shard: Uint8Array, entry: SegmentEntry): SegmentOrigin {
  return entry.origin ?? { segment: entry.uid, shard };
}

/** One frame of the shard in the node log that is in no segment yet. */
export interface TailExtent {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
  readonly sequenceLast: number;
}

export interface ShardState {
  readonly uid: ShardUid;
  readonly collectionNumber: number;
  /** Slot of the shard's key; 0: nothing of it is sealed. */
  readonly keySlot: number;
  /** Of the newest frame applied; 0 before the first write. */
  sequence: number;
  /** Everything at or below is in segments. */
  flushedSequence: number;
  /** Live records. */
  rowCount: number;
  /** Keys, metadata and vectors of live records, as written. */
  byteCount: number;
  segments: readonly SegmentEntry[];
  tail: TailExtent[];
  /** Why the shard serves no data; empty when it is healthy. */
  quarantine: string;
}

export function newShardState(
  uid: ShardUid,
  collectionNumber: number,
  keySlot: number,
): ShardState {
  return {
    uid,
    collectionNumber,
    keySlot,
    sequence: 0,
    flushedSequence: 0,
    rowCount: 0,
    byteCount: 0,
    segments: [],
    tail: [],
    quarantine: "",
  };
}

export function encodeShardState(state: ShardState): Buffer {
  const writer = new ByteWriter(64 + state.segments.length * 48 + state.tail.length * 16);
  const version = rowVersion(state);
  writer.uint8(version).varint(state.collectionNumber);
  if (version !== SHARD_ROW_VERSION_PLAIN) writer.varint(state.keySlot);
  writer.varint(state.sequence).varint(state.flushedSequence);
  writer.varint(state.rowCount).varint(state.byteCount).string(state.quarantine);
  writer.varint(state.segments.length);
  for (const segment of state.segments) encodeSegmentEntry(writer, segment);
  writer.varint(state.tail.length);
  for (const extent of state.tail) {
    writer.varint(extent.file).varint(extent.offset).varint(extent.length).uint32(extent.crc);
    writer.varint(extent.sequenceLast);
  }
  return writer.finish();
}

type RowStart = Pick<ShardState, "collectionNumber" | "keySlot" | "sequence" | "flushedSequence">;

export interface ShardSizes {
  readonly rowCount: number;
  readonly byteCount: number;
}

/** A part of {@link decodeShardState}; nothing of `bytes` is kept. @throws as it does. */
export function decodeShardSizes(bytes: Uint8Array): ShardSizes {
  const reader = new ByteReader(bytes);
  decodeRowStart(reader);
  return { rowCount: reader.varint(), byteCount: reader.varint() };
}

/** What stands before the sizes. */
function decodeRowStart(reader: ByteReader): RowStart {
  const version = reader.uint8();
  if (!SHARD_ROW_VERSIONS.includes(version)) {
    throw otherFormat("a shard row of the catalogue", SHARD_ROW_VERSIONS, version);
  }
  return {
    collectionNumber: reader.varint(),
    keySlot: version === SHARD_ROW_VERSION_PLAIN ? 0 : reader.varint(),
    sequence: reader.varint(),
    flushedSequence: reader.varint(),
  };
}

/**
 * @throws InsulaError `format_unsupported` for a row of a newer program, `data_damaged` for
 *   nonsense.
 */
export function decodeShardState(uid: ShardUid, bytes: Uint8Array): ShardState {
  const reader = new ByteReader(bytes);
  const { collectionNumber, keySlot, sequence, flushedSequence } = decodeRowStart(reader);
  const rowCount = reader.varint();
  const byteCount = reader.varint();
  const quarantine = reader.string();
  const segments = Array.from({ length: reader.varint() }, () => decodeSegmentEntry(reader));
  const tail = Array.from({ length: reader.varint() }, () => ({
    file: reader.varint(),
    offset: reader.varint(),
    length: reader.varint(),
    crc: reader.uint32(),
    sequenceLast: reader.varint(),
  }));
  return {
    uid,
    collectionNumber,
    keySlot,
    sequence,
    flushedSequence,
    rowCount,
    byteCount,
    segments,
    tail,
    quarantine,
  };
}

function rowVersion({ segments, keySlot }: ShardState): number {
  if (segments.some(isRemote)) return SHARD_ROW_VERSION_REMOTE;
  return keySlot === 0 ? SHARD_ROW_VERSION_PLAIN : SHARD_ROW_VERSION;
}

/** True for a segment whose bytes are not on this disk. */
export function isRemote({ location }: Pick<SegmentEntry, "location">): boolean {
  return location.kind === "remote";
}

/** Bytes of the shard that only the log holds. */
export function tailBytes(state: ShardState): number {
  return state.tail.reduce((sum, extent) => sum + extent.length, 0);
}

export function encodeSegmentEntry(writer: ByteWriter, segment: SegmentEntry): void {
  writer.raw(segment.uid).varint(segment.rowCount).varint(segment.sequenceMax);
  const { location, wrappedKey, origin } = segment;
  const place =
    (location.kind === "pack" ? 1 : 0) |
    (location.kind === "remote" ? PLACE_REMOTE : 0) |
    (wrappedKey === undefined ? 0 : PLACE_SEALED) |
    (origin === undefined ? 0 : PLACE_COPIED) |
    (segment.isIndexed === true ? PLACE_INDEXED : 0);
  writer.uint8(place).varint(location.bytes);
  if (location.kind === "pack") writer.varint(location.pack).varint(location.offset);
  if (location.kind === "remote") encodeRemote(writer, location);
  if (wrappedKey !== undefined) writer.raw(wrappedKey);
  if (origin !== undefined) writer.raw(origin.segment).raw(origin.shard);
  writer.varint(segment.deadRows.length);
  let previous = 0;
  for (const row of segment.deadRows) {
    writer.varint(row - previous);
    previous = row;
  }
}

export function decodeSegmentEntry(reader: ByteReader): SegmentEntry {
  const uid = new Uint8Array(reader.raw(16)) as SegmentUid;
  const rowCount = reader.varint();
  const sequenceMax = reader.varint();
  const place = reader.uint8();
  const bytes = reader.varint();
  const location = decodeLocation(reader, place, bytes);
  const wrappedKey =
    (place & PLACE_SEALED) === 0 ? undefined : new Uint8Array(reader.raw(WRAPPED_KEY_BYTES));
  const origin =
    (place & PLACE_COPIED) === 0
      ? undefined
      : { segment: new Uint8Array(reader.raw(16)), shard: new Uint8Array(reader.raw(16)) };
  const deadRows = new Uint32Array(reader.varint());
  let previous = 0;
  for (let i = 0; i < deadRows.length; i++) {
    previous += reader.varint();
    deadRows[i] = previous;
  }
  const isIndexed = (place & PLACE_INDEXED) === 0 ? undefined : true;
  return {
    ...{ uid, rowCount, sequenceMax, location, deadRows, wrappedKey, origin },
    ...(isIndexed && { isIndexed }),
  };
}

function decodeLocation(reader: ByteReader, place: number, bytes: number): SegmentLocation {
  if ((place & PLACE_REMOTE) !== 0) {
    const prefix = reader.string();
    const isInline = reader.uint8() !== 0;
    return { kind: "remote", bytes, prefix, offset: isInline ? reader.varint() : undefined };
  }
  if ((place & 1) === 0) return { kind: "file", bytes };
  return { kind: "pack", bytes, pack: reader.varint(), offset: reader.varint() };
}

function encodeRemote(writer: ByteWriter, { prefix, offset }: RemoteLocation): void {
  writer.string(prefix).uint8(offset === undefined ? 0 : 1);
  if (offset !== undefined) writer.varint(offset);
}
