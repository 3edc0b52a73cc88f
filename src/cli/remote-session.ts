import type { AccessKeyView, CreatedAccessKey } from "../access/index.ts";
import { InsulaError } from "../base/errors.ts";
import type {
  CollectionInfo,
  DatabaseInfo,
  EngineStats,
  Page,
  PageRequest,
  TenantInfo,
} from "../engine/api.ts";
import {
  DEFAULT_VECTOR,
  type Hit,
  type Metadata,
  type MetadataValue,
  type MultiQueryResult,
  type OriginHit,
  type Place,
  type Query,
  type RecordView,
} from "../model/index.ts";
import { mergeHits } from "./merge-hits.ts";
import { printFilter } from "./filter-text.ts";
import { ServerClient, type ServerAccess } from "./server-client.ts";
import {
  SESSION_BATCH_MAX,
  type Session,
  type SessionCatalog,
  type SessionRecords,
} from "./session.ts";

/** A session with a running server. Opens nothing and keeps no connection of its own. */
export function openRemoteSession(access: ServerAccess): Session {
  const client = new ServerClient(access);
  const origin = `the server at ${client.url}`;
  return {
    origin,
    upsertRecordsMax: SESSION_BATCH_MAX,
    catalog: createCatalog(client),
    records: createRecords(client),
    keys: {
      createKey: async (key) => (await client.admin("POST", "keys", key)) as CreatedAccessKey,
      listKeys: (page) =>
        client.admin("GET", `keys${toQuery(page)}`) as Promise<Page<AccessKeyView>>,
      rotateKey: async (id, options = {}) =>
        (await client.admin(
          "POST",
          `keys/${encodeURIComponent(id)}/rotate`,
          options,
        )) as CreatedAccessKey,
      revokeKey: async (id) => {
        await client.admin("DELETE", `keys/${encodeURIComponent(id)}`);
      },
    },
    status: async () => {
      const status = (await client.admin("GET", "status")) as {
        accountId: string;
        stats: EngineStats;
      };
      return { origin, isServer: true, accountId: status.accountId, stats: status.stats };
    },
    setLogLevel: async (level) => {
      await client.admin("PUT", "log-level", { level });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function createCatalog(client: ServerClient): SessionCatalog {
  return {
    createDatabase: (name) => client.admin("POST", "databases", { name }) as Promise<DatabaseInfo>,
    getDatabase: (name) =>
      orUndefined(client.admin("GET", databasePath(name)) as Promise<DatabaseInfo>),
    listDatabases: (page) =>
      client.admin("GET", `databases${toQuery(page)}`) as Promise<Page<DatabaseInfo>>,
    deleteDatabase: async (name) => {
      await client.admin("DELETE", databasePath(name));
    },
    createCollection: (database, name, options) => {
      const [vector] = options.schema.vectors;
      return client.admin("POST", `${databasePath(database)}/collections`, {
        name,
        dimension: vector?.dimension,
        metric: vector?.metric,
        tenancy: options.tenancy,
        unfilterable: options.schema.unfilterable,
        embeddingModel: options.embeddingModel,
      }) as Promise<CollectionInfo>;
    },
    getCollection: (database, name) =>
      orUndefined(client.admin("GET", collectionPath(database, name)) as Promise<CollectionInfo>),
    listCollections: (database, page) =>
      client.admin("GET", `${databasePath(database)}/collections${toQuery(page)}`) as Promise<
        Page<CollectionInfo>
      >,
    updateCollection: (database, name, { status, embeddingModel }) =>
      client.admin("PATCH", collectionPath(database, name), {
        status,
        embeddingModel,
      }) as Promise<CollectionInfo>,
    deleteCollection: async (database, name) => {
      await client.admin("DELETE", collectionPath(database, name));
    },
    createTenant: ({ database, collection, tenant }) =>
      client.admin("POST", `${collectionPath(database, collection)}/tenants`, {
        name: tenant,
      }) as Promise<TenantInfo>,
    listTenants: (database, collection, page) =>
      client.admin(
        "GET",
        `${collectionPath(database, collection)}/tenants${toQuery(page)}`,
      ) as Promise<Page<TenantInfo>>,
    deleteTenant: async ({ database, collection, tenant }) => {
      await client.admin(
        "DELETE",
        `${collectionPath(database, collection)}/tenants/${encodeURIComponent(tenant)}`,
      );
    },
  };
}

/** Keys of one GetVectors call. Source: the OSS protocol. */
const GET_KEYS_MAX = 100;

interface OssVector {
  readonly key: string;
  readonly distance?: number;
  readonly data?: { readonly float32: readonly number[] };
  readonly metadata?: Metadata;
}

interface OssPage {
  readonly vectors: readonly OssVector[];
  readonly nextToken?: string;
}

/** Vectors of one ListVectors call. Source: the OSS protocol. */
const LIST_VECTORS_MAX = 1_000;
/** Places asked at the same moment. */
const PLACES_AT_ONCE = 8;

function createRecords(client: ServerClient): SessionRecords {
  return {
    upsert: async (place, { keys, vectors, metadata }) => {
      const values = vectors[0]?.values ?? new Float32Array();
      const dimension = values.length / keys.length;
      for (const item of metadata) if (item !== undefined) requireJson(item);
      await client.records(place.database, "putVectors", {
        indexName: indexOf(place),
        vectors: keys.map((key, i) => ({
          key,
          data: { float32: Array.from(values.subarray(i * dimension, (i + 1) * dimension)) },
          ...(metadata[i] !== undefined && { metadata: metadata[i] }),
        })),
      });
      return undefined;
    },
    delete: async (place, keys) =>
      client.records(place.database, "deleteVectors", { indexName: indexOf(place), keys }),
    get: async (place, keys, include) => {
      const found = new Map<string, RecordView>();
      for (let start = 0; start < keys.length; start += GET_KEYS_MAX) {
        const answer = (await client.records(place.database, "getVectors", {
          indexName: indexOf(place),
          keys: keys.slice(start, start + GET_KEYS_MAX),
          returnMetadata: include.metadata,
        })) as { vectors: readonly OssVector[] };
        for (const vector of answer.vectors) found.set(vector.key, vector);
      }
      return keys.map((key) => found.get(key));
    },
    query: async (place, query) => ({ hits: await search(client, place, query) }),
    queryMany: (places, query) => searchMany(client, places, query),
    list: async (place, { limit, include, cursor }) => {
      const answer = (await client.records(place.database, "listVectors", {
        indexName: indexOf(place),
        maxResults: Math.min(limit, LIST_VECTORS_MAX),
        returnData: include.vectors,
        returnMetadata: include.metadata,
        nextToken: cursor,
      })) as OssPage;
      return {
        items: answer.vectors.map(toView),
        ...(answer.nextToken !== undefined && { cursor: answer.nextToken }),
      };
    },
  };
}

async function search(client: ServerClient, place: Place, query: Query): Promise<Hit[]> {
  const answer = (await client.records(place.database, "queryVectors", {
    indexName: indexOf(place),
    queryVector: { float32: Array.from(query.vector) },
    topK: query.topK,
    filter: query.filter === undefined ? undefined : printFilter(query.filter),
    returnDistance: true,
    returnMetadata: query.include.metadata,
  })) as OssPage;
  return answer.vectors.map((vector): Hit => ({ ...vector, distance: vector.distance ?? 0 }));
}

/** The protocol searches one index a call: each is asked, the answers are merged here. */
async function searchMany(
  client: ServerClient,
  places: readonly Place[],
  query: Query,
): Promise<Pick<MultiQueryResult, "hits" | "failures">> {
  const lists: OriginHit[][] = [];
  const failures: { place: Place; error: Error }[] = [];
  const waiting = [...places];
  const lane = async (): Promise<void> => {
    for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
      const origin = place;
      try {
        const hits = await search(client, origin, query);
        lists.push(hits.map((hit) => ({ ...hit, place: origin })));
      } catch (error) {
        failures.push({
          place: origin,
          error: error instanceof Error ? error : new Error(String(error)),
        });
      }
    }
  };
  await Promise.all(Array.from({ length: PLACES_AT_ONCE }, lane));
  return { hits: mergeHits(lists, query.topK), failures };
}

function toView({ key, data, metadata }: OssVector): RecordView {
  return {
    key,
    ...(data !== undefined && {
      vectors: new Map([[DEFAULT_VECTOR, Float32Array.from(data.float32)]]),
    }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** What JSON has no word for would arrive as something else. */
function requireJson(value: MetadataValue): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Date || value instanceof Uint8Array) {
    throw new InsulaError(
      "operation_unsupported",
      "Cannot send dates and bytes in metadata through a running server: its OSS protocol has " +
        "none. Stop the server and run the command on the data folder.",
    );
  }
  for (const inner of Array.isArray(value) ? value : Object.values(value)) {
    requireJson(inner as MetadataValue);
  }
}

function indexOf(place: Place): string {
  if (place.tenant === undefined) return place.collection;
  throw new InsulaError(
    "operation_unsupported",
    "Cannot reach records of a tenant through a running server yet: its OSS protocol has none. " +
      "Stop the server and run the command on the data folder.",
  );
}

function databasePath(name: string): string {
  return `databases/${encodeURIComponent(name)}`;
}

function collectionPath(database: string, name: string): string {
  return `${databasePath(database)}/collections/${encodeURIComponent(name)}`;
}

function toQuery(page: PageRequest): string {
  const parameters = new URLSearchParams({ limit: String(page.limit) });
  if (page.prefix !== undefined) parameters.set("prefix", page.prefix);
  if (page.after !== undefined) parameters.set("after", page.after);
  return `?${parameters.toString()}`;
}

/** The engine's get calls say undefined where HTTP says 404. */
async function orUndefined<Info>(answer: Promise<Info>): Promise<Info | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof InsulaError && error.kind === "not_found") return undefined;
    throw error;
  }
}
