/** A session with a running server: the calls of the library's remote body, and a few besides. */
import type { AccessKeyView, CreatedAccessKey } from "../access/index.ts";
import { isInsulaError } from "../base/errors.ts";
import { HttpChannel, RemoteCalls, type PlainQuery, type Sent } from "../client/index.ts";
import type { EngineStats, MasterKeyRotation, Page, PageRequest } from "../engine/api.ts";
import type { Query } from "../model/index.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";
import { printFilter } from "./filter-text.ts";
import { createRemoteCopies } from "./session-copies.ts";
import type { Session, SessionCatalog, SessionRecords } from "./session.ts";

/** How a command proves who it is. */
export interface ServerAccess {
  readonly url: string;
  /** The admin secret, or `<key id>.<secret>`. */
  readonly token: string;
}

/** Opens nothing and keeps no connection of its own. */
export function openRemoteSession({ url, token }: ServerAccess): Session {
  const channel = new CommandChannel(url, token);
  const calls = new RemoteCalls(channel);
  const origin = `the server at ${url}`;
  return {
    origin,
    catalog: createCatalog(calls),
    records: createRecords(calls),
    keys: {
      createKey: async (key) =>
        (await channel.send("keys", {
          method: "POST",
          body: JSON.stringify(key),
        })) as CreatedAccessKey,
      listKeys: async (page) => (await channel.send(`keys${toQuery(page)}`)) as Page<AccessKeyView>,
      rotateKey: async (id, options = {}) =>
        (await channel.send(`keys/${encodeURIComponent(id)}/rotate`, {
          method: "POST",
          body: JSON.stringify(options),
        })) as CreatedAccessKey,
      limitKey: async (id, patch) =>
        (await channel.send(`keys/${encodeURIComponent(id)}`, {
          method: "PATCH",
          body: JSON.stringify(patch),
        })) as AccessKeyView,
      revokeKey: async (id) => {
        await channel.send(`keys/${encodeURIComponent(id)}`, { method: "DELETE" });
      },
    },
    copies: createRemoteCopies((path, body) =>
      channel.send(path, body && { method: "POST", body: JSON.stringify(body) }),
    ),
    status: async () => {
      const { accountId, stats } = (await channel.send("status")) as {
        accountId: string;
        stats: EngineStats;
      };
      return { origin, isServer: true, accountId, stats };
    },
    rotateMasterKey: async (masterKey) =>
      (await channel.send("master-key/rotate", {
        method: "POST",
        body: JSON.stringify(masterKey === undefined ? {} : { masterKey }),
      })) as MasterKeyRotation,
    setLogLevel: async (level) => {
      await channel.send("log-level", { method: "PUT", body: JSON.stringify({ level }) });
    },
    [Symbol.asyncDispose]: () => calls.close(),
  };
}

/** Says which server it was, and what to do, where nobody answers or somebody else. */
class CommandChannel extends HttpChannel {
  readonly #url: string;

  constructor(url: string, secret: string) {
    super({ url, secret });
    this.#url = url;
  }

  override async send(path: string, sent: Sent = {}): Promise<unknown> {
    try {
      return await super.send(path, sent);
    } catch (error) {
      throw this.#named(error);
    }
  }

  override async *lines(path: string, sent: Sent = {}): AsyncGenerator<readonly unknown[]> {
    let hasBegun = false;
    try {
      for await (const lines of super.lines(path, sent)) {
        hasBegun = true;
        yield lines;
      }
    } catch (error) {
      throw this.#named(error, hasBegun ? "The same command begins anew." : undefined);
    }
  }

  #named(
    error: unknown,
    advice = "Start a server with `insula serve`, or name another with --url.",
  ): unknown {
    if (!isInsulaError(error) || error.code !== "io_failed") return error;
    return new CommandError(
      EXIT_CODES.unreachable,
      `${this.#url}: ${error.message}`,
      advice,
      error,
    );
  }
}

function createCatalog(calls: RemoteCalls): SessionCatalog {
  return {
    createDatabase: (name) => calls.createDatabase(name, {}),
    getDatabase: (name) => calls.getDatabase(name, {}),
    listDatabases: (page) => calls.listDatabases(page, {}),
    deleteDatabase: (name) => calls.deleteDatabase(name, {}),
    createCollection: (database, collection, made) =>
      calls.createCollection({ database, collection }, made, {}),
    getCollection: (database, collection) => calls.getCollection({ database, collection }, {}),
    listCollections: (database, page) => calls.listCollections(database, page, {}),
    updateCollection: (database, collection, patch) =>
      calls.updateCollection({ database, collection }, patch, {}),
    deleteCollection: (database, collection) =>
      calls.deleteCollection({ database, collection }, {}),
    createTenant: (place) => calls.createTenant(place, {}),
    createTenants: (database, collection, names) =>
      calls.createTenants({ database, collection }, names, {}),
    getTenant: (place) => calls.getTenant(place, {}),
    listTenants: (database, collection, page) =>
      calls.listTenants({ database, collection }, page, {}),
    setTenantStates: (database, collection, request) =>
      calls.setTenantStates({ database, collection }, request, {}),
    warmTenants: (database, collection, request) =>
      calls.warmTenants({ database, collection }, request, {}),
    sweepTenants: (database, collection, request) =>
      calls.sweepTenants({ database, collection }, request, {}),
    renameTenant: (place, name) => calls.renameTenant(place, name, {}),
    deleteTenant: (place) => calls.deleteTenant(place, {}),
    getLimits: (place) => calls.getLimits(place, {}),
    setLimits: (place, patch) => calls.setLimits(place, patch, {}),
    usage: (request) => calls.usage(request, {}),
    locate: (place) => calls.locate(place, {}),
    eraseTenant: (place) => calls.eraseTenant(place, {}),
    customers: {
      list: (database, page) => calls.customers.list(database, page, {}),
      get: (place) => calls.customers.get(place, {}),
      suspend: (place) => calls.customers.suspend(place, {}),
      resume: (place) => calls.customers.resume(place, {}),
      erase: (place) => calls.customers.erase(place, {}),
      copy: (place, name) => calls.customers.copy(place, name, {}),
      usage: (place, asked) => calls.customers.usage(place, asked, {}),
    },
  };
}

function createRecords(calls: RemoteCalls): SessionRecords {
  return {
    upsert: (place, batch) => calls.write("upsert", place, batch, {}),
    delete: (place, keys) => calls.delete(place, { kind: "keys", keys }, {}),
    get: (place, keys, include) => calls.get(place, keys, include, {}),
    query: (place, query) => calls.query(place, toPlainQuery(query), {}),
    queryMany: (places, query) => calls.queryMany(places, toPlainQuery(query), {}),
    list: async (place, { limit, include, cursor }) => {
      const page = { limit, include, ...(cursor !== undefined && { after: cursor }) };
      const { items, hasMore } = await calls.list(place, page, {});
      const last = items.at(-1);
      return { items, ...(hasMore && last !== undefined && { cursor: last.key }) };
    },
    stream: (place, options) => calls.customers.stream(place, options),
  };
}

/** The server reads filters itself, in the words of filter-text.ts. */
function toPlainQuery({ filter, signal: _, ...query }: Query): PlainQuery {
  const where = filter === undefined ? undefined : printFilter(filter);
  return { ...query, ...(where !== undefined && { where }) };
}

function toQuery(page: PageRequest): string {
  const parameters = new URLSearchParams({ limit: String(page.limit) });
  if (page.prefix !== undefined) parameters.set("prefix", page.prefix);
  if (page.after !== undefined) parameters.set("after", page.after);
  return `?${parameters.toString()}`;
}
