/** Reads a backup: its lines, and the bytes of shards, each verified before it is handed out. */
import { toHex } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import type { ObjectStore } from "../io/index.ts";
import { comparePaths, decodeEntries, type BackupEntry, type BackupPath } from "./backup-entry.ts";
import {
  MANIFEST_PREFIX,
  decodeIndex,
  decodeManifest,
  indexKey,
  manifestKey,
  objectMissing,
  partKey,
  rootKeyOf,
  type BackupManifest,
  type BackupPart,
} from "./backup-manifest.ts";
import { openObject, type BackupKeys } from "./backup-seal.ts";
import { readExtent, type ExtentDoors } from "./stored-extent.ts";
import type { FrameImage, SegmentImage, ShardImage } from "./shard-image.ts";
import type { StoredSegment, StoredShard, StoredTail } from "./stored-shard.ts";

/** Names of manifests asked for at once. */
const LIST_LIMIT = 1_000;

/** All backups of the store, oldest first. @throws InsulaError `data_damaged` */
export async function listBackups(store: ObjectStore): Promise<readonly BackupManifest[]> {
  const manifests: BackupManifest[] = [];
  let after: string | undefined;
  for (;;) {
    const page = { limit: LIST_LIMIT, ...(after === undefined ? {} : { after }) };
    const keys = await store.list(MANIFEST_PREFIX, page);
    for (const key of keys) manifests.push(await readManifest(store, key));
    after = keys.at(-1);
    if (keys.length < LIST_LIMIT) return manifests;
  }
}

/**
 * The backup of that id, else the newest, or the newest begun by `atMs`.
 *
 * @throws InsulaError `backup_not_found`.
 */
export async function findBackup(
  store: ObjectStore,
  id: string | undefined,
  atMs: number = Number.POSITIVE_INFINITY,
): Promise<BackupManifest> {
  if (id !== undefined) {
    const bytes = await store.get(manifestKey(id));
    if (bytes !== undefined) return decodeManifest(manifestKey(id), bytes);
  } else {
    const all = await listBackups(store);
    const newest = all.filter(({ createdAtMs }) => createdAtMs <= atMs).at(-1);
    if (newest !== undefined) return newest;
  }
  const what = id === undefined ? "a backup" : `backup ${id}`;
  throw new InsulaError("backup_not_found", `Cannot find ${what} in the store.`);
}

async function readManifest(store: ObjectStore, key: string): Promise<BackupManifest> {
  const bytes = await store.get(key);
  if (bytes === undefined) throw objectMissing(key);
  return decodeManifest(key, bytes);
}

export class BackupReader {
  readonly manifest: BackupManifest;
  readonly #doors: ExtentDoors;
  readonly #keys: BackupKeys | undefined;
  readonly #parts: readonly BackupPart[];

  private constructor(
    doors: ExtentDoors,
    manifest: BackupManifest,
    opened: { readonly keys: BackupKeys | undefined; readonly parts: readonly BackupPart[] },
  ) {
    this.#doors = doors;
    this.manifest = manifest;
    this.#keys = opened.keys;
    this.#parts = opened.parts;
  }

  /**
   * @param openRoot makes the keys of a sealed backup out of the wrapped root key that lies in it.
   * @throws InsulaError `data_damaged`, and what `openRoot` throws.
   */
  static async open(
    doors: ExtentDoors,
    manifest: BackupManifest,
    openRoot: (rootFile: Uint8Array) => BackupKeys,
  ): Promise<BackupReader> {
    const { id } = manifest;
    let keys: BackupKeys | undefined;
    if (manifest.folder !== "") {
      const rootFile = await doors.store.get(rootKeyOf(id));
      if (rootFile === undefined) throw objectMissing(rootKeyOf(id));
      keys = openRoot(rootFile);
    }
    const index = await readExtent(doors, {
      object: indexKey(id),
      offset: 0,
      bytes: manifest.index.bytes,
      sha256: Buffer.from(manifest.index.sha256, "hex"),
    });
    const parts = decodeIndex(openObject(index, { backup: id, purpose: "index" }, keys));
    return new BackupReader(doors, manifest, { keys, parts });
  }

  /** In their order; with a path only that line, those below it, and those it is in. */
  async *entries(under: BackupPath = []): AsyncIterable<BackupEntry> {
    for (const [number, part] of this.#parts.entries()) {
      const next = this.#parts[number + 1]?.first;
      if (next !== undefined && !mayHold(part.first, next, under)) continue;
      for (const entry of decodeEntries(await this.#part(number, part))) {
        const depth = Math.min(under.length, entry.path.length);
        const isWanted = comparePaths(entry.path.slice(0, depth), under.slice(0, depth)) === 0;
        if (isWanted) yield entry;
      }
    }
  }

  /** The shard of a line; its bytes are read when they are asked for. */
  image(shard: StoredShard): ShardImage {
    const { uid, sequence, flushedSequence, rowCount, byteCount, tail } = shard;
    return {
      uid,
      sequence,
      flushedSequence,
      rowCount,
      byteCount,
      segments: shard.segments.map((segment) => this.#segment(segment)),
      tailBytes: tail?.extent.bytes ?? 0,
      tail: () => (tail === undefined ? Promise.resolve([]) : this.#tail(uid, tail)),
    };
  }

  #segment({ extents, ...facts }: StoredSegment): SegmentImage {
    const doors = this.#doors;
    return {
      ...facts,
      read: async function* () {
        for (const extent of extents) yield await readExtent(doors, extent);
      },
    };
  }

  async #tail(
    shard: Uint8Array,
    { backup, extent, frames }: StoredTail,
  ): Promise<readonly FrameImage[]> {
    const sealed = await readExtent(this.#doors, extent);
    const place = { backup, purpose: `tail ${toHex(shard)}` };
    const plain = openObject(sealed, place, this.#keys);
    let start = 0;
    return frames.map(({ sequence, bytes }) => {
      // A copy: views on its vectors need a start that is a multiple of four.
      const payload = Uint8Array.from(plain.subarray(start, start + bytes));
      start += bytes;
      return { sequence, payload };
    });
  }

  async #part(number: number, part: BackupPart): Promise<Uint8Array> {
    const { id } = this.manifest;
    const object = partKey(id, number);
    const sealed = await readExtent(this.#doors, { ...part, object, offset: 0 });
    return openObject(sealed, { backup: id, purpose: `part ${String(number)}` }, this.#keys);
  }
}

/** Lines of a part lie between its first and the first of the next one. */
function mayHold(first: BackupPath, next: BackupPath, under: BackupPath): boolean {
  // The lines of the database and the collection that the path is in are wanted, too.
  for (let depth = 0; depth <= under.length; depth++) {
    const path = under.slice(0, depth);
    if (comparePaths(first, path) <= 0 && comparePaths(path, next) < 0) return true;
  }
  const depth = under.length;
  return (
    comparePaths(first.slice(0, depth), under) <= 0 &&
    comparePaths(next.slice(0, depth), under) >= 0
  );
}
