/** Each a collection of its own with one shard, as indexes of OSS Vectors are. */
import { once } from "node:events";
import { watch } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Insula } from "../../src/client/index.ts";
import type { Engine } from "../../src/engine/index.ts";
import type { Place } from "../../src/model/index.ts";
import { runConcurrently, timeMs } from "../support/samples.ts";
import { DIMENSION, LARGE_DIMENSION } from "./sizes.ts";
import {
  countPages,
  DATABASE,
  LARGE_DATABASE,
  schemaOf,
  type ErasureTarget,
  type Way,
} from "./way.ts";

/** There is no bulk call: so many callers wait for one sync together. */
const CREATIONS_AT_ONCE = 256;
/** Until a key must be gone, ms. */
const ERASED_MS_MAX = 60_000;
/** What is still told of one erasure must not be taken for the next. */
const AFTER_MS = 20;

export class CollectionsWay implements Way {
  readonly name = "collections";

  async prepare(engine: Engine): Promise<void> {
    await engine.createDatabase(DATABASE);
    await engine.createDatabase(LARGE_DATABASE);
  }

  create(engine: Engine, names: readonly string[]): Promise<void> {
    const schema = schemaOf(DIMENSION);
    return runConcurrently(names.length, CREATIONS_AT_ONCE, async (i) => {
      await engine.createCollection(DATABASE, names[i] ?? "", { schema });
    });
  }

  async createLarge(engine: Engine, name: string): Promise<void> {
    await engine.createCollection(LARGE_DATABASE, name, { schema: schemaOf(LARGE_DIMENSION) });
  }

  placeOf(database: string, name: string): Place {
    return { database, collection: name };
  }

  list(client: Insula): Promise<number> {
    return countPages((page) => client.listCollections(DATABASE, page));
  }

  /** Policies are about tenants. */
  sweep(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /**
   * The removal of a collection is answered before its key is gone: the file with its slot tells.
   * Nothing else writes into files of keys while nobody makes anything.
   */
  async erase({ client, dataDir }: ErasureTarget, name: string): Promise<number> {
    const watcher = watch(join(dataDir, "keys"));
    try {
      const changed = once(watcher, "change", { signal: AbortSignal.timeout(ERASED_MS_MAX) });
      const ms = await timeMs(async () => {
        await client.deleteCollection(DATABASE, name);
        await changed;
      });
      await setTimeout(AFTER_MS);
      return ms;
    } finally {
      watcher.close();
    }
  }
}
