/**
 * The embeddable library: the engine and its model, nothing else. No dialect, no server, no npm
 * package.
 *
 * ```ts
 * import { open } from "insula-db";
 *
 * await using db = await open({ dataDir: "./data" });
 * ```
 */
import { openEngine, type Engine } from "./engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeFileSystem, NodeRandom } from "./io/index.ts";

export interface OpenOptions {
  /** Folder of the data, made when it is missing; one process at a time. Absent: in memory only. */
  readonly dataDir?: string;
  /** Bytes for vectors, codes and memtables; default half of what the system grants. */
  readonly memoryBudget?: number;
  /** Worker threads; default 2, 0 works on the calling thread only. */
  readonly workerCount?: number;
}

/**
 * Opens a database in this process. A script that closes it exits by itself.
 *
 * @throws InsulaError `data_folder_locked` while another process has the folder, `data_damaged`,
 *         `format_unsupported`, `io_failed`.
 */
export function open(options: OpenOptions = {}): Promise<Engine> {
  const { dataDir, memoryBudget, workerCount } = options;
  return openEngine({
    files: dataDir === undefined ? new MemoryFileSystem() : new NodeFileSystem(dataDir),
    clock: new NodeClock(),
    random: new NodeRandom(),
    ...(memoryBudget === undefined ? {} : { memoryBudget }),
    ...(workerCount === undefined ? {} : { workerCount }),
  });
}

export { InsulaError, type ErrorCode, type ErrorKind } from "./base/errors.ts";
export type {
  AttributePatch,
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  DatabaseInfo,
  DatabaseOptions,
  Engine,
  EngineStats,
  ListRequest,
  Page,
  PageRequest,
  TenantInfo,
  TenantPlace,
  TenantState,
  WriteResult,
} from "./engine/index.ts";
export { DEFAULT_VECTOR } from "./model/index.ts";
export type {
  Filter,
  FilterScalar,
  Hit,
  Include,
  Metadata,
  MetadataObject,
  MetadataScalar,
  MetadataValue,
  Metric,
  MultiQueryResult,
  OriginHit,
  Place,
  Query,
  QueryPlan,
  QueryResult,
  RangeBound,
  RecordView,
  Schema,
  VectorColumn,
  VectorField,
  WriteBatch,
} from "./model/index.ts";
