/** An object store whose calls are given up when their user ends: nobody waits for a dead one. */
import { unlessAborted } from "../base/unless-aborted.ts";
import type { ByteRange, ObjectStore } from "../io/index.ts";

export class AbortableStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #signal: AbortSignal;

  constructor(store: ObjectStore, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
  }

  putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    return this.#run(() => this.#store.putIfAbsent(key, body));
  }

  put(key: string, body: Uint8Array): Promise<void> {
    return this.#run(() => this.#store.put(key, body));
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    return this.#run(() => this.#store.get(key, range, this.#signal));
  }

  head(key: string): Promise<number | undefined> {
    return this.#run(() => this.#store.head(key));
  }

  list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    return this.#run(() => this.#store.list(prefix, options));
  }

  delete(key: string): Promise<void> {
    return this.#run(() => this.#store.delete(key));
  }

  #run<T>(call: () => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    return unlessAborted(this.#signal, call());
  }
}
