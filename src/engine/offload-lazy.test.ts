/** The first calls of an offloaded tenant: answered from the object store, in few round trips. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import type { Query } from "../model/index.ts";
import { HookedStore, storeFault } from "../../test/support/mirror-bench.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const PLACE = { database: "db", collection: "c", tenant: "acme" };
const DIMENSION = 128;

let store: MemoryObjectStore;
let files: MemoryFileSystem;
let engine: Engine;
let faults: unknown[];
/** Reads of calls that wait for their round trip to end. */
let waiting: (() => void)[];
/** Whether what is brought back in the background gets through. */
let isBringing: boolean;
let holdsReads: boolean;
let fetchedReads: number;
/** Whether the trial of the store gets through. */
let isTried: boolean;

function options(): EngineOptions {
  const hooked = new HookedStore(store, async ({ kind, key, signal }) => {
    if (key.startsWith("probe/") && !isTried) await new Promise(() => undefined);
    if (kind !== "get" || !key.startsWith("tenants/")) return;
    // Who brings a tenant back says when it is given up; a call about its records does not.
    if (signal !== undefined) {
      if (!isBringing) await new Promise(() => undefined);
      return;
    }
    fetchedReads++;
    if (holdsReads) await new Promise<void>((resolve) => waiting.push(resolve));
  });
  return {
    files,
    clock: new ManualClock(),
    random: new SeededRandom(3),
    workerCount: 0,
    masterKey: new Uint8Array(32).fill(1),
    offload: { open: () => Promise.resolve(hooked) },
    onFault: (error) => faults.push(error),
  };
}

async function put(from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 500) {
    const keys = Array.from({ length: Math.min(500, from + count - at) }, (_, i) => `k${at + i}`);
    const values = Float32Array.from({ length: keys.length * DIMENSION }, (_, i) =>
      Math.sin((at * DIMENSION + i) * 1.7),
    );
    const metadata = keys.map((_, i) => ({ year: (at + i) % 10, name: `n${at + i}` }));
    await engine.upsert(PLACE, { keys, vectors: [{ field: "", values }], metadata });
  }
}

function query(more: Partial<Query> = {}): Query {
  const vector = Float32Array.from({ length: DIMENSION }, (_, i) => Math.cos(i * 1.3));
  const include = { vectors: false, metadata: true };
  return { field: "", vector, topK: 10, include, ...more };
}

/** Round trips to the store, one behind the other, that the work waits for. */
async function roundsOf(work: () => Promise<unknown>): Promise<number> {
  holdsReads = true;
  let isDone = false;
  const running = work().finally(() => {
    isDone = true;
  });
  let rounds = 0;
  while (!isDone) {
    // Whatever can be asked for without an answer is asked for in these turns.
    for (let turn = 0; turn < 30; turn++) await new Promise(setImmediate);
    if (waiting.length === 0) continue;
    rounds++;
    for (const release of waiting.splice(0)) release();
  }
  await running;
  holdsReads = false;
  return rounds;
}

async function settle(): Promise<string | undefined> {
  for (;;) {
    const state = (await engine.getTenant(PLACE))?.state;
    if (state !== "ONLOADING") return state;
    await new Promise(setImmediate);
  }
}

async function reopen(): Promise<void> {
  await engine.close();
  engine = await openEngine(options());
}

beforeEach(async () => {
  store = new MemoryObjectStore();
  files = new MemoryFileSystem();
  faults = [];
  waiting = [];
  isBringing = false;
  holdsReads = false;
  fetchedReads = 0;
  isTried = true;
  engine = await openEngine(options());
  isBringing = true;
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
});

afterEach(async () => {
  await engine.close();
});

describe("a cold query of an offloaded tenant", () => {
  it("does not wait for the trial of a store that nobody has used in this life", async () => {
    await put(0, 200);
    const [before] = await engine.queryAll(PLACE, [query()]);
    await engine.setTenantState(PLACE, "OFFLOADED");
    isTried = false;
    await reopen();
    const { hits } = await engine.query(PLACE, query());
    expect(hits).toEqual(before?.hits);
  });

  it.each([
    ["of one object", [200], 1],
    ["of one segment", [6_000], 1],
    ["of a large segment", [20_000], 3],
    ["of several large segments", [16_000, 15_000], 3],
  ])("%s takes few round trips, and has the hits of before", async (_, parts, roundsMax) => {
    let from = 0;
    for (const count of parts) {
      await put(from, count);
      await engine.flush(PLACE);
      from += count;
    }
    const filter = { kind: "equal", property: "year", value: 3 } as const;
    const asked = [query(), query({ topK: 3, filter })];
    const before = await engine.queryAll(PLACE, asked);
    await engine.setTenantState(PLACE, "OFFLOADED");
    isBringing = false;
    await reopen();
    let after: Awaited<ReturnType<Engine["queryAll"]>> = [];
    const rounds = await roundsOf(async () => {
      after = await engine.queryAll(PLACE, asked);
    });
    expect(rounds).toBeGreaterThan(0);
    expect(rounds).toBeLessThanOrEqual(roundsMax);
    expect(after.map(({ hits }) => hits)).toEqual(before.map(({ hits }) => hits));
    expect((await engine.getTenant(PLACE))?.state).toBe("ONLOADING");
    // What was fetched is kept.
    expect(await roundsOf(() => engine.queryAll(PLACE, asked))).toBe(0);
  });
});

describe("a tenant that is used while it is brought back", () => {
  beforeEach(async () => {
    await put(0, 3_000);
    await engine.flush(PLACE);
    await engine.setTenantState(PLACE, "OFFLOADED");
  });

  it("is written to, flushed, and has everything when it is there", async () => {
    isBringing = false;
    await reopen();
    await put(2_900, 300);
    await engine.delete(PLACE, ["k5", "k3100"]);
    await engine.flush(PLACE);
    await put(3_500, 2);
    expect(await engine.count(PLACE)).toBe(3_200);
    const { hits } = await engine.query(PLACE, query());
    isBringing = true;
    await reopen();
    expect(await settle()).toBe("ACTIVE");
    expect(await engine.count(PLACE)).toBe(3_200);
    expect((await engine.query(PLACE, query())).hits).toEqual(hits);
    fetchedReads = 0;
    await reopen();
    expect((await engine.query(PLACE, query())).hits).toEqual(hits);
    expect(fetchedReads).toBe(0);
    expect(faults).toEqual([]);
  });

  it("may lose all its records meanwhile, and they stay lost", async () => {
    isBringing = false;
    await reopen();
    await engine.deleteAll(PLACE);
    await put(7, 1);
    isBringing = true;
    await reopen();
    await settle();
    expect(await engine.count(PLACE)).toBe(1);
    await engine.query(PLACE, query());
    expect(await settle()).toBe("ACTIVE");
    await engine.compact(PLACE);
    await reopen();
    expect((await engine.get(PLACE, ["k7", "k8"], query().include)).map((r) => r?.key)).toEqual([
      "k7",
      undefined,
    ]);
  });

  it("is fetched once for a hundred calls at once, which are all answered", async () => {
    isBringing = false;
    await reopen();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => engine.query(PLACE, query())),
    );
    for (const { hits } of answers) expect(hits).toEqual(answers[0]?.hits);
    expect(answers[0]?.hits).toHaveLength(10);
    // One segment below 8 MiB is one read.
    expect(fetchedReads).toBe(1);
  });

  it("tells callers that wait no longer so at once, and fetches it once for the others", async () => {
    isBringing = false;
    await reopen();
    holdsReads = true;
    const stop = new AbortController();
    const gone = new Error("no longer wanted");
    const { signal } = stop;
    const place = { ...PLACE, signal };
    const { include } = query();
    const given = [
      engine.query(PLACE, query({ signal })),
      engine.get(place, ["k1"], include),
      engine.count(place, { kind: "equal", property: "year", value: 3 }),
      engine.list(place, { limit: 5, include }),
    ];
    const other = engine.query(PLACE, query());
    while (waiting.length === 0) await new Promise(setImmediate);
    stop.abort(gone);
    for (const each of given) await expect(each).rejects.toBe(gone);
    holdsReads = false;
    for (const release of waiting.splice(0)) release();
    expect((await other).hits).toHaveLength(10);
    expect(fetchedReads).toBe(1);
  });

  it("is OFFLOADED again when it cannot be brought back, and comes with a later call", async () => {
    const hits = (await engine.query(PLACE, query())).hits;
    await settle();
    await engine.setTenantState(PLACE, "OFFLOADED");
    const [piece = ""] = await store.list("tenants/", { limit: 1 });
    const manifest = `${piece.slice(0, piece.lastIndexOf("/"))}/manifest`;
    const body = (await store.get(manifest)) ?? new Uint8Array(0);
    await reopen();
    await store.delete(manifest);
    await expect(engine.setTenantState(PLACE, "ACTIVE")).rejects.toMatchObject({
      code: "data_damaged",
    });
    await store.put(manifest, body);
    expect((await engine.query(PLACE, query())).hits).toEqual(hits);
    expect(await settle()).toBe("ACTIVE");
  });

  it("answers nothing while the store is away, is not taken out of service, and answers later", async () => {
    await engine.close();
    let isAway = true;
    const away = new HookedStore(store, () => {
      if (isAway) throw storeFault();
    });
    engine = await openEngine({ ...options(), offload: { open: () => Promise.resolve(away) } });
    await expect(engine.query(PLACE, query())).rejects.toMatchObject({ code: "io_failed" });
    isAway = false;
    expect((await engine.query(PLACE, query())).hits).toHaveLength(10);
    expect(engine.stats().quarantinedShards).toBe(0);
    expect(await settle()).toBe("ACTIVE");
  });
});
