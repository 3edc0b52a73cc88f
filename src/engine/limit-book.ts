/**
 * The limits of places: rows of the catalogue, one a collection and one a tenant that has its own.
 *
 * A tenant's row is that of its shard, so that a tenant made again under the same name has none. A
 * collection without a row has no limits at all, nor have its tenants: then a call costs one look
 * into a map. What is set holds for the next call.
 */
import { shardHex } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { LruMap } from "../base/lru-map.ts";
import {
  patchLimits,
  type LimitsInfo,
  type LimitsPatch,
  type PlaceLimits,
} from "../model/index.ts";
import type { Catalog } from "./catalog.ts";
import { collectionLimitsKey, shardLimitsKey, type EncodedKey } from "./catalog-keys.ts";
import { NO_LIMITS, decodeLimits, encodeLimits, type LimitRow } from "./limit-row.ts";
import { hasShard, type FoundPlace, type FoundShard } from "./tenant-gate.ts";

/** Rows in memory; about 200 bytes each. */
const CACHED_ROWS_MAX = 20_000;

export class LimitBook {
  readonly #catalog: Pick<Catalog, "get" | "commit">;
  readonly #rows = new LruMap<EncodedKey, LimitRow>(CACHED_ROWS_MAX);
  /** By shard: the limits that hold. */
  readonly #effective = new LruMap<string, PlaceLimits>(CACHED_ROWS_MAX);
  /** Numbers of collections that have no row. */
  readonly #unlimited = new LruMap<number, true>(CACHED_ROWS_MAX);
  readonly #locks = new KeyedLock();
  /** Changes so far: what was read before one is not kept after it. */
  #changes = 0;

  constructor(catalog: Pick<Catalog, "get" | "commit">) {
    this.#catalog = catalog;
  }

  /** What holds for a place; undefined when nothing does. */
  find(found: FoundShard): PlaceLimits | undefined | Promise<PlaceLimits | undefined> {
    if (this.#unlimited.get(found.collection.row.number) === true) return undefined;
    return this.#effective.get(shardHex(found.shard)) ?? this.#load(found);
  }

  async read(found: FoundPlace): Promise<LimitsInfo> {
    if (!hasShard(found)) {
      const { limits } = await this.#row(collectionLimitsKey(found.collection.row.number));
      return { own: limits, effective: limits };
    }
    const effective = (await this.#load(found)) ?? {};
    return { own: (await this.#row(ownKey(found))).limits, effective };
  }

  /**
   * Durable, and in force for the next call, when the promise resolves.
   *
   * @param found of a tenant, or a collection: what holds for its tenants that have no own.
   */
  async change(found: FoundPlace, patch: LimitsPatch): Promise<LimitsInfo> {
    const { collection } = found;
    const collectionKey = collectionLimitsKey(collection.row.number);
    await this.#locks.run(collectionKey, async () => {
      if (collection.isGone) {
        throw new InsulaError("collection_not_found", "Cannot set the limits: it was deleted.");
      }
      const ofCollection = await this.#row(collectionKey);
      const isTenant = found.tenant !== undefined && hasShard(found);
      const key = isTenant ? shardLimitsKey(found.shard) : collectionKey;
      const limits = patchLimits((await this.#row(key)).limits, patch);
      const rows = new Map<EncodedKey, LimitRow>([
        [collectionKey, { ...ofCollection, hasTenants: ofCollection.hasTenants || isTenant }],
      ]);
      rows.set(key, { limits, hasTenants: isTenant ? false : ofCollection.hasTenants });
      await this.#catalog.commit(
        [...rows].map(([rowKey, row]) => ({ kind: "put", key: rowKey, value: encodeLimits(row) })),
      );
      this.#changes++;
      this.#rows.clear();
      this.#effective.clear();
      this.#unlimited.clear();
    });
    return this.read(found);
  }

  async #load(found: FoundShard): Promise<PlaceLimits | undefined> {
    const changes = this.#changes;
    const { number } = found.collection.row;
    const ofCollection = await this.#row(collectionLimitsKey(number));
    if (ofCollection === NO_LIMITS) {
      if (changes === this.#changes) this.#unlimited.set(number, true);
      return undefined;
    }
    const isOwn = found.tenant !== undefined && ofCollection.hasTenants;
    const own = isOwn ? (await this.#row(shardLimitsKey(found.shard))).limits : {};
    const effective = { ...ofCollection.limits, ...own };
    if (changes === this.#changes) this.#effective.set(shardHex(found.shard), effective);
    return effective;
  }

  /** NO_LIMITS itself where there is no row. */
  async #row(key: EncodedKey): Promise<LimitRow> {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const changes = this.#changes;
    const bytes = await this.#catalog.get(key);
    const row = bytes === undefined ? NO_LIMITS : decodeLimits(bytes);
    if (changes === this.#changes) this.#rows.set(key, row);
    return row;
  }
}

function ownKey({ collection, tenant, shard }: FoundShard): EncodedKey {
  return tenant === undefined ? collectionLimitsKey(collection.row.number) : shardLimitsKey(shard);
}
