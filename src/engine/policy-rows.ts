/**
 * Which collections have a policy, and which have warm schedules: a row for each, so that nobody
 * looks for them among all.
 * ON DISK: docs/formats/catalogue.md; each row starts with its version.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { otherFormat } from "../base/format-version.ts";
import { NO_POLICY } from "../model/index.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { policyKey, warmKey, type EncodedKey } from "./catalog-keys.ts";
import { isSwept, type CollectionRow } from "./catalog-rows.ts";

const ROW_VERSION = 1;

export interface CollectionNames {
  readonly database: string;
  readonly collection: string;
}

/**
 * Goes with every change of a collection's row that may change its policy, and with a change of its
 * names; nothing for one that had none and has none.
 *
 * @param before undefined of a collection that is made.
 */
export function policyChanges(
  names: CollectionNames,
  row: Pick<CollectionRow, "number" | "policy">,
  before?: Pick<CollectionRow, "policy">,
): readonly CatalogChange[] {
  const made = rowKeys(row);
  const gone = rowKeys({ number: row.number, policy: before?.policy ?? NO_POLICY });
  return [
    ...made.map((key): CatalogChange => ({ kind: "put", key, value: encodeNames(names) })),
    ...gone.filter((key) => !made.includes(key)).map(toDeletion),
  ];
}

/** Goes with the removal of a collection. */
export function policyRemoval(
  row: Pick<CollectionRow, "number" | "policy">,
): readonly CatalogChange[] {
  return rowKeys(row).map(toDeletion);
}

function rowKeys({
  number,
  policy,
}: Pick<CollectionRow, "number" | "policy">): readonly EncodedKey[] {
  return [
    ...(isSwept(policy) ? [policyKey(number)] : []),
    ...(policy.warm === undefined ? [] : [warmKey(number)]),
  ];
}

function toDeletion(key: EncodedKey): CatalogChange {
  return { kind: "delete", key };
}

export function decodeNames(bytes: Uint8Array): CollectionNames {
  const reader = new ByteReader(bytes);
  const version = reader.uint8();
  if (version !== ROW_VERSION) {
    throw otherFormat("a row of a policy in the catalogue", ROW_VERSION, version);
  }
  return { database: reader.string(), collection: reader.string() };
}

function encodeNames({ database, collection }: CollectionNames): Buffer {
  return new ByteWriter(64).uint8(ROW_VERSION).string(database).string(collection).finish();
}
