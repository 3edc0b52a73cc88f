/**
 * Whether `recall: 0.95` of a field is met by searches that name nothing else, and how far it
 * moves: on queries that are no rows, for several sizes and dimensions, clustered and uniform rows,
 * through a life of restarts, merges, an object store and churn. The queries are the same at each
 * station, so a change is told with its own error; exact searches must give the same bits.
 *
 *   npm run bench -- recall --quick
 *   npm run bench -- recall --rows 20000 --dimensions 384 --kinds uniform
 *
 * Recalls and rows scored do not depend on the load of the machine; the milliseconds do.
 */
import { setTimeout } from "node:timers/promises";
import type { Engine } from "../src/engine/index.ts";
import { FolderObjectStore, NodeFileSystem } from "../src/io/index.ts";
import { DEFAULT_VECTOR, type Hit, type Place } from "../src/model/index.ts";
import { SeededNumbers, clusteredVectors, type VectorSource } from "./support/clustered-vectors.ts";
import {
  EngineFolder,
  nearestQuery,
  putRows,
  rowOf,
  untilAtRest,
} from "./support/engine-folder.ts";
import { RecallSeries, type Station } from "./support/recall-series.ts";
import { openReport, type Row } from "./support/report.ts";

const PLACE = { database: "bench", collection: "rows", tenant: "one" } satisfies Place;
const TOP_K = 10;
const BATCH_ROWS = 500;
const MEMORY_BYTES = 4 * 2 ** 30;
const POLL_MS = 50;
const ROWS = "2000,20000,60000";
const DIMENSIONS = "128,384";
const KINDS: Readonly<
  Record<string, (dimension: number, rows: number, seed: number) => VectorSource>
> = {
  clustered: (dimension, rows, seed) =>
    clusteredVectors(dimension, rows, seed, dimension < 300 ? 64 : 100),
  uniform: (dimension, _rows, seed) => uniformVectors(dimension, seed),
};

const report = openReport({
  path: "bench/recall.bench.ts",
  purpose: "Whether the recall of a field is met, and how far churn, merges and restarts move it.",
  example: "npm run bench -- recall --rows 20000 --dimensions 128,384 --kinds clustered",
  sizes: {
    rounds: { description: "rounds of churn", full: 3, quick: 2 },
    churn: { description: "per cent of the rows put anew in a round", full: 20, quick: 20 },
    queries: { description: "queries, none of them a row", full: 4_000, quick: 200 },
    recall: { description: "what the field asks for, per cent", full: 95, quick: 95 },
    seed: { description: "of the rows", full: 31, quick: 31 },
  },
  texts: {
    rows: { description: `rows, default ${ROWS}; quick the first`, placeholder: "numbers" },
    dimensions: { description: `numbers of a row, default ${DIMENSIONS}`, placeholder: "numbers" },
    kinds: { description: `some of ${Object.keys(KINDS).join(",")}`, placeholder: "names" },
  },
});
const aim = report.size("recall") / 100;
const sizes = (report.text("rows") ?? (report.isQuick ? "2000" : ROWS)).split(",").map(Number);
for (const count of sizes) {
  for (const dimension of (report.text("dimensions") ?? DIMENSIONS).split(",").map(Number)) {
    for (const kind of (report.text("kinds") ?? Object.keys(KINDS).join(",")).split(",")) {
      const source = KINDS[kind]?.(dimension, count, report.size("seed"));
      if (source === undefined) throw new Error(`There are no ${kind} rows.`);
      const stations = await life(source, { count, kind });
      report.table(
        `recall@${TOP_K} asked ${aim}: ${count} × ${dimension} ${kind}, ` +
          `${report.size("rounds")} rounds of ${report.size("churn")} % churn`,
        stations.map(rowOfStation),
      );
    }
  }
}
report.finish();

function rowOfStation({ name, recall, error, change, changeError, ...rest }: Station): Row {
  const points = (share: number): string => (100 * share).toFixed(2);
  return {
    ...{ station: name, recall: recall.toFixed(4), "± points": points(error) },
    ...{ "points to built": points(change), "± of it": points(changeError) },
    ...{ path: rest.path, "rows scored": Math.round(rest.rowsScored) },
    "exact as before": rest.isExactSame,
  };
}

/** What a tenant goes through, and its recall at each station, all of them at rest. */
async function life(
  source: VectorSource,
  { count, kind }: { readonly count: number; readonly kind: string },
): Promise<readonly Station[]> {
  const folder = new EngineFolder();
  const away = new EngineFolder();
  const { dimension } = source;
  const told = source.next(report.size("queries"));
  const queries = Array.from({ length: report.size("queries") }, (_, i) =>
    rowOf(told, dimension, i),
  );
  const tell = (text: string): void => {
    report.progress(`${count} × ${dimension} ${kind}: ${text}`);
  };
  let engine = await open(folder, away);
  const rest = (): Promise<unknown> =>
    untilAtRest(engine, PLACE, nearestQuery(rowOf(told, dimension, 0), TOP_K), tell);
  const search = async (i: number, isExact: boolean): Promise<SearchAnswer> => {
    const vector = queries[i];
    if (vector === undefined) throw new RangeError(`There is no query ${String(i)}.`);
    const { hits, plan } = await engine.query(PLACE, nearestQuery(vector, TOP_K, isExact));
    return { hits, path: plan.path, rowsScored: plan.rowsScanned };
  };
  const series = new RecallSeries(queries.length, search, tell);
  const reopen = async (): Promise<void> => {
    await engine.close();
    engine = await open(folder, away);
  };
  try {
    await create(engine, dimension);
    await put(
      engine,
      source,
      Uint32Array.from({ length: count }, (_, i) => i),
    );
    await engine.flush(PLACE);
    await rest();
    await series.newRows();
    await series.station("built");
    await reopen();
    await series.station("reopened");
    await engine.compact(PLACE);
    await rest();
    await series.station("compacted");
    await become(engine, "OFFLOADED");
    await become(engine, "ACTIVE");
    await series.station("offloaded and back");
    const numbers = new SeededNumbers(41);
    for (let round = 0; round < report.size("rounds"); round++) {
      tell(`round ${round + 1}`);
      await put(engine, source, drawn(count, (count * report.size("churn")) / 100, numbers));
      await engine.flush(PLACE);
    }
    await rest();
    await series.newRows();
    await series.station("churned, at rest");
    await engine.compact(PLACE);
    await rest();
    await series.station("churned, compacted");
    await reopen();
    await series.station("reopened again");
    return series.stations;
  } finally {
    await engine.close();
    folder.remove();
    away.remove();
  }
}

interface SearchAnswer {
  readonly hits: readonly Hit[];
  readonly path: string;
  readonly rowsScored: number;
}

function open(folder: EngineFolder, away: EngineFolder): Promise<Engine> {
  const store = new FolderObjectStore(new NodeFileSystem(away.path), "objects");
  return folder.open({
    ...{ workerCount: 0, memoryBudget: MEMORY_BYTES, scrubBytesPerSecond: 0 },
    offload: { open: () => Promise.resolve(store) },
  });
}

async function create(engine: Engine, dimension: number): Promise<void> {
  await engine.createDatabase(PLACE.database);
  const field = { name: DEFAULT_VECTOR, dimension, metric: "cosine" as const, recall: aim };
  const schema = { vectors: [field], identity: "key" as const, unfilterable: [] };
  await engine.createCollection(PLACE.database, PLACE.collection, { schema, tenancy: "multi" });
  await engine.createTenant(PLACE);
}

/** Waits until the tenant is in this state. */
async function become(engine: Engine, state: "ACTIVE" | "OFFLOADED"): Promise<void> {
  await engine.setTenantState(PLACE, state);
  while ((await engine.getTenant(PLACE))?.state !== state) await setTimeout(POLL_MS);
}

/** New vectors for these rows. */
async function put(engine: Engine, source: VectorSource, rows: Uint32Array): Promise<void> {
  for (let i = 0; i < rows.length; i += BATCH_ROWS) {
    const keys = Array.from(rows.subarray(i, i + BATCH_ROWS), String);
    await putRows(engine, PLACE, keys, source.next(keys.length));
  }
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
