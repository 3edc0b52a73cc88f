/**
 * Makes a shard out of an image, up to the commit: new identities, keys wrapped anew, segments
 * written and synced under `tmp/` or in a pack, frames in the log. Nothing names any of it before
 * the caller commits {@link ImportedShard.changes}; a crash before leaves what a start removes.
 */
import { toSegmentUid, toShardUid, type SegmentUid, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import type { SegmentImage, ShardImage } from "../backup/index.ts";
import {
  FRAME_DATA,
  ShardSeal,
  encodeShardState,
  newShardState,
  temporaryPath,
  type SegmentEntry,
  type SegmentLocation,
  type ShardState,
  type TailExtent,
} from "../shard/index.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { shardKey, totalsKey } from "./catalog-keys.ts";
import type { NodeContext } from "./node-context.ts";

export interface ImportedShard {
  readonly uid: ShardUid;
  /** Make the shard and its totals; to be committed with whatever names it. */
  readonly changes: readonly CatalogChange[];
  /** Call when the changes are durable. */
  settle(): Promise<void>;
  /** Call instead when they will not be. */
  abandon(): Promise<void>;
}

/** @param collectionNumber whose key is in the catalogue already, though perhaps not its name. */
export async function importShard(
  node: NodeContext,
  image: ShardImage,
  collectionNumber: number,
): Promise<ImportedShard> {
  const uid = toShardUid(node.shards.random.bytes(16));
  const keySlot = await takeSlot(node, image);
  const state = newShardState(uid, collectionNumber, keySlot);
  const key = await node.shards.keys.keyOf(state);
  const target = { state, seal: key && new ShardSeal(uid, key, node.shards.random) };
  const files: SegmentUid[] = [];
  const packs: number[] = [];
  // Frames come into the newest file or a later one, and no tail names them yet.
  const from = node.log.position.file;
  const endHold = node.logHolds.hold((file) => file >= from);
  const abandon = async (): Promise<void> => {
    endHold();
    settlePacks(node, packs);
    for (const segment of files) await node.shards.segmentFolders.abandon(uid, segment);
  };
  try {
    const segments: SegmentEntry[] = [];
    for (const segment of image.segments) {
      segments.push(await importSegment(node, segment, { ...target, files, packs }));
    }
    if (files.length > 0) await node.shards.fileSystem.syncFolder("tmp");
    for (const segment of files) node.shards.segmentFolders.place(uid, segment);
    const tail = await importTail(node, image, target);
    const { sequence, flushedSequence, rowCount, byteCount } = image;
    const row = { ...state, sequence, flushedSequence, rowCount, byteCount, segments, tail };
    return {
      uid,
      changes: shardChanges(row),
      abandon,
      settle: async () => {
        endHold();
        settlePacks(node, packs);
        for (const segment of files) {
          await node.shards.segmentFolders.settle(uid, segment);
          await node.shards.files.forget(temporaryPath(uid, segment));
        }
      },
    };
  } catch (error) {
    await abandon();
    throw error;
  }
}

/** Said once for each entry; a pack without unsettled ones may be cleaned. */
function settlePacks(node: NodeContext, packs: number[]): void {
  for (const pack of packs.splice(0)) node.shards.packs.settle(pack);
}

function shardChanges(row: ShardState): readonly CatalogChange[] {
  const key = totalsKey(row.collectionNumber);
  const { rowCount: rows, byteCount: bytes } = row;
  return [
    { kind: "put", key: shardKey(row.uid), value: encodeShardState(row) },
    { kind: "key-slot", slot: row.keySlot },
    { kind: "totals", key, rows, bytes, children: 0 },
  ];
}

/** What is sealed stays sealed, whether or not new data is. */
async function takeSlot(node: NodeContext, image: ShardImage): Promise<number> {
  const slot = await node.takeKeySlot();
  if (slot !== 0 || image.segments.every(({ key }) => key === undefined)) return slot;
  if (node.vault !== undefined) return node.vault.slots.take();
  throw new InsulaError(
    "operation_unsupported",
    "Cannot restore the data: they are sealed, and this data folder has no keys.",
  );
}

/** What a shard's segments are written to, for whoever settles or abandons them. */
interface Written {
  /** Segments in files of their own. */
  readonly files: SegmentUid[];
  /** The pack of each segment in one. */
  readonly packs: number[];
}

interface ImportTarget {
  readonly state: ShardState;
  readonly seal: ShardSeal | undefined;
}

async function importSegment(
  node: NodeContext,
  image: SegmentImage,
  { state, seal, files, packs }: ImportTarget & Written,
): Promise<SegmentEntry> {
  const uid = toSegmentUid(node.shards.random.bytes(16));
  const { segment, shard, rowCount, sequenceMax, deadRows, key } = image;
  const location = await place(node, image, { segment: uid, shard: state.uid, files, packs });
  const wrappedKey = key === undefined ? undefined : seal?.wrapSegmentKey(uid, key);
  return { uid, location, rowCount, sequenceMax, deadRows, wrappedKey, origin: { segment, shard } };
}

async function place(
  node: NodeContext,
  image: SegmentImage,
  target: Written & { readonly segment: SegmentUid; readonly shard: ShardUid },
): Promise<SegmentLocation> {
  const { segment, shard, files, packs } = target;
  if (image.bytes < node.shards.policy.packedBytesMax) {
    const pieces: Uint8Array[] = [];
    for await (const piece of image.read()) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    const extent = await node.shards.packs.append({ segment, shard, bytes });
    packs.push(extent.pack);
    return { kind: "pack", pack: extent.pack, offset: extent.offset, bytes: extent.length };
  }
  files.push(segment);
  const file = await node.shards.fileSystem.create(temporaryPath(shard, segment));
  let bytes = 0;
  try {
    for await (const piece of image.read()) {
      await file.write(bytes, piece);
      bytes += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { kind: "file", bytes };
}

async function importTail(
  node: NodeContext,
  image: ShardImage,
  { state, seal }: ImportTarget,
): Promise<TailExtent[]> {
  const tail: TailExtent[] = [];
  for (const { sequence, payload } of await image.tail()) {
    const { file, offset, length, crc } = await node.log.append({
      shard: state.uid,
      kind: FRAME_DATA,
      sequenceFirst: sequence,
      sequenceLast: sequence,
      // The shard's row says what they add: a start that reads them finds them counted.
      netRows: 0,
      netBytes: 0,
      isSealed: seal !== undefined,
      parts: seal === undefined ? [payload] : seal.sealFrame(sequence, [payload]),
    });
    tail.push({ file, offset, length, crc, sequenceLast: sequence });
  }
  return tail;
}
