/**
 * Random operations against plain Maps. `INSULA_SEED=17` runs one seed, `INSULA_SEEDS=5000` that
 * many; a seed that once failed stays in KNOWN_SEEDS.
 */
import { strictEqual, ok } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import { ManualClock, MemoryFileSystem, NodeClock, NodeFileSystem } from "../../src/io/index.ts";
import { matchesFilter, type Place } from "../../src/model/index.ts";
import { Chance } from "./chance.ts";
import { ranked } from "./plain-model.ts";
import {
  checkList,
  checkQuery,
  checkRecord,
  checkWorld,
  COLLECTIONS,
  DATABASE,
  placeOf,
  PlainWorld,
  refused,
  writeToBoth,
  type RecallTally,
} from "./world.ts";

const SEED = process.env["INSULA_SEED"];
const MEMORY_SEEDS = Number(process.env["INSULA_SEEDS"] ?? 200);
const DISK_SEEDS = SEED === undefined ? Math.ceil(MEMORY_SEEDS / 25) : 1;
const STEPS = 60;

/** Seeds that failed once. */
const KNOWN_SEEDS: readonly number[] = [];

class Run {
  readonly chance: Chance;
  readonly world = new PlainWorld();
  readonly tally: RecallTally = { found: 0, wanted: 0 };
  readonly faults: unknown[] = [];
  readonly #options: EngineOptions;
  readonly #clock: ManualClock | NodeClock;
  readonly #keyCount: number;
  engine!: Engine; // prettier-ignore
  last = "";

  constructor(seed: number, files: MemoryFileSystem | NodeFileSystem) {
    this.chance = new Chance(seed);
    this.#keyCount = this.chance.pick([12, 40, 40, 300]);
    this.#clock = files instanceof NodeFileSystem ? new NodeClock() : new ManualClock();
    this.#options = {
      files,
      clock: this.#clock,
      random: this.chance.random,
      policy: this.chance.policy(),
      logFileBytesMax: 64 * 1024,
      logBytesMax: 128 * 1024,
      awakeShardsMax: 2,
      idleMs: this.chance.pick([1_000, 600_000]),
      workerCount: 1,
      memoryBudget: 64 * 1024 * 1024,
      onFault: (error) => this.faults.push(error),
    };
  }

  async all(): Promise<void> {
    this.engine = await openEngine(this.#options);
    await this.engine.createDatabase(DATABASE);
    for (const name of ["plain", "tenants", "two"]) await this.#create(name);
    for (let step = 0; step < STEPS; step++) {
      try {
        await this.#step();
        if (this.chance.once(12)) await checkWorld(this.engine, this.world);
      } catch (error) {
        throw new Error(`step ${String(step)} (${this.last})`, { cause: error });
      }
    }
    await checkWorld(this.engine, this.world);
    await this.#reopen();
    await checkWorld(this.engine, this.world);
    await this.engine.close();
    expect(this.faults, "faults in the background").toEqual([]);
  }

  async #step(): Promise<void> {
    const { engine, world, chance } = this;
    const name = chance.pick([...world.collections.keys()]);
    const { options, isEnabled } = world.collection(name);
    const place = placeOf(
      name,
      options.tenancy === "multi" ? `t${String(chance.below(4))}` : undefined,
    );
    const kind = chance.below(30);
    this.last = `${String(kind)} on ${name}/${place.tenant ?? ""}`;
    if (!isEnabled && kind < 22) {
      await refused(engine.count(place), "collection_disabled");
      await engine.updateCollection(DATABASE, name, { status: "enabled" });
      world.collection(name).isEnabled = true;
      return;
    }
    if (kind < 22) await this.#useRecords(place, kind);
    else await this.#useStructure(place, kind);
  }

  async #useRecords(place: Place, kind: number): Promise<void> {
    const { engine, world, chance } = this;
    const schema = world.schema(place);
    const size = chance.once(8) ? this.#keyCount : 8;
    if (kind < 7) {
      const batch = chance.batch(schema, chance.keys(size, this.#keyCount));
      await writeToBoth(engine, world, place, { kind: kind < 6 ? "upsert" : "insert", batch });
    } else if (kind < 9) {
      await writeToBoth(engine, world, place, {
        kind: "delete",
        keys: chance.keys(8, this.#keyCount),
      });
    } else if (kind === 9 && chance.once(2)) {
      const patches = chance.patches(schema, chance.keys(8, this.#keyCount));
      await writeToBoth(engine, world, place, { kind: "update", patches });
      const metadata = chance.metadata();
      if (metadata === undefined || !chance.once(2)) return;
      const filter = chance.filter();
      await writeToBoth(engine, world, place, { kind: "updateWhere", filter, metadata });
    } else if (kind === 9) {
      await writeToBoth(engine, world, place, { kind: "deleteWhere", filter: chance.filter() });
    } else if (kind === 10) {
      if (chance.once(3)) await writeToBoth(engine, world, place, { kind: "deleteAll" });
    } else if (kind < 13) {
      const keys = Array.from({ length: 5 }, () => chance.key(this.#keyCount));
      const records = await engine.get(place, keys, { vectors: true, metadata: true });
      records.forEach((record, i) => {
        checkRecord(record, world.shard(place).get(keys[i] ?? ""));
      });
    } else if (kind === 13) {
      strictEqual(await engine.count(place), world.shard(place).size);
      const filter = chance.filter();
      const matching = [...world.shard(place).values()].filter(({ metadata }) =>
        matchesFilter(filter, metadata),
      );
      strictEqual(await engine.count(place, filter), matching.length, "count by filter");
    } else if (kind < 16) {
      await checkList(engine, world, place, chance);
    } else if (kind < 20) {
      await checkQuery(engine, world, place, chance, this.tally);
    } else {
      await this.#queryMany(place);
    }
  }

  async #useStructure(place: Place, kind: number): Promise<void> {
    const { engine, world, chance } = this;
    const isEnabled = world.collection(place.collection).isEnabled;
    if (kind < 24) await (chance.once(2) || !isEnabled ? engine.flush() : engine.flush(place));
    else if (kind === 24) await (isEnabled ? engine.compact(place) : engine.flush());
    else if (kind === 25) await (isEnabled ? engine.deactivate(place) : engine.flush());
    else if (kind === 26) await this.#pass();
    else if (kind === 27) await this.#reopen();
    else if (kind === 28) await this.#changeNames(place);
    else await this.#changeTenants(place);
  }

  /** Time goes on, so that upkeep in the background has its turns. */
  async #pass(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) {
      if (this.#clock instanceof ManualClock) this.#clock.advance(600);
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    }
  }

  async #reopen(): Promise<void> {
    await this.engine.close();
    this.engine = await openEngine(this.#options);
  }

  async #create(name: string): Promise<void> {
    const options = COLLECTIONS[name];
    if (options === undefined) throw new Error("a collection of the test");
    await this.engine.createCollection(DATABASE, name, options);
    this.world.add(name);
  }

  async #changeNames({ collection }: Place): Promise<void> {
    const { engine, world, chance } = this;
    const missing = Object.keys(COLLECTIONS).filter((name) => !world.collections.has(name));
    if (missing.length > 0 && chance.once(2)) {
      await this.#create(chance.pick(missing));
    } else if (world.collections.size > 2 && chance.once(2)) {
      await engine.deleteCollection(DATABASE, collection);
      world.collections.delete(collection);
      await refused(engine.count(placeOf(collection, undefined)), "collection_not_found");
    } else {
      await engine.updateCollection(DATABASE, collection, { status: "disabled" });
      world.collection(collection).isEnabled = false;
    }
  }

  async #changeTenants({ collection, tenant }: Place): Promise<void> {
    const { engine, world } = this;
    if (tenant === undefined) return;
    const place = { database: DATABASE, collection, tenant };
    const { shards } = world.collection(collection);
    if (shards.has(tenant)) {
      await refused(engine.createTenant(place), "tenant_exists");
      await engine.deleteTenant(place);
      shards.delete(tenant);
      strictEqual(await engine.getTenant(place), undefined);
    } else {
      await refused(engine.deleteTenant(place), "tenant_not_found");
      await engine.createTenant(place);
      shards.set(tenant, new Map());
    }
  }

  async #queryMany({ collection }: Place): Promise<void> {
    const { engine, world, chance } = this;
    const schema = world.schema(placeOf(collection, undefined));
    const places = world.places().filter((place) => place.collection === collection);
    const field = chance.pick(schema.vectors);
    const vector = chance.vector(field.dimension);
    const query = {
      field: field.name,
      vector,
      topK: 10,
      include: { vectors: false, metadata: true },
    };
    const { hits, failures } = await engine.queryMany([...places, ...places], {
      ...query,
      isExact: true,
    });
    strictEqual(failures.length, 0);
    const expected = places
      .flatMap((place) =>
        ranked(world.shard(place), schema, query).map((entry) => ({
          ...entry,
          tenant: place.tenant ?? "",
        })),
      )
      .sort(
        (a, b) =>
          a.distance - b.distance ||
          Buffer.compare(Buffer.from(a.tenant), Buffer.from(b.tenant)) ||
          Buffer.compare(Buffer.from(a.record.key), Buffer.from(b.record.key)),
      )
      .slice(0, 10);
    strictEqual(hits.length, expected.length);
    hits.forEach((hit, i) => {
      checkRecord(hit, expected[i]?.record);
      strictEqual(hit.place.tenant ?? "", expected[i]?.tenant);
      ok(Object.is(hit.distance, expected[i]?.distance));
    });
  }
}

function seedsFrom(first: number, count: number): readonly number[] {
  if (SEED !== undefined) return [Number(SEED)];
  return [...KNOWN_SEEDS, ...Array.from({ length: count }, (_, i) => first + i)];
}

async function runSeed(
  seed: number,
  files: MemoryFileSystem | NodeFileSystem,
): Promise<RecallTally> {
  const run = new Run(seed, files);
  try {
    await run.all();
  } catch (error) {
    throw new Error(`seed ${String(seed)}`, { cause: error });
  }
  return run.tally;
}

describe("The engine answers as plain Maps and an exact scan do", () => {
  it("on a file system in memory, with jobs on the calling thread", async () => {
    const sum = { found: 0, wanted: 0 };
    for (const seed of seedsFrom(1, MEMORY_SEEDS)) {
      const { found, wanted } = await runSeed(seed, new MemoryFileSystem());
      sum.found += found;
      sum.wanted += wanted;
    }
    expect(sum.found).toBeGreaterThanOrEqual(sum.wanted * 0.99);
  });

  it("on a folder, with threads", async () => {
    for (const seed of seedsFrom(10_001, DISK_SEEDS)) {
      const folder = mkdtempSync(join(tmpdir(), "insula-model-"));
      try {
        await runSeed(seed, new NodeFileSystem(folder));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  });
});
