/** A row of limits. ON DISK: docs/formats/catalogue.md. */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import { LIMIT_NAMES, type PlaceLimits } from "../model/index.ts";

const ROW_VERSION = 1;
/** ON DISK: a flag of a collection's row. */
const SOME_TENANTS = 1;

export interface LimitRow {
  readonly limits: PlaceLimits;
  /** Of a collection: some tenant has had limits of its own. */
  readonly hasTenants: boolean;
}

export const NO_LIMITS: LimitRow = { limits: {}, hasTenants: false };

export function encodeLimits({ limits, hasTenants }: LimitRow): Buffer {
  const set = [...LIMIT_NAMES.entries()].flatMap(([position, name]) => {
    const value = limits[name];
    return value === undefined ? [] : [{ position, value }];
  });
  const writer = new ByteWriter(32).uint8(ROW_VERSION).uint8(hasTenants ? SOME_TENANTS : 0);
  writer.varint(set.length);
  for (const { position, value } of set) writer.uint8(position).float64(value);
  return writer.finish();
}

/** @throws InsulaError `format_unsupported`, `data_damaged`. */
export function decodeLimits(bytes: Uint8Array): LimitRow {
  const reader = new ByteReader(bytes);
  const version = reader.uint8();
  if (version !== ROW_VERSION) {
    throw otherFormat("a limits row of the catalogue", ROW_VERSION, version);
  }
  const hasTenants = (reader.uint8() & SOME_TENANTS) !== 0;
  const limits: Record<string, number> = {};
  for (let left = reader.varint(); left > 0; left--) {
    const name = LIMIT_NAMES[reader.uint8()];
    if (name === undefined) {
      throw new InsulaError("data_damaged", "Cannot read a limits row: unknown limit.");
    }
    limits[name] = reader.float64();
  }
  return { limits, hasTenants };
}
