/**
 * Tenants that are offloaded and come back: what they answer, what is left where, what may fail.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CountingFileSystem,
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
} from "../io/index.ts";
import type { ObjectStore } from "../io/index.ts";
import type { Place, RecordView, RequestedState } from "../model/index.ts";
import { HookedStore, storeFault } from "../../test/support/mirror-bench.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const MASTER_KEY = new Uint8Array(32).fill(5);
const SCHEMA = {
  identity: "key" as const,
  vectors: [{ name: "", dimension: 4, metric: "euclidean" as const }],
  unfilterable: [],
};
const ALL = { vectors: true, metadata: true };
const HOUR_MS = 3_600_000;

interface TenantPlace extends Place {
  readonly tenant: string;
}

let files: MemoryFileSystem;
let store: MemoryObjectStore;
let clock: ManualClock;
let faults: unknown[];
let engine: Engine;

function options(over: Partial<EngineOptions> = {}): EngineOptions {
  return {
    files,
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    masterKey: MASTER_KEY,
    offload: { open: () => Promise.resolve(store) },
    onFault: (error) => {
      faults.push(error);
    },
    ...over,
  };
}

function storeOf(hooked: ObjectStore): Partial<EngineOptions> {
  return { offload: { open: () => Promise.resolve(hooked) } };
}

async function reopen(over: Partial<EngineOptions> = {}): Promise<void> {
  await engine.close();
  engine = await openEngine(options(over));
}

function placeOf(tenant: string): TenantPlace {
  return { database: "db", collection: "c", tenant };
}

async function put(tenant: string, from: number, count: number, n = 0): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `k${String(from + i).padStart(4, "0")}`);
  await engine.upsert(placeOf(tenant), {
    keys,
    vectors: [{ field: "", values: Float32Array.from(keys.flatMap((_, i) => [i, n, 1, 2])) }],
    metadata: keys.map((key) => ({ key, n })),
  });
}

async function read(tenant: string, from: Engine = engine): Promise<readonly RecordView[]> {
  return (await from.list(placeOf(tenant), { limit: 10_000, include: ALL })).items;
}

function set(tenant: string, state: RequestedState): Promise<unknown> {
  return engine.setTenantState(placeOf(tenant), state);
}

async function stateOf(tenant: string): Promise<string | undefined> {
  return (await engine.getTenant(placeOf(tenant)))?.state;
}

async function settled(tenant: string): Promise<string | undefined> {
  for (;;) {
    const state = await stateOf(tenant);
    if (state !== "OFFLOADING" && state !== "ONLOADING") return state;
    await new Promise(setImmediate);
  }
}

/** Objects in the store; every second one of the names is a manifest. */
function objects(): Promise<readonly string[]> {
  return store.list("", { limit: 1_000 });
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await files.listFolder(folder)) {
    const path = `${folder}/${name}`;
    const below = await filesIn(path);
    found.push(...(below.length === 0 && /\./.test(name) ? [path] : below));
  }
  return found;
}

/** Tenants in every state that a shard can be in. */
const TENANTS = ["empty", "emptied", "log", "flushed", "mixed", "merged"];

async function fill(): Promise<void> {
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", { schema: SCHEMA, tenancy: "multi" });
  await engine.createTenant(placeOf("empty"));
  await put("emptied", 0, 5);
  await engine.delete(placeOf("emptied"), ["k0000", "k0001", "k0002", "k0003", "k0004"]);
  await put("log", 0, 20);
  await put("flushed", 0, 50);
  await engine.flush(placeOf("flushed"));
  for (const tenant of ["mixed", "merged"]) {
    await put(tenant, 0, 50);
    await engine.flush(placeOf(tenant));
    await put(tenant, 40, 20, 1);
    await engine.flush(placeOf(tenant));
    await engine.delete(placeOf(tenant), ["k0005", "k0006"]);
    await put(tenant, 6, 3, 2);
  }
  await engine.compact(placeOf("merged"));
}

beforeEach(() => {
  files = new MemoryFileSystem();
  store = new MemoryObjectStore();
  clock = new ManualClock();
  faults = [];
});

afterEach(async () => {
  await engine.close();
});

it("a small segment that is offloaded is read once, to be verified and to be sent", async () => {
  const counting = new CountingFileSystem(files);
  engine = await openEngine(options({ files: counting }));
  await fill();
  counting.reset();
  await set("flushed", "OFFLOADED");
  expect(counting.reads("pack/")).toHaveLength(1);
});

describe.each([
  ["in packs", {}],
  ["in files", { policy: { packedBytesMax: 0 } }],
  ["not sealed", { isSealing: false }],
])("a tenant with segments %s", (_, over) => {
  beforeEach(async () => {
    engine = await openEngine(options(over));
    await fill();
  });

  it("is the same when it comes back, whatever it was, and is counted meanwhile", async () => {
    const before = new Map<string, readonly RecordView[]>();
    for (const tenant of TENANTS) before.set(tenant, await read(tenant));
    const { rowCount } = (await engine.getCollection("db", "c")) ?? {};
    for (const tenant of TENANTS) await set(tenant, "OFFLOADED");
    expect(engine.tenantFigures().counts).toMatchObject({ ACTIVE: 0, OFFLOADED: 6, OFFLOADING: 0 });
    expect(await objects()).toHaveLength(6);
    expect(await engine.getCollection("db", "c")).toMatchObject({ rowCount, tenantCount: 6 });
    for (const tenant of TENANTS) {
      expect(await engine.getTenant(placeOf(tenant))).toMatchObject({
        state: "OFFLOADED",
        rowCount: before.get(tenant)?.length,
      });
      await expect(read(tenant)).rejects.toMatchObject({ code: "tenant_not_active" });
    }
    await reopen(over);
    for (const tenant of TENANTS) {
      await set(tenant, "ACTIVE");
      expect(await read(tenant)).toEqual(before.get(tenant));
    }
    expect(engine.tenantFigures().counts).toMatchObject({ ACTIVE: 6, OFFLOADED: 0, ONLOADING: 0 });
    // Written to, flushed, merged and started again, it is a tenant like any other.
    await put("mixed", 100, 10, 9);
    await engine.compact(placeOf("mixed"));
    await reopen(over);
    expect(await read("mixed")).toHaveLength((before.get("mixed")?.length ?? 0) + 10);
    expect(faults).toEqual([]);
  });

  it("leaves no segment of its own behind, and objects only for the time of grace", async () => {
    await put("flushed", 0, 5_000);
    await engine.flush(placeOf("flushed"));
    for (const tenant of TENANTS) await set(tenant, "OFFLOADED");
    await reopen(over);
    // A start sweeps in the background.
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    expect(await filesIn("seg")).toEqual([]);
    for (const tenant of TENANTS) await set(tenant, "INACTIVE");
    const made = (await objects()).length;
    expect(made).toBeGreaterThan(5);
    clock.advance(61_000);
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    expect(await objects()).toHaveLength(made);
    clock.advance(HOUR_MS);
    for (let turn = 0; turn < 400; turn++) await new Promise(setImmediate);
    expect(await objects()).toEqual([]);
    for (const tenant of TENANTS) await set(tenant, "ACTIVE");
    expect(await read("flushed")).toHaveLength(5_000);
    expect(faults).toEqual([]);
  });

  it("is backed up and copied where it is, and comes back INACTIVE from a backup", async () => {
    const before = await read("mixed");
    await set("mixed", "OFFLOADED");
    const backups = new MemoryObjectStore();
    expect(await engine.backup(backups)).toMatchObject({ tenants: 6, damaged: 0 });
    await engine.copyTenant(placeOf("mixed"), placeOf("copy"));
    expect(await read("copy")).toEqual(before);
    expect(await stateOf("mixed")).toBe("OFFLOADED");
    const other = await openEngine({ ...options(over), files: new MemoryFileSystem() });
    await other.restore(backups);
    expect(await other.getTenant(placeOf("mixed"))).toMatchObject({ state: "INACTIVE" });
    await other.setTenantState(placeOf("mixed"), "ACTIVE");
    expect(await read("mixed", other)).toEqual(before);
    await other.close();
  });

  it("goes there and back again and again", async () => {
    const before = await read("mixed");
    for (let round = 0; round < 4; round++) {
      await set("mixed", "OFFLOADED");
      await set("mixed", round % 2 === 0 ? "ACTIVE" : "INACTIVE");
    }
    await set("mixed", "ACTIVE");
    expect(await read("mixed")).toEqual(before);
  });
});

describe("an OFFLOADED tenant", () => {
  beforeEach(async () => {
    engine = await openEngine(options());
    await fill();
  });

  it("comes back once with a hundred calls, where calls activate", async () => {
    const before = await read("mixed");
    await engine.updateCollection("db", "c", { activatesTenants: true });
    await set("mixed", "OFFLOADED");
    let gets = 0;
    await reopen(
      storeOf(
        new HookedStore(store, ({ kind, key }) => {
          if (kind === "get" && key.startsWith("tenants/")) gets++;
        }),
      ),
    );
    const reads = await Promise.all(Array.from({ length: 100 }, () => read("mixed")));
    for (const records of reads) expect(records).toEqual(before);
    // The manifest with its segments in it, then those of its segments.
    expect(gets).toBeLessThan(10);
    expect(await settled("mixed")).toBe("ACTIVE");
    expect(await read("mixed")).toEqual(before);
  });

  it("that is deleted takes its objects along, after their time of grace", async () => {
    await set("mixed", "OFFLOADED");
    await engine.deleteTenant(placeOf("mixed"));
    expect(await objects()).toHaveLength(1);
    for (let hour = 0; hour < 2; hour++) {
      clock.advance(HOUR_MS + 61_000);
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    }
    expect(await objects()).toEqual([]);
    expect(engine.tenantFigures().counts).toMatchObject({ OFFLOADED: 0 });
  });

  it("that is erased leaves nothing in the store, and its receipt says so", async () => {
    await set("mixed", "OFFLOADED");
    await set("mixed", "ACTIVE");
    await set("mixed", "OFFLOADED");
    expect(await objects()).toHaveLength(2);
    expect(await engine.eraseTenant(placeOf("mixed"))).toMatchObject({
      isCopyRemoved: true,
      isKeyDestroyed: true,
      isUnreadable: true,
    });
    expect(await objects()).toEqual([]);
    expect(await engine.eraseTenant(placeOf("flushed"))).not.toHaveProperty("isCopyRemoved");
  });

  it("that is erased while the store is away is not called unreadable, and goes later", async () => {
    await set("mixed", "OFFLOADED");
    let isAway = true;
    const fail = (): void => {
      if (isAway) throw storeFault();
    };
    await reopen(storeOf(new HookedStore(store, fail)));
    expect(await engine.eraseTenant(placeOf("mixed"))).toMatchObject({
      isCopyRemoved: false,
      isKeyDestroyed: true,
      isUnreadable: false,
    });
    isAway = false;
    for (let hour = 0; hour < 2; hour++) {
      clock.advance(HOUR_MS + 61_000);
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    }
    expect(await objects()).toEqual([]);
  });

  it("goes with its collection", async () => {
    for (const tenant of TENANTS) await set(tenant, "OFFLOADED");
    await engine.deleteCollection("db", "c");
    await reopen();
    for (let hour = 0; hour < 3; hour++) {
      clock.advance(HOUR_MS + 61_000);
      for (let turn = 0; turn < 400; turn++) await new Promise(setImmediate);
    }
    expect(await objects()).toEqual([]);
    expect(engine.tenantFigures().counts).toMatchObject({ OFFLOADED: 0 });
  });

  it("is refused with what to do on a node without a store, and stays what it is", async () => {
    await set("mixed", "OFFLOADED");
    await engine.close();
    const { offload: _, ...without } = options();
    engine = await openEngine(without);
    await expect(set("mixed", "ACTIVE")).rejects.toMatchObject({ code: "offload_not_configured" });
    await expect(set("flushed", "OFFLOADED")).rejects.toMatchObject({
      code: "offload_not_configured",
    });
    await expect(engine.backup(new MemoryObjectStore())).rejects.toMatchObject({
      code: "offload_not_configured",
    });
    expect(await stateOf("mixed")).toBe("OFFLOADED");
    expect(await stateOf("flushed")).toBe("ACTIVE");
  });

  it("names its objects where its bytes are asked for", async () => {
    await set("mixed", "OFFLOADED");
    const { extents } = await engine.locate(placeOf("mixed"));
    const [object = ""] = await objects();
    const found = extents.filter(({ kind }) => kind === "object");
    expect(found.length).toBeGreaterThan(0);
    for (const { file } of found) expect(object.startsWith(file)).toBe(true);
  });
});

describe("an offload or an onload that fails", () => {
  beforeEach(async () => {
    engine = await openEngine(options());
    await fill();
    await put("mixed", 0, 4_000);
    await engine.flush(placeOf("mixed"));
  });

  it.each(["ACTIVE", "INACTIVE"] as const)(
    "at any call of the store leaves a tenant that was %s as it was",
    async (state) => {
      const before = await read("mixed");
      await set("mixed", state);
      let fatal = 0;
      for (let isDone = false; !isDone;) {
        fatal++;
        let calls = 0;
        await reopen(
          storeOf(
            new HookedStore(store, ({ key }) => {
              if (key.startsWith("tenants/") && ++calls === fatal) throw storeFault();
            }),
          ),
        );
        isDone = await set("mixed", "OFFLOADED").then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ code: "io_failed" });
            return false;
          },
        );
        expect(await stateOf("mixed")).toBe(isDone ? "OFFLOADED" : state);
      }
      expect(fatal).toBeGreaterThan(4);
      for (fatal = 1; ; fatal++) {
        let calls = 0;
        await reopen(
          storeOf(
            new HookedStore(store, ({ key }) => {
              if (key.startsWith("tenants/") && ++calls === fatal) throw storeFault();
            }),
          ),
        );
        const isDone = await set("mixed", "ACTIVE").then(
          () => true,
          () => false,
        );
        if (isDone) break;
        expect(await stateOf("mixed")).toBe("OFFLOADED");
      }
      expect(fatal).toBeGreaterThan(1);
      expect(await read("mixed")).toEqual(before);
      expect(faults).toEqual([]);
      // What the failed tries left goes, too.
      await reopen();
      for (let hour = 0; hour < 2; hour++) {
        clock.advance(HOUR_MS + 61_000);
        for (let turn = 0; turn < 400; turn++) await new Promise(setImmediate);
      }
      expect(await objects()).toEqual([]);
    },
  );

  it("is told of a store that cuts bodies short, and drops nothing", async () => {
    const before = await read("mixed");
    const cutting = new HookedStore(
      store,
      () => undefined,
      async ({ kind, key }) => {
        if (kind !== "put-if-absent" || !key.startsWith("tenants/")) return;
        const body = (await store.get(key)) ?? new Uint8Array(0);
        await store.put(key, body.subarray(0, body.length >>> 1));
      },
    );
    await reopen(storeOf(cutting));
    await expect(set("mixed", "OFFLOADED")).rejects.toMatchObject({ code: "data_damaged" });
    expect(await stateOf("mixed")).toBe("ACTIVE");
    expect(await read("mixed")).toEqual(before);
  });

  it("is told of objects that were changed or lost, and the tenant stays OFFLOADED", async () => {
    const before = await read("mixed");
    await set("mixed", "OFFLOADED");
    const names = await objects();
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      const body = (await store.get(name)) ?? new Uint8Array(0);
      const bent = Uint8Array.from(body);
      bent[bent.length >>> 1] = (bent[bent.length >>> 1] ?? 0) ^ 1;
      await store.put(name, bent);
      await expect(set("mixed", "ACTIVE")).rejects.toMatchObject({ code: "data_damaged" });
      await store.delete(name);
      await expect(set("mixed", "ACTIVE")).rejects.toMatchObject({
        code: "data_damaged",
        details: { object: name },
      });
      expect(await stateOf("mixed")).toBe("OFFLOADED");
      await store.put(name, body);
    }
    await set("mixed", "ACTIVE");
    expect(await read("mixed")).toEqual(before);
  });

  it("goes on at the next start when the engine was closed over it", async () => {
    const before = await read("mixed");
    for (const [goal, other] of [
      ["OFFLOADED", "OFFLOADING"],
      ["ACTIVE", "ONLOADING"],
    ] as const) {
      let reached = (): void => undefined;
      const isReached = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const hanging = new HookedStore(store, async ({ key, kind }) => {
        if (!key.startsWith("tenants/") || kind !== "get") return;
        reached();
        await new Promise(() => undefined);
      });
      await reopen(storeOf(hanging));
      const moving = set("mixed", goal).catch((error: unknown) => error);
      await isReached;
      expect(await stateOf("mixed")).toBe(other);
      await engine.close();
      expect(await moving).toMatchObject({ code: "engine_closed" });
      engine = await openEngine(options());
      expect(await settled("mixed")).toBe(goal);
    }
    expect(await read("mixed")).toEqual(before);
  });

  it("is undone at a start that has no store any more", async () => {
    const before = await read("mixed");
    const hanging = new HookedStore(store, ({ key, kind }) =>
      key.startsWith("tenants/") && kind === "get" ? new Promise(() => undefined) : undefined,
    );
    await reopen(storeOf(hanging));
    const moving = set("mixed", "OFFLOADED").catch((error: unknown) => error);
    while ((await objects()).length === 0) await new Promise(setImmediate);
    await engine.close();
    await moving;
    const { offload: _, ...without } = options();
    engine = await openEngine(without);
    expect(await settled("mixed")).toBe("ACTIVE");
    expect(await read("mixed")).toEqual(before);
  });

  it("meets a store that cannot do what is asked of it before anything is sent", async () => {
    class Replacing extends MemoryObjectStore {
      override async putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
        await this.put(key, body);
        return true;
      }
    }
    const replacing = new Replacing();
    await reopen(storeOf(replacing));
    await expect(set("mixed", "OFFLOADED")).rejects.toMatchObject({
      code: "operation_unsupported",
    });
    expect(await stateOf("mixed")).toBe("ACTIVE");
    expect(await replacing.list("", { limit: 10 })).toEqual([]);
  });
});
