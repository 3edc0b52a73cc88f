/** The administration routes: method and path pattern, the action asked of access, the work. */
import type { Principal } from "../../access/index.ts";
import { InsulaError } from "../../base/errors.ts";
import type { DialectContext } from "../dialect.ts";
import {
  decodeBody,
  decodeCollection,
  decodeCollectionPatch,
  decodeKey,
  decodeName,
  decodePage,
} from "./decode.ts";

/** What a route works with; names come decoded from the path. */
export interface Call {
  readonly context: DialectContext;
  readonly principal: Principal;
  readonly query: string;
  readonly database: string;
  readonly collection: string;
  readonly last: string;
  readonly body: () => Promise<Uint8Array>;
}

export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /**
   * Below the prefix; `:database` and `:collection` name the target of the action, `:last` any
   * other name.
   */
  readonly pattern: string;
  /** Name for access (`admin:<operation>`) and for metrics. */
  readonly operation: string;
  readonly status: 200 | 201 | 204;
  /** Returns what is answered as JSON; undefined for 204. */
  run(call: Call): Promise<unknown>;
}

const COLLECTION = "databases/:database/collections/:collection";

export const ADMIN_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "status",
    operation: "GetStatus",
    status: 200,
    run: ({ context, principal }) =>
      Promise.resolve({
        accountId: principal.accountId,
        keyId: principal.keyId,
        stats: context.engine.stats(),
      }),
  },
  {
    method: "GET",
    pattern: "keys",
    operation: "ListKeys",
    status: 200,
    run: ({ context, query }) => context.access.listKeys(decodePage(query)),
  },
  {
    method: "POST",
    pattern: "keys",
    operation: "CreateKey",
    status: 201,
    run: async (call) => {
      // A key that could make keys could give itself every right.
      if (call.principal.kind !== "admin") {
        throw new InsulaError(
          "permission_denied",
          "Cannot create a key: expected the admin secret.",
        );
      }
      return call.context.access.createKey(decodeKey(decodeBody(await call.body())));
    },
  },
  {
    method: "DELETE",
    pattern: "keys/:last",
    operation: "RevokeKey",
    status: 204,
    run: ({ context, last }) => context.access.revokeKey(last),
  },
  {
    method: "GET",
    pattern: "databases",
    operation: "ListDatabases",
    status: 200,
    run: ({ context, query }) => context.engine.listDatabases(decodePage(query)),
  },
  {
    method: "POST",
    pattern: "databases",
    operation: "CreateDatabase",
    status: 201,
    run: async ({ context, body }) =>
      context.engine.createDatabase(decodeName(decodeBody(await body()))),
  },
  {
    method: "GET",
    pattern: "databases/:database",
    operation: "GetDatabase",
    status: 200,
    run: async ({ context, database }) =>
      (await context.engine.getDatabase(database)) ??
      missing("database_not_found", "database", database),
  },
  {
    method: "DELETE",
    pattern: "databases/:database",
    operation: "DeleteDatabase",
    status: 204,
    run: ({ context, database }) => context.engine.deleteDatabase(database),
  },
  {
    method: "GET",
    pattern: "databases/:database/collections",
    operation: "ListCollections",
    status: 200,
    run: ({ context, database, query }) =>
      context.engine.listCollections(database, decodePage(query)),
  },
  {
    method: "POST",
    pattern: "databases/:database/collections",
    operation: "CreateCollection",
    status: 201,
    run: async ({ context, database, body }) => {
      const members = decodeBody(await body());
      return context.engine.createCollection(
        database,
        decodeName(members),
        decodeCollection(members),
      );
    },
  },
  {
    method: "GET",
    pattern: COLLECTION,
    operation: "GetCollection",
    status: 200,
    run: async ({ context, database, collection }) =>
      (await context.engine.getCollection(database, collection)) ??
      missing("collection_not_found", "collection", collection),
  },
  {
    method: "PATCH",
    pattern: COLLECTION,
    operation: "UpdateCollection",
    status: 200,
    run: async ({ context, database, collection, body }) =>
      context.engine.updateCollection(
        database,
        collection,
        decodeCollectionPatch(decodeBody(await body())),
      ),
  },
  {
    method: "DELETE",
    pattern: COLLECTION,
    operation: "DeleteCollection",
    status: 204,
    run: ({ context, database, collection }) =>
      context.engine.deleteCollection(database, collection),
  },
  {
    method: "GET",
    pattern: `${COLLECTION}/tenants`,
    operation: "ListTenants",
    status: 200,
    run: ({ context, database, collection, query }) =>
      context.engine.listTenants(database, collection, decodePage(query)),
  },
  {
    method: "POST",
    pattern: `${COLLECTION}/tenants`,
    operation: "CreateTenant",
    status: 201,
    run: async ({ context, database, collection, body }) => {
      const tenant = decodeName(decodeBody(await body()));
      return context.engine.createTenant({ database, collection, tenant });
    },
  },
  {
    method: "DELETE",
    pattern: `${COLLECTION}/tenants/:last`,
    operation: "DeleteTenant",
    status: 204,
    run: ({ context, database, collection, last }) =>
      context.engine.deleteTenant({ database, collection, tenant: last }),
  },
];

function missing(
  code: "database_not_found" | "collection_not_found",
  word: string,
  name: string,
): never {
  throw new InsulaError(
    code,
    `Cannot get ${word} ${JSON.stringify(name)}: there is none of that name.`,
  );
}
