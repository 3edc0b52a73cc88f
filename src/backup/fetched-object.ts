/** A store of which one object has just been fetched: ranges of it are cut from what is here. */
import type { ByteRange, ObjectStore } from "../io/index.ts";

export class FetchedObject implements Pick<ObjectStore, "get"> {
  readonly #store: Pick<ObjectStore, "get">;
  readonly #key: string;
  readonly #bytes: Uint8Array;

  /** @param bytes the whole object; kept, and not to be changed. */
  constructor(store: Pick<ObjectStore, "get">, key: string, bytes: Uint8Array) {
    this.#store = store;
    this.#key = key;
    this.#bytes = bytes;
  }

  get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    if (key !== this.#key) return this.#store.get(key, range, signal);
    const { start, length } = range ?? { start: 0, length: this.#bytes.length };
    return Promise.resolve(this.#bytes.slice(start, start + length));
  }
}
