/**
 * Whether what a neighbour holds can be seen from outside: the same queries of one tenant beside an
 * empty one, and beside one with very many vectors next to the queries, in turns drawn at chance.
 * Answers must be equal, and their times not told apart by Welch's test.
 *
 *   npm run bench -- neighbour-content --quick
 */
import type { Engine } from "../src/engine/index.ts";
import { DEFAULT_VECTOR, type Place } from "../src/model/index.ts";
import { T_MAX, welch } from "../test/keys/welch.ts";
import { clusteredVectors, SeededNumbers } from "./support/clustered-vectors.ts";
import {
  EngineFolder,
  nearestQuery,
  putRows,
  rowOf,
  untilAtRest,
} from "./support/engine-folder.ts";
import { openReport } from "./support/report.ts";
import { median } from "./support/samples.ts";

const DATABASE = "bench";
/** Where the neighbour is empty, and where it is not. */
const COLLECTIONS = ["empty", "full"] as const;
const BATCH_ROWS = 1_000;
/** How far the neighbour's vectors are from the query at most, by component. */
const NEARNESS = 0.01;
const WARMING_CALLS = 3_000;
const MEDIAN_SHARE_MAX = 0.02;

const report = openReport({
  path: "bench/neighbour-content.bench.ts",
  purpose: "Whether answers or times tell what a neighbour holds.",
  example: "npm run bench -- neighbour-content --samples 40000",
  sizes: {
    rows: { description: "vectors of the tenant that asks", full: 1_000, quick: 200 },
    neighbours: { description: "vectors of its neighbour", full: 100_000, quick: 2_000 },
    dimension: { description: "numbers of a vector", full: 128, quick: 16 },
    samples: { description: "calls in each place", full: 20_000, quick: 300 },
  },
});
const dimension = report.size("dimension");
const source = clusteredVectors(dimension, report.size("rows"), 11);
const own = source.next(report.size("rows"));
const asked = source.next(1);
const query = nearestQuery(rowOf(asked, dimension, 0), 10);
const random = new SeededNumbers(3);
const folder = new EngineFolder();
try {
  const engine = await folder.open({ scrubBytesPerSecond: 0 });
  await fill(engine);
  await measure(engine);
  await engine.close();
} finally {
  folder.remove();
}
report.finish();

function placeOf(collection: string, tenant: string): Place {
  return { database: DATABASE, collection, tenant };
}

async function fill(engine: Engine): Promise<void> {
  await engine.createDatabase(DATABASE);
  for (const collection of COLLECTIONS) {
    const vectors = [{ name: DEFAULT_VECTOR, dimension, metric: "cosine" as const }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createCollection(DATABASE, collection, { schema, tenancy: "multi" });
    const keys = Array.from({ length: report.size("rows") }, (_, i) => `k${String(i)}`);
    await putRows(engine, placeOf(collection, "own"), keys, own);
    await engine.createTenant({ ...placeOf(collection, "other"), tenant: "other" });
  }
  const other = placeOf("full", "other");
  for (let first = 0; first < report.size("neighbours"); first += BATCH_ROWS) {
    report.progress(`the neighbour: ${String(first)} vectors`);
    const keys = Array.from({ length: BATCH_ROWS }, (_, i) => `n${String(first + i)}`);
    const values = Float32Array.from({ length: BATCH_ROWS * dimension }, (_, at) => {
      const spread = (random.below(2_001) / 1_000 - 1) * NEARNESS;
      return (asked[at % dimension] ?? 0) + spread;
    });
    await putRows(engine, other, keys, values);
  }
  await engine.flush();
  await untilAtRest(engine, other, query, (text) => {
    report.progress(text);
  });
}

async function measure(engine: Engine): Promise<void> {
  const ask = (kind: number): Promise<string> => answerOf(engine, COLLECTIONS[kind] ?? "");
  for (let i = 0; i < WARMING_CALLS; i++) await ask(i % 2);
  const times: [number[], number[]] = [[], []];
  const [first, second] = [await ask(0), await ask(1)];
  let different = first === second ? 0 : 1;
  report.progress("measuring");
  const t = await welch({
    count: report.size("samples"),
    nextKind: () => (random.below(2) === 0 ? 0 : 1),
    measure: async (kind) => {
      const startedAt = performance.now();
      const answer = await ask(kind);
      const took = performance.now() - startedAt;
      if (answer !== first) different++;
      times[kind].push(took);
      return took;
    },
  });
  const [empty, full] = times.map((list) => median(list));
  const share = Math.abs((full ?? 0) / (empty ?? 1) - 1);
  report.figure("median beside an empty neighbour", empty ?? 0, "ms");
  report.figure("median beside a full one", full ?? 0, "ms");
  report.figure("their difference", share * 100, "%", { max: MEDIAN_SHARE_MAX * 100 });
  report.figure("Welch's t, without its sign", Math.abs(t), "", { max: T_MAX });
  report.figure("answers that differ", different, "", { max: 0 });
}

async function answerOf(engine: Engine, collection: string): Promise<string> {
  const { hits } = await engine.query(placeOf(collection, "own"), query);
  return JSON.stringify(hits);
}
