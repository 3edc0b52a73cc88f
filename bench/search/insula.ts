/** Insula itself, the whole engine on a folder: durable writes, sealed files, key by record. */
import type { Engine } from "../../src/engine/index.ts";
import { DEFAULT_VECTOR, type Filter, type Metric, type Place } from "../../src/model/index.ts";
import {
  EngineFolder,
  nearestQuery,
  patiently,
  untilAtRest,
  type EngineSettings,
} from "../support/engine-folder.ts";
import { rowAt, type Contender, type Found, type RowFilter } from "./contender.ts";
import type { Workshop } from "./contender.ts";
import { folderBytes } from "./folder-bytes.ts";
import { keptBuild } from "./kept-build.ts";

const PLACE: Place = { database: "bench", collection: "rows" };
const METRIC: Metric = "cosine";
const MEMORY_BYTES_MIN = 6 * 2 ** 30;
/** Float32 rows come into memory while half of the budget is free; the peers have all in theirs. */
const MEMORY_PER_FLOAT32 = 4;
const ROWS_ON_DISK = { residentRowsBytesMax: 0, residentRowsShare: 0 };
/** Its knob is the recall that is aimed at. */
const RECALLS = [0.8, 0.9, 0.95, 0.97, 0.99, 0.999] as const;
/** Rows given at once. */
const BATCH_ROWS = 500;
const NOTHING = { vectors: false, metadata: false };

/** Insula, and what only it has: the state right after the writes, and after churn. */
export interface Own extends Contender {
  /**
   * Seconds until all rows were acknowledged and searchable, before there was a graph; not a number
   * when an earlier run wrote them.
   */
  readonly ingestSeconds: number;
  /** Bytes that its memory holds for vectors by its own count. */
  readonly residentBytes: number;
  /**
   * Puts a `share` of the rows again: the old ones are dead, the new ones in new segments, and a
   * worker merges them while searches go on.
   */
  churn(share: number): Promise<void>;
  path(): Promise<string>;
}

export async function openInsula(shop: Workshop): Promise<Own> {
  const { data } = shop;
  const folder = new EngineFolder(`${shop.folder}/insula`);
  // Merges and graphs are made beside the writes, as in a server; searches have one thread.
  const memoryBudget = Math.max(MEMORY_BYTES_MIN, MEMORY_PER_FLOAT32 * data.rows.byteLength);
  const open = (workerCount: number, policy: EngineSettings["policy"] = {}): Promise<Engine> =>
    folder.open({ workerCount, memoryBudget, scrubBytesPerSecond: 0, policy });
  let ingestSeconds = Number.NaN;
  const build = async (): Promise<Engine> => {
    const startedAt = performance.now();
    const built = await open(1);
    await create(built, data.dimension);
    await put(built, shop, 0, data.rowCount);
    await built.flush(PLACE);
    ingestSeconds = (performance.now() - startedAt) / 1_000;
    await untilGraph(built, shop);
    return built;
  };
  const cost = await keptBuild(shop, build, (built) => built.close());
  const openedAt = performance.now();
  // Only now: where rows may not be in memory, merges would make smaller segments.
  let engine = await open(0, shop.isFloat32OnDisk ? ROWS_ON_DISK : {});
  let recall: number = RECALLS[0];
  const ask = async (query: Float32Array, k: number, filter?: RowFilter): Promise<Found> => {
    const narrowed = filter === undefined ? {} : { filter: filterOf(filter) };
    const aim = { topK: k, recall, include: NOTHING };
    const asked = { field: DEFAULT_VECTOR, vector: query, ...aim, ...narrowed };
    return (await engine.query(PLACE, asked)).hits.map(({ key }) => Number(key));
  };
  await ask(rowAt(data, 0), 1);
  const openMs = performance.now() - openedAt;
  return {
    name: "insula",
    ...{ ...cost, ingestSeconds, openMs },
    residentBytes: engine.stats().arenaBytesUsed,
    fileBytes: folderBytes(folder.path),
    breadths: RECALLS,
    setBreadth: (asked) => {
      recall = asked;
    },
    search: (query, k) => ask(query, k),
    isWarm: async () => {
      if (shop.isFloat32OnDisk) return true;
      const vector = rowAt(data, 0);
      const asked = { field: DEFAULT_VECTOR, vector, topK: 1, include: NOTHING, isExplained: true };
      // The block of the key it finds is kept from the first to the second.
      await engine.query(PLACE, asked);
      return (await engine.query(PLACE, asked)).explanation?.bytesRead === 0;
    },
    searchFiltered: ask,
    churn: async (share) => {
      // Merges begin behind it, and have a thread as in a server.
      await engine.close();
      engine = await open(1);
      const count = Math.floor(data.rowCount * share);
      await put(engine, shop, 0, count);
      await engine.flush(PLACE);
    },
    path: async () => {
      const asked = { field: DEFAULT_VECTOR, vector: rowAt(data, 0), topK: 10, include: NOTHING };
      return (await engine.query(PLACE, asked)).plan.path;
    },
    close: () => engine.close(),
  };
}

async function create(engine: Engine, dimension: number): Promise<void> {
  await engine.createDatabase(PLACE.database);
  await engine.createCollection(PLACE.database, PLACE.collection, {
    schema: {
      vectors: [{ name: DEFAULT_VECTOR, dimension, metric: METRIC }],
      identity: "key",
      unfilterable: [],
    },
  });
}

async function put(
  engine: Engine,
  { data, tell }: Workshop,
  first: number,
  count: number,
): Promise<void> {
  for (let i = first; i < first + count; i += BATCH_ROWS) {
    const rows = Math.min(BATCH_ROWS, first + count - i);
    const keys = Array.from({ length: rows }, (_, j) => String(i + j));
    const values = data.rows.slice(i * data.dimension, (i + rows) * data.dimension);
    const metadata = keys.map((_, j) => ({
      bucket: data.buckets[i + j] ?? 0,
      side: data.sides[i + j] ?? 0,
    }));
    const vectors = [{ field: DEFAULT_VECTOR, values }];
    await patiently(() => engine.upsert(PLACE, { keys, vectors, metadata }));
    if (i % 20_000 === 0) tell(`insula: ${i} rows written`);
  }
}

function filterOf({ property, below }: RowFilter): Filter {
  return { kind: "range", property, upper: { value: below, isInclusive: false } };
}

/** A graph is made from so many rows on. */
const GRAPH_ROWS_MIN = 10_000;

/** Waits until searches walk a graph and none is being built, or none is made for so few rows. */
async function untilGraph(engine: Engine, { data, tell }: Workshop): Promise<void> {
  const query = nearestQuery(rowAt(data, 0), 10);
  const { path } = await untilAtRest(engine, PLACE, query, tell);
  if (path !== "graph" && data.rowCount >= GRAPH_ROWS_MIN) throw new Error("There is no graph.");
}
