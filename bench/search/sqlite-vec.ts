/** sqlite-vec in better-sqlite3: an exact scan in SQL. */
import { statSync } from "node:fs";
import {
  residentBytes,
  rowAt,
  type Contender,
  type RowFilter,
  type Workshop,
} from "./contender.ts";

export const SQLITE_VEC = "sqlite-vec@0.1.9";
export const BETTER_SQLITE = "better-sqlite3@12";

interface Statement {
  run(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): readonly { readonly rowid: number }[];
}

interface Database {
  exec(sql: string): void;
  pragma(text: string): void;
  prepare(sql: string): Statement;
  transaction(work: () => void): () => void;
  close(): void;
}

/** better-sqlite3 as it is loaded. */
export interface Sqlite {
  readonly default: new (path: string) => Database;
}

/** sqlite-vec as it is loaded. */
export interface Extension {
  load(database: Database): void;
}

export async function openSqliteVec(shop: Workshop): Promise<Contender | undefined> {
  const sqlite = (await shop.load(BETTER_SQLITE)) as Sqlite | undefined;
  const extension = (await shop.load(SQLITE_VEC)) as Extension | undefined;
  if (sqlite === undefined || extension === undefined) return undefined;
  const { data } = shop;
  const path = `${shop.folder}/sqlite-vec.db`;
  const before = residentBytes();
  const startedAt = performance.now();
  const filling = open(sqlite, extension, path);
  fill(filling, shop);
  filling.close();
  const buildSeconds = (performance.now() - startedAt) / 1_000;
  const memoryBytes = residentBytes() - before;
  const openedAt = performance.now();
  const database = open(sqlite, extension, path);
  const plain = database.prepare("select rowid from v where e match ? and k = ?");
  const filtered = {
    bucket: database.prepare("select rowid from v where e match ? and k = ? and bucket < ?"),
    side: database.prepare("select rowid from v where e match ? and k = ? and side < ?"),
  };
  const ask = (query: Float32Array, k: number, filter?: RowFilter): number[] => {
    const found =
      filter === undefined
        ? plain.all(bytesOf(query), k)
        : filtered[filter.property].all(bytesOf(query), k, BigInt(filter.below));
    return found.map(({ rowid }) => rowid - 1);
  };
  ask(rowAt(data, 0), 1);
  const openMs = performance.now() - openedAt;
  return {
    name: SQLITE_VEC,
    ...{ buildSeconds, memoryBytes, openMs, fileBytes: statSync(path).size, breadths: [0] },
    setBreadth: () => undefined,
    search: (query, k) => ask(query, k),
    searchFiltered: ask,
    close: () => {
      database.close();
    },
  };
}

function open(sqlite: Sqlite, extension: Extension, path: string): Database {
  const database = new sqlite.default(path);
  extension.load(database);
  return database;
}

function fill(database: Database, { data }: Workshop): void {
  database.pragma("journal_mode = WAL");
  const columns = `e float[${data.dimension}] distance_metric=cosine, bucket int, side int`;
  database.exec(`create virtual table v using vec0(${columns})`);
  const insert = database.prepare("insert into v(rowid, e, bucket, side) values (?, ?, ?, ?)");
  database.transaction(() => {
    for (let i = 0; i < data.rowCount; i++) {
      const [bucket = 0, side = 0] = [data.buckets[i], data.sides[i]];
      insert.run(BigInt(i + 1), bytesOf(rowAt(data, i)), BigInt(bucket), BigInt(side));
    }
  })();
}

function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}
