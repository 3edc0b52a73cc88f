/** Opens what a crash left and compares it with the worlds it may be. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import type { FileSystem } from "../../src/io/index.ts";
import { matchesFilter, type Filter } from "../../src/model/index.ts";
import { checkAgreement } from "../model/agreement.ts";
import type { Chance } from "../model/chance.ts";
import { checkQuery, checkWorld, DATABASE, writeToBoth, type PlainWorld } from "../model/world.ts";

/** The first world that the engine agrees with. @throws the complaint about the last. */
export async function findWorld(
  engine: Engine,
  worlds: readonly PlainWorld[],
): Promise<PlainWorld> {
  let complaint: unknown;
  for (const world of worlds) {
    try {
      await checkWorld(engine, world);
      return world;
    } catch (error) {
      complaint = error;
    }
  }
  throw complaint;
}

/** Counts by filters and queries agree with the records. */
async function checkAnswers(engine: Engine, world: PlainWorld, chance: Chance): Promise<void> {
  const places = world.places();
  if (places.length > 0) {
    const place = chance.pick(places);
    await checkAgreement(engine, place, world.schema(place));
  }
  for (const place of places) {
    const filters: Filter[] = [{ kind: "exists", property: "n" }, chance.filter()];
    for (const filter of filters) {
      const matching = [...world.shard(place).values()].filter(({ metadata }) =>
        matchesFilter(filter, metadata),
      );
      strictEqual(await engine.count(place, filter), matching.length, "count by filter");
    }
    await checkQuery(engine, world, place, chance, { found: 0, wanted: 0 });
  }
}

/**
 * What is on disk must be one of the worlds, and go on living: written to, closed and opened once
 * more. No world: nothing was acknowledged yet, not even the database.
 */
export async function judge(
  files: FileSystem,
  options: EngineOptions,
  worlds: readonly PlainWorld[],
  chance: Chance,
): Promise<void> {
  const faults: unknown[] = [];
  const reopened = { ...options, files, onFault: (error: unknown) => faults.push(error) };
  const engine = await openEngine(reopened);
  if ((await engine.getDatabase(DATABASE)) === undefined) {
    strictEqual(worlds.length, 0, "the database was acknowledged");
    await engine.close();
    return;
  }
  if (worlds.length > 0) {
    const world = (await findWorld(engine, worlds)).copy();
    await checkAnswers(engine, world, chance);
    strictEqual(engine.stats().quarantinedShards, 0);
    for (const place of world.places()) {
      const batch = chance.batch(world.schema(place), chance.keys(3, 40));
      await writeToBoth(engine, world, place, { kind: "upsert", batch });
      if (chance.once(2)) await engine.compact(place);
    }
    await engine.close();
    const third = await openEngine(reopened);
    await checkWorld(third, world);
    await third.close();
  } else await engine.close();
  deepStrictEqual(faults, [], "faults in the background");
  const left = await files.listFolder("tmp");
  ok(left.length === 0, `nothing is left in tmp: ${left.join()}`);
}
