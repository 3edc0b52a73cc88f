/** An object store in a map. */
import { compareBytes } from "../../base/bytes.ts";
import type { ByteRange, ObjectStore } from "../object-store.ts";

export class MemoryObjectStore implements ObjectStore {
  readonly #objects = new Map<string, Uint8Array>();

  async putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    await Promise.resolve();
    if (this.#objects.has(key)) return false;
    this.#objects.set(key, Uint8Array.from(body));
    return true;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.#objects.set(key, Uint8Array.from(body));
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    await Promise.resolve();
    const body = this.#objects.get(key);
    if (range === undefined || body === undefined) return body?.slice();
    return body.slice(range.start, range.start + range.length);
  }

  async head(key: string): Promise<number | undefined> {
    await Promise.resolve();
    return this.#objects.get(key)?.length;
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    await Promise.resolve();
    return pageOfKeys([...this.#objects.keys()], prefix, options);
  }

  /** A store with the same objects now. */
  copy(): MemoryObjectStore {
    const store = new MemoryObjectStore();
    for (const [key, body] of this.#objects) store.#objects.set(key, body);
    return store;
  }

  async delete(key: string): Promise<void> {
    await Promise.resolve();
    this.#objects.delete(key);
  }
}

/** Keys with the prefix after `after` in the order of their UTF-8 bytes, at most `limit`. */
export function pageOfKeys(
  keys: readonly string[],
  prefix: string,
  options: { readonly after?: string; readonly limit: number },
): readonly string[] {
  const after = options.after === undefined ? undefined : Buffer.from(options.after);
  return keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => ({ key, bytes: Buffer.from(key) }))
    .filter(({ bytes }) => after === undefined || compareBytes(bytes, after) > 0)
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .slice(0, options.limit)
    .map(({ key }) => key);
}
