/** Packages that keep one tenant in one file. */
import type { Hnswlib } from "./hnswlib.ts";
import { HNSWLIB } from "./hnswlib.ts";
import { EF_CONSTRUCTION, GRAPH_M } from "./contender.ts";
import { BETTER_SQLITE, SQLITE_VEC, type Extension, type Sqlite } from "./sqlite-vec.ts";
import { USEARCH, type Usearch } from "./usearch.ts";

const EF = 64;

export interface TenantRows {
  /** Row-major. */
  readonly values: Float32Array;
  readonly rowCount: number;
  readonly dimension: number;
}

export interface PeerFile {
  search(query: Float32Array, k: number): unknown;
  close(): void;
}

export interface FilePeer {
  readonly name: string;
  write(path: string, rows: TenantRows): void;
  open(path: string): PeerFile;
}

/** As loaded; undefined where one could not be installed. */
export interface PeerPackages {
  readonly hnswlib: unknown;
  readonly usearch: unknown;
  readonly sqlite: unknown;
  readonly sqliteVec: unknown;
}

export function peerOpeners(packages: PeerPackages, dimension: number): readonly FilePeer[] {
  const peers: FilePeer[] = [];
  const { hnswlib, usearch, sqlite, sqliteVec } = packages;
  if (hnswlib !== undefined) peers.push(hnswlibFiles(hnswlib as Hnswlib, dimension));
  if (usearch !== undefined) peers.push(usearchFiles(usearch as Usearch, dimension));
  if (sqlite !== undefined && sqliteVec !== undefined) {
    peers.push(sqliteFiles(sqlite as Sqlite, sqliteVec as Extension));
  }
  return peers;
}

function rowAt({ values, dimension }: TenantRows, i: number): Float32Array {
  return values.subarray(i * dimension, (i + 1) * dimension);
}

function hnswlibFiles({ default: { HierarchicalNSW } }: Hnswlib, dimension: number): FilePeer {
  return {
    name: HNSWLIB,
    write: (path, rows) => {
      const index = new HierarchicalNSW("ip", dimension);
      index.initIndex(rows.rowCount, GRAPH_M, EF_CONSTRUCTION, 100);
      for (let i = 0; i < rows.rowCount; i++) index.addPoint(Array.from(rowAt(rows, i)), i);
      index.writeIndexSync(path);
    },
    open: (path) => {
      const index = new HierarchicalNSW("ip", dimension);
      index.readIndexSync(path);
      index.setEf(EF);
      return {
        search: (query, k) => index.searchKnn(Array.from(query), k),
        close: () => undefined,
      };
    },
  };
}

function usearchFiles({ default: usearch }: Usearch, dimension: number): FilePeer {
  const { Index, MetricKind, ScalarKind } = usearch;
  const make = (): InstanceType<typeof Index> =>
    new Index({
      ...{ dimensions: dimension, metric: MetricKind.Cos, quantization: ScalarKind.F32 },
      ...{ connectivity: GRAPH_M, expansion_add: EF_CONSTRUCTION, expansion_search: EF },
      multi: false,
    });
  return {
    name: USEARCH,
    write: (path, { values, rowCount }) => {
      const index = make();
      index.add(
        BigUint64Array.from({ length: rowCount }, (_, i) => BigInt(i)),
        values,
        1,
      );
      index.save(path);
    },
    open: (path) => {
      const index = make();
      index.load(path);
      return { search: (query, k) => index.search(query, k, 1), close: () => undefined };
    },
  };
}

function sqliteFiles(sqlite: Sqlite, extension: Extension): FilePeer {
  const openAt = (path: string): InstanceType<Sqlite["default"]> => {
    const database = new sqlite.default(path);
    extension.load(database);
    return database;
  };
  return {
    name: `${SQLITE_VEC} in ${BETTER_SQLITE}`,
    write: (path, rows) => {
      const database = openAt(path);
      const column = `e float[${rows.dimension}] distance_metric=cosine`;
      database.exec(`create virtual table v using vec0(${column})`);
      const insert = database.prepare("insert into v(rowid, e) values (?, ?)");
      database.transaction(() => {
        for (let i = 0; i < rows.rowCount; i++) insert.run(BigInt(i + 1), bytesOf(rowAt(rows, i)));
      })();
      database.close();
    },
    open: (path) => {
      const database = openAt(path);
      const asked = database.prepare("select rowid from v where e match ? and k = ?");
      return {
        search: (query, k) => asked.all(bytesOf(query), k),
        close: () => {
          database.close();
        },
      };
    },
  };
}

function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}
