/**
 * Whether `recall: 0.95` of a field is met by searches that name nothing else: on queries that are
 * no rows, for several dimensions, clustered and uniform rows, through a life of churn, merges and
 * restarts.
 *
 *   npm run bench -- recall --quick
 *   npm run bench -- recall --dimensions 768 --kinds uniform
 *
 * Recalls do not depend on the load of the machine; the milliseconds do.
 */
import { QUERIES_MAX } from "../src/base/limits.ts";
import type { Engine } from "../src/engine/index.ts";
import { DEFAULT_VECTOR, type Place, type RecallReport } from "../src/model/index.ts";
import { SeededNumbers, clusteredVectors, type VectorSource } from "./support/clustered-vectors.ts";
import {
  EngineFolder,
  nearestQuery,
  putRows,
  rowOf,
  untilAtRest,
} from "./support/engine-folder.ts";
import { openReport, type Row } from "./support/report.ts";

const PLACE: Place = { database: "bench", collection: "rows" };
const TOP_K = 10;
const BATCH_ROWS = 500;
const MEMORY_BYTES = 4 * 2 ** 30;
const DIMENSIONS = "128,384,768,1536";
const KINDS: Readonly<Record<string, (dimension: number, rows: number) => VectorSource>> = {
  clustered: (dimension, rows) => clusteredVectors(dimension, rows, 31, dimension < 300 ? 64 : 100),
  uniform: (dimension) => uniformVectors(dimension, 37),
};

const report = openReport({
  path: "bench/recall.bench.ts",
  purpose: "Whether the recall of a field is met, through churn, merges and restarts.",
  example: "npm run bench -- recall --dimensions 128,384 --kinds clustered",
  sizes: {
    rows: { description: "rows", full: 20_000, quick: 2_000 },
    rounds: { description: "rounds of churn", full: 10, quick: 2 },
    churn: { description: "per cent of the rows put anew in a round", full: 20, quick: 20 },
    queries: { description: "queries, none of them a row", full: 500, quick: 50 },
    recall: { description: "what the field asks for, per cent", full: 95, quick: 95 },
  },
  texts: {
    dimensions: { description: `some of those, default ${DIMENSIONS}`, placeholder: "numbers" },
    kinds: { description: `some of ${Object.keys(KINDS).join(",")}`, placeholder: "names" },
  },
});
const aim = report.size("recall") / 100;
const measured: Row[] = [];
for (const dimension of (report.text("dimensions") ?? DIMENSIONS).split(",").map(Number)) {
  for (const kind of (report.text("kinds") ?? Object.keys(KINDS).join(",")).split(",")) {
    const source = KINDS[kind]?.(dimension, report.size("rows"));
    if (source === undefined) throw new Error(`There are no ${kind} rows.`);
    measured.push({ dimension, kind, ...(await life(source, kind)) });
  }
}
report.table(
  `recall@${TOP_K} of a field with recall ${aim}, ${report.size("rows")} rows, ` +
    `${report.size("rounds")} rounds of ${report.size("churn")} % churn`,
  measured,
);
report.finish();

/** What a collection goes through, and its recall at each station. */
async function life(source: VectorSource, kind: string): Promise<Row> {
  const folder = new EngineFolder();
  const { dimension } = source;
  const count = report.size("rows");
  const told = source.next(report.size("queries"));
  const queries = Array.from({ length: report.size("queries") }, (_, i) =>
    rowOf(told, dimension, i),
  );
  const tell = (text: string): void => {
    report.progress(`${dimension} ${kind}: ${text}`);
  };
  const rest = (): Promise<unknown> =>
    untilAtRest(engine, PLACE, nearestQuery(rowOf(told, dimension, 0), TOP_K), tell);
  let engine = await open(folder);
  try {
    await create(engine, dimension);
    await put(
      engine,
      source,
      Uint32Array.from({ length: count }, (_, i) => i),
    );
    await rest();
    const built = await ask(engine, queries, tell);
    const numbers = new SeededNumbers(41);
    for (let round = 0; round < report.size("rounds"); round++) {
      tell(`round ${round + 1}`);
      await put(engine, source, drawn(count, (count * report.size("churn")) / 100, numbers));
      if (round % 2 === 0) await engine.flush(PLACE);
    }
    const churned = await ask(engine, queries, tell);
    await rest();
    const rested = await ask(engine, queries, tell);
    await engine.compact(PLACE);
    await rest();
    const compacted = await ask(engine, queries, tell);
    await engine.close();
    engine = await open(folder);
    const restarted = await ask(engine, queries, tell);
    return {
      ...{ built: built.recall, churned: churned.recall, "at rest": rested.recall },
      ...{ compacted: compacted.recall, restarted: restarted.recall },
      path: restarted.paths,
      ...{ "ms a query": restarted.ms, "exact ms": restarted.exactMs },
    };
  } finally {
    await engine.close();
    folder.remove();
  }
}

function open(folder: EngineFolder): Promise<Engine> {
  return folder.open({ workerCount: 0, memoryBudget: MEMORY_BYTES, scrubBytesPerSecond: 0 });
}

async function create(engine: Engine, dimension: number): Promise<void> {
  await engine.createDatabase(PLACE.database);
  const field = { name: DEFAULT_VECTOR, dimension, metric: "cosine" as const, recall: aim };
  const schema = { vectors: [field], identity: "key" as const, unfilterable: [] };
  await engine.createCollection(PLACE.database, PLACE.collection, { schema });
}

/** New vectors for these rows. */
async function put(engine: Engine, source: VectorSource, rows: Uint32Array): Promise<void> {
  for (let i = 0; i < rows.length; i += BATCH_ROWS) {
    const keys = Array.from(rows.subarray(i, i + BATCH_ROWS), String);
    await putRows(engine, PLACE, keys, source.next(keys.length));
  }
}

interface Answer {
  readonly recall: number;
  readonly paths: string;
  /** Milliseconds of a query, as planned and exact. */
  readonly ms: number;
  readonly exactMs: number;
}

async function ask(
  engine: Engine,
  queries: readonly Float32Array[],
  tell: (text: string) => void,
): Promise<Answer> {
  const parts: RecallReport[] = [];
  for (let i = 0; i < queries.length; i += QUERIES_MAX) {
    const vectors = queries.slice(i, i + QUERIES_MAX);
    parts.push(await engine.measureRecall(PLACE, { field: DEFAULT_VECTOR, vectors, topK: TOP_K }));
  }
  const sum = (of: (part: RecallReport) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  const recall = sum(({ found }) => found) / sum(({ wanted }) => wanted);
  const paths = [...new Set(parts.flatMap((part) => Object.keys(part.paths)))].join(" ");
  tell(`${recall.toFixed(4)} by ${paths}`);
  const ms = sum((part) => part.ms.planned) / queries.length;
  return { recall, paths, ms, exactMs: sum((part) => part.ms.exact) / queries.length };
}

/** `wanted` different numbers below `count`. */
function drawn(count: number, wanted: number, numbers: SeededNumbers): Uint32Array {
  const all = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < wanted; i++) {
    const j = i + numbers.below(count - i);
    [all[i], all[j]] = [all[j] ?? 0, all[i] ?? 0];
  }
  return all.subarray(0, wanted);
}

/** Directions of which none is likelier than another: without clusters, hard for any graph. */
function uniformVectors(dimension: number, seed: number): VectorSource {
  const numbers = new SeededNumbers(seed);
  return {
    dimension,
    next: (count) => {
      const rows = Float32Array.from({ length: count * dimension }, () => numbers.normal());
      for (let i = 0; i < count; i++) {
        const row = rows.subarray(i * dimension, (i + 1) * dimension);
        const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
        for (let j = 0; j < dimension; j++) row[j] = (row[j] ?? 0) / length;
      }
      return rows;
    },
  };
}
