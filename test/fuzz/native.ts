/** Our own HTTP interface: routes and bodies come from its table and its schemas. */
import { ERROR_KINDS } from "../../src/base/errors.ts";
import { NATIVE_PATH_PREFIX, NATIVE_ROUTES, type Route } from "../../src/dialects/native/index.ts";
import type { Chance } from "../support/chance.ts";
import { CREDENTIALS } from "../support/server-child.ts";
import { bend, bendHead } from "./bends.ts";
import { DIMENSION, drawSparse, INDEX, SPARSE_FIELD } from "./draw.ts";
import { NEIGHBOUR, NEIGHBOUR_SHARE, prepareNeighbour } from "./neighbour.ts";
import { drawValue } from "./schema-values.ts";
import {
  answerOf,
  expectStatus,
  faultOf,
  type Aimed,
  type Exchange,
  type Reply,
  type Sent,
  type Subject,
  type Verdict,
} from "./subject.ts";

const DATABASE = "fuzz";
/** A collection with tenants. */
const SHARED = "shared";
const TENANTS = 6;
/** 2 MiB of numbers: parsed by the parse worker, scanned by the kernel workers. */
const WIDE_DIMENSION = 4_096;
const WIDE_ROWS = 128;
/** Ids kept of keys that were made, so that some can be revoked. */
const KEYS_MAX = 50;
/** What they are about is made and removed all the time. */
const CHANGES_NAMES = /^(?:Delete(?:Database|Collection|Tenant)|UpdateCollection)$/;

export function createNativeSubject(chance: Chance): Subject {
  let secret = "";
  const keyIds: string[] = [];

  async function prepare(exchange: Exchange): Promise<void> {
    const credentials = await prepareNeighbour(exchange, chance);
    secret = `${credentials.keyId}.${credentials.secret}`;
    const post = (path: string, body: object, status = 201): Promise<Reply> => {
      const sent = toSent("POST", path, CREDENTIALS.secret, JSON.stringify(body));
      return expectStatus(exchange(sent), status);
    };
    const at = `databases/${DATABASE}/collections`;
    await post("databases", { name: DATABASE });
    const shape = { dimension: DIMENSION, metric: "dot", sparseVectors: [{ name: SPARSE_FIELD }] };
    await post(at, { name: INDEX, ...shape });
    await post(at, { name: SHARED, ...shape, tenancy: "multi" });
    // Threads start when they are needed: a large body and a long scan, so that none starts later.
    const vector = Array.from({ length: WIDE_DIMENSION }, (_, i) => i + 0.5);
    const records = Array.from({ length: WIDE_ROWS }, (_, i) => ({ key: `k${i}`, vector }));
    await post(at, { name: "wide", dimension: WIDE_DIMENSION });
    await post(`${at}/wide/records/upsert`, { records }, 200);
    await post(`${at}/wide/records/search`, { vector, topK: 1 }, 200);
  }

  function next(own: Chance): Aimed {
    const route = own.pick(NATIVE_ROUTES);
    const isNeighbour = own.isLikely(NEIGHBOUR_SHARE);
    const good = route.takes === undefined ? "" : JSON.stringify(bodyOf(route, own, isNeighbour));
    const body = own.isLikely(0.45) ? bend(good, own) : good;
    // What is about no database is the administrator's.
    const isOwners = route.area === "admin" && !route.pattern.includes(":database");
    const path = pathOf(route, own, { isNeighbour, keyIds });
    const sent = toSent(route.method, path, isOwners ? CREDENTIALS.secret : secret, body);
    if (own.isLikely(0.05)) bendHead(sent, own, BENDS);
    return { operation: nameOf(route), sent, mayNameAll: isOwners };
  }

  return {
    name: "native",
    operations: NATIVE_ROUTES.map(nameOf),
    earlyCodes: new Set([
      ...["credentials_missing", "credentials_unknown", "permission_denied", "route_not_found"],
      ...["body_malformed", "argument_invalid"],
    ]),
    prepare,
    next,
    judge: (operation, reply) => {
      if (operation === "CreateKey" && reply.status === 201 && keyIds.length < KEYS_MAX) {
        keyIds.push((JSON.parse(reply.text) as { id: string }).id);
      }
      return judge(operation, reply);
    },
  };
}

/** In the shape of an object of an offload; there is none. */
const NO_OFFLOAD = `tenants/${"0".repeat(32)}/${"0".repeat(16)}/manifest`;

const BENDS: readonly ((sent: Sent) => void)[] = [
  (sent) => (sent.path += "%ff"),
  (sent) => (sent.path += "/"),
  (sent) => (sent.path = `${NATIVE_PATH_PREFIX}..%2f..%2fetc/?limit=1`),
  (sent) => (sent.path = sent.path.replace(INDEX, "%00")),
  (sent) => (sent.path = sent.path.replace(DATABASE, "n".repeat(4_000))),
  (sent) => (sent.path = sent.path.replace(DATABASE, "__proto__")),
  (sent) => (sent.path = `${sent.path}?limit=1e3&limit=-1&after=%ff`),
  ({ headers }) => (headers["authorization"] = "Basic YTpi"),
  ({ headers }) => (headers["authorization"] = `Bearer ${"a".repeat(5_000)}.b`),
];

/** The same operation on a collection and on a tenant has two routes. */
function nameOf({ operation, pattern }: Route): string {
  return pattern.includes("/:tenant/") ? `${operation}InTenant` : operation;
}

function toSent(method: string, path: string, token: string, body: string | Buffer): Sent {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return { method, path: NATIVE_PATH_PREFIX + path, headers, body };
}

function pathOf(
  { pattern, operation, isPaged }: Route,
  chance: Chance,
  { isNeighbour, keyIds }: { readonly isNeighbour: boolean; readonly keyIds: readonly string[] },
): string {
  const isChange = CHANGES_NAMES.test(operation);
  const spare = `x${chance.between(0, 200)}`;
  const hasTenants = pattern.includes("/tenants");
  const names: Readonly<Record<string, string>> = {
    database: operation === "DeleteDatabase" ? `fuzz-${spare}` : isNeighbour ? NEIGHBOUR : DATABASE,
    collection: hasTenants ? SHARED : isChange || pattern.includes("/tenant-") ? spare : INDEX,
    // Whoever is suspended refuses all that comes after.
    customer: operation.startsWith("Get") ? `t${chance.between(1, TENANTS)}` : spare,
    tenant: isChange ? spare : `t${chance.between(1, TENANTS)}`,
    key: keyIds.length > 0 ? chance.pick(keyIds) : "nobody",
  };
  const path = pattern.replaceAll(/:(\w+)/g, (_, name: string) => names[name] ?? "");
  if (isPaged !== true || chance.isLikely(0.5)) return path;
  return `${path}?limit=${chance.between(1, 50)}&prefix=${chance.pick(["", "x", "f", "%C3%A9"])}`;
}

function bodyOf({ takes, operation }: Route, chance: Chance, isNeighbour: boolean): object {
  const body = drawValue(takes?.schema.json ?? {}, chance) as Record<string, unknown>;
  const database = isNeighbour ? NEIGHBOUR : DATABASE;
  switch (operation) {
    case "CreateDatabase":
      return { name: `fuzz-x${chance.between(0, 200)}` };
    case "CreateCollection": {
      const vectors = [{ name: "a", dimension: 4, metric: "dot" }];
      // What is said of the one vector, or of tenants, goes with no others.
      const { name, tenancy, unfilterable, embeddingModel, ...one } = body;
      const { createsTenants, activatesTenants } = one;
      const rules = tenancy === "multi" ? { createsTenants, activatesTenants } : {};
      const rest = { name, tenancy, unfilterable, embeddingModel, ...rules };
      if (chance.isLikely(0.1)) return { ...rest, sparseVectors: [{ name: SPARSE_FIELD }] };
      if (chance.isLikely(0.2)) return { ...rest, vectors };
      const { metric, recall, memory } = one;
      return { ...rest, dimension: 8, metric, recall, memory };
    }
    case "Upsert":
    case "Insert": {
      const records = body["records"] as readonly { readonly key: string }[];
      const byKey = new Map(records.map((record) => [record.key, record]));
      const vector = drawValue({}, chance, "vector");
      return {
        records: [...byKey.values()].map((record) => {
          const sparse = chance.isLikely(0.5) ? [drawSparse(chance)] : undefined;
          return { ...record, vector, sparse };
        }),
      };
    }
    case "Delete":
      return chance.pick([
        { keys: drawValue({}, chance, "keys") },
        { filter: drawValue({}, chance, "filter") },
        { all: true },
      ]);
    case "Search":
      return withTarget(body, chance);
    case "SearchAll":
      return {
        queries: (body["queries"] as readonly object[]).map((query) => withTarget(query, chance)),
      };
    case "SetCollectionLimits":
    case "SetTenantLimits":
      // Low ones would refuse all that comes after them.
      return Object.fromEntries(
        Object.keys(body).map((name) => [name, chance.isLikely(0.3) ? null : 1_000_000_000]),
      );
    case "AdoptTenant":
      return { ...body, object: chance.isLikely(0.8) ? NO_OFFLOAD : "tenants/nobody" };
    case "MeasureRecall":
      return chance.isLikely(0.5) ? without(body, "vectors") : without(body, "sample");
    case "SearchMany":
      return {
        ...withSparse(without(body, "like"), chance),
        places: [
          { database, collection: INDEX },
          { database: DATABASE, collection: SHARED, tenant: `t${chance.between(1, TENANTS)}` },
        ],
      };
    default:
      return body;
  }
}

/** Vectors are searched for or a record; the draw has both, or neither. Pages are not diverse. */
function withTarget(drawn: object, chance: Chance): object {
  const { mmr, recall, include, ...rest } = drawn as Readonly<Record<string, unknown>>;
  const isDiverse = mmr !== undefined && !("pageSize" in rest);
  const body = {
    ...rest,
    ...(isDiverse ? { mmr: { lambda: 0.5 } } : {}),
    ...(recall === undefined ? {} : { recall: chance.pick([0.5, 0.9, 0.999]) }),
    ...(include === undefined ? {} : { include: { metadata: chance.isLikely(0.5) } }),
  };
  if (!("like" in body) || chance.isLikely(0.6)) return withSparse(without(body, "like"), chance);
  return ["vector", "sparse", "weights"].reduce(without, body);
}

function without(body: object, name: string): object {
  return Object.fromEntries(Object.entries(body).filter(([own]) => own !== name));
}

/** A vector, a sparse vector or both, with weights only where there are both. */
function withSparse(body: object, chance: Chance): object {
  const { vector: _, sparse: __, weights: ___, ...rest } = body as Record<string, unknown>;
  const vector = drawValue({}, chance, "vector");
  const kind = chance.between(1, 4);
  if (kind === 1) return { ...rest, sparse: drawSparse(chance) };
  if (kind > 2) return { ...rest, vector };
  const both = { ...rest, vector, sparse: drawSparse(chance) };
  return chance.isLikely(0.5) ? both : { ...both, weights: { dense: 0.25, sparse: 3 } };
}

function judge(operation: string, { status, headers, text }: Reply): Verdict {
  if (typeof headers["x-request-id"] !== "string") return faultOf("no request id");
  if (status === 204) return answerOf("ok");
  if (status === 200 || status === 201) {
    const isLines = headers["content-type"] === "application/jsonl";
    for (const line of isLines ? text.split("\n").slice(0, -1) : [text]) JSON.parse(line);
    return answerOf("ok");
  }
  if (headers["content-type"] !== "application/problem+json") return faultOf("no problem");
  const problem = JSON.parse(text) as Record<string, unknown>;
  if (problem["status"] !== status) return faultOf("another status in the body");
  if (problem["requestId"] !== headers["x-request-id"]) return faultOf("another request id");
  for (const name of ["type", "title", "detail"]) {
    if (typeof problem[name] !== "string") return faultOf(`no ${name}`);
  }
  const code = String(problem["code"]);
  if (!Object.hasOwn(ERROR_KINDS, code)) return faultOf("unknown code");
  const isRefusal = code === "operation_unsupported" || code === "storage_quota_exceeded";
  const isHonest = status < 500 || isRefusal;
  return isHonest || status === 503 ? answerOf(code) : faultOf(`a fault in ${operation}`);
}
