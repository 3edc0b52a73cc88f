/** The plain calls of the face, put to an engine in this process. */
import type { CallOptions, Calls, RecordCalls } from "../client/index.ts";
import type { Engine } from "../engine/index.ts";
import { filterFromWhere, type Filter, type Place, type Query } from "../model/index.ts";

/** Bytes after which a page of records ends early, as the server's do. */
const PAGE_BYTES_MAX = 8_388_608;

/** The engine stays the caller's; `close` closes it. */
export function createEngineCalls(engine: Engine): Calls {
  return { ...catalogCalls(engine), ...recordCalls(engine), close: () => engine.close() };
}

function catalogCalls(engine: Engine): Omit<Calls, keyof RecordCalls | "close"> {
  return {
    createDatabase: (name) => engine.createDatabase(name),
    getDatabase: (name) => engine.getDatabase(name),
    listDatabases: (page) => engine.listDatabases(page),
    deleteDatabase: (name) => engine.deleteDatabase(name),
    createCollection: ({ database, collection }, made) =>
      engine.createCollection(database, collection, made),
    getCollection: ({ database, collection }) => engine.getCollection(database, collection),
    listCollections: (database, page) => engine.listCollections(database, page),
    updateCollection: ({ database, collection }, patch) =>
      engine.updateCollection(database, collection, patch),
    deleteCollection: ({ database, collection }) => engine.deleteCollection(database, collection),
    createTenant: (place) => engine.createTenant(place),
    createTenants: ({ database, collection }, names) =>
      engine.createTenants(database, collection, names),
    getTenant: (place) => engine.getTenant(place),
    listTenants: ({ database, collection }, page, { signal }) =>
      engine.listTenants(database, collection, signal === undefined ? page : { ...page, signal }),
    setTenantState: (place, state) => engine.setTenantState(place, state),
    setTenantStates: ({ database, collection }, request) =>
      engine.setTenantStates(database, collection, request),
    warmTenants: ({ database, collection }, request) =>
      engine.warmTenants(database, collection, request),
    sweepTenants: ({ database, collection }, request) =>
      engine.sweepTenants(database, collection, request),
    renameTenant: (place, name) => engine.renameTenant(place, name),
    deleteTenant: (place) => engine.deleteTenant(place),
    usage: (request) => engine.usage(request),
    locate: (place) => engine.locate(place),
    eraseTenant: (place) => engine.eraseTenant(place),
    customers: engine.customers,
  };
}

function recordCalls(engine: Engine): RecordCalls {
  return {
    write: (kind, place, batch, options) => engine[kind](within(place, options), batch),
    delete: async (place, what, options) => {
      const asked = within(place, options);
      switch (what.kind) {
        case "keys":
          return engine.delete(asked, what.keys);
        case "where":
          return engine.deleteWhere(asked, filterFromWhere(what.where));
        case "all":
          return engine.deleteAll(asked);
      }
    },
    get: (place, keys, include, options) => engine.get(within(place, options), keys, include),
    count: async (place, where, options) =>
      engine.count(within(place, options), toFilter(where).filter),
    list: async (place, { where, ...listing }, options) =>
      engine.list(within(place, options), {
        ...listing,
        ...toFilter(where),
        bytesMax: PAGE_BYTES_MAX,
      }),
    query: async (place, { where, ...query }, { signal }) =>
      engine.query(place, toQuery({ ...query, ...toFilter(where) }, signal)),
    queryAll: async (place, queries, { signal }) =>
      engine.queryAll(
        place,
        queries.map(({ where, ...query }) => toQuery({ ...query, ...toFilter(where) }, signal)),
      ),
    keepQuery: async (place, { where, ...query }, pageSize, { signal }) =>
      engine.keepQuery(place, toQuery({ ...query, ...toFilter(where) }, signal), pageSize),
    nextHits: (place, cursor, options) => engine.nextHits(within(place, options), cursor),
    forgetQuery: (place, cursor) => engine.forgetQuery(place, cursor),
    measureRecall: async (place, { where, ...request }, { signal }) =>
      engine.measureRecall(place, {
        ...request,
        ...toFilter(where),
        ...(signal === undefined ? {} : { signal }),
      }),
    getLimits: (place) => engine.getLimits(place),
    setLimits: (place, patch) => engine.setLimits(place, patch),
    queryMany: async (places, { where, ...query }, { signal }) =>
      engine.queryMany(places, toQuery({ ...query, ...toFilter(where) }, signal)),
  };
}

function toFilter(where: object | undefined): { readonly filter?: Filter } {
  return where === undefined ? {} : { filter: filterFromWhere(where) };
}

/** As long as the caller waits. */
function within(place: Place, { signal }: CallOptions): Place {
  return signal === undefined ? place : { ...place, signal };
}

function toQuery(query: Query, signal: AbortSignal | undefined): Query {
  return signal === undefined ? query : { ...query, signal };
}
