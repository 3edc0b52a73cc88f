/** Shards that are called calm are left alone until they are used: nothing may come due in them. */
import { afterEach, expect, it, vi } from "vitest";
import { InterceptedFileSystem, ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { InsulaError } from "../base/errors.ts";
import { Shard } from "../shard/index.ts";
import { openEngine } from "./index.ts";

const SCHEMA = {
  vectors: [{ name: "", dimension: 4, metric: "dot" }],
  identity: "key",
  unfilterable: [],
} as const;
const POLICY = {
  ...{ quietFlushMs: 2_000, quietFlushBytesMin: 1_500, quietMergeMs: 8_000 },
  ...{ memtableBytesMax: 20_000, graphRowsMin: 40, mergeFanIn: 3, smallShardBytes: 20_000 },
};

afterEach(() => {
  vi.restoreAllMocks();
});

/** @returns shards that were called calm and not used since. */
function watchShards(): () => ReadonlySet<Shard> {
  const asked = vi.spyOn(Shard.prototype, "isCalm");
  const uses = (["write", "flush", "compact", "maintain", "close"] as const).map((name) =>
    vi.spyOn(Shard.prototype, name),
  );
  return () => {
    const last = new Map<Shard, { order: number; isCalm: boolean }>();
    const note = (shard: Shard, order: number, isCalm: boolean): void => {
      if ((last.get(shard)?.order ?? 0) < order) last.set(shard, { order, isCalm });
    };
    for (const { mock } of uses) {
      for (const [i, shard] of mock.contexts.entries()) {
        note(shard as Shard, mock.invocationCallOrder[i] ?? 0, false);
      }
    }
    for (const [i, shard] of asked.mock.contexts.entries()) {
      const isCalm = asked.mock.results[i]?.value === true;
      note(shard as Shard, asked.mock.invocationCallOrder[i] ?? 0, isCalm);
    }
    return new Set([...last].filter(([, { isCalm }]) => isCalm).map(([shard]) => shard));
  };
}

it("nothing comes due in a shard that is called calm, however long it is left alone", async () => {
  const calmShards = watchShards();
  const random = new SeededRandom(4);
  const clock = new ManualClock();
  const engine = await openEngine({
    ...{ files: new MemoryFileSystem(), clock, random: new SeededRandom(1) },
    ...{ workerCount: 0, policy: POLICY },
  });
  await engine.createDatabase("d");
  await engine.createCollection("d", "c", { schema: SCHEMA, tenancy: "multi" });
  const place = (n: number) => ({ database: "d", collection: "c", tenant: `t${String(n)}` });
  await engine.createTenants("d", "c", ["t0", "t1", "t2", "t3"]);
  const seen = { empty: 0, withSegments: 0, merges: 0 };
  for (let step = 0; step < 60; step++) {
    const at = place(random.below(4));
    const keys = Array.from(
      { length: 1 + random.below(30) },
      () => `k${String(random.below(200))}`,
    );
    if (random.below(3) > 0) {
      const unique = [...new Set(keys)];
      const values = new Float32Array(unique.length * 4).fill(step);
      const vectors = [{ field: "", values }];
      await engine.upsert(at, { keys: unique, vectors, metadata: unique.map(() => undefined) });
    } else if (random.below(4) === 0) await engine.delete(at, keys);
    else if (random.below(4) === 0) await engine.flush(at);
    // Now and then long enough for shards to come to rest.
    for (let round = random.below(5) === 0 ? 20 : 2; round > 0; round--) {
      clock.advance(500);
      for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
      const nowMs = clock.monotonicMs();
      for (const shard of calmShards()) {
        seen[shard.segmentCount > 0 ? "withSegments" : "empty"]++;
        seen.merges += shard.compactionCount + shard.graphCount;
        for (const laterMs of [0, 2_000, 60_000, 1e9]) {
          expect(shard.isUpkeepDue(nowMs + laterMs), `step ${String(step)}`).toBe(false);
        }
      }
    }
  }
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(10);
  await engine.close();
});

it("a merge that failed is tried again, though nobody uses the shard", async () => {
  const asked = vi.spyOn(Shard.prototype, "isUpkeepDue");
  let isBroken = false;
  let tries = 0;
  const files = new InterceptedFileSystem(new MemoryFileSystem(), ({ kind, path }) => {
    if (!isBroken || kind !== "create" || !path.startsWith("tmp/")) return Infinity;
    tries++;
    throw new InsulaError("io_failed", "Cannot write: the disk says no.");
  });
  const clock = new ManualClock();
  const engine = await openEngine({
    ...{ files, clock, random: new SeededRandom(1), workerCount: 0, onFault: () => undefined },
    policy: { ...POLICY, packedBytesMax: 0 },
  });
  const at = { database: "d", collection: "c" };
  await engine.createDatabase("d");
  await engine.createCollection("d", "c", { schema: SCHEMA });
  for (const key of ["a", "b"]) {
    const vectors = [{ field: "", values: new Float32Array(4) }];
    await engine.upsert(at, { keys: [key], vectors, metadata: [undefined] });
    await engine.flush(at);
  }
  const pass = async (count: number): Promise<void> => {
    for (let round = 0; round < count; round++) {
      clock.advance(500);
      for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
    }
  };
  isBroken = true;
  await pass(40);
  const shard = asked.mock.contexts.at(-1) as Shard;
  expect([shard.segmentCount, tries > 1]).toEqual([2, true]);
  isBroken = false;
  await pass(140);
  expect(shard.segmentCount).toBe(1);
  await engine.close();
});
