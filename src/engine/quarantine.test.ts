/** Damage met by calls: who is out of service then, who is not, and how it ends. */
import { beforeEach, describe, expect, it } from "vitest";
import { InsulaError } from "../base/errors.ts";
import {
  FaultyFileSystem,
  InterceptedFileSystem,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  type FileSystem,
} from "../io/index.ts";
import type { ShardUid } from "../base/brands.ts";
import type { Place } from "../model/index.ts";
import type { ShardState } from "../shard/index.ts";
import type { Engine } from "./api.ts";
import { garbageCollectionKey, type EncodedKey } from "./catalog-keys.ts";
import type { Catalog } from "./catalog.ts";
import { openEngine } from "./engine.ts";
import { listFolderFiles } from "./inspect-file.ts";
import type { EngineOptions } from "./node-context.ts";
import { Quarantine, type QuarantineDoors } from "./quarantine.ts";

const ACME: Place = { database: "d", collection: "many", tenant: "acme" };
const ZETA: Place = { database: "d", collection: "many", tenant: "zeta" };
const ROWS = 400;
const INCLUDE = { vectors: true, metadata: true };

let files: MemoryFileSystem;
let clock: ManualClock;
let damages: InsulaError[];
let seed: number;

function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
  return openEngine({
    files,
    clock,
    random: new SeededRandom(seed++),
    workerCount: 0,
    policy: { packedBytesMax: 4_096 },
    onDamage: (error) => damages.push(error),
    ...options,
  });
}

async function fill(engine: Engine, place: Place, count = ROWS): Promise<void> {
  await engine.upsert(place, {
    keys: Array.from({ length: count }, (_, i) => `k${String(i).padStart(4, "0")}`),
    vectors: [{ field: "", values: Float32Array.from({ length: count * 2 }, (_, i) => i + 1) }],
    metadata: Array.from({ length: count }, (_, i) => ({ n: i })),
  });
}

/** Everything a caller can ask of a place. */
function calls(engine: Engine, place: Place): Readonly<Record<string, () => Promise<unknown>>> {
  const vector = Float32Array.of(1, 2);
  const batch = { keys: ["new"], vectors: [{ field: "", values: vector }], metadata: [{}] };
  return {
    get: () => engine.get(place, ["k0003"], INCLUDE),
    count: () => engine.count(place),
    "count by filter": () => engine.count(place, { kind: "exists", property: "n" }),
    list: () => engine.list(place, { limit: 1_000, include: INCLUDE }),
    query: () => engine.query(place, { field: "", vector, topK: 3, include: INCLUDE }),
    upsert: () => engine.upsert(place, batch),
    insert: () => engine.insert(place, batch),
    delete: () => engine.delete(place, ["k0001"]),
    "delete by filter": () => engine.deleteWhere(place, { kind: "exists", property: "n" }),
    "delete all": () => engine.deleteAll(place),
    flush: () => engine.flush(place),
    compact: () => engine.compact(place),
  };
}

async function expectOutOfService(engine: Engine, place: Place, file: string): Promise<void> {
  for (const [name, call] of Object.entries(calls(engine, place))) {
    await expect(call(), name).rejects.toMatchObject({
      code: "data_damaged",
      message: expect.stringMatching(
        new RegExp(`out of service: ${file}.*Restore them from a backup, or delete the tenant`),
      ) as string,
    });
  }
}

async function expectServed(engine: Engine, place: Place): Promise<void> {
  const page = await engine.list(place, { limit: 1_000, include: INCLUDE });
  expect(page.items).toHaveLength(ROWS);
  expect(page.items[7]).toMatchObject({ key: "k0007", metadata: { n: 7 } });
  expect(page.items[7]?.vectors?.get("")).toEqual(Float32Array.of(15, 16));
}

async function largest(folder: string): Promise<string> {
  const listed = (await listFolderFiles(files)).filter(({ file }) => file.startsWith(folder));
  return listed.sort((a, b) => b.bytes - a.bytes)[0]?.file ?? "";
}

async function overwrite(path: string, at: number, length = 1): Promise<void> {
  const bytes = (await files.readWhole(path)) ?? new Uint8Array(0);
  const from = at < 0 ? bytes.length + at : at;
  const file = await files.openWrite(path);
  await file.write(
    from,
    bytes.subarray(from, from + length).map((byte) => byte ^ 0x41),
  );
}

/** The log file that is written. */
async function newestLog(): Promise<string> {
  return `log/${(await files.listFolder("log")).at(-1) ?? ""}`;
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  clock = new ManualClock();
  damages = [];
  seed = 1;
  const engine = await open();
  await engine.createDatabase("d");
  const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("d", "many", { schema, tenancy: "multi" });
  await fill(engine, ACME);
  await engine.flush();
  await engine.close();
});

async function withZeta(): Promise<Engine> {
  const engine = await open();
  await fill(engine, ZETA);
  return engine;
}

describe("a damaged tenant", () => {
  it("is refused by every call with what is damaged and what to do, others are served", async () => {
    const path = await largest("seg/");
    await overwrite(path, 300);
    const engine = await withZeta();
    // Whichever call comes first: what it does not read itself is not asked about before.
    await expect(engine.list(ACME, { limit: 1_000, include: INCLUDE })).rejects.toMatchObject({
      code: "data_damaged",
    });
    await expectOutOfService(engine, ACME, path);
    await expectServed(engine, ZETA);
    expect(engine.stats().quarantinedShards).toBe(1);
    expect(damages).toHaveLength(1);
    expect(damages[0]?.message).toContain(path);
    await engine.close();
  });

  it("stays out of service over a restart, until it is deleted; then it can be written anew", async () => {
    const path = await largest("seg/");
    await overwrite(path, 300);
    const first = await open();
    await expect(first.compact(ACME)).resolves.toBeUndefined();
    await expect(first.list(ACME, { limit: 9, include: INCLUDE })).rejects.toThrow();
    await first.close();
    // The bytes are back as they were: nobody decides by himself that they are right again.
    await overwrite(path, 300);
    const second = await withZeta();
    expect(second.stats().quarantinedShards).toBe(1);
    await expectOutOfService(second, ACME, path);
    await second.deleteTenant({ ...ACME, tenant: "acme" });
    expect(second.stats().quarantinedShards).toBe(0);
    await fill(second, ACME);
    await expectServed(second, ACME);
    await second.close();
    const third = await open();
    expect(third.stats().quarantinedShards).toBe(0);
    await expectServed(third, ACME);
    await third.close();
  });

  it("is found by upkeep, too, and no longer takes part in it", async () => {
    const engine = await withZeta();
    await fill(engine, ACME, 10);
    const path = await largest("seg/");
    await overwrite(path, 300);
    await engine.flush(ACME);
    for (let i = 0; i < 20 && damages.length === 0; i++) {
      clock.advance(5_000);
      await new Promise(setImmediate);
    }
    expect(damages).toHaveLength(1);
    await expectOutOfService(engine, ACME, path);
    await expectServed(engine, ZETA);
    await engine.close();
  });

  it("goes with its collection", async () => {
    await overwrite(await largest("seg/"), 300);
    const engine = await open();
    await expect(engine.list(ACME, { limit: 9, include: INCLUDE })).rejects.toThrow();
    await engine.deleteCollection("d", "many");
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(engine.stats().quarantinedShards).toBe(0);
    await engine.close();
  });
});

describe("what can be damaged", () => {
  it("a missing segment file", async () => {
    const path = await largest("seg/");
    await files.unlink(path);
    const engine = await withZeta();
    await expect(engine.get(ACME, ["k0001"], INCLUDE)).rejects.toThrow();
    await expectOutOfService(engine, ACME, path);
    await expectServed(engine, ZETA);
    await engine.close();
  });

  it("an entry of a pack beside the entries of others", async () => {
    const engine = await withZeta();
    for (const tenant of ["a", "b"]) await fill(engine, { ...ACME, tenant }, 20);
    await engine.flush();
    await engine.deactivate({ ...ACME, tenant: "a" });
    await engine.deactivate({ ...ACME, tenant: "b" });
    const path = await largest("pack/");
    await overwrite(path, 48 + 100);
    const outcomes = await Promise.allSettled(
      ["a", "b"].map((tenant) => engine.list({ ...ACME, tenant }, { limit: 99, include: INCLUDE })),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(damages.map(({ message }) => message)).toEqual([expect.stringContaining(path)]);
    await engine.close();
  });

  it("a frame of the log that the tenant needs, found when it wakes", async () => {
    const engine = await open();
    await fill(engine, ZETA, 5);
    await engine.deactivate(ZETA);
    const path = await newestLog();
    await overwrite(path, -60);
    await expectOutOfService(engine, ZETA, path);
    await expectServed(engine, ACME);
    await engine.close();
  });

  it("the slot of its key", async () => {
    const engine = await withZeta();
    const path = "keys/0000000001.slots";
    // Slot 1 is the collection's, slot 2 that of acme.
    await overwrite(path, 64 + 64 + 20, 4);
    await engine.close();
    const again = await open();
    await expect(again.get(ACME, ["k0001"], INCLUDE)).rejects.toThrow("key slot 2");
    await expectOutOfService(again, ACME, "Cannot open the data: key slot 2");
    await expectServed(again, ZETA);
    await again.close();
  });
});

describe("what is no damage", () => {
  it("one read that went astray: the call is answered rightly, nobody is out of service", async () => {
    let isArmed = true;
    const astray: FileSystem = new InterceptedFileSystem(files, ({ kind, path, length }) => {
      if (kind !== "read" || !path.startsWith("seg/") || length < 100 || !isArmed) return length;
      isArmed = false;
      return Math.floor(length / 2);
    });
    const engine = await open({ files: astray });
    await expectServed(engine, ACME);
    expect(isArmed).toBe(false);
    expect(engine.stats().quarantinedShards).toBe(0);
    await engine.close();
  });

  it("a disk that refuses to read: the call fails, and succeeds when the disk is well again", async () => {
    const faulty = new FaultyFileSystem(files, [
      { kinds: ["read"], path: "seg/", nth: 1, effect: "EIO" },
    ]);
    const engine = await open({ files: faulty });
    await expect(engine.get(ACME, ["k0001"], INCLUDE)).rejects.toMatchObject({ code: "io_failed" });
    await expectServed(engine, ACME);
    expect(damages).toEqual([]);
    await engine.close();
  });
});

it("a quarantined tenant's tail keeps its log file, and the cleaner does not spin on it", async () => {
  const engine = await open({ logFileBytesMax: 8_192, logBytesMax: 16_384 });
  await fill(engine, ZETA, 5);
  await engine.deactivate(ZETA);
  const path = await newestLog();
  await overwrite(path, -60);
  await expect(engine.get(ZETA, ["k0001"], INCLUDE)).rejects.toThrow("out of service");
  for (let i = 0; i < 20; i++) await fill(engine, ACME, 100);
  for (let i = 0; i < 5; i++) {
    clock.advance(1_000);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  }
  expect(await files.exists(path)).toBe(true);
  await engine.close();
});

const LOST_KEY = new InsulaError("data_damaged", "key slot 5 holds no key");

/** A shard whose key cannot be read, in a collection that `isGoing` says is being deleted. */
function quarantineOfLostKey(isGoing: () => boolean): {
  readonly quarantine: Quarantine;
  readonly confined: ShardUid[];
} {
  const state = { collectionNumber: 7, quarantine: "", segments: [], tail: [] };
  const catalog = {
    readShard: () => Promise.resolve(state as unknown as ShardState),
    get: (key: EncodedKey) =>
      Promise.resolve(key === garbageCollectionKey(7) && isGoing() ? Buffer.alloc(0) : undefined),
    commit: () => Promise.resolve(),
  } as unknown as Catalog;
  const confined: ShardUid[] = [];
  const quarantine = new Quarantine({
    catalog,
    keys: { keyOf: () => Promise.reject(LOST_KEY) },
    release: async (uid: ShardUid, commit: () => Promise<void>) => {
      await commit();
      confined.push(uid);
    },
    onDamage: (error: InsulaError) => damages.push(error),
  } as unknown as QuarantineDoors);
  return { quarantine, confined };
}

it("a tenant whose collection is being deleted has lost its key and is not damaged", async () => {
  const { quarantine, confined } = quarantineOfLostKey(() => true);
  const examined = quarantine.examine(new Uint8Array(16) as ShardUid, LOST_KEY, true);
  await expect(examined).rejects.toMatchObject({ code: "tenant_not_found" });
  expect([confined, damages]).toEqual([[], []]);
});

it("a collection that is deleted while a tenant is read again is not damaged", async () => {
  const uid = new Uint8Array(16) as ShardUid;
  const pace = (): Promise<void> => Promise.resolve();
  expect(await quarantineOfLostKey(() => true).quarantine.findDamage(uid, pace)).toBe(undefined);
  expect(await quarantineOfLostKey(() => false).quarantine.findDamage(uid, pace)).toMatchObject({
    reason: LOST_KEY.message,
  });
});

it("a collection that is deleted before its tenant is taken out of service stays whole", async () => {
  const uid = new Uint8Array(16) as ShardUid;
  let looks = 0;
  const { quarantine } = quarantineOfLostKey(() => ++looks > 1);
  await expect(quarantine.examine(uid, LOST_KEY, true)).rejects.toMatchObject({
    code: "tenant_not_found",
  });
  expect(damages).toEqual([]);
  const damage = { file: "", reason: "lost", part: undefined };
  expect(await quarantine.confine(uid, damage, "db/things/t")).toBe(false);
  expect(damages).toEqual([]);
  const sound = quarantineOfLostKey(() => false);
  expect(await sound.quarantine.confine(uid, damage, "db/things/t")).toBe(true);
  expect(damages).toHaveLength(1);
});
