/** Several uploads at once, in bounded number; the first failure ends the work. */
import type { ObjectStore } from "../io/index.ts";

/** Uploads at once. Source: with pieces of 8 MiB, 32 MiB are held. */
const PUTS_MAX = 4;

export class PutQueue {
  readonly #store: Pick<ObjectStore, "putIfAbsent">;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  /** Bytes of objects that were not there before. */
  bytesSent = 0;

  constructor(store: Pick<ObjectStore, "putIfAbsent">) {
    this.#store = store;
  }

  /** Waits for room, not for the upload. An object that is there is left as it is. */
  async add(key: string, body: Uint8Array): Promise<void> {
    while (this.#running.size >= PUTS_MAX) await Promise.race(this.#running);
    this.#check();
    const put = this.#put(key, body).finally(() => this.#running.delete(put));
    this.#running.add(put);
  }

  /** Everything added is in the store when the promise resolves. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    this.#check();
  }

  async #put(key: string, body: Uint8Array): Promise<void> {
    try {
      if (await this.#store.putIfAbsent(key, body)) this.bytesSent += body.length;
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
