/** What each interface can say and how the rest shows: docs/one-data-set.md as functions. */
import type { Metadata, MetadataValue } from "../../src/model/index.ts";
import type { IndexShape, PairRecord } from "./interface.ts";
import { AWKWARD_KEYS } from "./records.ts";

const isVendor = (name: string): boolean => name === "OSS Vectors" || name === "S3 Vectors";

/** The vendors know no inner product. */
export function metricsOf(name: string): readonly IndexShape["metric"][] {
  return isVendor(name) ? ["cosine", "euclidean"] : ["cosine", "euclidean", "dot"];
}

/** What is stored of a record. */
export function asWrittenBy(writer: string, record: PairRecord): PairRecord {
  // S3 Vectors knows no vector without metadata.
  if (writer === "S3 Vectors" && record.metadata === undefined) return { ...record, metadata: {} };
  return record;
}

/** What a reader gets of what is stored. */
export function asSeenBy(reader: string, record: PairRecord): PairRecord {
  const { metadata } = record;
  if (metadata === undefined) {
    return reader === "S3 Vectors" ? { ...record, metadata: {} } : record;
  }
  return isVendor(reader) ? { ...record, metadata: toVendor(metadata) as Metadata } : record;
}

/** Dates and bytes are text there. */
function toVendor(value: MetadataValue): MetadataValue {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(toVendor);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.create(null) as Record<string, MetadataValue>;
  for (const [name, member] of Object.entries(value as Metadata)) members[name] = toVendor(member);
  return members;
}

const even = AWKWARD_KEYS.filter((_, i) => i % 2 === 0);
const odd = AWKWARD_KEYS.filter((_, i) => i % 2 === 1);

/** Filters in the notation all share, with the keys that pass. */
export const SEARCHES: readonly {
  readonly where: Readonly<Record<string, unknown>>;
  readonly keys: readonly string[];
}[] = [
  { where: { parity: "even" }, keys: even },
  { where: { parity: { $in: ["odd", "strange"] } }, keys: odd },
  { where: { position: { $gte: 2, $lt: 4 } }, keys: AWKWARD_KEYS.slice(2, 4) },
  {
    where: { $or: [{ position: 0 }, { position: 5 }] },
    keys: [...AWKWARD_KEYS.slice(0, 1), ...AWKWARD_KEYS.slice(5, 6)],
  },
  { where: { n: 2_020 }, keys: ["metadata-number"] },
  { where: { n: "2020" }, keys: [] },
  { where: { yes: true }, keys: ["metadata-boolean"] },
  { where: { tags: "b" }, keys: ["metadata-list"] },
  { where: { wide: "鍵🗝" }, keys: ["metadata-string"] },
  { where: { none: "" }, keys: ["metadata-string"] },
  { where: { "a.b": 3 }, keys: ["metadata-names"] },
  { where: { high: { $gt: 1e299 } }, keys: ["metadata-number"] },
  { where: { deep: { $exists: true } }, keys: ["metadata-nested"] },
];

/** In doubles. */
export function distanceOf(
  metric: IndexShape["metric"],
  a: readonly number[],
  b: readonly number[],
): number {
  const dot = sum(a.map((value, i) => value * (b[i] ?? 0)));
  if (metric === "dot") return -dot;
  if (metric === "euclidean") return Math.hypot(...a.map((value, i) => value - (b[i] ?? 0)));
  return 1 - dot / (Math.hypot(...a) * Math.hypot(...b));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
