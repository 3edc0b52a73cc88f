/**
 * The life that a golden folder has behind it: everything this version can write, in little. Same
 * story, same bytes: clock and chance are fixed.
 */
import { openAccess, type AccessControl } from "../../src/access/index.ts";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import {
  FolderObjectStore,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  type FileSystem,
} from "../../src/io/index.ts";
import type { Metadata, Place, Schema } from "../../src/model/index.ts";
import { filesOf, type Files } from "./files.ts";

export const VARIANTS = ["sealed", "plain"] as const;
export type Variant = (typeof VARIANTS)[number];

const DATABASE = "library";
/** Tenants by what their bytes lie in. */
const TENANTS = ["file", "log", "merged", "mixed", "pack", "reset", "erased"] as const;
const BOOKS: Schema = {
  vectors: [
    { name: "title", dimension: 4, metric: "cosine" },
    { name: "cover", dimension: 3, metric: "euclidean" },
  ],
  identity: "key",
  unfilterable: ["text"],
};
const ALONE: Schema = {
  vectors: [{ name: "", dimension: 2, metric: "dot" }],
  identity: "key",
  unfilterable: [],
};
/** What a row of the engine's settings may hold. */
const SETTING = Uint8Array.of(0, 1, 2, 254, 255);

/** Doors and thresholds under which a few records make every kind of file. */
export function optionsOf(files: FileSystem, seed: number): EngineOptions & { clock: ManualClock } {
  return {
    files,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
    policy: { packedBytesMax: 4_096 },
    logFileBytesMax: 16_384,
  };
}

export function openKeys(
  settings: Engine,
  { files, clock, random }: EngineOptions,
): Promise<AccessControl> {
  const admin = { id: "admin", secret: "not part of a data folder" };
  return openAccess({ settings, files, clock, random, admin, accountId: "1" });
}

export interface GoldenFolder {
  /** As a kill leaves it a moment after the last write. */
  readonly data: Files;
  /** Of all that is in it. */
  readonly backup: Files;
}

export async function tellStory(variant: Variant): Promise<GoldenFolder> {
  const files = new MemoryFileSystem();
  const options = { ...optionsOf(files, 40), isSealing: variant === "sealed" };
  const engine = await openEngine(options);
  await makeNames(engine);
  for (const tenant of TENANTS) await fill(engine, placeOf(tenant), 0, sizeOf(tenant));
  const alone = { database: DATABASE, collection: "alone" };
  await fillRows(engine, alone, 0, 5);
  await engine.flush();
  await change(engine);
  await engine.eraseTenant(placeOf("erased"));
  await engine.copyTenant(placeOf("file"), placeOf("copy"));
  await engine.writeSetting("golden/bytes", SETTING);
  const keys = await openKeys(engine, options);
  const grants = [{ actions: ["read"], databases: [DATABASE], collections: ["books"] }];
  const created = await keys.createKey({ grants, requestsPerSecond: 7 });
  await keys.rotateKey(created.id, { graceMs: 3_600_000 });
  if (variant === "sealed") await engine.rotateMasterKey();
  await engine.flush(placeOf("mixed"));
  // From here on only the log has it, the tails of others lie in files with a footer by now.
  await fill(engine, placeOf("mixed"), 8, 4);
  await engine.delete(placeOf("mixed"), [keyOf(1)]);
  await fill(engine, placeOf("log"), 10, 30);
  await fillRows(engine, alone, 5, 2);
  const backup = new MemoryFileSystem();
  await backup.makeFolder("objects");
  await engine.backup(new FolderObjectStore(backup, "objects"));
  // The group that says: all before was synced.
  options.clock.advance(60);
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  const data = await filesOf(files);
  await engine.close();
  return { data, backup: await filesOf(backup) };
}

async function makeNames(engine: Engine): Promise<void> {
  await engine.createDatabase(DATABASE, { attributes: { owner: "é", shelf: "" } });
  await engine.createDatabase("nothing in it");
  const attributes = { note: "a collection with tenants" };
  const embeddingModel = "a model";
  const books = { schema: BOOKS, tenancy: "multi", attributes, embeddingModel } as const;
  await engine.createCollection(DATABASE, "books", books);
  await engine.createCollection(DATABASE, "alone", { schema: ALONE });
  await engine.createCollection(DATABASE, "closed", { schema: ALONE });
  await engine.updateCollection(DATABASE, "closed", { status: "disabled" });
  await engine.createTenant(placeOf("empty"));
}

/** Dead rows, tombstones, merges and frames that empty a tenant. */
async function change(engine: Engine): Promise<void> {
  for (const tenant of ["file", "merged"]) {
    await engine.delete(placeOf(tenant), [keyOf(3), keyOf(4), keyOf(60)]);
    await fill(engine, placeOf(tenant), 20, 30);
    await engine.flush(placeOf(tenant));
  }
  await engine.compact(placeOf("merged"));
  await engine.deleteWhere(placeOf("merged"), { kind: "equal", property: "n", value: 20 });
  await engine.deleteAll(placeOf("reset"));
  await fill(engine, placeOf("reset"), 2, 3);
  await fill(engine, placeOf("pack"), 4, 2);
  await engine.flush(placeOf("pack"));
}

function placeOf(tenant: string): Place & { readonly tenant: string } {
  return { database: DATABASE, collection: "books", tenant };
}

function sizeOf(tenant: (typeof TENANTS)[number]): number {
  return ["file", "merged", "erased"].includes(tenant) ? 40 : 6;
}

function keyOf(n: number): string {
  return n % 5 === 0 ? `schlüssel/${String(n)}` : `key ${String(n).padStart(3, "0")}`;
}

async function fill(engine: Engine, place: Place, first: number, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  await engine.upsert(place, {
    keys: numbers.map(keyOf),
    vectors: [
      { field: "title", values: Float32Array.from(numbers.flatMap((n) => [n, 1, n % 7, -2])) },
      { field: "cover", values: Float32Array.from(numbers.flatMap((n) => [n / 4, 0, first])) },
    ],
    metadata: numbers.map((n) => metadataOf(n, place.tenant ?? "")),
  });
}

async function fillRows(engine: Engine, place: Place, first: number, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  await engine.insert(place, {
    keys: numbers.map((n) => `row ${String(n)}`),
    vectors: [{ field: "", values: Float32Array.from(numbers.flatMap((n) => [n, 1])) }],
    metadata: numbers.map((n) => (n === 0 ? undefined : { n })),
  });
}

/** Every tag that encoded metadata has. */
function metadataOf(n: number, tenant: string): Metadata | undefined {
  switch (n % 8) {
    case 0:
      return { n, tenant, text: `volume ${String(n)}`, shelf: ["north", n], sold: true };
    case 1:
      return { n, sold: false, shelf: "south", price: n + 0.5, minus: -0 };
    case 2:
      return { n: -n, large: 2n ** 60n + BigInt(n), shelf: null, at: new Date(1_600_000_000_000) };
    case 3:
      return { n, huge: 2n ** 64n - 1n, bytes: Uint8Array.of(n, 0, 255), inner: { deep: [n, {}] } };
    case 4:
      return { n, shelf: "x".repeat(600), text: "long" };
    case 5:
      return undefined;
    case 6:
      return {};
    default:
      return { n, shelf: "north" };
  }
}
