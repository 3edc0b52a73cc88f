/**
 * The searches that may be gone on with, on this node. Each holds a state of its shard: so there
 * are few, none is kept for long, and who wants more of one shard gives up the eldest of his own.
 */
import { toHex, type ShardUid } from "../base/brands.ts";
import { SEARCHES_KEPT_MAX, SEARCHES_KEPT_OF_SHARD_MAX, SEARCH_KEPT_MS } from "../base/limits.ts";
import type { Clock, Random, Timer } from "../io/index.ts";
import type { KeptSearch } from "../shard/index.ts";

const ID_BYTES = 16;

/** A search, and how many of its hits are a page. */
export interface PagedSearch {
  readonly search: KeptSearch;
  readonly pageSize: number;
}

interface Kept extends PagedSearch {
  readonly shard: string;
  usedMs: number;
}

export class KeptSearches {
  readonly #clock: Clock;
  readonly #random: Random;
  /** The longest unused first. */
  readonly #kept = new Map<string, Kept>();
  #timer: Timer | undefined;

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Call while the shard is in use. @returns the name of the search, 32 hexadecimal digits. */
  keep(uid: ShardUid, { search, pageSize }: PagedSearch): string {
    const shard = toHex(uid);
    this.#makeRoom(shard);
    const id = toHex(this.#random.bytes(ID_BYTES));
    this.#kept.set(id, { shard, search, pageSize, usedMs: this.#clock.monotonicMs() });
    this.#schedule();
    return id;
  }

  /** Undefined when it is not kept, or is of another shard. A use of it. */
  find(uid: ShardUid, id: string): PagedSearch | undefined {
    const kept = this.#kept.get(id);
    if (kept?.shard !== toHex(uid)) return undefined;
    this.#kept.delete(id);
    kept.usedMs = this.#clock.monotonicMs();
    this.#kept.set(id, kept);
    return kept;
  }

  forget(uid: ShardUid, id: string): void {
    if (this.#kept.get(id)?.shard === toHex(uid)) this.#drop(id);
  }

  /** The shard sleeps or is gone. */
  forgetShard(uid: ShardUid): void {
    const shard = toHex(uid);
    for (const [id, kept] of this.#kept) if (kept.shard === shard) this.#drop(id);
  }

  /** Memory has run out, or the engine closes. */
  readonly forgetAll = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const id of this.#kept.keys()) this.#drop(id);
  };

  #makeRoom(shard: string): void {
    const own = [...this.#kept].filter(([, kept]) => kept.shard === shard);
    const [eldestOwn] = own;
    if (own.length >= SEARCHES_KEPT_OF_SHARD_MAX && eldestOwn !== undefined) {
      this.#drop(eldestOwn[0]);
    }
    const [eldest] = this.#kept.keys();
    if (this.#kept.size >= SEARCHES_KEPT_MAX && eldest !== undefined) this.#drop(eldest);
  }

  #drop(id: string): void {
    this.#kept.get(id)?.search.close();
    this.#kept.delete(id);
  }

  #schedule(): void {
    const [eldest] = this.#kept.values();
    if (eldest === undefined || this.#timer !== undefined) return;
    const leftMs = eldest.usedMs + SEARCH_KEPT_MS - this.#clock.monotonicMs();
    this.#timer = this.#clock.after(Math.max(1, leftMs), () => {
      this.#timer = undefined;
      const untilMs = this.#clock.monotonicMs() - SEARCH_KEPT_MS;
      for (const [id, { usedMs }] of this.#kept) if (usedMs <= untilMs) this.#drop(id);
      this.#schedule();
    });
  }
}
