/** The breadths of a graph outlive it: most of its rows are replaced, and the next one has them. */
import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place } from "../model/index.ts";
import { SECTION, decodeSegmentStats } from "../shard/index.ts";
import { SegmentReader, readSegmentIdentity, type SegmentSource } from "../storage/index.ts";
import { decodeGraphHeader } from "../vector/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 12;
const ROWS = 1_600;

/** What the segments on the disk say of walks. */
interface Breadths {
  readonly rowCount: number;
  /** Of a graph. */
  readonly efs: readonly number[] | undefined;
  /** Of one that was. */
  readonly keptEfs: readonly number[] | undefined;
}

/** A number between -0.5 and 0.5 that belongs to another, the same in each run. */
function noise(seed: number): number {
  let hash = Math.imul(seed ^ (seed >>> 15), 0x2c1b_3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a_2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32 - 0.5;
}

async function write(engine: Engine, numbers: readonly number[], round: number): Promise<void> {
  const values = numbers.flatMap((number) =>
    Array.from({ length: DIMENSION }, (_, j) => noise((number + round * ROWS) * 977 + j * 13)),
  );
  await engine.upsert(PLACE, {
    keys: numbers.map((number) => `k${String(number).padStart(5, "0")}`),
    vectors: [{ field: "", values: Float32Array.from(values) }],
    metadata: numbers.map(() => undefined),
  });
  await engine.flush(PLACE);
}

async function segmentsIn(files: MemoryFileSystem, folder = "seg"): Promise<readonly Breadths[]> {
  const found: Breadths[] = [];
  for (const name of await files.listFolder(folder)) {
    const path = `${folder}/${name}`;
    const below = await segmentsIn(files, path);
    const file = below.length > 0 ? undefined : await files.openRead(path);
    found.push(...below);
    if (file === undefined) continue;
    const source: SegmentSource = {
      length: await file.size(),
      read: (position, target) => file.read(position, target),
    };
    const reader = await SegmentReader.open(source, await readSegmentIdentity(source));
    const { rowCount, keptEfs } = decodeSegmentStats(reader.stats);
    const graph = reader.section(SECTION.graph, "");
    const bytes = await graph?.read(0, graph.length);
    const of = { rowCount, metric: "cosine" as const, bytes: bytes?.length ?? 0 };
    const efs = bytes && decodeGraphHeader(bytes, of).efs;
    found.push({ rowCount, efs, keptEfs: keptEfs.get("") });
    await file.close();
  }
  return found;
}

it("a graph built anew has the breadths of the one that the rows were in", async () => {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  const policy = { graphRowsMin: 1_000, packedBytesMax: 0 };
  const engine = await openEngine({
    ...{ files, clock, random: new SeededRandom(1), workerCount: 0, policy, isSealing: false },
  });
  const rest = async (): Promise<void> => {
    for (let turn = 0; turn < 12; turn++) {
      clock.advance(1_000);
      for (let i = 0; i < 300; i++) await new Promise(setImmediate);
    }
  };
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  const all = Array.from({ length: ROWS }, (_, number) => number);
  await write(engine, all, 0);
  await rest();
  const [first, ...none] = await segmentsIn(files);
  expect(none).toEqual([]);
  expect(first).toMatchObject({ rowCount: ROWS, keptEfs: undefined });
  expect(first?.efs).toHaveLength(9);

  // Of less than half of its rows a graph is not taken over: the merged segment has none.
  await write(engine, all.filter((number) => number % 3 > 0), 1); // prettier-ignore
  await engine.compact(PLACE);
  const merged = await segmentsIn(files);
  expect(merged).toEqual([{ rowCount: ROWS, efs: undefined, keptEfs: first?.efs }]);
  await rest();
  expect(await segmentsIn(files)).toEqual([
    { rowCount: ROWS, efs: first?.efs, keptEfs: undefined },
  ]);
  await engine.close();
});
