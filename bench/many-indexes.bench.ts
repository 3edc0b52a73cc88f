/**
 * One large index against the same vectors in ten, searched concurrently and merged.
 *
 *   npx tsx bench/many-indexes.bench.ts --quick
 */
import type { Engine } from "../src/engine/index.ts";
import type { OriginHit, Place } from "../src/model/index.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import {
  createIndex,
  EngineFolder,
  nearestQuery,
  putRows,
  recallOf,
  rowOf,
} from "./support/engine-folder.ts";
import { readMemory } from "./support/machine.ts";
import { openReport, type Row } from "./support/report.ts";
import { median, quantiles, timeMs } from "./support/samples.ts";

const DATABASE = "bench";
const BATCH_ROWS = 5_000;
const GIB = 1024 ** 3;

interface FoundHit {
  readonly key: string;
  readonly distance: number;
}

interface Way {
  readonly name: string;
  readonly search: (vector: Float32Array, isExact: boolean) => Promise<readonly FoundHit[]>;
}

const report = openReport({
  path: "bench/many-indexes.bench.ts",
  purpose: "The same vectors in one index and in ten: latency, and equality of the answers.",
  example: "npx tsx bench/many-indexes.bench.ts --rows 1000000",
  sizes: {
    rows: { description: "vectors in all", full: 1_000_000, quick: 20_000 },
    indexes: { description: "indexes of the second arrangement", full: 10, quick: 10 },
    dimension: { description: "numbers of a vector", full: 128, quick: 128 },
    queries: { description: "queries of one repetition", full: 100, quick: 30 },
    repetitions: { description: "the median of so many", full: 5, quick: 3 },
    top: { description: "hits asked for", full: 10, quick: 10 },
    memory: { description: "memory budget of the engine, GiB", full: 6, quick: 2 },
  },
  texts: { folder: { description: "keep the data here and use it again", placeholder: "path" } },
});
const rowCount = report.size("rows");
const dimension = report.size("dimension");
const topK = report.size("top");
const whole: Place = { database: DATABASE, collection: "whole" };
const parts = Array.from({ length: report.size("indexes") }, (_, i): Place => ({
  database: DATABASE,
  collection: `part${i}`,
}));
const source = clusteredVectors(dimension, rowCount, 11);
const queryBlock = source.next(report.size("queries"));
const queries = Array.from({ length: report.size("queries") }, (_, i) =>
  rowOf(queryBlock, dimension, i),
);

const folder = new EngineFolder(report.text("folder"));
try {
  await withEngine(undefined, fill);
  await withEngine(Number.MAX_SAFE_INTEGER, (engine) => compare(engine, "rows in memory"));
  await withEngine(undefined, (engine) => compare(engine, "as the engine decides"));
} finally {
  folder.remove();
}
report.finish();

/** @param residentRowsBytesMax  float32 rows of a segment up to this size stay in memory. */
async function withEngine(
  residentRowsBytesMax: number | undefined,
  work: (engine: Engine) => Promise<void>,
): Promise<void> {
  const engine = await folder.open({
    memoryBudget: report.size("memory") * GIB,
    ...(residentRowsBytesMax === undefined ? {} : { policy: { residentRowsBytesMax } }),
  });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

/** Row `i` goes into the whole under its key, and under the same key into part `i` mod parts. */
async function fill(engine: Engine): Promise<void> {
  if ((await engine.getDatabase(DATABASE)) !== undefined) {
    report.remark("Data of an earlier run are used; ingest is not measured.");
    return;
  }
  await engine.createDatabase(DATABASE);
  for (const place of [whole, ...parts]) await createIndex(engine, place, dimension);
  let wholeMs = 0;
  let partsMs = 0;
  for (let first = 0; first < rowCount; first += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rowCount - first);
    const values = source.next(count);
    const keys = Array.from({ length: count }, (_, i) => `r${String(first + i).padStart(9, "0")}`);
    wholeMs += await timeMs(() => putRows(engine, whole, keys, values));
    const batches = parts.map((place, part) => batchOf(place, part, first, keys, values));
    partsMs += await timeMs(() =>
      Promise.all(batches.map((batch) => putRows(engine, batch.place, batch.keys, batch.values))),
    );
    if (first % 100_000 === 0) report.progress(`${first} of ${rowCount} rows written`);
  }
  report.progress("merging segments");
  const wholeMergeMs = await timeMs(() => engine.compact(whole));
  const partsMergeMs = await timeMs(() => Promise.all(parts.map((place) => engine.compact(place))));
  report.table("Ingest, durable and searchable at once, then merged into one segment each", [
    {
      arrangement: "one index",
      "rows/s": (rowCount * 1_000) / wholeMs,
      "merge s": wholeMergeMs / 1_000,
    },
    {
      arrangement: `${parts.length} indexes`,
      "rows/s": (rowCount * 1_000) / partsMs,
      "merge s": partsMergeMs / 1_000,
    },
  ]);
}

function batchOf(
  place: Place,
  part: number,
  first: number,
  allKeys: readonly string[],
  allValues: Float32Array,
): { place: Place; keys: string[]; values: Float32Array } {
  const chosen = [...allKeys.keys()].filter((i) => (first + i) % parts.length === part);
  const values = new Float32Array(chosen.length * dimension);
  for (const [at, i] of chosen.entries()) {
    values.set(allValues.subarray(i * dimension, (i + 1) * dimension), at * dimension);
  }
  return { place, keys: chosen.map((i) => allKeys[i] ?? ""), values };
}

async function compare(engine: Engine, memory: string): Promise<void> {
  report.progress(`searching, ${memory}`);
  const ways = waysOf(engine);
  // The first use loads what is searched; it is not part of the figures.
  for (const way of ways) await way.search(queries[0] ?? new Float32Array(dimension), false);
  const { plan } = await engine.query(whole, nearestQuery(queries[0] ?? queryBlock, topK, true));
  const isExactThere = plan.path === "exact";
  if (!isExactThere) {
    report.remark(
      `\n${memory}: the rows of the large index are too many to stay in memory, exact search over it is not compared.`,
    );
  }
  for (const isExact of isExactThere ? [false, true] : [false]) {
    const figures = await latencies(ways, isExact);
    report.table(`${isExact ? "Exact" : "Codes first, then exact distances"}, ${memory}`, figures);
    const gain = Number(figures[0]?.["p50 ms"]) / Number(figures[1]?.["p50 ms"]);
    report.figure(
      `one index / queryMany, p50, ${isExact ? "exact" : "codes"}, ${memory}`,
      gain,
      "×",
    );
  }
  await equality(ways, isExactThere, memory);
  const { arenaBytesUsed, openFiles } = engine.stats();
  const { anonymousMib } = readMemory();
  report.remark(
    `${memory}: arenas ${Math.round(arenaBytesUsed / 1_048_576)} MiB, anonymous ${anonymousMib} MiB, ${openFiles} files open`,
  );
}

function waysOf(engine: Engine): Way[] {
  const one = async (
    place: Place,
    vector: Float32Array,
    isExact: boolean,
  ): Promise<readonly FoundHit[]> =>
    (await engine.query(place, nearestQuery(vector, topK, isExact))).hits;
  return [
    { name: "one index", search: (vector, isExact) => one(whole, vector, isExact) },
    {
      name: `${parts.length} indexes, queryMany`,
      search: async (vector, isExact) => {
        const { hits, failures } = await engine.queryMany(
          parts,
          nearestQuery(vector, topK, isExact),
        );
        if (failures.length > 0) throw failures[0]?.error ?? new Error("a place failed");
        return [...hits].sort(compareHits) satisfies OriginHit[];
      },
    },
    {
      name: `${parts.length} queries at once, merged by the client`,
      search: async (vector, isExact) => {
        const lists = await Promise.all(parts.map((place) => one(place, vector, isExact)));
        return lists.flat().sort(compareHits).slice(0, topK);
      },
    },
    {
      name: `${parts.length} queries one after the other`,
      search: async (vector, isExact) => {
        const hits: FoundHit[] = [];
        for (const place of parts) hits.push(...(await one(place, vector, isExact)));
        return hits.sort(compareHits).slice(0, topK);
      },
    },
    {
      name: "one tenant: one of the indexes",
      search: (vector, isExact) => one(parts[0] ?? whole, vector, isExact),
    },
  ];
}

function compareHits(a: FoundHit, b: FoundHit): number {
  return a.distance - b.distance || (a.key < b.key ? -1 : 1);
}

/** All ways take turns query by query, so that a busy machine hurts all alike. */
async function latencies(ways: readonly Way[], isExact: boolean): Promise<Row[]> {
  const p50: number[][] = ways.map(() => []);
  const p99: number[][] = ways.map(() => []);
  for (let repetition = 0; repetition < report.size("repetitions"); repetition++) {
    const samples: number[][] = ways.map(() => []);
    for (const vector of queries) {
      for (const [i, way] of ways.entries()) {
        samples[i]?.push(await timeMs(() => way.search(vector, isExact)));
      }
    }
    for (const [i, times] of samples.entries()) {
      const { p50: half, p99: most } = quantiles(times);
      p50[i]?.push(half);
      p99[i]?.push(most);
    }
  }
  const base = median(p50[0] ?? []);
  return ways.map(({ name }, i) => ({
    search: name,
    "p50 ms": median(p50[i] ?? []),
    "p99 ms": median(p99[i] ?? []),
    "one index / this": base / median(p50[i] ?? []),
  }));
}

/** Against the exact answer: of the engine where it can, else recall is of the ten exact ones. */
async function equality(
  ways: readonly Way[],
  isExactThere: boolean,
  memory: string,
): Promise<void> {
  const truthWay = isExactThere ? ways[0] : ways[1];
  const rows: Row[] = [];
  const compared = ways.slice(0, 3);
  for (const isExact of isExactThere ? [true, false] : [false]) {
    for (const way of compared) {
      let equal = 0;
      let recall = 0;
      for (const vector of queries) {
        const truth = (await truthWay?.search(vector, true)) ?? [];
        const found = await way.search(vector, isExact);
        recall += recallOf(found, truth) / queries.length;
        if (areEqual(found, truth)) equal++;
      }
      rows.push({
        answer: `${way.name}, ${isExact ? "exact" : "codes"}`,
        "bit-equal to exact": `${equal} of ${queries.length}`,
        [`recall@${topK}`]: Number(recall.toFixed(4)),
      });
    }
  }
  report.table(`Answers, ${memory}: same keys, same distances to the last bit`, rows);
}

function areEqual(a: readonly FoundHit[], b: readonly FoundHit[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ key, distance }, i) => key === b[i]?.key && Object.is(distance, b[i].distance))
  );
}
