/**
 * Where the records of one customer go: each into its collection, which may be made for it.
 *
 * The checkpoint notes when each tenant that was written was made. So an import goes on only where
 * what it wrote before still is: not behind a collection that was dropped and made anew, nor behind
 * a customer that was erased.
 */
import type { CustomerPlace } from "../../engine/api.ts";
import type { Metric, Place, WriteBatch } from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import type { Session } from "../session.ts";
import type { NotedTenants } from "./checkpoint.ts";
import type { ImportTarget } from "./import-run.ts";

export class CustomerTarget implements ImportTarget {
  readonly tenants: Map<string, number> = new Map<string, number>();
  readonly #session: Pick<Session, "catalog" | "records">;
  readonly #customer: CustomerPlace;
  readonly #made: { readonly metric: Metric } | undefined;
  /** Of collections that are looked at; settled when records may be written into it. */
  readonly #ready = new Map<string, Promise<void>>();
  #database: Promise<unknown> | undefined;

  /** @param made how collections that are missing are made; undefined: they are refused. */
  constructor(
    session: Pick<Session, "catalog" | "records">,
    customer: CustomerPlace,
    made: { readonly metric: Metric } | undefined,
  ) {
    this.#session = session;
    this.#customer = customer;
    this.#made = made;
  }

  /** @throws CommandError for a collection that is not there, or has no tenants. */
  async upsert(
    place: Place,
    batch: WriteBatch,
  ): Promise<{ readonly added: number; readonly replaced: number }> {
    let ready = this.#ready.get(place.collection);
    if (ready === undefined) this.#ready.set(place.collection, (ready = this.#open(place, batch)));
    await ready;
    const { rowsAdded, rowsReplaced } = await this.#session.records.upsert(place, batch);
    if (!this.tenants.has(place.collection)) {
      // 0 for one that is gone again: no import goes on behind it.
      this.tenants.set(place.collection, (await this.#createdAtMs(place.collection)) ?? 0);
    }
    return { added: rowsAdded, replaced: rowsReplaced };
  }

  async findOther(noted: NotedTenants): Promise<string | undefined> {
    for (const [collection, createdAtMs] of noted) {
      const info = await this.#session.catalog.getCollection(this.#customer.database, collection);
      const isSame =
        info?.tenancy === "multi" && (await this.#createdAtMs(collection)) === createdAtMs;
      if (!isSame) return collection;
      this.tenants.set(collection, createdAtMs);
    }
    return undefined;
  }

  async #createdAtMs(collection: string): Promise<number | undefined> {
    const info = await this.#session.catalog.getTenant({ ...this.#customer, collection });
    return info?.createdAtMs;
  }

  async #open({ database, collection }: Place, batch: WriteBatch): Promise<void> {
    const { catalog } = this.#session;
    const found = await catalog.getCollection(database, collection);
    if (found?.tenancy === "multi") return;
    if (found !== undefined) {
      throw new CommandError(
        EXIT_CODES.usage,
        `Collection ${collection} has no tenants: a customer has no part in it.`,
      );
    }
    if (this.#made === undefined) {
      throw new CommandError(
        EXIT_CODES.notFound,
        `There is no collection ${collection} in database ${database}.`,
        "Make it first with `insula collection create`, or say --create.",
      );
    }
    const { metric } = this.#made;
    const { keys, vectors, sparse = [] } = batch;
    // Two batches are under way at once, each perhaps the first of its collection.
    await (this.#database ??= this.#makeDatabase(database));
    await catalog.createCollection(database, collection, {
      schema: {
        vectors: vectors.map(({ field, values }) => ({
          ...{ name: field, dimension: values.length / keys.length, metric },
        })),
        ...(sparse.length === 0
          ? {}
          : { sparseVectors: sparse.map(({ field }) => ({ name: field })) }),
        identity: "key",
        unfilterable: [],
      },
      tenancy: "multi",
    });
  }

  async #makeDatabase(name: string): Promise<void> {
    const { catalog } = this.#session;
    if ((await catalog.getDatabase(name)) === undefined) await catalog.createDatabase(name);
  }
}
