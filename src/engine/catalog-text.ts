/** A row of the catalogue in words. */
import { toHex, toShardUid } from "../base/brands.ts";
import { decodeShardState, tailBytes } from "../shard/index.ts";
import { KEY_KINDS, nameAfter, type EncodedKey } from "./catalog-keys.ts";
import {
  decodeCollection,
  decodeDatabase,
  decodeSchema,
  decodeTenant,
  decodeTotals,
} from "./catalog-rows.ts";

export interface CatalogRowText {
  readonly kind: string;
  readonly key: string;
  readonly value: string;
  readonly [column: string]: string;
}

/** Bytes of a key that are no name are hexadecimal. A setting's value may be a secret: its size. */
export function describeCatalogRow(key: EncodedKey, value: Uint8Array | null): CatalogRowText {
  const kind = KEY_KINDS.get(key.slice(0, 1)) ?? "unknown";
  return {
    kind,
    key: describeKey(kind, key),
    value: value === null ? "deleted" : describeValue(kind, key, value),
  };
}

function describeKey(kind: string, key: EncodedKey): string {
  const rest = Buffer.from(key.slice(1), "latin1");
  switch (kind) {
    case "database":
    case "setting":
    case "counter":
      return nameAfter(key, key.slice(0, 1));
    case "usage":
      return nameAfter(key, key.slice(0, 1)).replaceAll("\0", "/");
    case "collection":
    case "tenant":
      return `${String(rest.readBigUInt64BE())}/${rest.subarray(8).toString("utf8")}`;
    default:
      return rest.toString("hex");
  }
}

function describeValue(kind: string, key: EncodedKey, value: Uint8Array): string {
  switch (kind) {
    case "database":
      return `number ${String(decodeDatabase(value).number)}`;
    case "collection": {
      const { number, schemaNumber, shard } = decodeCollection(value);
      const where = shard === undefined ? "with tenants" : `shard ${toHex(shard)}`;
      return `number ${String(number)}, schema ${String(schemaNumber)}, ${where}`;
    }
    case "tenant": {
      const { shard, state } = decodeTenant(value);
      return `${state}, shard ${toHex(shard)}`;
    }
    case "shard": {
      const uid = toShardUid(Uint8Array.from(Buffer.from(key.slice(1), "latin1")));
      const state = decodeShardState(uid, value);
      const { rowCount, segments, tail, quarantine } = state;
      const damage = quarantine === "" ? "" : `, OUT OF SERVICE: ${quarantine}`;
      return (
        `${String(rowCount)} rows, ${String(segments.length)} segments, ` +
        `${String(tail.length)} frames of ${String(tailBytes(state))} bytes in the log${damage}`
      );
    }
    case "totals":
    case "databaseTotals":
    case "tenantState": {
      const { rowCount, byteCount, childCount } = decodeTotals(value);
      return `${String(rowCount)} rows, ${String(byteCount)} bytes, ${String(childCount)} children`;
    }
    case "schema":
    case "schemaByNumber":
      return describeSchema(value);
    default:
      return `${String(value.length)} bytes`;
  }
}

function describeSchema(value: Uint8Array): string {
  try {
    const { schema } = decodeSchema(value);
    const dense = schema.vectors.map(
      ({ name, dimension, metric }) =>
        `${name === "" ? "vector" : name} ${String(dimension)} ${metric}`,
    );
    const sparse = (schema.sparseVectors ?? []).map(({ name }) => `${name} sparse`);
    return [...dense, ...sparse].join(", ");
  } catch {
    // The row of a hash holds the schema's number instead.
    return `${String(value.length)} bytes`;
  }
}
