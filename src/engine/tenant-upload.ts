/**
 * The bytes of one tenant on their way to the object store and back. Nothing of the catalogue is
 * changed here: both ways end with changes for the frame that says the new state.
 */
import { toHex, toSegmentUid, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import {
  offloadManifestKey,
  openOffload,
  writeOffload,
  type BackupPath,
  type OffloadManifest,
  type SegmentImage,
} from "../backup/index.ts";
import {
  ShardSeal,
  isRemote,
  writtenIdentity,
  type SegmentEntry,
  type ShardState,
} from "../shard/index.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { offloadedShardKey } from "./catalog-keys.ts";
import { garbageChanges, garbageOffloadChanges } from "./garbage-rows.ts";
import type { NodeContext } from "./node-context.ts";
import { importSegments, type ImportedSegments } from "./segment-import.ts";
import { openImage } from "./shard-images.ts";

/** After this long the same call has a chance. */
const RETRY_MS = 1_000;

export interface TransferDoors {
  readonly node: NodeContext;
  readonly keeper: Pick<ShardKeeper, "use" | "sleep">;
  readonly signal: AbortSignal;
  /** Told of bytes sent, read back, or fetched. */
  readonly onBytes: (bytes: number) => void;
}

/** What goes along with the shard, for whoever opens the copy elsewhere. */
export interface OffloadedNames {
  readonly path: BackupPath;
  /** In the catalogue's encoding. */
  readonly schema: Uint8Array;
  readonly row: Uint8Array;
}

export interface UploadedShard {
  /** As it was sent. */
  readonly seen: ShardState;
  /** In place of the segments of {@link UploadedShard.seen}. */
  readonly entries: readonly SegmentEntry[];
  readonly prefix: string;
}

/**
 * All of the shard is in the object store, read back and compared, when the promise resolves.
 *
 * @param prefix of a new offload, or of an earlier try of this one.
 */
export async function uploadShard(
  doors: TransferDoors,
  shard: ShardUid,
  { prefix, names }: { readonly prefix: string; readonly names: OffloadedNames },
): Promise<UploadedShard> {
  const { node, signal, onBytes } = doors;
  const store = await node.remote.openUntil(signal);
  await flushTail(doors, shard);
  const opened = await openImage(node, shard);
  if (opened === undefined) throw gone();
  try {
    const { image, state } = opened;
    const key = await node.shards.keys.keyOf(state);
    const root = key === undefined ? undefined : await node.vault?.backupRoot();
    const seal = key && new ShardSeal(shard, key, node.shards.random);
    const manifest = await writeOffload(
      { store, random: node.shards.random, pace: node.transfers, signal, onBytes },
      {
        prefix,
        createdAtMs: node.shards.clock.wallMs(),
        ...names,
        // Frames that are left change nothing: all that they say is in segments.
        image: { ...image, flushedSequence: image.sequence },
        seal: key &&
          root && { key, rootFile: root.rootFile, keys: (name): Uint8Array => root.keyOf(name) },
      },
    );
    const entries = state.segments.map((entry, i) => {
      const uid = toSegmentUid(node.shards.random.bytes(16));
      const segmentKey = image.segments[i]?.key;
      return {
        ...entry,
        uid,
        location: locationIn(manifest, i),
        wrappedKey: segmentKey && seal?.wrapSegmentKey(uid, segmentKey),
        origin: writtenIdentity(shard, entry),
      };
    });
    return { seen: state, entries, prefix };
  } finally {
    opened.close();
  }
}

/**
 * To be committed with the state, while nobody can change the shard: its bytes here become garbage.
 *
 * @throws InsulaError `io_failed` when the shard is not what was sent: it may be tried again.
 */
export async function offloadChanges(
  { catalog }: Pick<NodeContext, "catalog">,
  { seen, entries, prefix }: UploadedShard,
): Promise<readonly CatalogChange[]> {
  await requireSame(catalog, seen);
  return [
    ...seen.segments.flatMap(garbageChanges),
    {
      kind: "manifest",
      shard: seen.uid,
      removed: seen.segments.map(({ uid }) => uid),
      added: entries,
      flushedSequence: seen.sequence,
    },
    { kind: "put", key: offloadedShardKey(seen.uid), value: Buffer.from(prefix, "utf8") },
  ];
}

export interface DownloadedShard {
  readonly seen: ShardState;
  /** In place of the offloaded segments. */
  readonly imported: ImportedSegments;
  readonly entries: readonly SegmentEntry[];
}

/** All of the shard is on this disk, compared and synced, when the promise resolves. */
export async function downloadShard(
  { node, signal, onBytes }: TransferDoors,
  shard: ShardUid,
): Promise<DownloadedShard> {
  const seen = await node.catalog.readShard(shard);
  if (seen === undefined) throw gone();
  const away = seen.segments.filter(isRemote);
  const key = await node.shards.keys.keyOf(seen);
  const seal = key && new ShardSeal(shard, key, node.shards.random);
  const store = await node.remote.openUntil(signal);
  const images = new Map<string, SegmentImage>();
  for (const prefix of new Set(away.map(prefixOf))) {
    const doors = { store, pace: node.transfers, signal };
    const { image } = await openOffload(doors, prefix, { kind: "shard", key });
    for (const each of image.segments) images.set(toHex(each.segment), each);
  }
  const wanted = away.map((entry) => {
    const id = toHex(writtenIdentity(shard, entry).segment);
    const image = images.get(id);
    if (image === undefined) throw notInManifest(id);
    return counted(image, onBytes);
  });
  const imported = await node.disk.run(() => importSegments(node, wanted, { state: seen, seal }));
  const entries = imported.entries.map((entry, i) => {
    const { deadRows = entry.deadRows, isIndexed } = away[i] ?? {};
    return { ...entry, deadRows, isIndexed };
  });
  return { seen, imported, entries };
}

/**
 * To be committed with the state, while nobody can change the shard: its objects become garbage.
 *
 * @throws InsulaError `io_failed` when the shard is not what was fetched: it may be tried again.
 */
export async function onloadChanges(
  { catalog }: Pick<NodeContext, "catalog">,
  { seen, entries }: DownloadedShard,
): Promise<readonly CatalogChange[]> {
  const now = await catalog.readShard(seen.uid);
  if (now === undefined) throw gone();
  const away = seen.segments.filter(isRemote);
  // It was written to meanwhile, perhaps; what was fetched must be what is still missing here.
  if (uidsOf(now.segments.filter(isRemote)) !== uidsOf(away)) throw changedMeanwhile();
  const key = offloadedShardKey(seen.uid);
  const prefix = await catalog.get(key);
  return [
    ...away.flatMap(garbageChanges),
    // Of a shard without segments, too.
    ...(prefix === undefined ? [] : garbageOffloadChanges(Buffer.from(prefix).toString("utf8"))),
    { kind: "delete", key },
    {
      kind: "manifest",
      shard: seen.uid,
      removed: away.map(({ uid }) => uid),
      added: entries,
      flushedSequence: 0,
    },
  ];
}

/** Everything of the shard is in segments, and it sleeps. */
async function flushTail({ node, keeper }: TransferDoors, shard: ShardUid): Promise<void> {
  const state = await node.catalog.readShard(shard);
  if (state === undefined) throw gone();
  if (state.tail.length === 0) return;
  const isFlushed = await keeper.use(shard, async (open) => {
    await open.flush();
    return open.isFlushed;
  });
  if (!isFlushed) throw changedMeanwhile();
  await keeper.sleep(shard);
}

async function requireSame(
  catalog: Pick<NodeContext["catalog"], "readShard">,
  seen: ShardState,
): Promise<void> {
  const now = await catalog.readShard(seen.uid);
  if (now === undefined) throw gone();
  const isSame = seen.sequence === now.sequence && uidsOf(seen.segments) === uidsOf(now.segments);
  if (!isSame || now.quarantine !== "") throw changedMeanwhile();
}

function uidsOf(segments: readonly SegmentEntry[]): string {
  return segments.map(({ uid }) => toHex(uid)).join();
}

function locationIn({ prefix, shard }: OffloadManifest, i: number): SegmentEntry["location"] {
  const stored = shard.segments[i];
  const [first] = stored?.extents ?? [];
  const isInline = first?.object === offloadManifestKey(prefix);
  const offset = isInline ? first.offset : undefined;
  return { kind: "remote", bytes: stored?.bytes ?? 0, prefix, offset };
}

function prefixOf({ location }: SegmentEntry): string {
  return location.kind === "remote" ? location.prefix : "";
}

function counted(image: SegmentImage, onBytes: (bytes: number) => void): SegmentImage {
  return {
    ...image,
    read: async function* () {
      for await (const piece of image.read()) {
        onBytes(piece.length);
        yield piece;
      }
    },
  };
}

function gone(): InsulaError {
  return new InsulaError("tenant_not_found", "Cannot move the data: they were just deleted.");
}

function changedMeanwhile(): InsulaError {
  return new InsulaError(
    "io_failed",
    "Cannot move the data: they were rewritten while they were moved: try again.",
    { retryAfterMs: RETRY_MS },
  );
}

function notInManifest(segment: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot bring the data back: segment ${segment} is not in the manifest of their copy.`,
    { details: { segment } },
  );
}
