/**
 * One record as JSON Lines and Parquet carry it: which members mean what, and the checks of it. A
 * line with the name of its collection is one of the export of a customer over HTTP.
 */
import { fromExactMembers } from "../../base/exact-json.ts";
import type { Metadata, SparseVector } from "../../model/index.ts";
import type { JsonObject, JsonValue } from "../../wire/index.ts";
import { fieldOf, toSparseVectors } from "./sparse-members.ts";
import { toMetadata } from "./typed-json.ts";
import { toVector } from "./vector-member.ts";

/** How the members of a record are called in the file. */
export interface MemberNames {
  /** Of the record key; default the first of `key`, `id`. */
  readonly key?: string;
  /** Of the vector; default the first of `vector`, `values`, `embedding`, `emb`. */
  readonly vector?: string;
  /** Members that become metadata of the same names. */
  readonly metadata: readonly string[];
  /** Other members are passed over instead of refused. */
  readonly isLax: boolean;
  /** What becomes of a line that names its collection; absent: it is refused. */
  readonly collections?: CollectionChoice;
}

/**
 * Lines of one collection are taken, others passed over; or each goes where it says, and none may
 * name another tenant than theirs.
 */
export type CollectionChoice =
  | { readonly kind: "one"; readonly name: string }
  | { readonly kind: "each"; readonly tenant: string };

/** A line of a collection that is passed over. */
export interface OtherRecord {
  readonly otherCollection: string;
}

export interface SourceRecord {
  /** As the line says; undefined where all go into the one of the command line. */
  readonly collection?: string;
  readonly tenant: string | undefined;
  readonly key: string;
  /** By field name; at least one of these or of the sparse ones. */
  readonly vectors: ReadonlyMap<string, Float32Array>;
  readonly sparse: ReadonlyMap<string, SparseVector>;
  readonly metadata: Metadata | undefined;
}

const KEY_NAMES = ["key", "id"];
const VECTOR_NAMES = ["vector", "values", "embedding", "emb"];
const TENANT_NAMES = ["tenant", "namespace"];
const NAMED_VECTORS = "vectors";
const SPARSE_VECTORS = "sparse";
const METADATA = "metadata";
const COLLECTION = "collection";
const PROBLEM = "problem";

/**
 * Whether the object is a line of the export of a customer over HTTP: it names a collection. Not
 * where the options use the member for something else. Where members that mean nothing are passed
 * over, this is one of them, unless the line has the members of the export and no others, and the
 * options say which collection is taken.
 */
export function isExported(members: JsonObject, names: MemberNames): boolean {
  if (!Object.hasOwn(members, COLLECTION) || usesCollection(names)) return false;
  const { collections, isLax } = names;
  if (!isLax || collections?.kind === "each") return true;
  return collections !== undefined && hasExportedShape(members);
}

/** Whether the member `collection` is asked for as something else than the name of one. */
export function usesCollection({ key, vector, metadata }: MemberNames): boolean {
  return key === COLLECTION || vector === COLLECTION || metadata.includes(COLLECTION);
}

/** As customer-export.ts of the dialect writes them, in whatever order. */
const EXPORTED_MEMBERS = new Map<string, (value: JsonValue) => boolean>([
  [COLLECTION, (value) => typeof value === "string" && value !== ""],
  ["key", (value) => typeof value === "string"],
  ["vector", Array.isArray],
  [NAMED_VECTORS, Array.isArray],
  [SPARSE_VECTORS, Array.isArray],
  [METADATA, isObject],
]);

function hasExportedShape(members: JsonObject): boolean {
  return (
    Object.hasOwn(members, "key") &&
    Object.entries(members).every(([name, value]) => EXPORTED_MEMBERS.get(name)?.(value) === true)
  );
}

/**
 * A line of that export, read by `JSON.parse`: numbers are doubles there, whatever they look like.
 *
 * @throws RangeError with a reason that follows the place in the file; InsulaError for metadata
 *   that cannot be read.
 */
export function toExportedRecord(
  members: JsonObject,
  { collections, ...names }: MemberNames,
): SourceRecord | OtherRecord {
  const { collection, metadata, ...rest } = members;
  if (typeof collection !== "string" || collection === "") {
    throw new RangeError("the collection: expected a string");
  }
  if (collections === undefined) {
    throw new RangeError(
      `it names its collection, ${JSON.stringify(collection)}; --collection takes the records ` +
        "of one, --customer sends each into its own",
    );
  }
  if (collections.kind === "one" && collections.name !== collection) {
    return { otherCollection: collection };
  }
  if (metadata !== undefined && !isObject(metadata)) {
    throw new RangeError("metadata: expected an object");
  }
  const record = toRecord(rest, names);
  if (collections.kind === "each") checkTenant(record, collections.tenant);
  const own = metadata === undefined ? undefined : fromExactMembers(metadata, "metadata_invalid");
  return {
    ...record,
    ...(collections.kind === "each" ? { collection } : {}),
    metadata: own === undefined ? record.metadata : { ...record.metadata, ...own },
  };
}

function checkTenant({ tenant }: SourceRecord, customer: string): void {
  if (tenant === undefined || tenant === customer) return;
  throw new RangeError(
    `it is of tenant ${JSON.stringify(tenant)}, and --customer says ${JSON.stringify(customer)}`,
  );
}

/** @throws RangeError with a reason that follows the place in the file. */
export function toRecord(members: JsonObject, names: MemberNames): SourceRecord {
  if (isProblem(members)) {
    throw new RangeError("the export was not whole: here the server says why it ended");
  }
  if (names.collections?.kind === "each") throw new RangeError("expected a member collection");
  const keyName = pick(members, names.key, KEY_NAMES);
  const vectorName = pick(members, names.vector, VECTOR_NAMES);
  const tenantName = pick(members, undefined, TENANT_NAMES);
  if (keyName === undefined) throw new RangeError(`expected a member ${names.key ?? "key"}`);
  const vectors = new Map<string, Float32Array>();
  if (vectorName !== undefined) vectors.set("", toVector(members[vectorName], vectorName));
  const named = members[NAMED_VECTORS];
  if (named !== undefined) addNamed(vectors, named);
  const sparse = toSparseVectors(members[SPARSE_VECTORS]);
  if (vectors.size + sparse.size === 0)
    throw new RangeError(`expected a member ${names.vector ?? "vector"}`);
  const known = new Set([keyName, vectorName, tenantName, NAMED_VECTORS, SPARSE_VECTORS, METADATA]);
  const others = Object.keys(members).filter((name) => !known.has(name));
  const unknown = others.find((name) => !names.metadata.includes(name));
  if (unknown !== undefined && !names.isLax) {
    throw new RangeError(
      `there is a member ${JSON.stringify(unknown)} that means nothing here; ` +
        "--metadata-from takes it as metadata, --ignore-unknown passes over it",
    );
  }
  return {
    tenant: tenantName === undefined ? undefined : toTenant(members[tenantName] ?? null),
    key: toKey(members[keyName] ?? null),
    vectors,
    sparse,
    metadata: joinMetadata(members, names.metadata),
  };
}

function pick(
  members: JsonObject,
  given: string | undefined,
  usual: readonly string[],
): string | undefined {
  const names = given === undefined ? usual : [given];
  return names.find((name) => members[name] !== undefined && members[name] !== null);
}

function toKey(value: JsonValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  throw new RangeError("the key: expected a string or a whole number");
}

function toTenant(value: JsonValue): string {
  if (typeof value === "string" && value !== "") return value;
  throw new RangeError("the tenant: expected a string");
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The last line of an export that failed on the way. */
function isProblem(members: JsonObject): boolean {
  const [name, ...others] = Object.keys(members);
  return name === PROBLEM && others.length === 0;
}

/** By name, or as the interface over HTTP lists them: `[{"field": …, "values": […]}]`. */
function addNamed(vectors: Map<string, Float32Array>, named: JsonValue): void {
  if (Array.isArray(named)) {
    for (const each of named) {
      const { field, values } = fieldOf(each, "vectors");
      if (vectors.has(field))
        throw new RangeError(`vectors: ${JSON.stringify(field)} stands twice`);
      vectors.set(field, toVector(values, field));
    }
    return;
  }
  if (typeof named !== "object" || named === null)
    throw new RangeError("vectors: expected an object of lists");
  for (const [name, value] of Object.entries(named)) vectors.set(name, toVector(value, name));
}

function joinMetadata(members: JsonObject, taken: readonly string[]): Metadata | undefined {
  const own = members[METADATA];
  if (own !== undefined && own !== null && (typeof own !== "object" || Array.isArray(own)))
    throw new RangeError("metadata: expected an object");
  const joined = Object.create(null) as JsonObject;
  for (const name of taken) {
    const value = members[name];
    if (value !== undefined && value !== null) joined[name] = value;
  }
  const all = own === undefined || own === null ? joined : Object.assign(joined, own);
  return Object.keys(all).length === 0 && (own === undefined || own === null)
    ? undefined
    : toMetadata(all);
}
