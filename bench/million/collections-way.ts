/** Each a collection of its own with one shard, as indexes of OSS Vectors are. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Insula } from "../../src/client/index.ts";
import type { Engine, LocatedPlace } from "../../src/engine/index.ts";
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
/** Between two looks at a key, ms; and until it must be gone. */
const LOOK_MS = 1;
const ERASED_MS_MAX = 60_000;

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

  /** The removal of a collection is answered before its key is gone: the slot on the disk tells. */
  async erase({ client, server, dataDir }: ErasureTarget, name: string): Promise<number> {
    const slot = await findSlot(server.access, name);
    const file = await open(join(dataDir, slot.file));
    try {
      const read = async (): Promise<Buffer> => {
        const bytes = Buffer.alloc(slot.length);
        await file.read(bytes, 0, slot.length, slot.offset);
        return bytes;
      };
      const before = await read();
      return await timeMs(async () => {
        const startedAt = performance.now();
        await client.deleteCollection(DATABASE, name);
        while (before.equals(await read())) {
          if (performance.now() - startedAt > ERASED_MS_MAX) {
            throw new Error(`The key of collection ${name} is still there.`);
          }
          await setTimeout(LOOK_MS);
        }
      });
    } finally {
      await file.close();
    }
  }
}

async function findSlot(
  { url, secret }: ErasureTarget["server"]["access"],
  name: string,
): Promise<LocatedPlace["extents"][number]> {
  const path = `/insula/v1/databases/${DATABASE}/collections/${name}/extents`;
  const answer = await fetch(new URL(path, url), {
    headers: { authorization: `Bearer ${secret}` },
  });
  if (!answer.ok) throw new Error(`${path}: ${String(answer.status)} ${await answer.text()}`);
  const { extents } = (await answer.json()) as LocatedPlace;
  const slot = extents.find(({ kind }) => kind === "key");
  if (slot === undefined) throw new Error(`Collection ${name} has no key.`);
  return slot;
}
