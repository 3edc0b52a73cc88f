/**
 * What one tenant is told does not depend on what others do: every read answers the same bits
 * before, while and after neighbours write. `INSULA_SEED=17` runs one seed, `INSULA_SEEDS=40` that
 * many.
 */
import { expect, it } from "vitest";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine } from "../../src/engine/index.ts";
import { ManualClock, MemoryFileSystem } from "../../src/io/index.ts";
import type { Place, Schema } from "../../src/model/index.ts";
import { Chance } from "../model/chance.ts";
import { readAnswers, type Answers, type Observed } from "./answers.ts";
import { KINDS, Neighbours } from "./neighbours.ts";

const SEED = process.env["INSULA_SEED"];
const SEED_COUNT = Number(process.env["INSULA_SEEDS"] ?? 2);
const SEEDS = SEED === undefined ? Array.from({ length: SEED_COUNT }, (_, i) => i + 1) : [+SEED];

const WRITES = 10_000;
/** Neighbours that write at the same time. */
const LANES = 4;
/** The observed are asked so many times meanwhile. */
const LOOKS = 12;
const DATABASE = "db";
/** Keys of the observed and of everybody else. */
const KEY_COUNT = 60;

const SCHEMA: Schema = {
  vectors: [
    { name: "cosine", dimension: 9, metric: "cosine" },
    { name: "dot", dimension: 16, metric: "dot" },
    { name: "euclidean", dimension: 5, metric: "euclidean" },
  ],
  identity: "key",
  unfilterable: ["text"],
};

async function openWorld(
  chance: Chance,
): Promise<{ engine: Engine; clock: ManualClock; faults: readonly unknown[] }> {
  const clock = new ManualClock();
  const faults: unknown[] = [];
  const engine = await openEngine({
    files: new MemoryFileSystem(),
    clock,
    random: chance.random,
    // A shard builds its graph when it rests, and then searches another way: no neighbour's doing.
    policy: { ...chance.policy(), memtableBytesMax: 16 * 1024, graphRowsMin: 1_000_000 },
    logFileBytesMax: 64 * 1024,
    logBytesMax: 256 * 1024,
    awakeShardsMax: 3,
    idleMs: 5_000,
    memoryBudget: 256 * 1024 * 1024,
    onFault: (error) => {
      faults.push(error);
    },
  });
  await engine.createDatabase(DATABASE);
  await engine.createCollection(DATABASE, "shared", { schema: SCHEMA, tenancy: "multi" });
  await engine.createCollection(DATABASE, "single", { schema: SCHEMA });
  return { engine, clock, faults };
}

/** Fills a place: segments with dead rows in them, and a tail when it is not to be settled. */
async function fill(
  engine: Engine,
  chance: Chance,
  place: Place,
  isSettled: boolean,
): Promise<Observed> {
  // A tail may become a segment for its neighbours' sake: few enough rows that codes choose none.
  const rounds = isSettled ? 6 : 1;
  for (let round = 0; round < rounds; round++) {
    await engine.upsert(place, chance.batch(SCHEMA, chance.keys(isSettled ? 50 : 30, KEY_COUNT)));
    await engine.delete(place, chance.keys(3, KEY_COUNT));
    if (isSettled && round % 2 === 1) await engine.flush(place);
  }
  if (isSettled) await engine.compact(place);
  return {
    place,
    fields: SCHEMA.vectors.map(({ name, dimension }) => ({
      name,
      vector: chance.vector(dimension),
    })),
    keys: Array.from({ length: 20 }, () => chance.key(KEY_COUNT)),
    filters: Array.from({ length: 4 }, () => chance.filter()),
    isSettled,
  };
}

function expectSame(now: Answers, before: Answers, message: string): void {
  for (const [question, answer] of before) {
    expect(now.get(question), `${message}: ${question}`).toBe(answer);
  }
  expect(now.size, message).toBe(before.size);
}

it.each(SEEDS)("no answer changes by 10,000 writes of neighbours, seed %i", async (seed) => {
  const chance = new Chance(seed);
  const { engine, clock, faults } = await openWorld(chance);
  const observed = [
    await fill(engine, chance, { database: DATABASE, collection: "shared", tenant: "me" }, true),
    await fill(engine, chance, { database: DATABASE, collection: "shared", tenant: "new" }, false),
    await fill(engine, chance, { database: DATABASE, collection: "single" }, true),
  ];
  const before: Answers[] = [];
  for (const each of observed) before.push(await readAnswers(engine, each));

  let written = 0;
  const lanes = Array.from({ length: LANES }, (_, lane) => {
    const around = {
      database: DATABASE,
      shared: "shared",
      schema: SCHEMA,
      keyCount: KEY_COUNT,
    };
    return new Neighbours(engine, new Chance(seed * LANES + lane), around);
  });
  for (let look = 1; look <= LOOKS; look++) {
    const work = lanes.map(async (neighbours) => {
      while (written < (WRITES * look) / LOOKS) {
        if (++written % 50 === 0) clock.advance(600);
        await neighbours.step();
      }
    });
    const looking = observed.map((each) => readAnswers(engine, each));
    const [answers] = await Promise.all([Promise.all(looking), Promise.all(work)]);
    for (const [i, each] of observed.entries()) {
      const { collection, tenant = "" } = each.place;
      const message = `seed ${String(seed)}, look ${String(look)}, ${collection}/${tenant}`;
      const [first, now] = [before[i], answers[i]];
      if (first === undefined || now === undefined) throw new Error("an answer for each place");
      expectSame(now, first, `${message}, while others write`);
      expectSame(await readAnswers(engine, each), first, message);
    }
  }
  // A run that did not do everything proves little.
  expect(new Set(lanes.flatMap(({ done }) => [...done]))).toEqual(new Set(KINDS));
  expect(engine.stats().quarantinedShards).toBe(0);
  await engine.close();
  expect(faults, "faults in the background").toEqual([]);
});
