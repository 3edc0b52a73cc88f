/**
 * Rows that lie close together and far from the origin: the codes must still tell them apart, which
 * they do only when their distances take every part from the codes.
 */
import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 8;
const ROWS = 400;
const CENTRE = 46;
const SPREAD = 2;

const keyOf = (row: number): string => `k${String(row).padStart(4, "0")}`;

async function openFilled(
  metric: "cosine" | "euclidean",
  random: SeededRandom,
): Promise<{ engine: Engine; values: Float32Array }> {
  const engine = await openEngine({
    files: new MemoryFileSystem(),
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    policy: { residentRowsBytesMax: 0, residentRowsShare: 0 },
  });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  const chance = new Uint32Array(random.bytes(ROWS * DIMENSION * 4).buffer);
  const values = Float32Array.from(chance, (word) => CENTRE + SPREAD * (word / 2 ** 31 - 1));
  const keys = Array.from({ length: ROWS }, (_, row) => keyOf(row));
  const batch = { keys, vectors: [{ field: "", values }], metadata: keys.map(() => undefined) };
  await engine.upsert(PLACE, batch);
  await engine.flush();
  return { engine, values };
}

for (const metric of ["euclidean", "cosine"] as const) {
  it(`rows around a far centre are found by their own vectors, ${metric}`, async () => {
    const { engine, values } = await openFilled(metric, new SeededRandom(7));
    const missed: string[] = [];
    for (let row = 0; row < ROWS; row++) {
      const vector = values.slice(row * DIMENSION, (row + 1) * DIMENSION);
      const include = { vectors: false, metadata: false };
      const { hits, plan } = await engine.query(PLACE, { field: "", vector, topK: 1, include });
      expect(plan.path).toBe("codes");
      if (hits[0]?.key !== keyOf(row)) missed.push(keyOf(row));
    }
    expect(missed).toEqual([]);
    await engine.close();
  });
}
