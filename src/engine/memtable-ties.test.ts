import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place } from "../model/index.ts";
import { openEngine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 16;

it("of many records at one distance each is found once, the smallest keys first", async () => {
  const files = new MemoryFileSystem();
  const options = { files, clock: new ManualClock(), random: new SeededRandom(1), workerCount: 0 };
  const engine = await openEngine(options);
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "dot" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  // Several blocks of rows: each alone has more ties than are asked for.
  const keys = Array.from({ length: 400 }, (_, i) => `k${String((i * 7) % 400).padStart(3, "0")}`);
  for (let i = 0; i < keys.length; i += 20) {
    const values = new Float32Array(20 * DIMENSION).fill(1);
    const batch = { keys: keys.slice(i, i + 20), vectors: [{ field: "", values }] };
    await engine.upsert(PLACE, { ...batch, metadata: batch.keys.map(() => undefined) });
  }
  for (const topK of [1, 3, 60, 399, 400]) {
    const { hits } = await engine.query(PLACE, {
      field: "",
      vector: new Float32Array(DIMENSION),
      topK,
      include: { vectors: false, metadata: false },
    });
    expect(hits.map(({ key }) => key)).toEqual([...keys].sort().slice(0, topK));
  }
  await engine.close();
});
