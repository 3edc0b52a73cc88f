/**
 * Puts one shard into an object store: its segments as they lie, in pieces, then, created if
 * absent, the manifest. Nothing is in the store before the manifest is; what is interrupted leaves
 * objects below a prefix that no other offload has.
 *
 * A small shard is one object: its segments lie behind the manifest.
 */
import type { Pace } from "../base/pace.ts";
import { sha256InTurns } from "../base/sha256.ts";
import type { ObjectStore, Random } from "../io/index.ts";
import { objectDamaged, objectMissing } from "./backup-manifest.ts";
import { FetchedObject } from "./fetched-object.ts";
import {
  decodeOffload,
  encodeOffload,
  type OffloadManifest,
  type OffloadSeal,
} from "./offload-manifest.ts";
import { offloadManifestKey, offloadPieceKey } from "./offload-place.ts";
import { PutQueue } from "./put-queue.ts";
import type { SegmentImage, ShardImage } from "./shard-image.ts";
import { readExtent, type ExtentDoors } from "./stored-extent.ts";
import type { StoredExtent, StoredSegment } from "./stored-shard.ts";

/** Segments up to this many bytes together lie in the object of the manifest: one put in all. */
export const INLINE_BYTES_MAX = 262_144;
/** Objects read back at once. Source: as many as are sent at once. */
const READS_AT_ONCE = 4;

export interface OffloadDoors {
  readonly store: ObjectStore;
  readonly random: Random;
  /** Of the thread, while bytes are hashed and compared. */
  readonly pace: Pace;
  readonly signal?: AbortSignal | undefined;
  /** Told of bytes that were sent, and of bytes that were read back. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface OffloadRequest extends Omit<OffloadManifest, "shard"> {
  readonly image: ShardImage;
  readonly seal: OffloadSeal | undefined;
}

/**
 * The copy is whole, and has been read back and compared, when the promise resolves. A second call
 * with the same prefix finds what the first one left and goes on.
 *
 * @throws InsulaError `data_damaged` when a segment here is damaged, or what was read back is not
 *   what was sent; and what the store throws.
 */
export async function writeOffload(
  doors: OffloadDoors,
  request: OffloadRequest,
): Promise<OffloadManifest> {
  const { image, seal, prefix } = request;
  const total = image.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  const inline: Uint8Array[] = [];
  const segments: StoredSegment[] = [];
  const puts = new PutQueue(doors.store);
  const isInline = total <= INLINE_BYTES_MAX;
  let inlineBytes = 0;
  for (const segment of image.segments) {
    const extents: StoredExtent[] = [];
    for await (const piece of segment.read()) {
      doors.signal?.throwIfAborted();
      if (isInline) {
        extents.push(await extentOf("", { offset: inlineBytes, bytes: piece }, doors.pace));
        inline.push(piece);
        inlineBytes += piece.length;
      } else {
        const object = offloadPieceKey(prefix, segment.segment, extents.length);
        await puts.add(object, piece);
        extents.push(await extentOf(object, { offset: 0, bytes: piece }, doors.pace));
      }
      doors.onBytes?.(piece.length);
    }
    segments.push(storedSegment(segment, extents));
  }
  await puts.settle();
  const { uid, sequence, flushedSequence, rowCount, byteCount } = image;
  const shard = {
    ...{ uid, sequence, flushedSequence, rowCount, byteCount, segments },
    tail: undefined,
  };
  const { createdAtMs, path, schema, row } = request;
  const bytes = encodeOffload({ prefix, createdAtMs, path, schema, row, shard }, inline, {
    seal,
    random: doors.random,
  });
  doors.signal?.throwIfAborted();
  await doors.store.putIfAbsent(offloadManifestKey(prefix), bytes);
  const { manifest, found } = await readBack(doors, request, bytes);
  // What lies in the object of the manifest has come with it.
  const store = new FetchedObject(doors.store, offloadManifestKey(prefix), found);
  await verifyExtents({ ...doors, store }, manifest);
  return manifest;
}

/**
 * What the store holds now: our own, or what an earlier try of this offload wrote, which is as good
 * when it says the same.
 */
async function readBack(
  { store }: OffloadDoors,
  { prefix, seal }: OffloadRequest,
  sent: Uint8Array,
): Promise<{ readonly manifest: OffloadManifest; readonly found: Uint8Array }> {
  const object = offloadManifestKey(prefix);
  const found = await store.get(object);
  if (found === undefined) throw objectMissing(object);
  const keys = { kind: "shard", key: seal?.key } as const;
  const own = decodeOffload(prefix, sent, keys);
  if (Buffer.compare(found, sent) === 0) return { manifest: own, found };
  const other = decodeOffload(prefix, found, keys);
  if (!isSameCopy(own, other)) throw objectDamaged(object);
  return { manifest: other, found };
}

/** True when both say the same of the shard's bytes; times and nonces may differ. */
function isSameCopy(a: OffloadManifest, b: OffloadManifest): boolean {
  return describe(a) === describe(b);
}

function describe({ shard }: OffloadManifest): string {
  const segments = shard.segments.map(({ segment, bytes, deadRows, extents }) => ({
    segment: Buffer.from(segment).toString("hex"),
    bytes,
    deadRows: [...deadRows],
    extents: extents.map(({ sha256: hash, bytes: length }) => [
      Buffer.from(hash).toString("hex"),
      length,
    ]),
  }));
  return JSON.stringify({ sequence: shard.sequence, rowCount: shard.rowCount, segments });
}

/**
 * Reads every extent of an offloaded shard and compares length and SHA-256.
 *
 * @throws InsulaError `data_damaged` that names the object.
 */
export async function verifyExtents(
  { onBytes, ...doors }: ExtentDoors & Pick<OffloadDoors, "onBytes">,
  { shard }: OffloadManifest,
): Promise<void> {
  const waiting = shard.segments.flatMap(({ extents }) => extents);
  const readNext = async (): Promise<void> => {
    for (let extent = waiting.shift(); extent !== undefined; extent = waiting.shift()) {
      doors.signal?.throwIfAborted();
      const { length } = await readExtent(doors, extent);
      onBytes?.(length);
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, readNext));
}

async function extentOf(
  object: string,
  { offset, bytes }: { readonly offset: number; readonly bytes: Uint8Array },
  pace: Pace,
): Promise<StoredExtent> {
  return { object, offset, bytes: bytes.length, sha256: await sha256InTurns(bytes, pace) };
}

function storedSegment(image: SegmentImage, extents: readonly StoredExtent[]): StoredSegment {
  const { segment, shard, rowCount, sequenceMax, deadRows, key, bytes } = image;
  return { segment, shard, rowCount, sequenceMax, deadRows, key, bytes, extents };
}
