/** LanceDB: tables of columns in files; graphs over int8 codes in one partition, with refining. */
import {
  EFS,
  EF_CONSTRUCTION,
  GRAPH_M,
  residentBytes,
  rowAt,
  type Contender,
  type Found,
  type RowFilter,
  type Workshop,
} from "./contender.ts";
import { folderBytes } from "./folder-bytes.ts";

export const LANCEDB = "@lancedb/lancedb@0.37.1";
/** Rows given at once. */
const BATCH_ROWS = 10_000;

interface Query {
  distanceType(metric: string): Query;
  nprobes(count: number): Query;
  ef(ef: number): Query;
  refineFactor(factor: number): Query;
  where(condition: string): Query;
  select(columns: readonly string[]): Query;
  limit(count: number): Query;
  toArray(): Promise<readonly { readonly id: number }[]>;
}

interface Table {
  add(rows: readonly Readonly<Record<string, unknown>>[]): Promise<unknown>;
  createIndex(column: string, options?: unknown): Promise<void>;
  vectorSearch(vector: readonly number[]): Query;
}

interface Connection {
  createTable(name: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<Table>;
  openTable(name: string): Promise<Table>;
}

interface Package {
  connect(path: string): Promise<Connection>;
  readonly Index: { hnswSq(options: Readonly<Record<string, unknown>>): unknown };
}

export async function openLancedb(shop: Workshop): Promise<Contender | undefined> {
  const loaded = (await shop.load(LANCEDB)) as Package | undefined;
  if (loaded === undefined) return undefined;
  const { data } = shop;
  const path = `${shop.folder}/lancedb`;
  const before = residentBytes();
  const startedAt = performance.now();
  await fill(await loaded.connect(path), loaded, shop);
  const buildSeconds = (performance.now() - startedAt) / 1_000;
  const memoryBytes = residentBytes() - before;
  const openedAt = performance.now();
  const table = await (await loaded.connect(path)).openTable("rows");
  let ef = 40;
  const ask = async (query: Float32Array, k: number, filter?: RowFilter): Promise<Found> => {
    const search = table.vectorSearch(Array.from(query)).distanceType("cosine").nprobes(1);
    const narrowed =
      filter === undefined ? search : search.where(`${filter.property} < ${filter.below}`);
    const asked = narrowed
      .ef(Math.max(ef, 2 * k))
      .refineFactor(2)
      .select(["id", "_distance"])
      .limit(k);
    return (await asked.toArray()).map(({ id }) => id);
  };
  await ask(rowAt(data, 0), 1);
  const openMs = performance.now() - openedAt;
  return {
    name: LANCEDB,
    ...{ buildSeconds, memoryBytes, openMs, fileBytes: folderBytes(path), breadths: EFS },
    setBreadth: (breadth) => {
      ef = breadth;
    },
    search: (query, k) => ask(query, k),
    searchFiltered: ask,
    close: () => undefined,
  };
}

async function fill(database: Connection, loaded: Package, { data }: Workshop): Promise<void> {
  let table: Table | undefined;
  for (let i = 0; i < data.rowCount; i += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, data.rowCount - i);
    const rows = Array.from({ length: count }, (_, j) => ({
      id: i + j,
      vector: Array.from(rowAt(data, i + j)),
      bucket: data.buckets[i + j] ?? 0,
      side: data.sides[i + j] ?? 0,
    }));
    if (table === undefined) table = await database.createTable("rows", rows);
    else await table.add(rows);
  }
  const shape = { numPartitions: 1, m: GRAPH_M, efConstruction: EF_CONSTRUCTION };
  const config = loaded.Index.hnswSq({ distanceType: "cosine", ...shape });
  await table?.createIndex("vector", { config });
  await table?.createIndex("bucket");
  await table?.createIndex("side");
}
