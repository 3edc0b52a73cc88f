/**
 * The object store that tenants are offloaded to: opened and tried out when it is first needed, so
 * that a node starts, and serves all that is here, without it.
 */
import { toHex } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { unlessAborted } from "../base/unless-aborted.ts";
import { AbortableStore, probeStore } from "../backup/index.ts";
import type { ObjectStore, Random } from "../io/index.ts";
import type { RemoteLocation, RemoteSegments } from "../shard/index.ts";
import { BlockCache, type SegmentSource } from "../storage/index.ts";
import type { OffloadSettings } from "./engine-options.ts";
import { RemoteSource } from "./remote-source.ts";

/** Blocks of offloaded segments in memory. */
const REMOTE_CACHE_BYTES = 67_108_864;

export class RemoteStore implements RemoteSegments {
  readonly #settings: OffloadSettings | undefined;
  readonly #random: Random;
  readonly #cache = new BlockCache(REMOTE_CACHE_BYTES);
  #opened: Promise<ObjectStore> | undefined;
  #tried: Promise<ObjectStore> | undefined;

  /** @param settings undefined: there is no store. */
  constructor(settings: OffloadSettings | undefined, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  get isConfigured(): boolean {
    return this.#settings !== undefined;
  }

  /**
   * One that failed to open, or in its trial, is opened again by the next caller.
   *
   * @throws InsulaError `offload_not_configured`, `operation_unsupported`, and what the store
   *   throws.
   */
  open(): Promise<ObjectStore> {
    this.#tried ??= this.#tryOnce().catch((error: unknown) => {
      this.#tried = undefined;
      this.#opened = undefined;
      throw error;
    });
    return this.#tried;
  }

  /** As {@link RemoteStore.open}, for work that is given up when the signal is aborted. */
  async openUntil(signal: AbortSignal): Promise<ObjectStore> {
    signal.throwIfAborted();
    return new AbortableStore(await unlessAborted(signal, this.open()), signal);
  }

  source(location: RemoteLocation, segment: Uint8Array): SegmentSource {
    const shelf = this.#cache.shelf(`${location.prefix}${toHex(segment)}`);
    // A trial is eight round trips, and most of what it tries is asked by those who write.
    return new RemoteSource({ open: () => this.#openUntried(), shelf }, location, segment);
  }

  async #tryOnce(): Promise<ObjectStore> {
    const store = await this.#openUntried();
    await probeStore(store, this.#random);
    return store;
  }

  #openUntried(): Promise<ObjectStore> {
    this.#opened ??= this.#openOnce().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #openOnce(): Promise<ObjectStore> {
    if (this.#settings === undefined) throw notConfigured();
    return this.#settings.open();
  }
}

function notConfigured(): InsulaError {
  return new InsulaError(
    "offload_not_configured",
    "Cannot reach the data: they are in an object store, and this node was started without one: " +
      "set offloadTo to where they were offloaded.",
  );
}
