/** Answers to filters are kept: they must stay true when records are written and removed. */
import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Filter, Place } from "../model/index.ts";
import { openEngine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const FILTERS: readonly Filter[] = [
  { kind: "equal", property: "color", value: 1 },
  { kind: "range", property: "size", lower: { value: 20, isInclusive: true } },
  {
    kind: "and",
    filters: [
      { kind: "in", property: "color", values: [0, 2] },
      {
        kind: "not",
        filter: { kind: "range", property: "size", upper: { value: 40, isInclusive: false } },
      },
    ],
  },
  { kind: "exists", property: "size" },
];

interface Known {
  readonly color: number;
  readonly size: number;
}

function passes({ color, size }: Known, at: number): boolean {
  return [color === 1, size >= 20, color !== 1 && size >= 40, true][at] === true;
}

it("each filter gives what passes it now, again and again, while records come and go", async () => {
  const files = new MemoryFileSystem();
  const options = { files, clock: new ManualClock(), random: new SeededRandom(1), workerCount: 0 };
  const engine = await openEngine(options);
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 4, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  const random = new SeededRandom(5);
  const known = new Map<string, Known>();
  for (let round = 0; round < 12; round++) {
    const keys = Array.from({ length: 30 }, () => `k${random.below(200)}`);
    const batch = new Map(
      keys.map((key) => [key, { color: random.below(3), size: random.below(60) }]),
    );
    for (const [key, metadata] of batch) known.set(key, metadata);
    const values = Float32Array.from({ length: batch.size * 4 }, () => random.below(100));
    const columns = { keys: [...batch.keys()], vectors: [{ field: "", values }] };
    await engine.upsert(PLACE, { ...columns, metadata: [...batch.values()] });
    if (round % 3 === 0) await engine.flush(PLACE);
    const gone = [...known.keys()].slice(0, 5);
    await engine.delete(PLACE, gone);
    for (const key of gone) known.delete(key);
    for (let again = 0; again < 2; again++) {
      for (const [at, filter] of FILTERS.entries()) {
        const { hits } = await engine.query(PLACE, {
          field: "",
          vector: new Float32Array(4),
          topK: 300,
          filter,
          include: { vectors: false, metadata: false },
        });
        const wanted = [...known].filter(([, record]) => passes(record, at)).map(([key]) => key);
        expect(hits.map(({ key }) => key).sort()).toEqual(wanted.sort());
      }
    }
  }
  await engine.close();
});
