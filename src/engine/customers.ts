/** What callers do with one customer over all collections of a database. */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import type { UsageItem, UsageRequest } from "../model/index.ts";
import type {
  CustomerCalls,
  CustomerErasure,
  CustomerInfo,
  CustomerPlace,
  CustomerStanding,
  CustomerTenant,
  CustomerUsage,
  CustomerUsageRequest,
  Page,
  PageRequest,
  UsagePage,
} from "./api.ts";
import {
  ERASURE_PREFIX,
  collectionPrefix,
  customerPrefix,
  endOfPrefix,
  erasedShardKey,
  erasedShardPrefix,
  erasureKey,
  nameAfter,
  numberOfErasureKey,
} from "./catalog-keys.ts";
import { decodeCollection } from "./catalog-rows.ts";
import type { CopiedTenant } from "./customer-copy.ts";
import { readAll } from "./customer-removals.ts";
import {
  decodeCustomer,
  decodeErased,
  decodeErasure,
  encodeErased,
  encodeErasure,
  shardOfErasedKey,
  type CustomerRow,
  type ErasureRow,
} from "./customer-rows.ts";
import { sumUsage } from "./customer-usage.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry, DatabaseEntry } from "./directory-entries.ts";
import { writeReceipt } from "./erasure.ts";
import type { Infos } from "./infos.ts";
import { USAGE_PLACES_MAX } from "./limits.ts";
import { listNames } from "./name-listing.ts";
import { checkName } from "./names.ts";
import type { NodeContext } from "./node-context.ts";
import type { Tenants } from "./tenants.ts";

/** Rows of collections read in one step. */
const STEP_ROWS = 256;

export interface CustomerDoors {
  readonly node: Pick<NodeContext, "catalog" | "sweeper" | "shards">;
  readonly directory: Directory;
  readonly infos: Infos;
  readonly tenants: Pick<Tenants, "remove" | "erasureDoors">;
  readonly copyAll: (sources: readonly CopiedTenant[], name: string) => Promise<void>;
  readonly usage: (request: UsageRequest) => Promise<UsagePage>;
  readonly onFault: (error: unknown) => void;
}

/** One that nobody else suspends, resumes, erases or copies. */
interface Held {
  readonly database: DatabaseEntry;
  readonly name: string;
}

export class Customers implements CustomerCalls {
  readonly #doors: CustomerDoors;
  readonly #locks = new KeyedLock();
  #goingOn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(doors: CustomerDoors) {
    this.#doors = doors;
  }

  async list(name: string, page: PageRequest): Promise<Page<CustomerStanding>> {
    const database = await this.#doors.directory.databaseNamed(name);
    const { catalog } = this.#doors.node;
    const { items, hasMore } = await listNames(catalog, customerPrefix(database.row.number), page);
    const standings = items.map(({ name: tenant, value }) => {
      const row = decodeCustomer(value);
      return { database: name, tenant, state: stateOf(row), sinceMs: row.sinceMs };
    });
    return { items: standings, hasMore };
  }

  get(place: CustomerPlace): Promise<CustomerInfo> {
    return this.#hold(place, (held) => this.#describe(held));
  }

  suspend(place: CustomerPlace): Promise<CustomerInfo> {
    return this.#hold(place, async (held) => {
      const { database, name } = held;
      const before = await this.#describe(held);
      if (before.state !== "ACTIVE") return before;
      const sinceMs = this.#doors.node.shards.clock.wallMs();
      const row = { isErasing: false, sinceMs };
      await this.#doors.directory.customers.write(database.row.number, name, row);
      return { ...before, state: "SUSPENDED", sinceMs };
    });
  }

  resume(place: CustomerPlace): Promise<CustomerInfo> {
    return this.#hold(place, async (held) => {
      const { customers } = this.#doors.directory;
      const { number } = held.database.row;
      const { sinceMs: _, ...before } = await this.#describe(held);
      // An erasure cannot be taken back.
      if (before.state === "ERASING") await customers.admit(number, held.name);
      if (before.state === "SUSPENDED") await customers.write(number, held.name, undefined);
      return { ...before, state: "ACTIVE" };
    });
  }

  erase(place: CustomerPlace): Promise<CustomerErasure> {
    return this.#hold(place, async (held) => {
      const { catalog } = this.#doors.node;
      const { number } = held.database.row;
      const bytes = await catalog.get(erasureKey(number, held.name));
      const begun = bytes && decodeErasure(bytes);
      if (begun === undefined) await this.#describe(held);
      await this.#remove(held, begun);
      const rows = await readAll(catalog, erasedShardPrefix(number, held.name));
      const tenants = [];
      for (const [key, value] of rows) {
        const { collection, erased } = decodeErased(shardOfErasedKey(key), value);
        const at = { database: held.database.name, collection, tenant: held.name };
        tenants.push(await writeReceipt(this.#doors.tenants.erasureDoors, at, erased));
      }
      // What a close has cut short is not told of as done: the rows stay.
      this.#requireOpen();
      await this.#doors.directory.customers.write(number, held.name, undefined, [
        { kind: "delete", key: erasureKey(number, held.name) },
        ...rows.map(([key]) => ({ kind: "delete" as const, key })),
      ]);
      tenants.sort((a, b) => (a.collection < b.collection ? -1 : 1));
      return {
        database: held.database.name,
        tenant: held.name,
        tenants,
        recordCount: tenants.reduce((sum, { recordCount }) => sum + recordCount, 0),
        isUnreadable: tenants.every(({ isUnreadable }) => isUnreadable),
        wasInterrupted: begun !== undefined,
      };
    });
  }

  copy(place: CustomerPlace, name: string): Promise<CustomerInfo> {
    return this.#hold(place, async (held) => {
      checkName(name);
      const sources: CopiedTenant[] = [];
      for await (const collection of this.#collections(held.database)) {
        const entry = await this.#doors.directory.tenants.find(collection, held.name);
        if (entry !== undefined) sources.push({ collection, shard: entry.row.shard });
      }
      if (sources.length === 0) throw nowhere(held);
      await this.#doors.copyAll(sources, name);
      return this.#describe({ ...held, name });
    });
  }

  async usage(place: CustomerPlace, asked: CustomerUsageRequest): Promise<CustomerUsage> {
    checkName(place.tenant);
    const { database, tenant } = place;
    await this.#doors.directory.databaseNamed(database);
    const items: UsageItem[] = [];
    const request = { ...asked, database, tenant, limit: USAGE_PLACES_MAX };
    for (let after: UsagePage["last"]; ;) {
      const page = await this.#doors.usage({ ...request, ...(after && { after }) });
      items.push(...page.items);
      after = page.last;
      if (!page.hasMore || after === undefined) break;
    }
    return { database, tenant, total: sumUsage(items), items };
  }

  /** Goes on with the erasures that the life before this one did not finish. */
  start(): void {
    this.#goingOn = this.#goOn().catch(this.#doors.onFault);
  }

  async #goOn(): Promise<void> {
    const { catalog } = this.#doors.node;
    for (const [key, value] of await readAll(catalog, ERASURE_PREFIX)) {
      const { database, isDone } = decodeErasure(value);
      if (isDone || this.#isClosed) continue;
      const place = { database, tenant: nameAfter(key, key.slice(0, ERASURE_KEY_HEAD)) };
      await this.#hold(place, async (held) => {
        const { number } = held.database.row;
        // Another database of the name, or somebody was faster.
        const row = number === numberOfErasureKey(key) ? await catalog.get(key) : undefined;
        if (row === undefined) return;
        const begun = decodeErasure(row);
        await this.#remove(held, begun);
        this.#requireOpen();
        const done = encodeErasure({ ...begun, isDone: true });
        await this.#doors.directory.customers.write(number, held.name, undefined, [
          { kind: "put", key, value: done },
        ]);
      }).catch((error: unknown) => {
        if (!isInsulaError(error) || error.code !== "engine_closed") this.#doors.onFault(error);
      });
    }
  }

  /** Ends what is under way between two collections; the next start goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#goingOn;
  }

  /** All its tenants, one after the other; each with the row that the receipt is made of. */
  async #remove({ database, name }: Held, begun: ErasureRow | undefined): Promise<void> {
    const { directory, tenants, node } = this.#doors;
    const { number } = database.row;
    const beganAtMs = begun?.beganAtMs ?? node.shards.clock.wallMs();
    const row = encodeErasure({ database: database.name, beganAtMs, isDone: false });
    // From here on nobody makes a tenant of this name.
    await directory.customers.write(number, name, { isErasing: true, sinceMs: beganAtMs }, [
      { kind: "put", key: erasureKey(number, name), value: row },
    ]);
    for await (const collection of this.#collections(database)) {
      try {
        await tenants.remove(collection, name, (erased) => [
          {
            kind: "put",
            key: erasedShardKey(number, name, erased.uid),
            value: encodeErased({ collection: collection.name, erased }),
          },
        ]);
      } catch (error) {
        if (!isInsulaError(error) || error.code !== "tenant_not_found") throw error;
      }
    }
    await node.sweeper.settle();
  }

  /** @throws InsulaError `tenant_not_found` for one that is nowhere, and not suspended either. */
  async #describe({ database, name }: Held): Promise<CustomerInfo> {
    const { directory, infos } = this.#doors;
    const row = await directory.customers.read(database.row.number, name);
    const tenants: CustomerTenant[] = [];
    for await (const collection of this.#collections(database)) {
      const entry = await directory.tenants.find(collection, name);
      if (entry === undefined) continue;
      const { name: _, ...info } = await infos.tenant(name, entry.row);
      tenants.push({ collection: collection.name, ...info });
    }
    if (row === undefined && tenants.length === 0) throw nowhere({ database, name });
    const refused = row && { sinceMs: row.sinceMs };
    return {
      ...{ database: database.name, tenant: name },
      state: row === undefined ? "ACTIVE" : stateOf(row),
      ...refused,
      tenants,
      rowCount: tenants.reduce((sum, { rowCount }) => sum + rowCount, 0),
      byteCount: tenants.reduce((sum, { byteCount }) => sum + byteCount, 0),
    };
  }

  /** Those with tenants, by name. */
  async *#collections(database: DatabaseEntry): AsyncIterable<CollectionEntry> {
    const { directory, node } = this.#doors;
    const prefix = collectionPrefix(database.row.number);
    const range = { end: endOfPrefix(prefix), limit: STEP_ROWS };
    for (let start = prefix; ;) {
      this.#requireOpen();
      const isExclusive = start !== prefix;
      const rows = await node.catalog.scan({ ...range, start, startIsExclusive: isExclusive });
      for (const [key, value] of rows) {
        start = key;
        if (decodeCollection(value).shard !== undefined) continue;
        const entry = await directory.collection(database.name, nameAfter(key, prefix));
        if (entry?.isGone === false) yield entry;
        this.#requireOpen();
      }
      if (rows.length < STEP_ROWS) return;
    }
  }

  async #hold<Value>(
    { database: databaseName, tenant: name }: CustomerPlace,
    work: (held: Held) => Promise<Value>,
  ): Promise<Value> {
    this.#requireOpen();
    checkName(name);
    const database = await this.#doors.directory.databaseNamed(databaseName);
    return this.#locks.run(`${String(database.row.number)}\0${name}`, () =>
      work({ database, name }),
    );
  }

  #requireOpen(): void {
    if (!this.#isClosed) return;
    throw new InsulaError("engine_closed", "Cannot use the engine: it is closed.");
  }
}

/** Letters and the number of the database. */
const ERASURE_KEY_HEAD = ERASURE_PREFIX.length + 8;

function stateOf({ isErasing }: CustomerRow): CustomerStanding["state"] {
  return isErasing ? "ERASING" : "SUSPENDED";
}

function nowhere({ database, name }: Held): InsulaError {
  return new InsulaError(
    "tenant_not_found",
    `Cannot find tenant "${name}" in any collection of database "${database.name}".`,
  );
}
