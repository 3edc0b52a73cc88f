/** A pack goes when it is mostly dead, and only when nothing in it can still become live. */
import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, WriteBatch } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PACK_BYTES = 64 * 1024;
const INCLUDE = { vectors: true, metadata: true };

function open(files: MemoryFileSystem, clock: ManualClock, faults: unknown[]): Promise<Engine> {
  return openEngine({
    files,
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    packBytesMax: PACK_BYTES,
    onFault: (error) => faults.push(error),
  });
}

function place(tenant: string): Place {
  return { database: "db", collection: "c", tenant };
}

function batch(version: number): WriteBatch {
  const keys = Array.from({ length: 40 }, (_, i) => `k${String(i)}`);
  return {
    keys,
    vectors: [{ field: "", values: Float32Array.from(keys.flatMap((_, i) => [i, version])) }],
    metadata: keys.map((_, n) => ({ n, version, text: "some text that takes room ".repeat(4) })),
  };
}

async function tend(clock: ManualClock): Promise<void> {
  clock.advance(10_500);
  for (let turn = 0; turn < 40; turn++) await new Promise(setImmediate);
}

it("packs that are mostly dead go, and every tenant keeps its records", async () => {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  const faults: unknown[] = [];
  let engine = await open(files, clock, faults);
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
  // A tenant at rest in each pack, and one that rewrites itself: the packs fill with its dead.
  let versionOfBusy = 0;
  for (let round = 0; round < 12; round++) {
    await engine.upsert(place(`still-${String(round)}`), batch(round));
    await engine.flush(place(`still-${String(round)}`));
    for (let i = 0; i < 3; i++) {
      await engine.upsert(place("busy"), batch(++versionOfBusy));
      await engine.compact(place("busy"));
      // The catalogue's rows of packs are seen once they are in its tables.
      await engine.flush();
      await tend(clock);
      const [record] = await engine.get(place("busy"), ["k0"], INCLUDE);
      expect(record?.metadata).toMatchObject({ version: versionOfBusy });
    }
  }
  const packs = await files.listFolder("pack");
  expect(packs).not.toContain("0000000001.pack");
  await engine.close();
  engine = await open(files, clock, faults);
  for (let round = 0; round < 12; round++) {
    expect(await engine.count(place(`still-${String(round)}`))).toBe(40);
    const [record] = await engine.get(place(`still-${String(round)}`), ["k39"], INCLUDE);
    expect(record?.metadata).toMatchObject({ version: round });
  }
  const [record] = await engine.get(place("busy"), ["k0"], INCLUDE);
  expect(record?.metadata).toMatchObject({ version: versionOfBusy });
  expect(faults).toEqual([]);
  await engine.close();
});
