/**
 * How long a query takes in process by the number of rows: one hot index, and many in random order.
 *
 *   npx tsx bench/query-size.bench.ts --quick
 */
import type { Engine } from "../src/engine/index.ts";
import type { Place } from "../src/model/index.ts";
import { clusteredVectors, SeededNumbers } from "./support/clustered-vectors.ts";
import {
  createIndex,
  EngineFolder,
  nearestQuery,
  putRows,
  recallOf,
  rowOf,
} from "./support/engine-folder.ts";
import { openReport, type Row } from "./support/report.ts";
import { median, quantiles, runConcurrently } from "./support/samples.ts";

const DATABASE = "bench";
const TOP_K = 10;
/** Different query vectors, taken in turn. */
const QUERY_VECTORS = 64;
const GIB = 1024 ** 3;
/** Share of the memory budget that vectors and codes of the many indexes may take. */
const BUDGET_SHARE = 0.8;

const report = openReport({
  path: "bench/query-size.bench.ts",
  purpose: "Latency of engine.query over 1,000 and 10,000 rows, hot and over many indexes.",
  example: "npx tsx bench/query-size.bench.ts --indexes 1000 --memory 8",
  sizes: {
    dimension: { description: "numbers of a vector", full: 1_024, quick: 1_024 },
    indexes: { description: "indexes of 1,000 rows", full: 1_000, quick: 20 },
    queries: { description: "queries of one repetition", full: 2_000, quick: 200 },
    repetitions: { description: "the median of so many", full: 5, quick: 3 },
    memory: { description: "memory budget of the engine, GiB", full: 8, quick: 2 },
  },
});
const dimension = report.size("dimension");
const budget = report.size("memory") * GIB;
const rowBytes = dimension * 5 + 64;
const indexCount = Math.min(
  report.size("indexes"),
  Math.floor((budget * BUDGET_SHARE) / (1_000 * rowBytes)),
);
if (indexCount < report.size("indexes")) {
  report.remark(`Only ${indexCount} indexes fit the memory budget; raise it with --memory.`);
}
const places = Array.from({ length: indexCount }, (_, i) => placeOf(`small${i}`));
const large = placeOf("large");
const source = clusteredVectors(dimension, 10_000, 7);
const vectors = source.next(QUERY_VECTORS);
const queryVectors = Array.from({ length: QUERY_VECTORS }, (_, i) => rowOf(vectors, dimension, i));

function placeOf(collection: string): Place {
  return { database: DATABASE, collection };
}

const folder = new EngineFolder();
try {
  const engine = await folder.open({ memoryBudget: budget });
  try {
    await fill(engine);
    await measure(engine);
  } finally {
    await engine.close();
  }
} finally {
  folder.remove();
}
report.finish();

async function fill(engine: Engine): Promise<void> {
  await engine.createDatabase(DATABASE);
  report.progress(`writing 10,000 rows, and 1,000 rows in each of ${indexCount} indexes`);
  await fillOne(engine, large, 10_000);
  // The same block of rows in every index: what differs between them does not touch the time.
  const block = source.next(1_000);
  const keys = Array.from({ length: 1_000 }, (_, i) => `r${i}`);
  await runConcurrently(indexCount, 8, async (i) => {
    const place = places[i] ?? large;
    await createIndex(engine, place, dimension);
    for (let row = 0; row < 1_000; row += 500) {
      const values = block.subarray(row * dimension, (row + 500) * dimension);
      await putRows(engine, place, keys.slice(row, row + 500), values);
    }
    await engine.flush(place);
  });
}

async function fillOne(engine: Engine, place: Place, rowCount: number): Promise<void> {
  await createIndex(engine, place, dimension);
  for (let row = 0; row < rowCount; row += 500) {
    const keys = Array.from({ length: 500 }, (_, i) => `r${row + i}`);
    await putRows(engine, place, keys, source.next(500));
  }
  await engine.flush(place);
  await engine.compact(place);
}

async function measure(engine: Engine): Promise<void> {
  const random = new SeededNumbers(3);
  const [small = large] = places;
  const any = (): Place => places[random.below(places.length)] ?? large;
  for (const place of places) await search(engine, place, 0, false);
  const cases = [
    { name: "1,000 rows, one hot index", place: () => small, isExact: false },
    { name: `1,000 rows, ${indexCount} indexes at random`, place: any, isExact: false },
    { name: "10,000 rows, one hot index", place: () => large, isExact: false },
    { name: "1,000 rows, exact", place: () => small, isExact: true },
    { name: "10,000 rows, exact", place: () => large, isExact: true },
  ];
  const rows: Row[] = [];
  for (const { name, place, isExact } of cases) {
    rows.push({ query: name, ...(await latency(engine, place, isExact)) });
  }
  report.table(`${dimension} numbers, top ${TOP_K}, one after the other, in process`, rows);
  const p50 = Number(rows[2]?.["p50 ms"]);
  report.figure("p50 over 10,000 rows", p50, "ms", { max: 3 });
  const { shardsAwake, arenaBytesUsed } = engine.stats();
  report.figure("shards awake", shardsAwake, "");
  report.figure("arenas in use", arenaBytesUsed / 1_048_576, "MiB");
}

async function latency(engine: Engine, place: () => Place, isExact: boolean): Promise<Row> {
  const p50: number[] = [];
  const p99: number[] = [];
  const rates: number[] = [];
  for (let repetition = 0; repetition < report.size("repetitions"); repetition++) {
    const samples: number[] = [];
    const startedAt = performance.now();
    for (let i = 0; i < report.size("queries"); i++) {
      const at = performance.now();
      await search(engine, place(), i, isExact);
      samples.push(performance.now() - at);
    }
    rates.push((samples.length * 1_000) / (performance.now() - startedAt));
    const { p50: half, p99: most } = quantiles(samples);
    p50.push(half);
    p99.push(most);
  }
  let recall = 0;
  for (let i = 0; i < QUERY_VECTORS; i++) {
    const chosen = place();
    const truth = await search(engine, chosen, i, true);
    recall += recallOf((await search(engine, chosen, i, isExact)).hits, truth.hits) / QUERY_VECTORS;
  }
  const { plan } = await search(engine, place(), 0, isExact);
  return {
    "p50 ms": median(p50),
    "p99 ms": median(p99),
    "queries/s": median(rates),
    "recall@10": Number(recall.toFixed(4)),
    path: `${plan.path}, ${plan.segmentCount} segment${plan.segmentCount === 1 ? "" : "s"}`,
  };
}

function search(engine: Engine, place: Place, i: number, isExact: boolean) {
  const vector = queryVectors[i % QUERY_VECTORS] ?? new Float32Array(dimension);
  return engine.query(place, nearestQuery(vector, TOP_K, isExact));
}
