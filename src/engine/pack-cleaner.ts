/**
 * Gives back the room of packs that are mostly dead: the live segments of such a pack are rewritten
 * by their shards (into the newest pack), then the file goes. What is dead is counted in the
 * catalogue by the changes that make it so; what is live is said by the pack's own entries and the
 * manifests.
 */
import { toHex, toShardUid, type ShardUid } from "../base/brands.ts";
import type { Clock, FileHandles, FileSystem, Timer } from "../io/index.ts";
import { packPath, walkPack, type PackStore } from "../storage/index.ts";
import type { Catalog } from "./catalog.ts";
import { PACK_PREFIX, endOfPrefix, packKey, packOfKey } from "./catalog-keys.ts";
import { decodeTotals } from "./catalog-rows.ts";

const INTERVAL_MS = 10_000;
/** Share of a full pack that is dead before it is worth cleaning. */
const DEAD_SHARE_MIN = 0.5;
/** Packs with dead bytes looked at in one round. */
const ROUND_PACKS = 1_000;

export interface PackCleanerOptions {
  readonly clock: Clock;
  readonly fileSystem: FileSystem;
  readonly files: FileHandles;
  readonly packs: PackStore;
  readonly catalog: Catalog;
  /** Rewrites the shard's segments that lie in the pack. */
  readonly rewriteShard: (uid: ShardUid, pack: number) => Promise<void>;
  /** True while a reader still uses an extent of the pack. */
  readonly isHeld: (pack: number) => boolean;
  readonly onFault: (error: unknown) => void;
}

export class PackCleaner {
  readonly #options: PackCleanerOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: PackCleanerOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** One round now; also for tests. */
  async clean(): Promise<void> {
    const { catalog, packs } = this.#options;
    const range = { start: PACK_PREFIX, end: endOfPrefix(PACK_PREFIX), limit: ROUND_PACKS };
    for (const [key, value] of await catalog.scan(range)) {
      if (this.#isStopped) return;
      const { byteCount } = (await catalog.readTotals(key)) ?? decodeTotals(value);
      const pack = packOfKey(key);
      // A pack that still grows would lose what is appended to it while it is cleaned.
      if (byteCount < packs.packBytesMax * DEAD_SHARE_MIN || packs.isGrowing(pack)) continue;
      await this.#cleanPack(pack);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(INTERVAL_MS, () => {
      this.#running = this.clean()
        .catch(this.#options.onFault)
        .finally(() => {
          this.#running = undefined;
          if (!this.#isStopped) this.#schedule();
        });
    });
  }

  async #cleanPack(pack: number): Promise<void> {
    const { catalog, fileSystem, files, packs, clock } = this.#options;
    const bytes = await fileSystem.readWhole(packPath(pack));
    for (const { segment, shard } of bytes === undefined ? [] : walkPack(bytes, pack)) {
      if (this.#isStopped) return;
      const uid = toShardUid(shard);
      if (await this.#isLive(uid, segment)) {
        await this.#options.rewriteShard(uid, pack);
        // A shard that cannot be rewritten (damaged, disabled) keeps its pack.
        if (await this.#isLive(uid, segment)) return;
      }
      await clock.yield();
    }
    if (this.#options.isHeld(pack)) return;
    await files.forget(packPath(pack));
    // Durable before its row is gone: nobody would look for a pack that a power cut brought back.
    await packs.remove(pack);
    await catalog.commit([{ kind: "drop-totals", key: packKey(pack) }]);
  }

  async #isLive(shard: ShardUid, segment: Uint8Array): Promise<boolean> {
    const state = await this.#options.catalog.readShard(shard);
    const id = toHex(segment);
    return state?.segments.some(({ uid }) => toHex(uid) === id) === true;
  }
}
