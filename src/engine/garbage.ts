/**
 * What nobody names any more and still takes room: segment files of merged or dropped shards,
 * tenants of dropped collections. Rows in the catalogue remember it, so that a crash forgets
 * nothing; removal runs in the background and is resumed at the next start.
 */
import { toHex, toSegmentUid, type ShardUid } from "../base/brands.ts";
import { compareBytes } from "../base/bytes.ts";
import type { Clock, FileHandles, FileSystem } from "../io/index.ts";
import { segmentPath, type SegmentEntry, type SegmentFolders } from "../shard/index.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { garbageChanges, garbageOffloadChanges, garbageSlotChanges } from "./garbage-rows.ts";
import { decodeMoving } from "./moving-rows.ts";
import {
  GARBAGE_COLLECTION_PREFIX,
  GARBAGE_SEGMENT_PREFIX,
  GARBAGE_SLOT_PREFIX,
  collectionLimitsKey,
  collectionSchemaKey,
  endOfPrefix,
  garbageSegmentKey,
  garbageSlotKey,
  movingShardKey,
  offloadedShardKey,
  slotOfGarbageKey,
  tenantPrefix,
  totalsKey,
  type EncodedKey,
} from "./catalog-keys.ts";
import { decodeTenant } from "./catalog-rows.ts";
import { dropLimitsChanges } from "./limit-changes.ts";
import { tenantStateChange } from "./tenant-totals.ts";

/** Rows looked at in one step. */
const STEP_ROWS = 256;

/** The changes that remove a shard; its key and its segment files become garbage. */
export async function dropShardChanges(
  catalog: Catalog,
  shard: ShardUid,
): Promise<readonly CatalogChange[]> {
  const state = await catalog.readShard(shard);
  const segments = state?.segments ?? [];
  return [
    ...segments.flatMap(garbageChanges),
    ...(await dropOffloadChanges(catalog, shard)),
    ...garbageSlotChanges(state?.keySlot ?? 0),
    ...(await dropLimitsChanges(catalog, shard)),
    { kind: "drop-shard", shard },
  ];
}

/** Objects that are in the store, or that an offload has begun to make. */
async function dropOffloadChanges(
  catalog: Catalog,
  shard: ShardUid,
): Promise<readonly CatalogChange[]> {
  const changes: CatalogChange[] = [];
  const offloaded = await catalog.get(offloadedShardKey(shard));
  if (offloaded !== undefined) {
    changes.push({ kind: "delete", key: offloadedShardKey(shard) });
    changes.push(...garbageOffloadChanges(Buffer.from(offloaded).toString("utf8")));
  }
  const moving = await catalog.get(movingShardKey(shard));
  if (moving !== undefined) {
    const { prefix } = decodeMoving(moving);
    changes.push({ kind: "delete", key: movingShardKey(shard) });
    if (prefix !== "") changes.push(...garbageOffloadChanges(prefix));
  }
  return changes;
}

function folderOf(uid: SegmentEntry["uid"]): string {
  const path = segmentPath(uid);
  return path.slice(0, path.lastIndexOf("/"));
}

export interface SweeperDoors {
  readonly catalog: Catalog;
  readonly fileSystem: FileSystem;
  readonly files: FileHandles;
  readonly segmentFolders: SegmentFolders;
  readonly clock: Clock;
  /** Destroys keys; undefined when the node has none. */
  readonly eraseKeys: ((slots: readonly number[]) => Promise<void>) | undefined;
}

/** What a shard has left that is removed. */
export interface RemovedShard {
  /** 0 for none. */
  readonly keySlot: number;
  /** Segments with a file of their own. */
  readonly files: readonly SegmentEntry["uid"][];
}

/** Files that are removed in the order of their uids: one sync for those of a folder. */
class FolderRemoval {
  readonly #forget: (uids: readonly SegmentEntry["uid"][]) => Promise<void>;
  #removed: SegmentEntry["uid"][] = [];

  constructor(forget: (uids: readonly SegmentEntry["uid"][]) => Promise<void>) {
    this.#forget = forget;
  }

  /** To be called before the file of `uid` is removed. */
  async enter(uid: SegmentEntry["uid"]): Promise<void> {
    const [last] = this.#removed;
    if (last !== undefined && folderOf(last) !== folderOf(uid)) await this.end();
  }

  add(uid: SegmentEntry["uid"]): void {
    this.#removed.push(uid);
  }

  async end(): Promise<void> {
    await this.#forget(this.#removed);
    this.#removed = [];
  }
}

/** Puts shards to sleep for good, when their last users are done, and commits their removal. */
type DropShards = (shards: readonly ShardUid[], commit: () => Promise<void>) => Promise<void>;

export class Sweeper {
  readonly #doors: SweeperDoors;
  /** Segments that readers still hold, by hexadecimal uid. */
  readonly #held = new Map<string, SegmentEntry>();
  /** Segments that a copy or a backup reads, by hexadecimal uid. */
  readonly #pins = new Map<string, { readonly entry: SegmentEntry; count: number }>();
  /** Of {@link Sweeper.holdAll}. */
  #holdCount = 0;
  #dropShards: DropShards = (_, commit) => commit();
  #running: Promise<void> = Promise.resolve();
  /** The end of a sweep that has not begun. */
  #planned: Promise<void> | undefined;
  /** Shards that {@link Sweeper.remove} is asked for, and the end of the step that takes them. */
  #asked: RemovedShard[] = [];
  #taking: Promise<void> | undefined;
  #isStopped = false;

  constructor(doors: SweeperDoors) {
    this.#doors = doors;
  }

  /** Who keeps shards awake: those of a dropped collection must sleep before their rows go. */
  attach(dropShards: DropShards): void {
    this.#dropShards = dropShards;
  }

  /** Keeps the file of a segment that is out of its manifest until {@link Sweeper.release}. */
  hold(entry: SegmentEntry): void {
    this.#held.set(toHex(entry.uid), entry);
  }

  /** The last reader has gone. */
  release(entry: SegmentEntry): void {
    this.#held.delete(toHex(entry.uid));
    if (entry.location.kind === "file") void this.#enqueue(() => this.#unlink(entry.uid));
  }

  /**
   * Keeps the bytes of segments that a manifest names now, whatever becomes of the manifest.
   *
   * @returns lets go of them again; to be called once.
   */
  pin(entries: readonly SegmentEntry[]): () => void {
    for (const entry of entries) {
      const id = toHex(entry.uid);
      const pinned = this.#pins.get(id);
      if (pinned === undefined) this.#pins.set(id, { entry, count: 1 });
      else pinned.count++;
    }
    return () => {
      for (const entry of entries) this.#unpin(entry);
    };
  }

  /**
   * Keeps every file that is there now.
   *
   * @returns lets go of them again; to be called once.
   */
  holdAll(): () => void {
    this.#holdCount++;
    return () => {
      this.#holdCount--;
      if (this.#holdCount === 0) void this.#enqueue(() => this.#sweepSegments());
    };
  }

  /** True while somebody still uses a segment in the pack that its manifest has forgotten. */
  isPackHeld(pack: number): boolean {
    if (this.#holdCount > 0) return true;
    const pinned = Array.from(this.#pins.values(), ({ entry }) => entry);
    return [...this.#held.values(), ...pinned].some(
      ({ location }) => location.kind === "pack" && location.pack === pack,
    );
  }

  /** Goes through everything remembered, in the background. */
  sweep(): void {
    void this.settle();
  }

  /**
   * Removes what a shard has left, whose removal is committed; resolves when it was tried. Those
   * that are asked for at once share a step, and none looks through what others have left.
   */
  remove(shard: RemovedShard): Promise<void> {
    // Without keys the bytes are all there is: also those that merges have left.
    if (this.#doors.eraseKeys === undefined) return this.settle();
    this.#asked.push(shard);
    this.#taking ??= this.#enqueue(() => this.#removeAsked());
    return this.#taking;
  }

  /**
   * Files of interrupted builds: renamed when a manifest names them, removed else. Before any read.
   */
  async settleTemporary(): Promise<void> {
    const { catalog, fileSystem } = this.#doors;
    for (const name of await fileSystem.listFolder("tmp")) {
      const [shardHex, segmentHex] = name.replace(/\.seg$/, "").split("-");
      if (shardHex === undefined || segmentHex === undefined) continue;
      const shard = new Uint8Array(Buffer.from(shardHex, "hex")) as ShardUid;
      const segment = toSegmentUid(new Uint8Array(Buffer.from(segmentHex, "hex")));
      const state = shard.length === 16 ? await catalog.readShard(shard) : undefined;
      if (state?.segments.some(({ uid }) => toHex(uid) === segmentHex) === true) {
        await this.#doors.segmentFolders.settle(shard, segment);
      } else {
        await fileSystem.unlink(`tmp/${name}`);
      }
    }
  }

  /** Goes through everything remembered and resolves when it was tried; callers share a sweep. */
  settle(): Promise<void> {
    if (this.#planned !== undefined) return this.#planned;
    void this.#enqueue(() => {
      this.#planned = undefined;
      return this.#eraseKeys();
    });
    void this.#enqueue(() => this.#sweepCollections());
    void this.#enqueue(() => this.#sweepSegments());
    this.#planned = this.#enqueue(() => this.#eraseKeys());
    return this.#planned;
  }

  /** Finishes the step under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    // A failed removal is tried again at the next start: its row is still there.
    this.#running = this.#running
      .then(() => (this.#isStopped ? undefined : step()))
      .catch(() => undefined);
    return this.#running;
  }

  #unpin(entry: SegmentEntry): void {
    const id = toHex(entry.uid);
    const pinned = this.#pins.get(id);
    if (pinned === undefined) return;
    pinned.count--;
    if (pinned.count > 0) return;
    this.#pins.delete(id);
    if (entry.location.kind !== "file" || this.#held.has(id)) return;
    void this.#enqueue(async () => {
      const isGarbage = (await this.#doors.catalog.get(garbageSegmentKey(entry.uid))) !== undefined;
      if (isGarbage) await this.#unlink(entry.uid);
    });
  }

  async #unlink(uid: SegmentEntry["uid"]): Promise<void> {
    if (await this.#removeFile(uid)) await this.#forget([uid]);
  }

  /** False for a file that must stay for now. */
  async #removeFile(uid: SegmentEntry["uid"]): Promise<boolean> {
    const { segmentFolders, files } = this.#doors;
    // Its row stays, and the file goes when it is unpinned, or at the next start.
    if (this.#holdCount > 0 || this.#pins.has(toHex(uid))) return false;
    await files.forget(segmentPath(uid));
    await segmentFolders.remove(uid);
    return true;
  }

  /**
   * Forgets removed files of one folder. The removal is durable before the rows can be gone: a
   * power cut would bring back files that nobody looks for.
   */
  async #forget(uids: readonly SegmentEntry["uid"][]): Promise<void> {
    const [first] = uids;
    if (first === undefined) return;
    const { catalog, fileSystem } = this.#doors;
    const folder = folderOf(first);
    // A folder that is not there keeps nothing.
    if (await fileSystem.exists(folder)) await fileSystem.syncFolder(folder);
    for (const uid of uids) catalog.forget(garbageSegmentKey(uid));
  }

  /** Overwrites the slots of whatever was removed, many with one sync. */
  async #eraseKeys(): Promise<void> {
    const { catalog, eraseKeys } = this.#doors;
    if (eraseKeys === undefined) return;
    const range = { start: GARBAGE_SLOT_PREFIX, end: endOfPrefix(GARBAGE_SLOT_PREFIX) };
    for (;;) {
      const rows = await catalog.scan({ ...range, limit: STEP_ROWS });
      if (rows.length === 0 || this.#isStopped) return;
      await eraseKeys(rows.map(([key]) => slotOfGarbageKey(key)));
      for (const [key] of rows) catalog.forget(key);
    }
  }

  async #sweepSegments(): Promise<void> {
    const removal = new FolderRemoval((uids) => this.#forget(uids));
    await this.#walk(GARBAGE_SEGMENT_PREFIX, async (key) => {
      const bytes = Buffer.from(key.slice(GARBAGE_SEGMENT_PREFIX.length), "latin1");
      await this.#sweepFile(toSegmentUid(new Uint8Array(bytes)), removal);
    });
    await removal.end();
  }

  async #sweepFile(uid: SegmentEntry["uid"], removal: FolderRemoval): Promise<void> {
    await removal.enter(uid);
    if (!this.#held.has(toHex(uid)) && (await this.#removeFile(uid))) removal.add(uid);
  }

  async #removeAsked(): Promise<void> {
    this.#taking = undefined;
    const asked = this.#asked.splice(0);
    for (let first = 0; first < asked.length; first += STEP_ROWS) {
      await this.#eraseSlots(asked.slice(first, first + STEP_ROWS));
    }
    const files = asked.flatMap((shard) => shard.files);
    const removal = new FolderRemoval((uids) => this.#forget(uids));
    for (const uid of files.sort((a, b) => compareBytes(a, b))) await this.#sweepFile(uid, removal);
    await removal.end();
  }

  /** Of those that are still remembered: a slot that was overwritten may be somebody else's now. */
  async #eraseSlots(shards: readonly RemovedShard[]): Promise<void> {
    const { catalog, eraseKeys } = this.#doors;
    const slots: number[] = [];
    for (const { keySlot } of shards) {
      if ((await catalog.get(garbageSlotKey(keySlot))) !== undefined) slots.push(keySlot);
    }
    if (slots.length === 0) return;
    await eraseKeys?.(slots);
    for (const slot of slots) catalog.forget(garbageSlotKey(slot));
  }

  async #sweepCollections(): Promise<void> {
    await this.#walk(GARBAGE_COLLECTION_PREFIX, async (key) => {
      const bytes = Buffer.from(key.slice(GARBAGE_COLLECTION_PREFIX.length), "latin1");
      await this.#dropTenants(Number(bytes.readBigUInt64BE()), key);
    });
  }

  async #dropTenants(collectionNumber: number, garbageKey: EncodedKey): Promise<void> {
    const { catalog, clock } = this.#doors;
    const prefix = tenantPrefix(collectionNumber);
    for (;;) {
      const rows = await catalog.scan({
        start: prefix,
        end: endOfPrefix(prefix),
        limit: STEP_ROWS,
      });
      const tenants = rows.map(([key, value]) => ({ key, ...decodeTenant(value) }));
      const commit = async (): Promise<void> => {
        const changes: CatalogChange[] = [];
        for (const { key, shard, state } of tenants) {
          changes.push({ kind: "delete", key }, ...(await dropShardChanges(catalog, shard)));
          changes.push(tenantStateChange(state, -1));
        }
        if (rows.length < STEP_ROWS) {
          changes.push({ kind: "drop-totals", key: totalsKey(collectionNumber) });
          changes.push({ kind: "delete", key: collectionSchemaKey(collectionNumber) });
          changes.push({ kind: "delete", key: collectionLimitsKey(collectionNumber) });
          changes.push({ kind: "delete", key: garbageKey });
        }
        await catalog.commit(changes);
      };
      await this.#dropShards(
        tenants.map(({ shard }) => shard),
        commit,
      );
      if (rows.length < STEP_ROWS || this.#isStopped) return;
      await clock.yield();
    }
  }

  async #walk(prefix: EncodedKey, visit: (key: EncodedKey) => Promise<void>): Promise<void> {
    let start = prefix;
    for (;;) {
      const range = { start, end: endOfPrefix(prefix), limit: STEP_ROWS, startIsExclusive: true };
      const rows = await this.#doors.catalog.scan(range);
      for (const [key] of rows) {
        if (this.#isStopped) return;
        await visit(key);
        start = key;
      }
      if (rows.length < STEP_ROWS) return;
    }
  }
}
