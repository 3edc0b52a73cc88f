/** Quiet tenants beside a loud one answer to the bit as alone. Counted, never timed. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import type { Filter, Query } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const COLLECTION = { database: "db", collection: "c" };
const LOUD = { ...COLLECTION, tenant: "loud" };
const QUIET = Array.from({ length: 5 }, (_, i) => ({
  ...COLLECTION,
  tenant: `quiet-${String(i)}`,
}));
const MOVED = Array.from({ length: 3 }, (_, i) => ({
  ...COLLECTION,
  tenant: `moved-${String(i)}`,
}));
const DIMENSION = 8;
const LOUD_ROWS = 1_500;
const AT_ONCE = 20;

let engine: Engine;

beforeEach(async () => {
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock: new LoopClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    offload: { open: () => Promise.resolve(new MemoryObjectStore()) },
  });
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: DIMENSION, metric: "cosine" }],
      identity: "key",
      unfilterable: [],
    },
    tenancy: "multi",
  });
  for (const place of [LOUD, ...QUIET, ...MOVED]) {
    await engine.createTenant(place);
    await engine.upsert(place, batch("r", place === LOUD ? LOUD_ROWS : 100));
  }
  // Of some the records are in segments, of others in memory.
  for (const place of [LOUD, ...QUIET.slice(2)]) await engine.flush(place);
});

afterEach(async () => {
  await engine.close();
});

class LoopClock extends ManualClock {
  override yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

function batch(prefix: string, count: number): Parameters<Engine["upsert"]>[1] {
  const keys = Array.from({ length: count }, (_, i) => `${prefix}${String(i)}`);
  const values = Float32Array.from({ length: count * DIMENSION }, (_, i) => Math.sin(i * i));
  return { keys, vectors: [{ field: "", values }], metadata: keys.map((key, n) => ({ n, key })) };
}

function query(i: number, more: Partial<Query> = {}): Query {
  return {
    field: "",
    vector: Float32Array.from({ length: DIMENSION }, (_, n) => Math.cos(i + n)),
    topK: 7,
    include: { vectors: true, metadata: true },
    ...more,
  };
}

const MANY_TERMS: Filter = {
  kind: "or",
  filters: Array.from({ length: 1_000 }, (_, i) => ({
    ...{ kind: "equal" as const, property: "n", value: i * 7 },
  })),
};

const NOISES: Readonly<Record<string, (i: number) => Promise<unknown>>> = {
  searches: (i) => engine.query(LOUD, query(i)),
  "exact searches": (i) => engine.query(LOUD, query(i, { isExact: true })),
  "filters of a thousand terms": (i) => engine.query(LOUD, query(i, { filter: MANY_TERMS })),
  "a thousand hits": (i) => engine.query(LOUD, query(i, { topK: 1_000 })),
  "a bulk load": (i) => engine.upsert(LOUD, batch(`load-${String(i % 5)}-`, 200)),
  "deletes by filter": (i) =>
    engine.deleteWhere(LOUD, { kind: "equal", property: "n", value: i % 200 }),
  "flushes and merges": (i) => (i % 2 === 0 ? engine.flush(LOUD) : engine.compact(LOUD)),
};

/** Many at once, all the time, until ended. @returns how many were through. */
function makeNoise(kinds: readonly ((i: number) => Promise<unknown>)[], atOnce: number) {
  let isOver = false;
  let next = 0;
  const counted = { done: 0 };
  const work = async (): Promise<void> => {
    while (!isOver) {
      const i = next++;
      await kinds[i % kinds.length]?.(Math.floor(i / kinds.length));
      counted.done++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const all = Promise.all(Array.from({ length: atOnce }, work));
  const end = async (): Promise<number> => {
    isOver = true;
    await all;
    return counted.done;
  };
  return { counted, end };
}

async function askQuiet(times: number): Promise<string> {
  const answers: unknown[] = [];
  for (let i = 0; i < times; i++) {
    for (const place of QUIET) {
      const { hits } = await engine.query(place, query(i));
      answers.push(hits.map((hit) => [hit.key, hit.distance, hit.metadata, bytesOf(hit.vectors)]));
    }
  }
  return JSON.stringify(answers);
}

function bytesOf(vectors: ReadonlyMap<string, Float32Array> | undefined): string {
  const { buffer, byteOffset, byteLength } = vectors?.get("") ?? new Float32Array();
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}

it.each(Object.keys(NOISES))("quiet tenants answer to the bit as alone beside %s", async (name) => {
  const alone = await askQuiet(2);
  const noise = makeNoise([NOISES[name] ?? (() => Promise.resolve())], AT_ONCE);
  expect(await askQuiet(2)).toBe(alone);
  expect(await noise.end()).toBeGreaterThan(0);
  expect(await askQuiet(2)).toBe(alone);
});

it("quiet tenants answer as alone beside all of it while others are offloaded", async () => {
  const alone = await askQuiet(2);
  const noise = makeNoise(Object.values(NOISES), AT_ONCE);
  const moves = makeNoise(
    [
      () =>
        engine.setTenantStates("db", "c", { state: "OFFLOADED", pattern: "moved-*", limit: 10 }),
      () => engine.setTenantStates("db", "c", { state: "ACTIVE", pattern: "moved-*", limit: 10 }),
    ],
    1,
  );
  while (moves.counted.done < 2) expect(await askQuiet(2)).toBe(alone);
  await Promise.all([noise.end(), moves.end()]);
  expect(await askQuiet(2)).toBe(alone);
});

it("a quiet search waits for a bounded number of those of a loud one that are large", async () => {
  const noise = makeNoise([(i) => engine.query(LOUD, query(i, { topK: 1_000 }))], AT_ONCE);
  // What they cost is known by then.
  while (noise.counted.done < AT_ONCE) await new Promise((resolve) => setImmediate(resolve));
  for (const [i, place] of QUIET.entries()) {
    const before = noise.counted.done;
    await engine.query(place, query(i));
    expect(noise.counted.done - before).toBeLessThanOrEqual(6);
  }
  await noise.end();
});
