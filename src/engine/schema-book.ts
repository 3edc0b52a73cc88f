/** Schemas by number: equal ones are interned, so that a million equal collections share one. */
import { createHash } from "node:crypto";
import { toHex } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Schema } from "../model/index.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { collectionSchemaKey, schemaByNumberKey, schemaKey } from "./catalog-keys.ts";
import { decodeSchema, encodeSchema, type StoredSchema } from "./catalog-rows.ts";
import type { NumberCounter } from "./number-counter.ts";

/** Cached schemas. */
const CACHED_MAX = 10_000;

/** Slot of the key that all tenants of a collection share; undefined when it has none. */
export async function collectionKeySlot(
  catalog: Pick<Catalog, "get">,
  collectionNumber: number,
): Promise<number | undefined> {
  return readNumber(await catalog.get(collectionSchemaKey(collectionNumber)), 1);
}

export class SchemaBook {
  readonly #catalog: Catalog;
  readonly #numbers: NumberCounter;
  readonly #locks = new KeyedLock();
  readonly #byNumber = new LruMap<number, StoredSchema>(CACHED_MAX);
  readonly #numbersByHash = new LruMap<string, number>(CACHED_MAX);

  constructor(catalog: Catalog, numbers: NumberCounter) {
    this.#catalog = catalog;
    this.#numbers = numbers;
  }

  /** The schema of a collection by its number; undefined when the collection is gone. */
  async ofCollection(collectionNumber: number): Promise<Schema | undefined> {
    const bytes = await this.#catalog.get(collectionSchemaKey(collectionNumber));
    const schemaNumber = readNumber(bytes);
    return schemaNumber === undefined ? undefined : (await this.get(schemaNumber)).schema;
  }

  /** Slot of the key that all tenants of the collection share; undefined when it has none. */
  async keySlotOf(collectionNumber: number): Promise<number | undefined> {
    return collectionKeySlot(this.#catalog, collectionNumber);
  }

  /** The change that remembers which schema a collection has, and the slot of its key or 0. */
  assign(collectionNumber: number, schemaNumber: number, keySlot: number): CatalogChange {
    const key = collectionSchemaKey(collectionNumber);
    const slot = keySlot === 0 ? NO_BYTES : writeNumber(keySlot);
    return { kind: "put", key, value: Buffer.concat([writeNumber(schemaNumber), slot]) };
  }

  async intern(schema: Schema, isMultiTenant: boolean): Promise<number> {
    const bytes = encodeSchema(schema, isMultiTenant);
    const hash = createHash("sha256").update(bytes).digest();
    const id = toHex(hash);
    const known = this.#numbersByHash.get(id);
    if (known !== undefined) return known;
    return this.#locks.run(`s${id}`, async () => {
      const stored = await this.#catalog.get(schemaKey(hash));
      let number = this.#numbersByHash.get(id) ?? readNumber(stored);
      if (number === undefined) {
        const next = await this.#numbers.next();
        number = next.number;
        await this.#catalog.commit([
          next.change,
          { kind: "put", key: schemaKey(hash), value: writeNumber(number) },
          { kind: "put", key: schemaByNumberKey(number), value: bytes },
        ]);
      }
      this.#numbersByHash.set(id, number);
      return number;
    });
  }

  async get(schemaNumber: number): Promise<StoredSchema> {
    const known = this.#byNumber.get(schemaNumber);
    if (known !== undefined) return known;
    const bytes = await this.#catalog.get(schemaByNumberKey(schemaNumber));
    if (bytes === undefined) {
      throw new InsulaError("data_damaged", "Cannot open a collection: its schema is missing.");
    }
    const stored = decodeSchema(bytes);
    this.#byNumber.set(schemaNumber, stored);
    return stored;
  }
}

function writeNumber(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** The number at a position of the row; undefined when there is no row or it is shorter. */
function readNumber(bytes: Uint8Array | undefined, position = 0): number | undefined {
  const start = position * 8;
  if (bytes === undefined || bytes.length < start + 8) return undefined;
  return Number(Buffer.from(bytes).readBigUInt64LE(start));
}

const NO_BYTES = new Uint8Array(0);
