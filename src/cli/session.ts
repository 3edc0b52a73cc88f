/**
 * What a command works with: either a data folder opened by this process, or a running server.
 * Commands do not know which.
 */
import type { AccessControl } from "../access/index.ts";
import type { CustomerRequests } from "../client/index.ts";
import type { Engine, EngineStats, MasterKeyRotation, WriteResult } from "../engine/api.ts";
import type {
  Include,
  MultiQueryResult,
  Place,
  Query,
  QueryResult,
  RecordView,
  WriteBatch,
} from "../model/index.ts";
import type { SessionCopies } from "./session-copies.ts";

export interface Session extends AsyncDisposable {
  /** For people: "the data folder ./insula-data", "the server at http://127.0.0.1:8080". */
  readonly origin: string;
  readonly catalog: SessionCatalog;
  readonly records: SessionRecords;
  readonly keys: Pick<
    AccessControl,
    "createKey" | "listKeys" | "limitKey" | "rotateKey" | "revokeKey"
  >;
  readonly copies: SessionCopies;
  status(): Promise<SessionStatus>;
  /** As {@link Engine.rotateMasterKey}. */
  rotateMasterKey(masterKey?: string): Promise<MasterKeyRotation>;
  /** @throws InsulaError `operation_unsupported` where no server runs, `argument_invalid`. */
  setLogLevel(level: string): Promise<void>;
}

/** The engine's own calls, as `engine/api.ts` describes them. */
export type SessionCatalog = Pick<
  Engine,
  | "createDatabase"
  | "getDatabase"
  | "listDatabases"
  | "deleteDatabase"
  | "createCollection"
  | "getCollection"
  | "listCollections"
  | "updateCollection"
  | "deleteCollection"
  | "createTenant"
  | "createTenants"
  | "getTenant"
  | "listTenants"
  | "setTenantStates"
  | "warmTenants"
  | "sweepTenants"
  | "renameTenant"
  | "deleteTenant"
  | "locate"
  | "usage"
  | "getLimits"
  | "setLimits"
  | "customers"
  | "eraseTenant"
>;

export interface SessionRecords {
  /** At most {@link UPSERT_RECORDS_MAX} records. */
  upsert(place: Place, batch: WriteBatch): Promise<WriteResult>;
  /** At most {@link SESSION_BATCH_MAX} keys. */
  delete(place: Place, keys: readonly string[]): Promise<unknown>;
  /** One entry per key in the order asked. At most {@link SESSION_BATCH_MAX} keys. */
  get(
    place: Place,
    keys: readonly string[],
    include: Include,
  ): Promise<readonly (RecordView | undefined)[]>;
  query(place: Place, query: Query): Promise<QueryResult>;
  /** Each place once, merged exactly by distance, place and key; failures beside the hits. */
  queryMany(places: readonly Place[], query: Query): Promise<MultiQueryResult>;
  /** A page in the order of keys. */
  list(place: Place, request: SessionListRequest): Promise<SessionListPage>;
  /**
   * All records of a customer with vectors and metadata, collection by collection, by key, in one
   * answer of the server. Absent where no server runs: pages cost nothing there.
   */
  readonly stream?: CustomerRequests["stream"];
}

export interface SessionListRequest {
  readonly limit: number;
  readonly include: Include;
  /** Of the page before; absent for the first. */
  readonly cursor?: string;
}

export interface SessionListPage {
  readonly items: readonly RecordView[];
  /** Where the next page starts; absent after the last. */
  readonly cursor?: string;
}

/** Records or keys of one call of the commands for texts. Source: ours. */
export const SESSION_BATCH_MAX = 500;

/** Records of one upsert. Source: ours; a frame of a few megabytes fills a group of the log. */
export const UPSERT_RECORDS_MAX = 5_000;

export interface SessionStatus {
  readonly origin: string;
  readonly isServer: boolean;
  readonly accountId: string;
  readonly stats: EngineStats;
}
