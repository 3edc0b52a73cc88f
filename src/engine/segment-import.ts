/**
 * Brings segments from elsewhere into the data folder, up to the commit: written and synced under
 * `tmp/` or in a pack, their keys wrapped anew. Nothing names them before the caller commits
 * {@link ImportedSegments.entries}; a crash before leaves what a start removes.
 */
import { toSegmentUid, type SegmentUid, type ShardUid } from "../base/brands.ts";
import type { SegmentImage } from "../backup/index.ts";
import {
  temporaryPath,
  type SegmentEntry,
  type SegmentLocation,
  type ShardSeal,
  type ShardState,
} from "../shard/index.ts";
import type { NodeContext } from "./node-context.ts";

export interface ImportedSegments {
  /** In the order of the images. */
  readonly entries: readonly SegmentEntry[];
  /** Call when a manifest that names them is durable. */
  settle(): Promise<void>;
  /** Call instead when none will be. */
  abandon(): Promise<void>;
}

/** Whose segments they become. */
export interface ImportTarget {
  readonly state: Pick<ShardState, "uid">;
  readonly seal: ShardSeal | undefined;
}

export async function importSegments(
  node: NodeContext,
  images: readonly SegmentImage[],
  target: ImportTarget,
): Promise<ImportedSegments> {
  const { uid } = target.state;
  const files: SegmentUid[] = [];
  const packs: number[] = [];
  const abandon = async (): Promise<void> => {
    settlePacks(node, packs);
    for (const segment of files) await node.shards.segmentFolders.abandon(uid, segment);
  };
  try {
    const entries: SegmentEntry[] = [];
    for (const image of images) {
      entries.push(await importSegment(node, image, { ...target, files, packs }));
    }
    if (files.length > 0) await node.shards.fileSystem.syncFolder("tmp");
    for (const segment of files) node.shards.segmentFolders.place(uid, segment);
    return {
      entries,
      abandon,
      settle: async () => {
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

/** What a shard's segments are written to, for whoever settles or abandons them. */
interface Written {
  /** Segments in files of their own. */
  readonly files: SegmentUid[];
  /** The pack of each segment in one. */
  readonly packs: number[];
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
