/**
 * Every place on this node's disk where bytes of one shard lie: its segments, its frames in the
 * log, its rows, its key. Also bytes that are dead and not yet removed, because who asks may want
 * to know what an erasure has to wait for. Wakes nobody.
 */
import { toHex, type ShardUid } from "../base/brands.ts";
import type { Clock, FileSystem } from "../io/index.ts";
import { fileOf, type SegmentEntry, type ShardState } from "../shard/index.ts";
import {
  PACK_ENTRY_HEADER_BYTES,
  comparePositions,
  logFilePath,
  packPath,
  walkPack,
  type LogExtent,
  type NodeLog,
  type SystemShard,
} from "../storage/index.ts";
import { SLOT_BYTES, slotFilePath, slotPlace } from "../vault/index.ts";
import type { ShardExtent } from "./api.ts";
import { SYSTEM_UID, type Catalog } from "./catalog.ts";
import { PACK_PREFIX, endOfPrefix, packOfKey, shardKey, type EncodedKey } from "./catalog-keys.ts";

/** Packs with dead bytes that are looked through. */
const PACKS_MAX = 1_000;

export interface ExtentDoors {
  readonly catalog: Catalog;
  readonly store: Pick<SystemShard, "locate">;
  readonly log: Pick<NodeLog, "framesOf" | "read">;
  readonly fileSystem: Pick<FileSystem, "readWhole">;
  readonly clock: Pick<Clock, "yield">;
}

export interface LocatedShard {
  readonly state: ShardState;
  /** Keys of the rows that name the shard, besides its own. */
  readonly rowKeys: readonly EncodedKey[];
  /** Slot of the collection's key; 0 when none takes part. */
  readonly collectionSlot: number;
}

/**
 * Sorted by file and offset.
 *
 * Costs a read of the footers of all log files, of the catalogue's frames in the log, and of the
 * packs with dead bytes: seconds where those are large.
 *
 * @throws InsulaError `data_damaged` when something on the way cannot be read.
 */
export async function locateShard(
  doors: ExtentDoors,
  { state, rowKeys, collectionSlot }: LocatedShard,
): Promise<readonly ShardExtent[]> {
  const extents = [
    ...state.segments.map(segmentExtent(state)),
    ...(await deadPackExtents(doors, state)),
    ...(await frameExtents(doors, state)),
    ...(await rowExtents(doors, [shardKey(state.uid), ...rowKeys])),
    ...(await changeExtents(doors, state.uid)),
    ...slotExtents(state.keySlot, "key"),
    ...slotExtents(collectionSlot, "collection key"),
  ];
  return extents.sort((a, b) => compare(a.file, b.file) || a.offset - b.offset);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const EXTENT_KINDS = { file: "segment", pack: "pack", remote: "object" } as const;

function segmentExtent({ keySlot }: ShardState): (entry: SegmentEntry) => ShardExtent {
  return (entry) => {
    const { location, wrappedKey } = entry;
    const header = location.kind === "pack" ? PACK_ENTRY_HEADER_BYTES : 0;
    return {
      kind: EXTENT_KINDS[location.kind],
      file: fileOf(entry),
      offset: location.kind === "pack" ? location.offset - header : 0,
      length: location.bytes + header,
      keySlot: wrappedKey === undefined ? 0 : keySlot,
      isLive: true,
    };
  };
}

/** Entries of packs that the shard has given up and no cleaning has removed. */
async function deadPackExtents(
  { catalog, fileSystem, clock }: ExtentDoors,
  { uid, segments, keySlot }: ShardState,
): Promise<readonly ShardExtent[]> {
  const live = new Set(segments.map((entry) => toHex(entry.uid)));
  const range = { start: PACK_PREFIX, end: endOfPrefix(PACK_PREFIX), limit: PACKS_MAX };
  const extents: ShardExtent[] = [];
  for (const [key] of await catalog.scan(range)) {
    const pack = packOfKey(key);
    const bytes = await fileSystem.readWhole(packPath(pack));
    for (const entry of bytes === undefined ? [] : walkPack(bytes, pack)) {
      if (!Buffer.from(entry.shard).equals(uid) || live.has(toHex(entry.segment))) continue;
      const offset = entry.offset - PACK_ENTRY_HEADER_BYTES;
      const length = entry.length + PACK_ENTRY_HEADER_BYTES;
      extents.push({ kind: "pack", file: packPath(pack), offset, length, keySlot, isLive: false });
    }
    await clock.yield();
  }
  return extents;
}

async function frameExtents(
  { log }: ExtentDoors,
  { uid, tail, keySlot }: ShardState,
): Promise<readonly ShardExtent[]> {
  const live = new Set(tail.map(placeOf));
  const frames = await log.framesOf(uid);
  return frames.map((extent) => ({
    kind: "log" as const,
    file: logFilePath("log", extent.file),
    offset: extent.offset,
    length: extent.length,
    keySlot,
    isLive: live.has(placeOf(extent)),
  }));
}

function placeOf({ file, offset }: Pick<LogExtent, "file" | "offset">): string {
  return `${String(file)}:${String(offset)}`;
}

/** Blocks of the catalogue's tables; rows of others lie in them too. */
async function rowExtents(
  { store }: ExtentDoors,
  keys: readonly EncodedKey[],
): Promise<readonly ShardExtent[]> {
  const extents = new Map<string, ShardExtent>();
  for (const key of keys) {
    for (const [age, { file, offset, length }] of (await store.locate(key)).entries()) {
      const id = `${file}:${String(offset)}`;
      const isLive = age === 0 || extents.get(id)?.isLive === true;
      extents.set(id, { kind: "catalogue", file, offset, length, keySlot: 0, isLive });
    }
  }
  return [...extents.values()];
}

/** Frames of the catalogue in the log that speak of the shard. */
async function changeExtents(
  { catalog, log, clock }: ExtentDoors,
  uid: ShardUid,
): Promise<readonly ShardExtent[]> {
  const extents: ShardExtent[] = [];
  for (const extent of await log.framesOf(SYSTEM_UID)) {
    const payload = Buffer.from(await log.read(extent));
    await clock.yield();
    if (payload.indexOf(uid) < 0) continue;
    const { file, offset, length } = extent;
    extents.push({
      kind: "catalogue",
      file: logFilePath("log", file),
      ...{ offset, length, keySlot: 0 },
      isLive: comparePositions(extent, catalog.recoverFrom) >= 0,
    });
  }
  return extents;
}

function slotExtents(slot: number, kind: "key" | "collection key"): readonly ShardExtent[] {
  if (slot === 0) return [];
  const { file, offset } = slotPlace(slot);
  return [
    { kind, file: slotFilePath(file), offset, length: SLOT_BYTES, keySlot: slot, isLive: true },
  ];
}
