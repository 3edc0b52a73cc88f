/**
 * What a command works with: either a data folder opened by this process, or a running server.
 * Commands do not know which.
 */
import type { AccessControl } from "../access/index.ts";
import type { Engine, EngineStats } from "../engine/api.ts";
import type { Include, Place, Query, QueryResult, RecordView, WriteBatch } from "../model/index.ts";

export interface Session extends AsyncDisposable {
  /** For people: "the data folder ./insula-data", "the server at http://127.0.0.1:8080". */
  readonly origin: string;
  readonly catalog: SessionCatalog;
  readonly records: SessionRecords;
  readonly keys: Pick<AccessControl, "createKey" | "listKeys" | "revokeKey">;
  status(): Promise<SessionStatus>;
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
  | "listTenants"
  | "deleteTenant"
>;

export interface SessionRecords {
  /** At most {@link SESSION_BATCH_MAX} records. */
  upsert(place: Place, batch: WriteBatch): Promise<unknown>;
  /** At most {@link SESSION_BATCH_MAX} keys. */
  delete(place: Place, keys: readonly string[]): Promise<unknown>;
  /** One entry per key in the order asked. At most {@link SESSION_BATCH_MAX} keys. */
  get(
    place: Place,
    keys: readonly string[],
    include: Include,
  ): Promise<readonly (RecordView | undefined)[]>;
  query(place: Place, query: Query): Promise<Pick<QueryResult, "hits">>;
}

/** Records or keys of one call. Source: the OSS protocol a remote session speaks. */
export const SESSION_BATCH_MAX = 500;

export interface SessionStatus {
  readonly origin: string;
  readonly isServer: boolean;
  readonly accountId: string;
  readonly stats: EngineStats;
}
