/**
 * The way to the store, with the round trips of calls told apart from those that bring tenants back
 * behind them: who brings a tenant back says when it is given up, a call about its records does
 * not.
 */
import type { ByteRange, ObjectStore } from "../../src/io/index.ts";

export class CountedStore implements ObjectStore {
  readonly #inner: ObjectStore;
  #rounds = 0;
  #roundsEnded = 0;
  #reads = 0;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  /** Reads of a call, and how many of them it waited for one behind the other. One at a time. */
  async during(
    work: () => Promise<unknown>,
  ): Promise<{ readonly rounds: number; readonly reads: number }> {
    this.#rounds = 0;
    this.#roundsEnded = 0;
    this.#reads = 0;
    await work();
    return { rounds: this.#rounds, reads: this.#reads };
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    // The trial of a store that was not used yet goes on beside: a call does not wait for it.
    const isBeside = signal !== undefined || key.startsWith("probe/");
    if (isBeside) return this.#inner.get(key, range, signal);
    this.#reads++;
    // Whatever has ended before may be the reason of this one.
    const round = this.#roundsEnded + 1;
    this.#rounds = Math.max(this.#rounds, round);
    try {
      return await this.#inner.get(key, range);
    } finally {
      this.#roundsEnded = Math.max(this.#roundsEnded, round);
    }
  }

  putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    return this.#inner.putIfAbsent(key, body);
  }

  put(key: string, body: Uint8Array): Promise<void> {
    return this.#inner.put(key, body);
  }

  head(key: string): Promise<number | undefined> {
    return this.#inner.head(key);
  }

  list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    return this.#inner.list(prefix, options);
  }

  delete(key: string): Promise<void> {
    return this.#inner.delete(key);
  }
}
