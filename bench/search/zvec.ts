/** zvec: an embedded database in C++; graph over float32, one thread for queries and building. */
import {
  EFS,
  EF_CONSTRUCTION,
  GRAPH_M,
  residentBytes,
  rowAt,
  type Contender,
  type RowFilter,
  type Workshop,
} from "./contender.ts";
import { folderBytes } from "./folder-bytes.ts";

export const ZVEC = "@zvec/zvec@0.7.0";
/** Rows given at once. */
const BATCH_ROWS = 500;

interface Collection {
  insertSync(documents: readonly Readonly<Record<string, unknown>>[]): void;
  optimizeSync(options: Readonly<Record<string, unknown>>): void;
  querySync(query: Readonly<Record<string, unknown>>): readonly { readonly id: string }[];
  closeSync(): void;
}

interface Package {
  ZVecInitialize(options: Readonly<Record<string, unknown>>): void;
  ZVecCreateAndOpen(path: string, schema: unknown): Collection;
  ZVecOpen(path: string): Collection;
  readonly ZVecCollectionSchema: new (schema: Readonly<Record<string, unknown>>) => unknown;
  readonly ZVecDataType: Readonly<Record<string, unknown>>;
  readonly ZVecIndexType: Readonly<Record<string, unknown>>;
  readonly ZVecMetricType: Readonly<Record<string, unknown>>;
  readonly ZVecLogLevel: Readonly<Record<string, unknown>>;
}

export async function openZvec(shop: Workshop): Promise<Contender | undefined> {
  const loaded = (await shop.load(ZVEC)) as (Package & { readonly default?: Package }) | undefined;
  if (loaded === undefined) return undefined;
  const { data } = shop;
  const zvec = loaded.default ?? loaded;
  zvec.ZVecInitialize({
    ...{ queryThreads: 1, optimizeThreads: 1 },
    logLevel: zvec.ZVecLogLevel["WARN"],
  });
  const path = `${shop.folder}/zvec`;
  const before = residentBytes();
  const startedAt = performance.now();
  let collection = zvec.ZVecCreateAndOpen(path, schemaOf(zvec, data.dimension));
  for (let i = 0; i < data.rowCount; i += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, data.rowCount - i);
    const documents = Array.from({ length: count }, (_, j) => ({
      id: String(i + j),
      vectors: { e: rowAt(data, i + j) },
      fields: { bucket: data.buckets[i + j] ?? 0, side: data.sides[i + j] ?? 0 },
    }));
    collection.insertSync(documents);
  }
  collection.optimizeSync({ concurrency: 1 });
  const buildSeconds = (performance.now() - startedAt) / 1_000;
  const memoryBytes = residentBytes() - before;
  let ef = 40;
  const ask = (query: Float32Array, k: number, filter?: RowFilter): number[] => {
    const found = collection.querySync({
      ...{ fieldName: "e", vector: query, topk: k },
      params: { indexType: zvec.ZVecIndexType["HNSW"], ef },
      ...(filter === undefined ? {} : { filter: `${filter.property} < ${filter.below}` }),
    });
    return found.map(({ id }) => Number(id));
  };
  collection.closeSync();
  const openedAt = performance.now();
  collection = zvec.ZVecOpen(path);
  ask(rowAt(data, 0), 1);
  const openMs = performance.now() - openedAt;
  return {
    name: ZVEC,
    ...{ buildSeconds, memoryBytes, openMs, fileBytes: folderBytes(path), breadths: EFS },
    setBreadth: (breadth) => {
      ef = breadth;
    },
    search: (query, k) => ask(query, k),
    searchFiltered: (query, k, filter) => ask(query, k, filter),
    close: () => {
      collection.closeSync();
    },
  };
}

function schemaOf(zvec: Package, dimension: number): unknown {
  const number = { dataType: zvec.ZVecDataType["INT32"] };
  const indexParams = { indexType: zvec.ZVecIndexType["INVERT"], enableRangeOptimization: true };
  return new zvec.ZVecCollectionSchema({
    name: "bench",
    vectors: {
      name: "e",
      dataType: zvec.ZVecDataType["VECTOR_FP32"],
      dimension,
      indexParams: {
        indexType: zvec.ZVecIndexType["HNSW"],
        metricType: zvec.ZVecMetricType["IP"],
        m: GRAPH_M,
        efConstruction: EF_CONSTRUCTION,
      },
    },
    fields: [
      { name: "bucket", ...number, indexParams },
      { name: "side", ...number, indexParams },
    ],
  });
}
