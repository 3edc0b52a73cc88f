/**
 * against a store that others wrote: tenants go to it and come back, are answered
 * from it, erased, backed up, restored and taken over by another folder.
 */
import { createHash } from "node:crypto";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { S3Settings } from "../../src/backup/s3-request.ts";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { ManualClock, NodeFileSystem, NodeRandom, type ObjectStore } from "../../src/io/index.ts";
import { Chance } from "../support/chance.ts";
import { HookedStore } from "../support/mirror-bench.ts";
import { makeBucket, openNamed } from "./bucket.ts";
import { readRealStore } from "./real-store.ts";

const DIMENSION = 512;
/** Records of each tenant; the last has several pieces of 8 MiB. */
const TENANTS: Readonly<Record<string, number>> = { none: 0, few: 3, some: 400, many: 9_000 };
const NAMES = Object.keys(TENANTS);
const BATCH = 500;
const INCLUDE = { vectors: true, metadata: true };
const MASTER_KEY = new Uint8Array(32).fill(5);
const HOUR_MS = 3_600_000;
const WAIT = { timeout: 60_000, interval: 50 };

interface Folder {
  readonly path: string;
  readonly clock: ManualClock;
  engine: Engine;
}

const faults: unknown[] = [];
const records = new Map<string, string>();
let settings: S3Settings;
let store: ObjectStore;
let here: Folder;
let there: Folder;
/** Settles when what is brought back in the background may go on. */
let bringing: Promise<void> = Promise.resolve();

const at = (tenant: string): { database: string; collection: string; tenant: string } => ({
  database: "db",
  collection: "c",
  tenant,
});

async function openFolder(name: string, clock = new ManualClock()): Promise<Folder> {
  const folder = path.join(readRealStore().folder, name);
  const files = new NodeFileSystem(folder);
  await files.makeFolder("");
  const open = async (): Promise<ObjectStore> =>
    new HookedStore(await openNamed(settings, "tenants-of-nodes"), async ({ kind, signal }) => {
      // Who brings a tenant back says when it is given up; a call about its records does not.
      if (kind === "get" && signal !== undefined) await bringing;
    });
  const engine = await openEngine({
    files,
    clock,
    random: new NodeRandom(),
    workerCount: 0,
    masterKey: MASTER_KEY,
    offload: { open },
    onFault: (error) => faults.push(error),
  });
  return { path: folder, clock, engine };
}

async function reopen(folder: Folder): Promise<void> {
  await folder.engine.close();
  const again = await openFolder(path.basename(folder.path), folder.clock);
  folder.engine = again.engine;
}

async function makeCollection(engine: Engine): Promise<void> {
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      identity: "key",
      vectors: [{ name: "", dimension: DIMENSION, metric: "cosine" }],
      unfilterable: [],
    },
    tenancy: "multi",
    activatesTenants: true,
  });
}

async function fill(engine: Engine, tenant: string, count: number): Promise<void> {
  const chance = new Chance(count);
  await engine.createTenant(at(tenant));
  for (let from = 0; from < count; from += BATCH) {
    const keys = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => `k${from + i}`);
    const values = Float32Array.from(
      { length: keys.length * DIMENSION },
      () => chance.fraction() - 0.5,
    );
    const metadata = keys.map((key, i) => ({ key, year: (from + i) % 10 }));
    await engine.upsert(at(tenant), { keys, vectors: [{ field: "", values }], metadata });
  }
}

/** Count and digest of all its records: comparing millions of numbers one by one takes long. */
async function read(engine: Engine, tenant: string): Promise<string> {
  const { items } = await engine.list(at(tenant), { limit: 10_000, include: INCLUDE });
  const digest = createHash("sha256");
  for (const { key, metadata, vectors } of items) {
    digest.update(JSON.stringify([key, metadata]));
    for (const vector of vectors?.values() ?? []) digest.update(Buffer.from(vector.slice().buffer));
  }
  return `${String(items.length)} ${digest.digest("hex")}`;
}

async function search(engine: Engine, tenant: string): Promise<unknown> {
  const vector = Float32Array.from({ length: DIMENSION }, (_, i) => Math.cos(i));
  const { hits } = await engine.query(at(tenant), {
    field: "",
    vector,
    topK: 10,
    include: { vectors: false, metadata: true },
  });
  return hits;
}

async function stateOf(engine: Engine, tenant: string): Promise<string | undefined> {
  return (await engine.getTenant(at(tenant)))?.state;
}

async function objectsOf(engine: Engine, tenant: string): Promise<readonly string[]> {
  const { extents } = await engine.locate(at(tenant));
  return extents.filter(({ kind }) => kind === "object").map(({ file }) => file);
}

beforeAll(async () => {
  settings = await makeBucket();
  store = await openNamed(settings, "tenants-of-nodes");
  [here, there] = [await openFolder("here"), await openFolder("there")];
  await makeCollection(here.engine);
  await makeCollection(there.engine);
  for (const [tenant, count] of Object.entries(TENANTS)) {
    await fill(here.engine, tenant, count);
    records.set(tenant, await read(here.engine, tenant));
  }
}, 120_000);

afterAll(async () => {
  await here.engine.close();
  await there.engine.close();
});

describe(`tenants in ${readRealStore().name}`, () => {
  it("go there, all at once, a large one in pieces", async () => {
    const { engine } = here;
    await Promise.all(NAMES.map((tenant) => engine.setTenantState(at(tenant), "OFFLOADED")));
    for (const tenant of NAMES) expect(await stateOf(engine, tenant)).toBe("OFFLOADED");
    const [object = ""] = await objectsOf(engine, "many");
    const pieces = await store.list(object.slice(0, object.lastIndexOf("/") + 1), { limit: 100 });
    expect(pieces.length).toBeGreaterThan(2);
    const all = await store.list("tenants/", { limit: 100 });
    expect(all.length).toBeGreaterThanOrEqual(NAMES.length - 1 + pieces.length);
  });

  it("answer from there while they are brought back, and are whole then", async () => {
    let release = (): void => undefined;
    bringing = new Promise((resolve) => (release = resolve));
    await reopen(here);
    const { engine } = here;
    const found = await search(engine, "many");
    expect(found).toHaveLength(10);
    expect(await stateOf(engine, "many")).toBe("ONLOADING");
    release();
    await expect.poll(() => stateOf(engine, "many"), WAIT).toBe("ACTIVE");
    expect(await search(engine, "many")).toEqual(found);
    expect(await read(engine, "many")).toEqual(records.get("many"));
  });

  it("come back as they were when they are asked to", async () => {
    const { engine } = here;
    for (const tenant of NAMES) {
      await engine.setTenantState(at(tenant), "ACTIVE");
      expect(await read(engine, tenant)).toEqual(records.get(tenant));
    }
    await reopen(here);
    for (const tenant of NAMES)
      expect(await read(here.engine, tenant)).toEqual(records.get(tenant));
  });

  it("are backed up, wherever they are, to another prefix and restored from it", async () => {
    await here.engine.setTenantState(at("some"), "OFFLOADED");
    const backups = await openNamed(settings, "backups");
    const first = await here.engine.backup(backups);
    expect(first).toMatchObject({ tenants: NAMES.length, damaged: 0 });
    const second = await here.engine.backup(backups);
    expect(second.bytesSent).toBeLessThan(first.bytes / 10);
    const other = await openFolder("other");
    await other.engine.restore(backups);
    for (const tenant of NAMES)
      expect(await read(other.engine, tenant)).toEqual(records.get(tenant));
    await other.engine.close();
  });

  it("are taken over by another folder, and erased where they came from", async () => {
    for (const tenant of ["some", "many"]) {
      await here.engine.setTenantState(at(tenant), "OFFLOADED");
      const objects = await objectsOf(here.engine, tenant);
      await there.engine.adoptTenant(objects[0] ?? "", at(tenant));
      expect(await read(there.engine, tenant)).toEqual(records.get(tenant));
      const receipt = await here.engine.eraseTenant(at(tenant));
      expect(receipt).toMatchObject({ isCopyRemoved: true, isUnreadable: true });
      for (const object of objects) expect(await store.head(object)).toBeUndefined();
    }
    for (const tenant of ["some", "many"]) {
      expect(await read(there.engine, tenant)).toEqual(records.get(tenant));
    }
  });

  it("leave nothing there when they are gone and the time of grace is over", async () => {
    for (const tenant of ["none", "few"]) await here.engine.eraseTenant(at(tenant));
    const listed = async (): Promise<readonly string[]> => {
      here.clock.advance(HOUR_MS + 61_000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return store.list("tenants/", { limit: 100 });
    };
    await expect.poll(listed, WAIT).toEqual([]);
    expect(faults).toEqual([]);
  });
});
