/** Routes about the node, databases, collections and tenants. */
import {
  CALLER_ANSWER,
  COLLECTIONS_ANSWER,
  COLLECTION_ANSWER,
  DATABASES_ANSWER,
  DATABASE_ANSWER,
  TENANTS_ANSWER,
  ERASURE_ANSWER,
  TENANTS_CREATED_ANSWER,
  TENANT_ANSWER,
} from "./answers.ts";
import {
  COLLECTION_BODY,
  COLLECTION_PATCH_BODY,
  missing,
  NAMED_BODY,
  TENANTS_BODY,
  toCollectionOptions,
  toCollectionPatch,
} from "./bodies.ts";
import { TENANT_STATES } from "../../model/index.ts";
import { KEY_ROUTES } from "./key-routes.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { decodePage, decodeTenantPage } from "./page.ts";
import { withBody, type Route } from "./route.ts";

export const COLLECTION_PATTERN = "databases/:database/collections/:collection";

const bytesMax = NATIVE_LIMITS.catalogBodyBytesMax;

const NODE_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "caller",
    operation: "GetCaller",
    area: "open",
    status: 200,
    summary: "Whose secret this is.",
    answers: CALLER_ANSWER,
    run: ({ principal }) =>
      Promise.resolve({
        kind: principal.kind,
        accountId: principal.accountId,
        keyId: principal.keyId,
      }),
  },
  {
    method: "GET",
    pattern: "status",
    operation: "GetStatus",
    area: "admin",
    status: 200,
    summary: "Figures of the node.",
    run: ({ context, principal }) =>
      Promise.resolve({
        accountId: principal.accountId,
        keyId: principal.keyId,
        stats: context.engine.stats(),
      }),
  },
];

const DATABASE_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "databases",
    operation: "ListDatabases",
    area: "admin",
    status: 200,
    summary: "Databases by name.",
    answers: DATABASES_ANSWER,
    isPaged: true,
    run: ({ context, request }) => context.engine.listDatabases(decodePage(request.query)),
  },
  withBody({
    method: "POST",
    pattern: "databases",
    operation: "CreateDatabase",
    area: "admin",
    creates: "database",
    status: 201,
    summary: "Creates a database.",
    answers: DATABASE_ANSWER,
    takes: { schema: NAMED_BODY, bytesMax },
    run: ({ context }, { name }) => context.engine.createDatabase(name),
  }),
  {
    method: "GET",
    pattern: "databases/:database",
    operation: "GetDatabase",
    area: "admin",
    status: 200,
    summary: "One database.",
    answers: DATABASE_ANSWER,
    run: async ({ context, database }) => {
      const info = await context.engine.getDatabase(database);
      if (info === undefined) throw missing("database_not_found", "database", database);
      return info;
    },
  },
  {
    method: "DELETE",
    pattern: "databases/:database",
    operation: "DeleteDatabase",
    area: "admin",
    status: 204,
    summary: "Deletes an empty database.",
    run: ({ context, database }) => context.engine.deleteDatabase(database),
  },
];

const COLLECTION_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "databases/:database/collections",
    operation: "ListCollections",
    area: "admin",
    status: 200,
    summary: "Collections by name.",
    answers: COLLECTIONS_ANSWER,
    isPaged: true,
    run: ({ context, database, request }) =>
      context.engine.listCollections(database, decodePage(request.query)),
  },
  withBody({
    method: "POST",
    pattern: "databases/:database/collections",
    operation: "CreateCollection",
    area: "admin",
    creates: "collection",
    status: 201,
    summary: "Creates a collection.",
    answers: COLLECTION_ANSWER,
    takes: { schema: COLLECTION_BODY, bytesMax },
    run: async ({ context, database }, body) =>
      context.engine.createCollection(database, body.name, toCollectionOptions(body)),
  }),
  {
    method: "GET",
    pattern: COLLECTION_PATTERN,
    operation: "GetCollection",
    area: "admin",
    status: 200,
    summary: "One collection, with its schema and its exact sums.",
    answers: COLLECTION_ANSWER,
    run: async ({ context, database, collection }) => {
      const info = await context.engine.getCollection(database, collection);
      if (info === undefined) throw missing("collection_not_found", "collection", collection);
      return info;
    },
  },
  withBody({
    method: "PATCH",
    pattern: COLLECTION_PATTERN,
    operation: "UpdateCollection",
    area: "admin",
    status: 200,
    summary: "Disables, enables, names the embedding model.",
    answers: COLLECTION_ANSWER,
    takes: { schema: COLLECTION_PATCH_BODY, bytesMax },
    run: async ({ context, database, collection }, body) =>
      context.engine.updateCollection(database, collection, toCollectionPatch(body)),
  }),
  {
    method: "DELETE",
    pattern: COLLECTION_PATTERN,
    operation: "DeleteCollection",
    area: "admin",
    status: 204,
    summary: "Gone for every reader when answered; bytes are removed in the background.",
    run: ({ context, database, collection }) =>
      context.engine.deleteCollection(database, collection),
  },
];

const TENANT_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: `${COLLECTION_PATTERN}/tenants`,
    operation: "ListTenants",
    area: "admin",
    status: 200,
    summary: "Tenants by name, size or last use, of a pattern or state; wakes nobody.",
    answers: TENANTS_ANSWER,
    isPaged: true,
    parameters: [
      { name: "pattern", description: "names that match: * any text, ? one character" },
      { name: "state", description: `one of ${TENANT_STATES.join(", ")}` },
      {
        name: "order",
        description: "name, size: the most bytes first, or use: the longest unused first",
      },
    ],
    run: ({ context, database, collection, request }) =>
      context.engine.listTenants(database, collection, {
        ...decodeTenantPage(request.query),
        signal: request.signal,
      }),
  },
  withBody({
    method: "POST",
    pattern: `${COLLECTION_PATTERN}/tenants`,
    operation: "CreateTenant",
    area: "admin",
    creates: "tenant",
    status: 201,
    summary: "Creates a tenant; the first upsert to its name would, too.",
    answers: TENANT_ANSWER,
    takes: { schema: NAMED_BODY, bytesMax },
    run: ({ context, database, collection }, { name }) =>
      context.engine.createTenant({ database, collection, tenant: name }),
  }),
  withBody({
    method: "POST",
    pattern: `${COLLECTION_PATTERN}/tenant-creations`,
    operation: "CreateTenants",
    area: "admin",
    status: 200,
    summary: "Makes those of many names that are missing; repeating it is harmless.",
    answers: TENANTS_CREATED_ANSWER,
    takes: { schema: TENANTS_BODY, bytesMax: NATIVE_LIMITS.keysBodyBytesMax },
    run: ({ context, database, collection }, { names }) =>
      context.engine.createTenants(database, collection, names),
  }),
  {
    method: "GET",
    pattern: `${COLLECTION_PATTERN}/tenants/:tenant`,
    operation: "GetTenant",
    area: "admin",
    status: 200,
    summary: "One tenant.",
    answers: TENANT_ANSWER,
    run: async ({ context, database, collection, tenant = "" }) => {
      const info = await context.engine.getTenant({ database, collection, tenant });
      if (info === undefined) throw missing("tenant_not_found", "tenant", tenant);
      return info;
    },
  },
  withBody({
    method: "POST",
    pattern: `${COLLECTION_PATTERN}/tenants/:tenant/rename`,
    operation: "RenameTenant",
    area: "admin",
    status: 200,
    summary: "Another name for it, at once; the old one is free. Needs the right for both.",
    answers: TENANT_ANSWER,
    takes: { schema: NAMED_BODY, bytesMax },
    run: async ({ context, principal, trail, database, collection, tenant = "" }, { name }) => {
      const target = { database, collection, tenant: name };
      trail.aimAlso(target);
      context.access.authorize(principal, "admin:RenameTenant", target);
      return context.engine.renameTenant({ database, collection, tenant }, name);
    },
  }),
  {
    method: "DELETE",
    pattern: `${COLLECTION_PATTERN}/tenants/:tenant`,
    operation: "DeleteTenant",
    area: "admin",
    status: 204,
    summary: "Gone for every reader when answered.",
    run: ({ context, database, collection, tenant = "" }) =>
      context.engine.deleteTenant({ database, collection, tenant }),
  },
  {
    method: "POST",
    pattern: `${COLLECTION_PATTERN}/tenants/:tenant/erase`,
    operation: "EraseTenant",
    area: "admin",
    status: 200,
    summary: "Removes it, destroys its key, waits for its files, and says what was found.",
    answers: ERASURE_ANSWER,
    run: ({ context, database, collection, tenant = "" }) =>
      context.engine.eraseTenant({ database, collection, tenant }),
  },
];

export const CATALOG_ROUTES: readonly Route[] = [
  ...NODE_ROUTES,
  ...KEY_ROUTES,
  ...DATABASE_ROUTES,
  ...COLLECTION_ROUTES,
  ...TENANT_ROUTES,
];
