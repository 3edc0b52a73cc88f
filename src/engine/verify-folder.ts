/**
 * Reads every byte of a data folder that has a checksum and says what does not match, tenant by
 * tenant. Changes nothing.
 *
 * The catalogue is brought up to date from the log as a start would do it, over a file system that
 * takes no writes; so what is checked is what a start would find.
 */
import { toHex, toShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import { ReadOnlyFileSystem, type FileSystem } from "../io/index.ts";
import { readRemoteSource } from "../mirror/index.ts";
import {
  openStoredSegment,
  segmentPath,
  writtenIdentity,
  type ShardSeal,
  type ShardState,
} from "../shard/index.ts";
import {
  auditLog,
  auditTables,
  comparePositions,
  LogReader,
  packPath,
  verifySegment,
  walkPack,
} from "../storage/index.ts";
import type { Catalog } from "./catalog.ts";
import {
  CATALOG_FOLDER,
  LOG_FOLDER,
  openFolderCatalog,
  type FolderCatalog,
} from "./folder-catalog.ts";
import { FolderKeys, type FolderReadOptions } from "./folder-keys.ts";
import { walkShards, type ShardOwner } from "./shard-owners.ts";

/** One thing that does not match. */
export interface FolderDamage {
  /** Relative to the data folder; empty where no single file is meant. */
  readonly file: string;
  /** Whose data it is; undefined: nobody's, or everybody's. */
  readonly owner: ShardOwner | undefined;
  readonly message: string;
}

export interface VerifiedShard extends ShardOwner {
  readonly records: number;
  readonly segments: number;
  /** Of its segments and its part of the log. */
  readonly bytes: number;
  readonly damages: number;
}

export interface FolderReport {
  readonly catalogue: { tables: number; rows: number; bytes: number };
  readonly log: { files: number; frames: number; bytes: number; cutBytes: number };
  readonly segments: { count: number; bytes: number };
  readonly packs: { files: number; entries: number; bytes: number };
  readonly shards: number;
  readonly damages: readonly FolderDamage[];
}

export interface VerifyOptions extends FolderReadOptions {
  /** Each collection without tenants and each tenant, in the order of names. */
  readonly onShard?: (shard: VerifiedShard) => void;
}

/**
 * Costs one read of the whole folder; holds about one pack and one chunk of a section.
 *
 * @throws InsulaError `master_key_missing`, `master_key_wrong`: sealed bytes cannot be judged then.
 */
export async function verifyFolder(options: VerifyOptions): Promise<FolderReport> {
  const files = new ReadOnlyFileSystem(options.files);
  await requireAllHere(files);
  const keys = await FolderKeys.open({ ...options, files });
  return new Verification(options, files, keys).run();
}

/** What is in a mirror only is neither sound nor damaged. */
async function requireAllHere(files: FileSystem): Promise<void> {
  const source = await readRemoteSource(files);
  if (source === undefined) return;
  throw new InsulaError(
    "operation_unsupported",
    `Cannot verify the data: some files are still in their mirror, ${source.target}. Let a server ` +
      "run on the folder until they have arrived, or restore with --whole.",
  );
}

class Verification {
  readonly #files: FileSystem;
  readonly #keys: FolderKeys;
  readonly #options: VerifyOptions;
  readonly #pace: Pace;
  readonly #damages: FolderDamage[] = [];
  /** Found before it was known whose it is: shard to damages. */
  readonly #unclaimed = new Map<string, FolderDamage[]>();
  readonly #damagedSegments = new Set<string>();
  readonly #log = { files: 0, frames: 0, bytes: 0, cutBytes: 0 };
  readonly #segments = { count: 0, bytes: 0 };
  readonly #packs = { files: 0, entries: 0, bytes: 0 };
  readonly #catalogue = { tables: 0, rows: 0, bytes: 0 };
  #shards = 0;

  constructor(options: VerifyOptions, files: FileSystem, keys: FolderKeys) {
    this.#options = options;
    this.#files = files;
    this.#keys = keys;
    this.#pace = new Pace(() => options.clock.yield());
  }

  async run(): Promise<FolderReport> {
    await this.#verifyKeys();
    await this.#verifyTables();
    await this.#verifyPacks();
    const opened = await this.#recover();
    if (opened !== undefined) {
      await this.#verifyShards(opened.catalog).finally(opened.close);
    }
    // Of shards that were dropped, or of frames and entries that are dead.
    for (const damages of this.#unclaimed.values()) this.#damages.push(...damages);
    return {
      catalogue: this.#catalogue,
      log: this.#log,
      segments: this.#segments,
      packs: this.#packs,
      shards: this.#shards,
      damages: this.#damages,
    };
  }

  async #verifyKeys(): Promise<void> {
    for await (const { file, reason } of this.#keys.audit()) {
      if (reason !== undefined) {
        this.#report(file, undefined, new InsulaError("data_damaged", `Damaged: ${reason}.`));
      }
    }
  }

  async #verifyTables(): Promise<void> {
    try {
      for (const { path, rows, bytes, error } of await auditTables(this.#files, CATALOG_FOLDER)) {
        this.#catalogue.tables++;
        this.#catalogue.rows += rows;
        this.#catalogue.bytes += bytes;
        if (error !== undefined) this.#report(path, undefined, error);
      }
    } catch (error) {
      this.#report(`${CATALOG_FOLDER}/MANIFEST`, undefined, error);
    }
  }

  async #verifyPacks(): Promise<void> {
    for (const name of await this.#files.listFolder("pack")) {
      const number = Number.parseInt(name, 10);
      const path = packPath(number);
      const bytes = await this.#files.readWhole(path);
      if (!Number.isSafeInteger(number) || bytes === undefined) continue;
      this.#packs.files++;
      this.#packs.bytes += bytes.length;
      for (const { shard, segment, offset, isDamaged } of walkPack(bytes, number)) {
        this.#packs.entries++;
        if (!isDamaged) continue;
        this.#damagedSegments.add(toHex(segment));
        this.#suspect(shard, path, `the entry at ${String(offset)} does not match its checksum`);
      }
    }
  }

  /** The catalogue as a start would have it; undefined when nobody could start. */
  async #recover(): Promise<FolderCatalog | undefined> {
    let opened: FolderCatalog | undefined;
    try {
      opened = await openFolderCatalog(this.#files, this.#options.clock);
    } catch {
      // Already said of the table or the manifest; the log is read nevertheless.
    }
    const catalog = opened?.catalog;
    const from = catalog?.recoverFrom;
    try {
      const { files, frames, cutBytes } = await auditLog(this.#files, LOG_FOLDER, async (entry) => {
        this.#log.bytes += entry.extent.length;
        if (entry.isDamaged) {
          const { file, offset } = entry.extent;
          const path = `${LOG_FOLDER}/${String(file).padStart(10, "0")}.log`;
          this.#suspect(entry.shard, path, `the frame at ${String(offset)} is damaged`);
        }
        const isNew = from !== undefined && comparePositions(entry.extent, from) >= 0;
        if (isNew) await catalog?.recover(entry);
      });
      Object.assign(this.#log, { files, frames, cutBytes });
      return opened;
    } catch (error) {
      this.#report(LOG_FOLDER, undefined, error);
      await opened?.close();
      return undefined;
    }
  }

  async #verifyShards(catalog: Catalog): Promise<void> {
    this.#keys.attach(catalog);
    const reader = new LogReader(this.#files, LOG_FOLDER);
    try {
      for await (const { owner, uid } of walkShards(catalog)) {
        const state = await catalog.readShard(uid);
        if (state === undefined) {
          this.#report("", owner, new InsulaError("data_damaged", "Its row is missing."));
          continue;
        }
        await this.#verifyShard(reader, owner, state);
      }
    } catch (error) {
      this.#report(CATALOG_FOLDER, undefined, error);
    } finally {
      await reader.close();
    }
  }

  async #verifyShard(reader: LogReader, owner: ShardOwner, state: ShardState): Promise<void> {
    const before = this.#damages.length;
    const claimed = this.#unclaimed.get(toHex(state.uid)) ?? [];
    this.#unclaimed.delete(toHex(state.uid));
    for (const damage of claimed) this.#damages.push({ ...damage, owner });
    const seal = await this.#sealOf(owner, state);
    let bytes = 0;
    for (const entry of state.segments) {
      const { location, uid } = entry;
      bytes += location.bytes;
      this.#segments.count++;
      this.#segments.bytes += location.bytes;
      // What is in an object store is not in the folder.
      if (location.kind === "remote" || this.#damagedSegments.has(toHex(uid))) continue;
      const file = location.kind === "pack" ? packPath(location.pack) : segmentPath(uid);
      try {
        const key = seal?.segmentKey(entry);
        const owned = { shard: state.uid, key };
        const { source, close } = await openStoredSegment(this.#files, owned, entry);
        const identity = { ...writtenIdentity(state.uid, entry), key };
        await verifySegment(source, identity, this.#pace).finally(close);
      } catch (error) {
        this.#report(file, owner, error);
      }
    }
    for (const extent of state.tail) {
      bytes += extent.length;
      // A damaged frame was found when the whole log was read; this finds one that is not there.
      if (claimed.length > 0) break;
      try {
        const stored = await reader.read(extent);
        seal?.openFrame(extent.sequenceLast, stored);
      } catch (error) {
        this.#report(LOG_FOLDER, owner, error);
      }
    }
    if (state.quarantine !== "" && this.#damages.length === before)
      this.#report(
        "",
        owner,
        new InsulaError("data_damaged", `Out of service: ${state.quarantine}.`),
      );
    this.#shards++;
    this.#options.onShard?.({
      ...owner,
      records: state.rowCount,
      segments: state.segments.length,
      bytes,
      damages: this.#damages.length - before,
    });
  }

  /** Undefined when the shard is not sealed, or its key cannot be had. */
  async #sealOf(owner: ShardOwner, state: ShardState): Promise<ShardSeal | undefined> {
    try {
      return await this.#keys.sealOf(state);
    } catch (error) {
      this.#report("keys", owner, error);
      return undefined;
    }
  }

  #suspect(shard: Uint8Array, file: string, reason: string): void {
    const key = toHex(toShardUid(shard));
    const found = this.#unclaimed.get(key) ?? [];
    found.push({ file, owner: undefined, message: `Cannot read ${file}: ${reason}.` });
    this.#unclaimed.set(key, found);
  }

  #report(file: string, owner: ShardOwner | undefined, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#damages.push({ file, owner, message });
  }
}
