/**
 * Tenants that are offloaded and come back, many and large ones: their work is done in many turns
 * of the event loop, of which all of them together have one at a time. Turns are counted, not
 * timed.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import type { RequestedState } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const DIMENSION = 256;
const NOTHING = { vectors: false, metadata: false };

/** Time stands; a turn of the event loop is one, and is counted. */
class CountingClock extends ManualClock {
  turns = 0;
  onTurn: () => void = () => undefined;

  override yield(): Promise<void> {
    this.turns++;
    this.onTurn();
    return new Promise((resolve) => setImmediate(resolve));
  }
}

let engine: Engine;
let clock: CountingClock;

beforeEach(async () => {
  clock = new CountingClock();
  const store = new MemoryObjectStore();
  engine = await openEngine({
    ...{ files: new MemoryFileSystem(), clock, random: new SeededRandom(1), workerCount: 0 },
    offload: { open: () => Promise.resolve(store) },
  });
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: DIMENSION, metric: "dot" }],
      ...{ identity: "key", unfilterable: [] },
    },
    tenancy: "multi",
  });
});

afterEach(async () => {
  await engine.close();
});

function placeOf(tenant: string): { database: string; collection: string; tenant: string } {
  return { database: "db", collection: "c", tenant };
}

async function put(tenant: string, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `k${String(i)}`);
  await engine.upsert(placeOf(tenant), {
    keys,
    vectors: [{ field: "", values: new Float32Array(count * DIMENSION).fill(1) }],
    metadata: keys.map(() => undefined),
  });
  await engine.flush(placeOf(tenant));
}

it("a large tenant goes and comes back in many turns, at each of which others are answered", async () => {
  await put("large", 3_000);
  await put("quiet", 1);
  let looks = 0;
  let looking: Promise<void> | undefined;
  clock.onTurn = () => {
    looking ??= engine.get(placeOf("quiet"), ["k0"], NOTHING).then(([found]) => {
      if (found !== undefined) looks++;
      looking = undefined;
    });
  };
  for (const state of ["OFFLOADED", "ACTIVE"] as const) {
    const before = { turns: clock.turns, looks };
    await engine.setTenantState(placeOf("large"), state);
    // 4 MB are verified, hashed, and hashed again when they are read back; or hashed once.
    const least = state === "OFFLOADED" ? 20 : 6;
    expect(clock.turns - before.turns).toBeGreaterThan(least);
    expect(looks - before.looks).toBeGreaterThan(least / 4);
  }
  clock.onTurn = () => undefined;
  await looking;
  expect(await engine.count(placeOf("large"))).toBe(3_000);
});

it("tenants that need no change are looked at in turns", async () => {
  const names = Array.from({ length: 2_000 }, (_, i) => `t${String(i).padStart(4, "0")}`);
  await engine.createTenants("db", "c", names);
  const before = clock.turns;
  const request = { state: "ACTIVE", pattern: "t*1", limit: 1_500 } as const;
  const slice = await engine.setTenantStates("db", "c", request);
  expect(slice).toMatchObject({ unchanged: 150, changed: 0, next: "t1499" });
  expect(clock.turns - before).toBeGreaterThanOrEqual(2);
  const rest = await engine.setTenantStates("db", "c", { ...request, after: "t1499" });
  expect(rest).toMatchObject({ unchanged: 50, changed: 0 });
  expect(rest.next).toBeUndefined();
});

it.each([
  ["without bytes", ["INACTIVE", "ACTIVE"], 10],
  ["that go and come back", ["OFFLOADED", "ACTIVE"], 30],
] as const)("many tenants %s change their state in turns", async (_, states, most) => {
  const tenants = 100;
  for (let i = 0; i < tenants; i++) await engine.createTenant(placeOf(`t${String(i)}`));
  const change = async (state: RequestedState): Promise<number> => {
    const before = clock.turns;
    const request = { state, pattern: "t*", limit: 1_000 };
    expect(await engine.setTenantStates("db", "c", request)).toMatchObject({ changed: tenants });
    return clock.turns - before;
  };
  // About ten steps of all of them together fit into a turn.
  for (const state of states) expect(await change(state)).toBeGreaterThanOrEqual(most);
});
