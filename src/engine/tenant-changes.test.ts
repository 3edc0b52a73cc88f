/** Changes of many tenants at once: which are meant, what is told, and how they go on. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FAILURES_TOLD_MAX, TENANTS_NAMED_MAX } from "../base/limits.ts";
import { ManualClock, SeededRandom, SimulatedDisk, type FileSystem } from "../io/index.ts";
import type { TenantStatesRequest, TenantStatesSlice } from "./api.ts";
import { openEngine, type Engine } from "./index.ts";

const NAMES = Array.from({ length: 300 }, (_, i) => `team-${String(i).padStart(3, "0")}`);
let isBroken = false;
let disk: SimulatedDisk;
let engine: Engine;

function open(files: FileSystem, seed: number): Promise<Engine> {
  const random = new SeededRandom(seed);
  return openEngine({ files, clock: new ManualClock(), random, workerCount: 0 });
}

beforeEach(async () => {
  isBroken = false;
  disk = new SimulatedDisk({ failsSync: () => isBroken });
  engine = await open(disk, 1);
  await engine.createDatabase("d");
  const schema = {
    identity: "key" as const,
    vectors: [{ name: "", dimension: 1, metric: "dot" as const }],
    unfilterable: [],
  };
  await engine.createCollection("d", "c", { schema, tenancy: "multi" });
  await engine.createCollection("d", "single", { schema });
  await engine.createTenants("d", "c", [...NAMES, "other", "a*b", "axb"]);
});
afterEach(() => engine.close());

/** Slice after slice, as callers do. */
async function changeAll(
  request: Omit<TenantStatesRequest, "limit" | "after">,
  limit = 100,
): Promise<readonly TenantStatesSlice[]> {
  const slices: TenantStatesSlice[] = [];
  let after: string | undefined;
  do {
    const slice = await engine.setTenantStates("d", "c", {
      ...request,
      limit,
      ...(after === undefined ? {} : { after }),
    });
    slices.push(slice);
    after = slice.next;
  } while (after !== undefined);
  return slices;
}

function sum(slices: readonly TenantStatesSlice[], what: "changed" | "unchanged"): number {
  return slices.reduce((total, slice) => total + slice[what], 0);
}

async function inactive(): Promise<readonly string[]> {
  const { items } = await engine.listTenants("d", "c", { limit: 1_000 });
  return items.filter(({ state }) => state === "INACTIVE").map(({ name }) => name);
}

describe("a change of many tenants", () => {
  it("means those that match, in slices, and says again that they are so already", async () => {
    const slices = await changeAll({ state: "INACTIVE", pattern: "team-1*" }, 40);
    expect(slices.length).toBe(3);
    expect([sum(slices, "changed"), sum(slices, "unchanged")]).toEqual([100, 0]);
    expect(await inactive()).toEqual(NAMES.filter((name) => name.startsWith("team-1")));
    expect(engine.tenantFigures().counts).toMatchObject({ ACTIVE: 203, INACTIVE: 100 });
    const again = await changeAll({ state: "INACTIVE", pattern: "team-1*" }, 1_000);
    expect(again).toEqual([{ changed: 0, unchanged: 100, missing: 0, failed: 0, failures: [] }]);
  });

  it("looks at what does not match, a slice at a time, and moves none of it", async () => {
    const slices = await changeAll({ state: "INACTIVE", pattern: "*-00?" }, 50);
    expect(slices.length).toBe(7);
    expect(await inactive()).toEqual(NAMES.slice(0, 10));
    await changeAll({ state: "ACTIVE", pattern: "*" });
    await changeAll({ state: "INACTIVE", pattern: "a\\*b" });
    expect(await inactive()).toEqual(["a*b"]);
  });

  it("takes names, each once, and tells those that are missing", async () => {
    const names = ["team-002", "team-001", "nobody", "team-001", "team-000", "nowhere"];
    const slices = await changeAll({ state: "INACTIVE", names }, 2);
    expect(slices.map(({ changed, missing, next }) => [changed, missing, next])).toEqual([
      [0, 2, "nowhere"],
      [2, 0, "team-001"],
      [1, 0, undefined],
    ]);
    expect(await inactive()).toEqual(["team-000", "team-001", "team-002"]);
  });

  it("goes on after a crash with those that are left", async () => {
    const first = { state: "INACTIVE" as const, pattern: "team-*", limit: 120 };
    await engine.setTenantStates("d", "c", first);
    const left = await open(disk.crash(new SeededRandom(2)), 3);
    expect(left.tenantFigures().counts).toMatchObject({ ACTIVE: 183, INACTIVE: 120 });
    const rest = await left.setTenantStates("d", "c", { ...first, limit: 1_000 });
    expect(rest).toMatchObject({ changed: 180, unchanged: 120, failed: 0 });
    await left.close();
  });

  it("tells the first failures and counts the others", async () => {
    await changeAll({ state: "INACTIVE", pattern: "team-*" });
    isBroken = true;
    const slice = await engine.setTenantStates("d", "c", {
      state: "ACTIVE",
      pattern: "team-*",
      limit: 1_000,
    });
    isBroken = false;
    expect(slice).toMatchObject({ changed: 0, failed: 300 });
    expect(slice.failures).toHaveLength(FAILURES_TOLD_MAX);
    expect(slice.failures[0]?.error).toMatchObject({ kind: "unavailable" });
  });

  it.each<[string, Partial<TenantStatesRequest>, string]>([
    ["neither names nor a pattern", {}, "argument_invalid"],
    ["both", { names: ["a"], pattern: "a" }, "argument_invalid"],
    ["no limit", { names: ["a"], limit: 0 }, "argument_invalid"],
    ["another word", { names: ["a"], state: "COLD" as "ACTIVE" }, "argument_invalid"],
    [
      "a store that is not there",
      { names: ["other"], state: "OFFLOADED" },
      "offload_not_configured",
    ],
    [
      "too many names",
      { names: new Array<string>(TENANTS_NAMED_MAX + 1).fill("a") },
      "argument_invalid",
    ],
  ])("refuses %s", async (_, part, code) => {
    const request = { state: "INACTIVE" as const, limit: 10, ...part };
    await expect(engine.setTenantStates("d", "c", request)).rejects.toMatchObject({ code });
  });

  it("takes as many names as it says, and refuses a collection without tenants", async () => {
    const names = new Array<string>(TENANTS_NAMED_MAX).fill("other");
    const request = { state: "INACTIVE" as const, limit: 10, names };
    expect(await engine.setTenantStates("d", "c", request)).toMatchObject({ changed: 1 });
    await expect(engine.setTenantStates("d", "single", request)).rejects.toMatchObject({
      code: "argument_invalid",
    });
  });
});
