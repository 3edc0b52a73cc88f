/** What each interface can say and how the rest shows: docs/one-data-set.md as functions. */
import type { Metadata, MetadataValue } from "../../src/model/index.ts";
import type { IndexShape, PairRecord } from "./interface.ts";
import { AWKWARD_KEYS } from "./records.ts";

const isVendor = (name: string): boolean => name === "OSS Vectors" || name === "S3 Vectors";
const isPinecone = (name: string): boolean => name.startsWith("Pinecone");
const PINECONE_ID_CHARACTERS = 512;
/** Nested, of mixed lists, or with a name that begins with `$`. */
const NOT_FLAT: ReadonlySet<string> = new Set(["nested", "lookalike", "list", "names"]);

/** Whether an interface can name a record by its key. */
export function canName(name: string, key: string): boolean {
  return !isPinecone(name) || key.length <= PINECONE_ID_CHARACTERS;
}

/** Pinecone takes flat metadata and shorter keys. */
export function canWrite(writer: string, { key }: PairRecord): boolean {
  if (!canName(writer, key)) return false;
  return !isPinecone(writer) || !NOT_FLAT.has(key.replace("metadata-", ""));
}

/** The vendors know no inner product. */
export function metricsOf(name: string): readonly IndexShape["metric"][] {
  return isVendor(name) ? ["cosine", "euclidean"] : ["cosine", "euclidean", "dot"];
}

/** What is stored of a record. */
export function asWrittenBy(writer: string, record: PairRecord): PairRecord {
  // S3 Vectors knows no vector without metadata.
  if (writer === "S3 Vectors" && record.metadata === undefined) return { ...record, metadata: {} };
  return writer === "Pinecone over gRPC" ? withDoubles(record) : record;
}

/** What a reader gets of what is stored. */
export function asSeenBy(reader: string, record: PairRecord): PairRecord {
  const { metadata } = record;
  if (metadata === undefined) {
    return reader === "S3 Vectors" ? { ...record, metadata: {} } : record;
  }
  if (!isVendor(reader) && !isPinecone(reader)) return record;
  const seen = { ...record, metadata: toVendor(metadata) as Metadata };
  return reader === "Pinecone over gRPC" ? withDoubles(seen) : seen;
}

/** There are no other numbers in the messages of gRPC. */
function withDoubles(record: PairRecord): PairRecord {
  const { metadata } = record;
  return metadata === undefined ? record : { ...record, metadata: toDoubles(metadata) as Metadata };
}

function toDoubles(value: MetadataValue): MetadataValue {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(toDoubles);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.create(null) as Record<string, MetadataValue>;
  for (const [name, member] of Object.entries(value as Metadata)) members[name] = toDoubles(member);
  return members;
}

/** Dates and bytes are text there, and a number is what its digits say. */
function toVendor(value: MetadataValue): MetadataValue {
  if (typeof value === "number") return asDigits(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(toVendor);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.create(null) as Record<string, MetadataValue>;
  for (const [name, member] of Object.entries(value as Metadata)) members[name] = toVendor(member);
  return members;
}

/** Beyond what a double counts one by one, digits are read as an integer of 64 bits. */
function asDigits(value: number): number | bigint {
  if (Number.isSafeInteger(value) || !/^-?\d+$/.test(String(value))) return value;
  const exact = BigInt(String(value));
  return exact >= -(2n ** 63n) && exact < 2n ** 64n ? exact : value;
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
