/** Policies: who is put to rest when nobody uses it, and how last uses are kept. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import { openEngine, type CollectionOptions, type Engine, type EngineOptions } from "./index.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const C = ["d", "c"] as const;
const OPTIONS: CollectionOptions = {
  schema: {
    identity: "key",
    vectors: [{ name: "", dimension: 2, metric: "dot" }],
    unfilterable: [],
  },
  tenancy: "multi",
  policy: { inactiveAfter: "3h" },
};
const RECORD = {
  keys: ["a"],
  vectors: [{ field: "", values: Float32Array.of(1, 2) }],
  metadata: [undefined],
};
const INCLUDE = { vectors: false, metadata: false };

let files: MemoryFileSystem;
let clock: ManualClock;
let engine: Engine;
let faults: unknown[];

function open(more: Partial<EngineOptions> = {}): Promise<Engine> {
  const onFault = (error: unknown): void => void faults.push(error);
  return openEngine({ files, clock, random: new SeededRandom(1), onFault, ...more });
}

beforeEach(async () => {
  faults = [];
  files = new MemoryFileSystem();
  clock = new ManualClock();
  engine = await open();
  await engine.createDatabase("d");
  await engine.createCollection(...C, OPTIONS);
  for (const tenant of ["idle", "used"]) await engine.upsert(at(tenant), RECORD);
});
afterEach(async () => {
  await engine.close();
  expect(faults).toEqual([]);
});

function at(tenant: string): { database: string; collection: string; tenant: string } {
  return { database: "d", collection: "c", tenant };
}

async function statesOf(): Promise<Record<string, string>> {
  const { items } = await engine.listTenants(...C, { limit: 100 });
  return Object.fromEntries(items.map(({ name, state }) => [name, state]));
}

/** Time passes step by step, with a turn for what is due; `use` is used all the while. */
async function pass(ms: number, use?: string): Promise<void> {
  for (let left = ms; left > 0; left -= MINUTE) {
    if (use !== undefined) await engine.get(at(use), ["a"], INCLUDE);
    clock.advance(MINUTE);
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a collection with pinned tenants", () => {
  it("leaves them as they are, counts them, and says by which pin", async () => {
    const policy = { alsoPin: ["us*"], memoryShare: 0.25 };
    await engine.updateCollection(...C, { policy });
    await pass(4 * HOUR);
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "ACTIVE" });
    const { sweeps, ...figures } = engine.stats().policySweeps;
    expect(sweeps).toBeGreaterThan(0);
    expect(figures).toMatchObject({ inactive: 1, offloaded: 0, failed: 0, looked: 2 * sweeps });
    expect(figures.pinned).toBeGreaterThan(0);
    const { pinned } = figures;
    expect(figures.causes).toEqual({
      inactiveAfter: { changed: 1, failed: 0, pinned, keptWarm: 0 },
      offloadAfter: { changed: 0, failed: 0, pinned: 0, keptWarm: 0 },
    });
    const slice = await engine.sweepTenants(...C, { limit: 10, isDryRun: true });
    expect(slice).toMatchObject({ looked: 2, pinned: 1, due: [] });
    const { memoryBudgetBytes } = engine.stats();
    expect(slice.memory?.loadedBytesMax).toBe(Math.floor(memoryBudgetBytes / 4));
    expect(slice.memory?.loadedBytes).toBeGreaterThan(0);
    const unpinned = { limit: 10, isDryRun: true, policy: { pin: null, memoryShare: null } };
    const other = await engine.sweepTenants(...C, unpinned);
    expect(other).toMatchObject({ pinned: 0, due: [{ tenant: "used", to: "INACTIVE" }] });
    expect(other.memory).toBeUndefined();
    expect((await engine.getTenant(at("used")))?.pinnedBy).toBe("us*");
    expect((await engine.getTenant(at("idle")))?.pinnedBy).toBeUndefined();
    await engine.close();
    engine = await open();
    expect((await engine.getCollection(...C))?.policy).toEqual({
      ...{ inactiveAfter: "3h", memoryShare: 0.25, pin: ["us*"] },
    });
  });

  it("keeps them awake, and lets them sleep once they are pinned no more", async () => {
    await engine.updateCollection(...C, { policy: { inactiveAfter: null, pin: ["used"] } });
    await engine.get(at("used"), ["a"], INCLUDE);
    await pass(30 * MINUTE);
    expect(engine.stats().shardsAwake).toBe(1);
    await engine.updateCollection(...C, { policy: { unpin: ["used"] } });
    await pass(2 * MINUTE);
    expect(engine.stats().shardsAwake).toBe(0);
  });
});

describe("a collection whose tenants become INACTIVE after three hours", () => {
  it("puts to rest who was not used for so long, by itself, and says why", async () => {
    await pass(3 * HOUR - MINUTE, "used");
    expect(await statesOf()).toEqual({ idle: "ACTIVE", used: "ACTIVE" });
    await pass(25 * MINUTE, "used");
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "ACTIVE" });
    const { lastChange } = (await engine.getTenant(at("idle"))) ?? {};
    expect(lastChange).toMatchObject({ from: "ACTIVE", reason: "policy" });
    expect(lastChange?.idleMs).toBeGreaterThanOrEqual(3 * HOUR);
    expect(lastChange?.idleMs).toBeLessThan(3 * HOUR + 25 * MINUTE);
    await expect(engine.get(at("idle"), ["a"], INCLUDE)).rejects.toMatchObject({
      code: "tenant_not_active",
    });
  });

  it("wakes nobody, and nothing is remembered of who sleeps", async () => {
    await pass(11 * MINUTE);
    expect(engine.stats().shardsAwake).toBe(0);
    await pass(4 * HOUR);
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "INACTIVE" });
    expect(engine.stats().shardsAwake).toBe(0);
  });

  it("counts a state that somebody asked for as a use", async () => {
    await pass(2 * HOUR);
    await engine.setTenantState(at("idle"), "INACTIVE");
    await engine.setTenantState(at("idle"), "ACTIVE");
    await pass(2 * HOUR);
    expect(await statesOf()).toEqual({ idle: "ACTIVE", used: "INACTIVE" });
  });

  it("makes it ACTIVE again by a call where the collection activates", async () => {
    await engine.updateCollection(...C, { activatesTenants: true });
    await pass(4 * HOUR);
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "INACTIVE" });
    expect(await engine.count(at("idle"))).toBe(1);
    await pass(2 * HOUR);
    expect(await statesOf()).toEqual({ idle: "ACTIVE", used: "INACTIVE" });
  });

  it("does nothing any more once the policy is taken away", async () => {
    await engine.updateCollection(...C, { policy: { inactiveAfter: null } });
    expect((await engine.getCollection(...C))?.policy).toBeUndefined();
    await pass(5 * HOUR);
    expect(await statesOf()).toEqual({ idle: "ACTIVE", used: "ACTIVE" });
  });

  it("is paused for an hour when the wall clock jumps, in either direction", async () => {
    clock.jumpWall(40 * 24 * HOUR);
    await pass(59 * MINUTE);
    expect(await statesOf()).toEqual({ idle: "ACTIVE", used: "ACTIVE" });
    clock.jumpWall(-40 * 24 * HOUR);
    await pass(90 * MINUTE);
    expect(await statesOf()).toEqual({ idle: "ACTIVE", used: "ACTIVE" });
    await pass(90 * MINUTE);
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "INACTIVE" });
  });
});

describe("the last use of a tenant", () => {
  it("survives a stop", async () => {
    await pass(2 * HOUR, "used");
    await engine.close();
    engine = await open();
    const { lastUsedAtMs = 0 } = (await engine.getTenant(at("used"))) ?? {};
    expect(clock.wallMs() - lastUsedAtMs).toBeLessThanOrEqual((3 * HOUR) / 16 + MINUTE);
    await pass(80 * MINUTE);
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "ACTIVE" });
  });

  it("goes back with a wall clock that does", async () => {
    clock.jumpWall(10 * HOUR);
    await pass(MINUTE, "used");
    clock.jumpWall(-10 * HOUR);
    await pass(MINUTE, "used");
    const { lastUsedAtMs = 0 } = (await engine.getTenant(at("used"))) ?? {};
    expect(lastUsedAtMs).toBeLessThanOrEqual(clock.wallMs());
  });

  it("does not bring back a tenant that is removed before it is kept", async () => {
    await pass(20 * MINUTE);
    await engine.get(at("used"), ["a"], INCLUDE);
    await engine.deleteTenant(at("used"));
    await pass(MINUTE);
    expect(await statesOf()).toEqual({ idle: "ACTIVE" });
  });

  it("is not written again while what is kept is new enough", async () => {
    await pass(14 * MINUTE, "used");
    await pass(MINUTE);
    const before = (await engine.getTenant(at("used")))?.lastUsedAtMs;
    expect(before).toBeDefined();
    await pass(7 * MINUTE, "used");
    expect((await engine.getTenant(at("used")))?.lastUsedAtMs).toBe(before);
  });

  it("orders a listing: who was not used for the longest comes first", async () => {
    await engine.updateCollection(...C, { policy: { inactiveAfter: null } });
    await pass(2 * HOUR);
    await engine.upsert(at("new"), RECORD);
    await pass(MINUTE);
    await engine.get(at("idle"), ["a"], INCLUDE);
    await pass(MINUTE);
    const first = await engine.listTenants(...C, { limit: 2, order: "use" });
    expect(first.items.map(({ name }) => name)).toEqual(["used", "new"]);
    const { next = "" } = first;
    const rest = await engine.listTenants(...C, { limit: 2, order: "use", after: next });
    expect(rest.items.map(({ name }) => name)).toEqual(["idle"]);
    expect(rest.hasMore).toBe(false);
  });
});

describe("a sweep that is asked for", () => {
  it("tells in a dry run what is due, and changes nothing", async () => {
    await pass(2 * HOUR);
    const request = { limit: 100, isDryRun: true };
    expect(await engine.sweepTenants(...C, request)).toMatchObject({ looked: 2, due: [] });
    const policy = { inactiveAfter: "1h" };
    expect(await engine.sweepTenants(...C, { ...request, policy })).toMatchObject({
      due: [
        { tenant: "idle", from: "ACTIVE", to: "INACTIVE" },
        { tenant: "used", from: "ACTIVE", to: "INACTIVE" },
      ],
    });
    expect(await statesOf()).toEqual({ idle: "ACTIVE", used: "ACTIVE" });
    await expect(engine.sweepTenants(...C, { limit: 100, policy })).rejects.toMatchObject({
      code: "argument_invalid",
    });
  });

  it("goes on behind the last name of the slice before", async () => {
    const first = await engine.sweepTenants(...C, { limit: 1, isDryRun: true });
    expect(first).toMatchObject({ looked: 1, next: "idle" });
    const { next = "" } = first;
    const rest = await engine.sweepTenants(...C, { limit: 1, isDryRun: true, after: next });
    expect(rest.looked).toBe(1);
    expect(rest.next).toBeUndefined();
  });

  it("does what is due, and says it", async () => {
    await engine.updateCollection(...C, { policy: { inactiveAfter: "3d" } });
    await pass(2 * HOUR);
    await engine.updateCollection(...C, { policy: { inactiveAfter: "1m" } });
    clock.advance(2 * MINUTE - 1);
    const swept = await engine.sweepTenants(...C, { limit: 100 });
    expect(swept).toMatchObject({ looked: 2, failed: 0, due: [{ to: "INACTIVE" }, {}] });
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "INACTIVE" });
  });
});

describe("a policy that offloads", () => {
  it("does so after its time where there is a store, by itself, and no sooner", async () => {
    await engine.close();
    const store = new MemoryObjectStore();
    engine = await open({ offload: { open: () => Promise.resolve(store) } });
    await engine.updateCollection(...C, { policy: { offloadAfter: "6h" } });
    await pass(4 * HOUR, "used");
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "ACTIVE" });
    await pass(3 * HOUR, "used");
    expect(await statesOf()).toEqual({ idle: "OFFLOADED", used: "ACTIVE" });
    const { lastChange } = (await engine.getTenant(at("idle"))) ?? {};
    expect(lastChange?.idleMs).toBeGreaterThanOrEqual(6 * HOUR);
    expect(engine.stats().policySweeps.causes).toMatchObject({
      inactiveAfter: { changed: 1, failed: 0 },
      offloadAfter: { changed: 1, failed: 0 },
    });
  });

  it("leaves a tenant INACTIVE where there is none", async () => {
    await engine.updateCollection(...C, { policy: { offloadAfter: "6h" } });
    await pass(8 * HOUR);
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "INACTIVE" });
  });
});

describe("a policy", () => {
  it("is there after a start, with its sweeps, and goes with its collection", async () => {
    await engine.close();
    engine = await open();
    expect((await engine.getCollection(...C))?.policy).toEqual({ inactiveAfter: "3h" });
    await pass(4 * HOUR);
    expect(await statesOf()).toEqual({ idle: "INACTIVE", used: "INACTIVE" });
    await engine.deleteCollection(...C);
    await engine.createCollection(...C, { ...OPTIONS, policy: {} });
    await engine.upsert(at("other"), RECORD);
    await pass(4 * HOUR);
    expect(await statesOf()).toEqual({ other: "ACTIVE" });
  });

  it("is refused for a collection without tenants", async () => {
    const { policy = {} } = OPTIONS;
    const single = engine.createCollection("d", "s", { schema: OPTIONS.schema, policy });
    await expect(single).rejects.toMatchObject({ code: "argument_invalid" });
  });
});
