/** Folders with a mirror in memory, stores that fail or wait, and machines that come back. */
import { InsulaError } from "../../src/base/errors.ts";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine, restoreFolder, type EngineOptions } from "../../src/engine/index.ts";
import {
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
  type ByteRange,
  type FileSystem,
  type ObjectStore,
} from "../../src/io/index.ts";

export interface StoreCall {
  readonly kind: "put-if-absent" | "put" | "get" | "head" | "list" | "delete";
  /** Or the prefix of a listing. */
  readonly key: string;
  /** Of a get that may be given up. */
  readonly signal?: AbortSignal | undefined;
}

/** May wait, or throw to fail the call. */
export type StoreHook = (call: StoreCall) => Promise<void> | void;

/** Asks before each call of another store, and once more when it has taken effect. */
export class HookedStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #before: StoreHook;
  readonly #after: StoreHook;

  constructor(inner: ObjectStore, before: StoreHook, after: StoreHook = () => undefined) {
    this.#inner = inner;
    this.#before = before;
    this.#after = after;
  }

  putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    return this.#run({ kind: "put-if-absent", key }, () => this.#inner.putIfAbsent(key, body));
  }

  put(key: string, body: Uint8Array): Promise<void> {
    return this.#run({ kind: "put", key }, () => this.#inner.put(key, body));
  }

  get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#run({ kind: "get", key, signal }, () => this.#inner.get(key, range, signal));
  }

  head(key: string): Promise<number | undefined> {
    return this.#run({ kind: "head", key }, () => this.#inner.head(key));
  }

  list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    return this.#run({ kind: "list", key: prefix }, () => this.#inner.list(prefix, options));
  }

  delete(key: string): Promise<void> {
    return this.#run({ kind: "delete", key }, () => this.#inner.delete(key));
  }

  async #run<T>(call: StoreCall, work: () => Promise<T>): Promise<T> {
    await this.#before(call);
    const answer = await work();
    await this.#after(call);
    return answer;
  }
}

export function storeFault(what = "a call"): InsulaError {
  return new InsulaError("io_failed", `The store fails ${what}, as the test asks.`);
}

export const BENCH_KEY: Uint8Array = new Uint8Array(32).fill(7);

/** One store, one clock; as many machines as a test needs. */
export class MirrorBench {
  readonly clock: ManualClock = new ManualClock();
  readonly store: MemoryObjectStore = new MemoryObjectStore();
  readonly faults: unknown[] = [];
  /** Of all machines; undefined: none is given. */
  masterKey: Uint8Array | undefined = BENCH_KEY;
  readonly #engines: Engine[] = [];
  #seed = 1;

  /** Without a mirror unless `extra` says so; small segments are files, too. */
  async open(files: FileSystem, extra: Partial<EngineOptions> = {}): Promise<Engine> {
    const engine = await openEngine({
      files,
      clock: this.clock,
      random: new SeededRandom(this.#seed++),
      workerCount: 0,
      ...(this.masterKey !== undefined && { masterKey: this.masterKey }),
      policy: { packedBytesMax: 0 },
      onFault: (error) => this.faults.push(error),
      ...extra,
    });
    this.#engines.push(engine);
    return engine;
  }

  /** On an empty folder, with a mirror in the store, a database and a collection. */
  async begin(
    files: FileSystem,
    settings: Partial<NonNullable<EngineOptions["mirror"]>> = {},
    extra: Partial<EngineOptions> = {},
  ): Promise<Engine> {
    const engine = await this.open(files, { mirror: { store: this.store, ...settings }, ...extra });
    await engine.createDatabase("db");
    await engine.createCollection("db", "c", { schema: SCHEMA, tenancy: "multi" });
    return engine;
  }

  /** A new machine: its folder as the restore leaves it. */
  async restore(
    options: Partial<Parameters<typeof restoreFolder>[0]> = {},
  ): Promise<MemoryFileSystem> {
    const files = new MemoryFileSystem();
    await this.restoreInto(files, options);
    return files;
  }

  restoreInto(
    files: FileSystem,
    options: Partial<Parameters<typeof restoreFolder>[0]> = {},
  ): ReturnType<typeof restoreFolder> {
    return restoreFolder({
      store: this.store,
      target: "memory",
      files,
      random: new SeededRandom(this.#seed++),
      ...(this.masterKey !== undefined && { masterKey: this.masterKey }),
      ...options,
    });
  }

  /** A restored folder, opened with the way to the store. */
  openRestored(
    files: FileSystem,
    extra: Partial<EngineOptions> = {},
    store: ObjectStore = this.store,
  ): Promise<Engine> {
    return this.open(files, { openRemote: () => Promise.resolve(store), ...extra });
  }

  /** What the newest point, or the one of a moment, says of some tenants: keys by tenant. */
  async readBack(
    tenants: readonly string[],
    options: Partial<Parameters<typeof restoreFolder>[0]> = {},
  ): Promise<Readonly<Record<string, readonly string[] | undefined>>> {
    const files = await this.restore(options);
    const { masterKey } = options;
    const extra = masterKey === undefined ? {} : { masterKey };
    const engine = await this.openRestored(files, extra, options.store);
    const found: Record<string, readonly string[] | undefined> = {};
    for (const tenant of tenants) found[tenant] = await keysOf(engine, tenant);
    await engine.close();
    return found;
  }

  /** Closes what is open; an engine whose test has broken its store may not close well. */
  async end(): Promise<void> {
    for (const engine of this.#engines) {
      const closing = engine.close().catch(() => undefined);
      await turns(50);
      this.clock.advance(10_000);
      await closing;
    }
  }
}

const DIMENSION = 4;

const SCHEMA = {
  identity: "key" as const,
  vectors: [{ name: "", dimension: DIMENSION, metric: "euclidean" as const }],
  unfilterable: ["padding"],
};

export function placeOf(tenant: string): { database: string; collection: string; tenant: string } {
  return { database: "db", collection: "c", tenant };
}

const PADDING = new SeededRandom(99);

/**
 * Upserts `count` records with keys `k0`, `k1`, …; the first is of number `start`.
 *
 * @param paddingBytes of each record's metadata, besides.
 */
export async function put(
  engine: Engine,
  tenant: string,
  count: number,
  { start = 0, paddingBytes = 0 }: { readonly start?: number; readonly paddingBytes?: number } = {},
): Promise<readonly string[]> {
  const keys = Array.from({ length: count }, (_, i) => `k${String(start + i)}`);
  const values = keys.flatMap((_, i) => [start + i, 1, 2, 3]);
  await engine.upsert(placeOf(tenant), {
    keys,
    vectors: [{ field: "", values: Float32Array.from(values) }],
    metadata: keys.map((key) => ({
      key,
      tenant,
      padding: Buffer.from(PADDING.bytes(paddingBytes / 2)).toString("hex"),
    })),
  });
  return keys;
}

/** Sorted; undefined when there is no such tenant. */
export async function keysOf(
  engine: Engine,
  tenant: string,
): Promise<readonly string[] | undefined> {
  if ((await engine.getTenant(placeOf(tenant))) === undefined) return undefined;
  const include = { vectors: true, metadata: true };
  const { items } = await engine.list(placeOf(tenant), { limit: 10_000, include });
  return items.map(({ key }) => key).toSorted();
}

/** Each key and body of a store. */
export async function objectsOf(store: ObjectStore): Promise<ReadonlyMap<string, Uint8Array>> {
  const objects = new Map<string, Uint8Array>();
  for (const key of await store.list("", { limit: 1_000_000 })) {
    const body = await store.get(key);
    if (body !== undefined) objects.set(key, body);
  }
  return objects;
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
