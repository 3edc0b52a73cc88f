/** A way to keep very many sleepers apart: as tenants of one collection, or as collections. */
import type { Collection, Insula, Records } from "../../src/client/index.ts";
import type { Engine } from "../../src/engine/index.ts";
import type { Metric, Place, Schema } from "../../src/model/index.ts";

/** The many small ones. */
export const DATABASE = "million";
/** The few that are read from the disk to be searched: a listing of the others has none of them. */
export const LARGE_DATABASE = "large";

export interface Way {
  readonly name: "tenants" | "collections";
  /** What there is one of before the first is made. */
  prepare(engine: Engine): Promise<void>;
  /** Small ones, as many at once as a call of everybody's takes, or as callers wait together. */
  create(engine: Engine, names: readonly string[]): Promise<void>;
  createLarge(engine: Engine, name: string): Promise<void>;
  /** @param database  {@link DATABASE} or {@link LARGE_DATABASE}. */
  placeOf(database: string, name: string): Place;
  /** All names, page after page. @returns how many there are. */
  list(client: Insula): Promise<number>;
  /**
   * One look of a policy at all of them. @returns how many were looked at; undefined where there is
   * no policy.
   */
  sweep(client: Insula): Promise<number | undefined>;
  /** @returns milliseconds until it was unreadable: its key is gone. @throws when it is not. */
  erase(target: ErasureTarget, name: string): Promise<number>;
}

export interface ErasureTarget {
  readonly client: Insula;
  readonly dataDir: string;
}

/** Of all pages. */
export const PAGE_LIMIT = 10_000;

export function schemaOf(dimension: number): Schema {
  const metric: Metric = "cosine";
  return { vectors: [{ name: "", dimension, metric }], identity: "key", unfilterable: [] };
}

export function recordsOf(client: Insula, { database, collection, tenant }: Place): Records {
  const found: Collection = client.collection(database, collection);
  return tenant === undefined ? found : found.tenant(tenant);
}

/** @param ask gives one page. @returns how many items all pages have. */
export async function countPages(
  ask: (page: { limit: number; after?: string }) => Promise<{
    readonly items: readonly { readonly name: string }[];
    readonly hasMore: boolean;
  }>,
): Promise<number> {
  let count = 0;
  for (let after: string | undefined; ;) {
    const { items, hasMore } = await ask({
      limit: PAGE_LIMIT,
      ...(after === undefined ? {} : { after }),
    });
    count += items.length;
    after = items.at(-1)?.name;
    if (!hasMore) return count;
  }
}
