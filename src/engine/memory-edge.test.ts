/**
 * the n-th extent of shared memory is refused, for every n of a script that writes, flushes,
 * searches, merges and wakes. A call is answered or refused as `memory_exhausted`; nothing
 * acknowledged is lost, nothing stays taken.
 */
import { afterEach, expect, it, vi } from "vitest";
import { InsulaError } from "../base/errors.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { ArenaPool } from "../math/index.ts";
import type { Place } from "../model/index.ts";
import type { Engine } from "./api.ts";
import { openEngine } from "./engine.ts";

const PLACES = ["a", "b"].map((tenant): Place => ({ database: "db", collection: "c", tenant }));
const INCLUDE = { vectors: true, metadata: true };
/**
 * A segment whose rows were refused is read through a window, in an arena of its own if that one is
 * new: each arena keeps the scratch of one search. The script searches one after the other.
 */
const ARENAS_MAX = 2;
/** Refusals in a row: one is cured by the keeper, which puts the idle to sleep and tries again. */
const RUNS = [1, 2, 5];

afterEach(() => {
  vi.restoreAllMocks();
});

function open(files: MemoryFileSystem, seed: number): Promise<Engine> {
  const random = new SeededRandom(seed);
  return openEngine({ files, clock: new ManualClock(), random, workerCount: 0 });
}

async function prepare(engine: Engine): Promise<void> {
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 4, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
}

/** True when the call was answered. */
async function attempt(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "memory_exhausted", kind: "resource_exhausted" });
    return false;
  }
}

/** Keys acknowledged, by place. */
async function script(engine: Engine): Promise<ReadonlyMap<Place, readonly string[]>> {
  const acknowledged = new Map(PLACES.map((place) => [place, [] as string[]]));
  for (let round = 0; round < 3; round++) {
    for (const place of PLACES) {
      const keys = Array.from({ length: 40 }, (_, i) => `k${String(round * 40 + i)}`);
      const values = new Float32Array(160).map((_, i) => i + round);
      const metadata = keys.map(() => ({ round }));
      const batch = { keys, vectors: [{ field: "", values }], metadata };
      const isWritten = await attempt(() => engine.upsert(place, batch));
      if (isWritten) acknowledged.get(place)?.push(...keys);
      await attempt(() => engine.flush(place));
      const vector = Float32Array.of(1, 2, 3, 4);
      await attempt(() => engine.query(place, { field: "", vector, topK: 5, include: INCLUDE }));
      if (round === 1) await attempt(() => engine.compact(place));
      await engine.deactivate(place);
    }
  }
  return acknowledged;
}

async function expectAll(
  engine: Engine,
  acknowledged: Awaited<ReturnType<typeof script>>,
): Promise<void> {
  for (const [place, keys] of acknowledged) {
    const page = await engine.list(place, { limit: 1_000, include: INCLUDE });
    expect(page.items.map(({ key }) => key).sort()).toEqual([...keys].sort());
    expect(await engine.count(place)).toBe(keys.length);
  }
}

function spyOnAllocate(fails: (call: number) => boolean): () => number {
  const { allocate } = ArenaPool.prototype;
  let calls = 0;
  vi.spyOn(ArenaPool.prototype, "allocate").mockImplementation(function (this: ArenaPool, bytes) {
    if (fails(++calls)) throw new InsulaError("memory_exhausted", "Refused by a test.");
    return allocate.call(this, bytes);
  });
  return () => calls;
}

it("a refused extent fails one call at most, and no memory stays taken", async () => {
  const count = spyOnAllocate(() => false);
  const whole = await open(new MemoryFileSystem(), 1);
  await prepare(whole);
  await script(whole);
  // The scratch of searches, which is kept: all that may be taken while everybody sleeps.
  const idleBytes = whole.stats().arenaBytesUsed;
  await script(whole);
  expect(whole.stats().arenaBytesUsed).toBe(idleBytes);
  await whole.close();
  const allocations = Math.ceil(count() / 2);
  expect(allocations).toBeGreaterThan(20);
  let refused = 0;
  for (const run of RUNS) {
    for (let nth = 1; nth <= allocations; nth += 3) {
      vi.restoreAllMocks();
      const files = new MemoryFileSystem();
      const engine = await open(files, 1);
      await prepare(engine);
      spyOnAllocate((call) => call >= nth && call < nth + run);
      const acknowledged = await script(engine);
      refused += 240 - [...acknowledged.values()].reduce((sum, keys) => sum + keys.length, 0);
      vi.restoreAllMocks();
      await expectAll(engine, acknowledged);
      for (const place of PLACES) await engine.deactivate(place);
      const keptBytes = engine.stats().arenaBytesUsed;
      expect([0, idleBytes, ARENAS_MAX * idleBytes]).toContain(keptBytes);
      // Nothing is left behind by what was refused: the same searches again add nothing.
      await expectAll(engine, acknowledged);
      for (const place of PLACES) await engine.deactivate(place);
      expect(engine.stats().arenaBytesUsed).toBe(keptBytes);
      await engine.close();
      const again = await open(files, 2);
      await expectAll(again, acknowledged);
      await again.close();
    }
  }
  expect(refused).toBeGreaterThan(0);
});
