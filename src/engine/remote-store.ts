/**
 * The object store that tenants are offloaded to: opened and tried out when it is first needed, so
 * that a node starts, and serves all that is here, without it.
 */
import { InsulaError } from "../base/errors.ts";
import { unlessAborted } from "../base/unless-aborted.ts";
import {
  AbortableStore,
  PIECE_BYTES,
  offloadManifestKey,
  offloadPieceKey,
  probeStore,
} from "../backup/index.ts";
import type { ObjectStore, Random } from "../io/index.ts";
import type { RemoteLocation, RemoteSegments } from "../shard/index.ts";
import type { SegmentSource } from "../storage/index.ts";
import type { OffloadSettings } from "./engine-options.ts";

export class RemoteStore implements RemoteSegments {
  readonly #settings: OffloadSettings | undefined;
  readonly #random: Random;
  #store: Promise<ObjectStore> | undefined;

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
    this.#store ??= this.#openOnce().catch((error: unknown) => {
      this.#store = undefined;
      throw error;
    });
    return this.#store;
  }

  /** As {@link RemoteStore.open}, for work that is given up when the signal is aborted. */
  async openUntil(signal: AbortSignal): Promise<ObjectStore> {
    signal.throwIfAborted();
    return new AbortableStore(await unlessAborted(signal, this.open()), signal);
  }

  source(location: RemoteLocation, segment: Uint8Array): SegmentSource {
    return {
      length: location.bytes,
      read: async (position, target) => {
        const length = Math.max(0, Math.min(target.length, location.bytes - position));
        const store = await this.open();
        const reads = partsOf(location, segment, { position, length });
        await Promise.all(
          reads.map(async ({ object, start, length: bytes, at }) => {
            const body = await store.get(object, { start, length: bytes });
            if (body?.length !== bytes) throw cutOff(object);
            target.set(body, at);
          }),
        );
        return length;
      },
    };
  }

  async #openOnce(): Promise<ObjectStore> {
    if (this.#settings === undefined) throw notConfigured();
    const store = await this.#settings.open();
    await probeStore(store, this.#random);
    return store;
  }
}

interface PartOfObject {
  readonly object: string;
  readonly start: number;
  readonly length: number;
  /** In what is read. */
  readonly at: number;
}

/** A range of a segment as ranges of its objects. */
function partsOf(
  { prefix, offset }: RemoteLocation,
  segment: Uint8Array,
  { position, length }: { readonly position: number; readonly length: number },
): readonly PartOfObject[] {
  if (length === 0) return [];
  if (offset !== undefined) {
    return [{ object: offloadManifestKey(prefix), start: offset + position, length, at: 0 }];
  }
  const parts: PartOfObject[] = [];
  for (let at = 0; at < length;) {
    const piece = Math.floor((position + at) / PIECE_BYTES);
    const start = position + at - piece * PIECE_BYTES;
    const bytes = Math.min(length - at, PIECE_BYTES - start);
    parts.push({ object: offloadPieceKey(prefix, segment, piece), start, length: bytes, at });
    at += bytes;
  }
  return parts;
}

function notConfigured(): InsulaError {
  return new InsulaError(
    "offload_not_configured",
    "Cannot reach the data: they are in an object store, and this node was started without one: " +
      "set offloadTo to where they were offloaded.",
  );
}

function cutOff(object: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot read an offloaded segment: object "${object}" is missing or cut off.`,
    { details: { object } },
  );
}
