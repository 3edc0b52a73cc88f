/** Warm schedules: who is woken when their windows open, and kept until they close. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import type { PolicyRules, WarmSchedule } from "../model/index.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { WARM_PREFIX, tenantKey, type EncodedKey } from "./catalog-keys.ts";
import { encodeTenant } from "./catalog-rows.ts";
import { openEngine, type CollectionOptions, type Engine, type EngineOptions } from "./index.ts";
import { policyChanges } from "./policy-rows.ts";
import { WarmScheduler, type SchedulerDoors } from "./warm-scheduler.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const C = ["d", "c"] as const;
const OFFICE: WarmSchedule = {
  tenants: ["team-*", "acme"],
  days: ["mon", "tue", "wed", "thu", "fri"],
  from: "08:00",
  to: "18:00",
  zone: "Europe/Berlin",
};
const OPTIONS: CollectionOptions = {
  schema: {
    identity: "key",
    vectors: [{ name: "", dimension: 2, metric: "dot" }],
    unfilterable: [],
  },
  tenancy: "multi",
  policy: { warm: { office: OFFICE } },
};
const RECORD = {
  keys: ["a"],
  vectors: [{ field: "", values: Float32Array.of(1, 2) }],
  metadata: [undefined],
};

let files: MemoryFileSystem;
let clock: ManualClock;
let engine: Engine;
let faults: unknown[];

function open(more: Partial<EngineOptions> = {}): Promise<Engine> {
  const onFault = (error: unknown): void => void faults.push(error);
  const base = { files, clock, random: new SeededRandom(1), onFault, workerCount: 0 };
  return openEngine({ ...base, ...more });
}

/** A Monday in summer, an hour before the window opens. */
beforeEach(async () => {
  faults = [];
  files = new MemoryFileSystem();
  clock = new ManualClock(Date.parse("2026-07-06T05:00:00Z"));
  engine = await open();
  await engine.createDatabase("d");
  await engine.createCollection(...C, OPTIONS);
  for (const tenant of ["team-1", "team-2", "acme", "other"]) await make(tenant);
});
afterEach(async () => {
  await engine.close();
  expect(faults).toEqual([]);
});

function at(tenant: string): { database: string; collection: string; tenant: string } {
  return { database: "d", collection: "c", tenant };
}

/** Written, and asleep. */
async function make(tenant: string): Promise<void> {
  await engine.upsert(at(tenant), RECORD);
  await engine.flush(at(tenant));
  await engine.deactivate(at(tenant));
}

async function pass(ms: number, step = MINUTE): Promise<void> {
  for (let left = ms; left > 0; left -= step) {
    clock.advance(step);
    for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function stateOf(tenant: string): Promise<string | undefined> {
  return (await engine.getTenant(at(tenant)))?.state;
}

const awake = (): number => engine.stats().shardsAwake;

describe("a window that opens", () => {
  it("wakes those it names, once, keeps them awake, and lets go of them when it closes", async () => {
    await pass(59 * MINUTE);
    expect(awake()).toBe(0);
    await pass(2 * MINUTE);
    expect(awake()).toBe(3);
    expect(engine.stats().warmSchedules).toEqual({ windows: 1, warmed: 3, failed: 0, full: 0 });
    const until = Date.parse("2026-07-06T16:00:00Z");
    expect((await engine.getTenant(at("team-1")))?.keptWarm).toEqual({
      ...{ schedule: "office", untilMs: until },
    });
    expect(await engine.getTenant(at("other"))).not.toHaveProperty("keptWarm");
    await pass(3 * HOUR, 5 * MINUTE);
    expect(awake()).toBe(3);
    // Who leaves in between is not fetched back.
    await engine.deactivate(at("team-2"));
    await pass(HOUR, 5 * MINUTE);
    expect(awake()).toBe(2);
    clock.advance(until - clock.wallMs() - MINUTE);
    await pass(20 * MINUTE);
    expect(awake()).toBe(0);
    expect(await engine.getTenant(at("team-1"))).not.toHaveProperty("keptWarm");
    await pass(HOUR, 5 * MINUTE);
    expect(engine.stats().warmSchedules.windows).toBe(1);
  });

  it("is no use of a tenant, and leaves alone who was awake", async () => {
    const usedBefore = (await engine.getTenant(at("acme")))?.lastUsedAtMs;
    await pass(50 * MINUTE);
    await engine.count(at("team-1"), { kind: "equal", property: "p", value: 1 });
    await pass(15 * MINUTE);
    expect(engine.stats().warmSchedules.warmed).toBe(2);
    await engine.close();
    engine = await open();
    expect((await engine.getTenant(at("acme")))?.lastUsedAtMs).toBe(usedBefore);
  });

  it("opens on its days, by the clocks of its zone, also when they were set", async () => {
    const daily = { ...OFFICE, days: ["sun", "mon"] as const };
    await engine.updateCollection(...C, { policy: { warm: { office: daily } } });
    for (const [day, opens] of [
      ["2026-10-24", undefined],
      ["2026-10-25", "07:00"],
      ["2026-10-26", "07:00"],
      ["2027-03-27", undefined],
      ["2027-03-28", "06:00"],
    ] as const) {
      clock.jumpWall(Date.parse(`${day}T05:00:00Z`) - clock.wallMs());
      const { windows } = engine.stats().warmSchedules;
      clock.jumpWall(Date.parse(`${day}T${opens ?? "07:00"}:00Z`) - MINUTE - clock.wallMs());
      await pass(45_000, 15_000);
      expect(engine.stats().warmSchedules.windows).toBe(windows);
      await pass(MINUTE, 15_000);
      expect(engine.stats().warmSchedules.windows).toBe(windows + (opens === undefined ? 0 : 1));
    }
  });

  it("goes on over midnight", async () => {
    const night = { ...OFFICE, from: "22:00", to: "06:00", zone: "UTC" };
    await engine.updateCollection(...C, { policy: { warm: { office: null, night } } });
    clock.jumpWall(Date.parse("2026-07-11T05:00:00Z") - clock.wallMs());
    await pass(MINUTE, 15_000);
    expect(awake()).toBe(3);
    expect((await engine.getTenant(at("acme")))?.keptWarm).toEqual({
      ...{ schedule: "night", untilMs: Date.parse("2026-07-11T06:00:00Z") },
    });
    clock.jumpWall(Date.parse("2026-07-11T23:00:00Z") - clock.wallMs());
    await pass(15 * MINUTE);
    expect(awake()).toBe(0);
  });
});

describe("a schedule", () => {
  it("is begun by a node that starts within its window", async () => {
    await engine.close();
    clock.advance(2 * HOUR);
    engine = await open();
    await pass(2_000, 1_000);
    expect(awake()).toBe(3);
    expect((await engine.getCollection(...C))?.policy).toEqual({
      warm: { office: { ...OFFICE, tenants: ["acme", "team-*"] } },
    });
  });

  it("is begun anew when it is changed, and ends when it is taken away", async () => {
    await pass(70 * MINUTE);
    expect(awake()).toBe(3);
    const wider = { ...OFFICE, tenants: ["*"] };
    await engine.updateCollection(...C, { policy: { warm: { office: wider } } });
    await pass(MINUTE, 15_000);
    expect(awake()).toBe(4);
    await engine.updateCollection(...C, { policy: { warm: null } });
    await pass(15 * MINUTE);
    expect(awake()).toBe(0);
    expect(await engine.getCollection(...C)).not.toHaveProperty("policy");
    clock.advance(24 * HOUR);
    await pass(5 * MINUTE);
    expect(engine.stats().warmSchedules.windows).toBe(2);
  });

  it("goes with its collection, and is not that of the next one with its name", async () => {
    await engine.deleteCollection(...C);
    await engine.createCollection(...C, { ...OPTIONS, policy: {} });
    await make("acme");
    await pass(70 * MINUTE);
    expect(engine.stats().warmSchedules.windows).toBe(0);
    expect(awake()).toBe(0);
  });

  it("is in a backup, and carried out where that is restored", async () => {
    const store = new MemoryObjectStore();
    await engine.backup(store);
    await engine.close();
    files = new MemoryFileSystem();
    engine = await open();
    await engine.restore(store);
    await pass(70 * MINUTE);
    expect(awake()).toBe(3);
  });

  it("is refused without tenants to wake, and where it is none", async () => {
    const single = { ...OPTIONS, tenancy: "single" } as const;
    const refused = { code: "argument_invalid" };
    await expect(engine.createCollection("d", "s", single)).rejects.toMatchObject(refused);
    const bad = { warm: { office: { ...OFFICE, zone: "Mars/Olympus" } } };
    await expect(engine.updateCollection(...C, { policy: bad })).rejects.toMatchObject(refused);
  });
});

describe("beside the rest of the policy", () => {
  it("keeps from rest who is idle while its window is open, and no longer", async () => {
    await engine.updateCollection(...C, { policy: { inactiveAfter: "3h" } });
    await pass(5 * HOUR, 5 * MINUTE);
    expect(await stateOf("other")).toBe("INACTIVE");
    expect(await stateOf("acme")).toBe("ACTIVE");
    const dry = await engine.sweepTenants(...C, { limit: 10, isDryRun: true });
    expect(dry).toMatchObject({ looked: 4, keptWarm: 3, due: [] });
    const { causes } = engine.stats().policySweeps;
    expect(causes.inactiveAfter).toMatchObject({ changed: 1, failed: 0, pinned: 0 });
    expect(causes.inactiveAfter.keptWarm).toBeGreaterThan(0);
    clock.advance(6 * HOUR);
    await pass(15 * MINUTE);
    expect(await stateOf("acme")).toBe("INACTIVE");
    const { lastChange } = (await engine.getTenant(at("acme"))) ?? {};
    expect(lastChange).toMatchObject({ reason: "policy" });
    expect(lastChange?.idleMs).toBeGreaterThan(10 * HOUR);
  });

  it("makes ACTIVE again whom the policy put to rest, and says so; nobody else", async () => {
    await engine.updateCollection(...C, { policy: { inactiveAfter: "10m" } });
    await engine.setTenantState(at("acme"), "INACTIVE");
    await pass(50 * MINUTE);
    for (const tenant of ["team-1", "acme", "other"])
      expect(await stateOf(tenant)).toBe("INACTIVE");
    await pass(15 * MINUTE);
    expect(await stateOf("team-1")).toBe("ACTIVE");
    expect((await engine.getTenant(at("team-1")))?.lastChange).toMatchObject({
      ...{ from: "INACTIVE", reason: "schedule", schedule: "office" },
    });
    expect(await stateOf("acme")).toBe("INACTIVE");
    expect(await stateOf("other")).toBe("INACTIVE");
    expect(engine.stats().warmSchedules).toMatchObject({ warmed: 2, failed: 0 });
    await engine.close();
    engine = await open();
    expect((await engine.getTenant(at("team-1")))?.lastChange).toMatchObject({
      ...{ reason: "schedule", schedule: "office" },
    });
    clock.advance(Date.parse("2026-07-06T16:00:00Z") - clock.wallMs());
    await pass(15 * MINUTE);
    expect(await stateOf("team-1")).toBe("INACTIVE");
  });

  it("wakes as many as there is room for, and evicts nobody", async () => {
    await engine.close();
    engine = await open({ awakeShardsMax: 2 });
    await pass(55 * MINUTE, 5 * MINUTE);
    await engine.count(at("other"), { kind: "equal", property: "p", value: 1 });
    await pass(6 * MINUTE);
    const { evictions, warmSchedules } = engine.stats();
    expect(warmSchedules).toMatchObject({ windows: 1, full: 1 });
    expect(evictions).toMatchObject({ surplus: 0, memory: 0, share: 0 });
    expect(warmSchedules.warmed).toBe(1);
  });
});

describe("a dry run", () => {
  it("says who would be woken, and when the next windows are, and wakes nobody", async () => {
    await make("team-3");
    await engine.setTenantState(at("team-2"), "INACTIVE");
    const asked = { schedule: "office", isDryRun: true, limit: 2 } as const;
    const first = await engine.warmTenants(...C, asked);
    expect(first).toMatchObject({ changed: 1, names: ["acme"] });
    expect(first.windows).toHaveLength(3);
    expect(first.windows?.[0]).toEqual({
      fromMs: Date.parse("2026-07-06T06:00:00Z"),
      toMs: Date.parse("2026-07-06T16:00:00Z"),
    });
    const names = [...(first.names ?? [])];
    for (let after = first.next; after !== undefined;) {
      const slice = await engine.warmTenants(...C, { ...asked, after });
      names.push(...(slice.names ?? []));
      after = slice.next;
    }
    expect(names).toEqual(["acme", "team-1", "team-3"]);
    expect(awake()).toBe(0);
    const plain = { pattern: "*", isDryRun: true, limit: 10 } as const;
    expect(await engine.warmTenants(...C, plain)).toMatchObject({
      ...{ names: ["acme", "other", "team-1", "team-3"], failed: 1 },
    });
  });

  it("takes a schedule that is not set; a warming does not", async () => {
    const policy = { warm: { night: { ...OFFICE, tenants: ["acme", "a*", "oth?r", "o*"] } } };
    const asked = { schedule: "night", policy, limit: 10 };
    const refused = { code: "argument_invalid" };
    await expect(engine.warmTenants(...C, asked)).rejects.toMatchObject(refused);
    let after: string | undefined;
    const names: string[] = [];
    do {
      const behind = after === undefined ? {} : { after };
      const slice = await engine.warmTenants(...C, { ...asked, ...behind, isDryRun: true });
      names.push(...(slice.names ?? []));
      after = slice.next;
    } while (after !== undefined);
    expect(names).toEqual(["acme", "other"]);
    for (const wrong of [
      { schedule: "nobody" },
      { schedule: "office", names: ["acme"] },
      { schedule: "office", pattern: "*" },
      { schedule: "office", after: "acme" },
      { schedule: "office", after: "9:a" },
    ]) {
      const request = { ...wrong, limit: 10 };
      await expect(engine.warmTenants(...C, request)).rejects.toMatchObject(refused);
    }
  });

  it("can be meant: the tenants of the schedule are woken at once", async () => {
    const { next, ...slice } = await engine.warmTenants(...C, { schedule: "office", limit: 10 });
    expect(slice).toMatchObject({ changed: 1, failed: 0 });
    const asked = { schedule: "office", limit: 10, ...(next === undefined ? {} : { after: next }) };
    expect(await engine.warmTenants(...C, asked)).toMatchObject({ changed: 2 });
    expect(awake()).toBe(3);
  });
});

describe("a window of a hundred thousand tenants", () => {
  it("is gone through in slices, each in a turn of its own, with others in between", async () => {
    const [COUNT, NUMBER] = [100_000, 7];
    const row = { shard: SHARD, state: "ACTIVE", createdAtMs: 0 } as const;
    const value = encodeTenant(row);
    const keys = Array.from({ length: COUNT }, (_, i) =>
      tenantKey(NUMBER, `team-${String(i).padStart(6, "0")}`),
    );
    let lateAt = COUNT;
    const [turns, looked, scanned] = [[] as number[], new Set<string>(), [] as number[]];
    const many = new (class extends ManualClock {
      override async yield(): Promise<void> {
        turns.push(looked.size);
        await super.yield();
      }
    })(clock.wallMs() + 2 * HOUR);
    const names = { database: "d", collection: "c" };
    const later = { ...OFFICE, name: "b", tenants: ["late"] };
    const policy: PolicyRules = { setAtMs: 0, warm: [{ ...OFFICE, name: "a" }, later] };
    const positions = new Map(keys.map((key, i) => [key, i]));
    const entry = { row: { number: NUMBER, policy }, schema: { vectors: [] }, isGone: false };
    const scan: Catalog["scan"] = ({ start, limit }) => {
      if (start.startsWith(WARM_PREFIX)) {
        return Promise.resolve(policyChanges(names, entry.row).map(toRow).slice(0, limit));
      }
      const first = (positions.get(start) ?? -1) + 1;
      scanned.push(limit ?? Infinity);
      return Promise.resolve(
        keys.slice(first, first + (limit ?? COUNT)).map((key) => [key, value]),
      );
    };
    const find = (_: unknown, name: string): Promise<unknown> => {
      if (name === "late") lateAt = looked.size;
      looked.add(name);
      return Promise.resolve({ name, row });
    };
    const directory = { collection: () => Promise.resolve(entry), tenants: { find } };
    const scheduler = new WarmScheduler({
      ...{ catalog: { scan }, directory, clock: many, keeper: { peek: () => ({}) } },
      onFault: (error: unknown) => void faults.push(error),
    } as unknown as SchedulerDoors);
    many.advance(2_000);
    while (looked.size < COUNT + 2) {
      await new Promise((resolve) => setImmediate(resolve));
      if (faults.length > 0) break;
    }
    await scheduler.stop();
    expect(scheduler.figures).toEqual({ windows: 2, warmed: 0, failed: 0, full: 0 });
    expect(lateAt).toBeLessThanOrEqual(257);
    expect(Math.max(...scanned)).toBe(257);
    const steps = turns.map((size, i) => size - (turns[i - 1] ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(256);
    expect(turns.length).toBeGreaterThan(COUNT / 256);
  });
});

const SHARD = toShardUid(new Uint8Array(16).fill(1));

function toRow(change: CatalogChange): [EncodedKey, Uint8Array] {
  return change.kind === "put" ? [change.key, change.value] : ["", new Uint8Array()];
}
