/** Metrics that codes know nothing of: searches look at float32 rows, wherever these are. */
import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Metric, Place } from "../model/index.ts";
import { openEngine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 6;
const ROWS = 300;

function distanceOf(metric: Metric, a: readonly number[], b: readonly number[]): number {
  const parts = a.map((x, j) => Math.abs(x - (b[j] ?? 0)));
  return metric === "manhattan"
    ? parts.reduce((sum, part) => sum + part, 0)
    : parts.filter((part) => part > 0).length;
}

it.each<[Metric, boolean]>([
  ["manhattan", true],
  ["manhattan", false],
  ["hamming", true],
  ["hamming", false],
])("%s finds what a look at every record finds, rows in memory: %s", async (metric, isResident) => {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  const random = new SeededRandom(4);
  // A graph would be built, were there codes to walk it by.
  const policy = {
    graphRowsMin: 50,
    scannedPerEf: 1,
    ...(isResident ? {} : { residentRowsBytesMax: 0, residentRowsShare: 0 }),
  };
  const engine = await openEngine({ files, clock, random, workerCount: 0, policy });
  await engine.createDatabase("db");
  const schema = {
    vectors: [{ name: "", dimension: DIMENSION, metric }],
    identity: "key" as const,
    unfilterable: [],
  };
  await engine.createCollection("db", "c", { schema });
  const known = new Map<string, readonly number[]>();
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < ROWS / 3; i++) {
      const row = Array.from({ length: DIMENSION }, () => random.below(4));
      known.set(`k${random.below(ROWS)}`, row);
    }
    const keys = [...known.keys()];
    const values = Float32Array.from([...known.values()].flat());
    const metadata = keys.map((_, i) => ({ half: i % 2 }));
    await engine.upsert(PLACE, { keys, vectors: [{ field: "", values }], metadata });
    if (round < 3) await engine.flush(PLACE);
    for (let turn = 0; turn < 4; turn++) {
      clock.advance(3_000);
      for (let i = 0; i < 100; i++) await new Promise(setImmediate);
    }
    for (const half of [undefined, 1]) {
      const query = Array.from({ length: DIMENSION }, () => random.below(4));
      const { hits, plan } = await engine.query(PLACE, {
        field: "",
        vector: Float32Array.from(query),
        topK: 20,
        ...(half !== undefined && { filter: { kind: "equal", property: "half", value: half } }),
        include: { vectors: false, metadata: false },
      });
      const wanted = [...known]
        .filter((_, i) => half === undefined || i % 2 === half)
        .map(([key, row]) => ({ key, distance: distanceOf(metric, query, row) }))
        .sort((a, b) => a.distance - b.distance || (a.key < b.key ? -1 : 1))
        .slice(0, 20);
      expect(hits).toEqual(wanted);
      expect(plan.path).toBe("exact");
    }
  }
  await engine.close();
});
