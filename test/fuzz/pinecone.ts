/** Pinecone over HTTP: the paths of both planes, bodies in camel and in snake case. */
import { PINECONE_ERRORS } from "../../src/dialects/pinecone/errors.ts";
import type { Chance } from "../support/chance.ts";
import { CREDENTIALS } from "../support/server-child.ts";
import { bend, bendHead } from "./bends.ts";
import { DIMENSION, drawFilter, drawKeys, drawSparse, drawVector, INDEX } from "./draw.ts";
import { NEIGHBOUR, NEIGHBOUR_SHARE, prepareNeighbour } from "./neighbour.ts";
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

const NAMESPACES = 6;
/** 2 MiB of numbers: parsed by the parse worker, scanned by the kernel workers. */
const WIDE_DIMENSION = 4_096;
const WIDE_ROWS = 64;
const CODES = new Set(Object.values(PINECONE_ERRORS).map(({ code }) => code));
const NUMBERS: ReadonlyMap<number, string> = new Map(
  Object.values(PINECONE_ERRORS).map(({ grpc, code }) => [grpc, code]),
);
const SPEC = { serverless: { cloud: "aws", region: "us-east-1" } };

interface Drawn {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** Instead of a body: one object a line. */
  readonly lines?: readonly object[];
}

/** An index that takes texts. */
const TEXTS = "texts";

/** What there is, by name: a good request. `at` is the path of the index. */
const OPERATIONS: Readonly<Record<string, (chance: Chance, at: string) => Drawn>> = {
  ListIndexes: () => ({ method: "GET", path: "/indexes" }),
  CreateIndex: (chance) => ({
    method: "POST",
    path: "/indexes",
    body: {
      name: spare(chance),
      dimension: chance.between(1, 64),
      metric: chance.pick(["cosine", "dotproduct", "euclidean"]),
      spec: SPEC,
      tags: { team: "a", kind: chance.pick(["x", "y"]) },
    },
  }),
  DescribeIndex: (chance) => ({
    method: "GET",
    path: `/indexes/${chance.pick([INDEX, spare(chance)])}`,
  }),
  ConfigureIndex: (chance) => ({
    method: "PATCH",
    path: `/indexes/${chance.pick([INDEX, spare(chance)])}`,
    body: { tags: { kind: chance.pick(["", "z"]) } },
  }),
  DeleteIndex: (chance) => ({ method: "DELETE", path: `/indexes/${spare(chance)}` }),
  Upsert: (chance, at) => ({
    method: "POST",
    path: `${at}/vectors/upsert`,
    body: {
      namespace: namespace(chance),
      vectors: drawKeys(chance, 8).map((id) => ({
        id,
        values: drawVector(chance),
        ...(chance.isLikely(0.5) ? {} : { sparseValues: sparseOf(chance) }),
        metadata: { tag: chance.pick(["a", "b"]), n: chance.between(-5, 5), list: ["a", "b"] },
      })),
    },
  }),
  Query: (chance, at) => ({
    method: "POST",
    path: `${at}/query`,
    body: {
      namespace: namespace(chance),
      topK: chance.between(1, 30),
      ...(chance.isLikely(0.2)
        ? { id: `k${String(chance.between(0, 60))}` }
        : { vector: drawVector(chance) }),
      ...(chance.isLikely(0.5) ? {} : { filter: drawFilter(chance, 3) }),
      includeValues: chance.isLikely(0.5),
      includeMetadata: chance.isLikely(0.5),
    },
  }),
  Fetch: (chance, at) => ({
    method: "GET",
    path: `${at}/vectors/fetch?${drawKeys(chance, 8)
      .map((key) => `ids=${key}`)
      .join("&")}&namespace=${namespace(chance)}`,
  }),
  FetchByMetadata: (chance, at) => ({
    method: "POST",
    path: `${at}/vectors/fetch_by_metadata`,
    body: { namespace: namespace(chance), filter: drawFilter(chance, 2), limit: 20 },
  }),
  List: (chance, at) => ({
    method: "GET",
    path: `${at}/vectors/list?prefix=${chance.pick(["", "k", "k1"])}&namespace=${namespace(chance)}`,
  }),
  Update: (chance, at) => ({
    method: "POST",
    path: `${at}/vectors/update`,
    body: {
      namespace: namespace(chance),
      ...(chance.isLikely(0.7)
        ? { id: `k${String(chance.between(0, 60))}`, values: drawVector(chance) }
        : { filter: drawFilter(chance, 2) }),
      setMetadata: { tag: "c", seen: chance.isLikely(0.5) },
    },
  }),
  Delete: (chance, at) => ({
    method: "POST",
    path: `${at}/vectors/delete`,
    body: {
      namespace: namespace(chance),
      ...chance.pick<object>([
        { ids: drawKeys(chance, 4) },
        { filter: drawFilter(chance, 2) },
        { deleteAll: true },
      ]),
    },
  }),
  DescribeIndexStats: (_, at) => ({
    method: "POST",
    path: `${at}/describe_index_stats`,
    body: {},
  }),
  ListNamespaces: (chance, at) => ({
    method: "GET",
    path: `${at}/namespaces?limit=${String(chance.between(1, 9))}&prefix=${chance.pick(["", "t"])}`,
  }),
  DescribeNamespace: (chance, at) => ({
    method: "GET",
    path: `${at}/namespaces/${namespace(chance) || "__default__"}`,
  }),
  CreateNamespace: (chance, at) => ({
    method: "POST",
    path: `${at}/namespaces`,
    body: { name: `n${String(chance.between(0, 20))}` },
  }),
  DeleteNamespace: (chance, at) => ({
    method: "DELETE",
    path: `${at}/namespaces/n${String(chance.between(0, 20))}`,
  }),
  Embed: (chance) => ({
    method: "POST",
    path: "/embed",
    body: {
      model: chance.pick(MODELS),
      parameters: { input_type: chance.pick(["query", "passage"]), truncate: "END" },
      inputs: [{ text: drawText(chance) }, { text: drawText(chance) }],
    },
  }),
  Rerank: (chance) => ({
    method: "POST",
    path: "/rerank",
    body: {
      model: chance.pick(["bge-reranker-v2-m3", "insula-similarity-1", "none"]),
      query: drawText(chance),
      documents: drawKeys(chance, 5).map((id) => ({ id, text: drawText(chance) })),
      rank_fields: chance.pick([["text"], ["id"], ["none"]]),
      top_n: chance.between(1, 4),
    },
  }),
  ListModels: (chance) => ({
    method: "GET",
    path: `/models?type=${chance.pick(["embed", "rerank", ""])}`,
  }),
  CreateBackup: (chance) => ({
    method: "POST",
    path: `/indexes/${chance.pick([INDEX, spare(chance)])}/backups`,
    body: { name: "fuzz", description: drawText(chance) },
  }),
  ListIndexBackups: (chance) => ({
    method: "GET",
    path: `/indexes/${INDEX}/backups?limit=${String(chance.between(1, 9))}`,
  }),
  ListBackups: () => ({ method: "GET", path: "/backups" }),
  DescribeBackup: (chance) => ({ method: "GET", path: `/backups/${drawId(chance)}` }),
  DeleteBackup: (chance) => ({ method: "DELETE", path: `/backups/${drawId(chance)}` }),
  CreateIndexFromBackup: (chance) => ({
    method: "POST",
    path: `/backups/${drawId(chance)}/create-index`,
    body: { name: spare(chance), tags: { a: "b" } },
  }),
  ListRestoreJobs: () => ({ method: "GET", path: "/restore-jobs?limit=100" }),
  DescribeRestoreJob: (chance) => ({ method: "GET", path: `/restore-jobs/${drawId(chance)}` }),
  DescribeCollection: () => ({ method: "GET", path: "/collections/none" }),
  CreateIndexForModel: (chance) => ({
    method: "POST",
    path: "/indexes/create-for-model",
    body: {
      ...{ name: spare(chance), cloud: "aws", region: "us-east-1" },
      embed: { model: chance.pick(MODELS), field_map: { text: "body" }, dimension: 384 },
    },
  }),
  UpsertRecords: (chance) => ({
    method: "POST",
    path: `/ix/${TEXTS}/records/namespaces/${namespace(chance) || "__default__"}/upsert`,
    lines: drawKeys(chance, 4).map((_id) => ({ _id, body: drawText(chance), tag: "a" })),
  }),
  SearchRecords: (chance) => ({
    method: "POST",
    path: `/ix/${TEXTS}/records/namespaces/${namespace(chance) || "__default__"}/search`,
    body: {
      query: {
        top_k: chance.between(1, 20),
        ...(chance.isLikely(0.3) ? { id: "k1" } : { inputs: { text: drawText(chance) } }),
        ...(chance.isLikely(0.5) ? {} : { filter: drawFilter(chance, 2) }),
      },
      ...(chance.isLikely(0.5) ? {} : { fields: ["tag"] }),
      ...(chance.isLikely(0.7)
        ? {}
        : { rerank: { model: "bge-reranker-v2-m3", rank_fields: ["body"], query: "bread" } }),
    },
  }),
  DescribeModel: (chance) => ({ method: "GET", path: `/models/${chance.pick(MODELS)}` }),
};

/** Of a backup or a restore; none has it. */
function drawId(chance: Chance): string {
  return chance.pick(["0197b6a0-7a3c-7000-8000-000000000000", "none", "..%2f.."]);
}

function drawText(chance: Chance): string {
  return chance.pick(["a cold radiator", "bread and butter", "ü 𝒳 \u0000", "x".repeat(2_000), " "]);
}

const MODELS = ["insula-lexical-1", "llama-text-embed-v2", "none"];

function spare(chance: Chance): string {
  return `x${String(chance.between(0, 200))}`;
}

function namespace(chance: Chance): string {
  return chance.pick(["", ...Array.from({ length: NAMESPACES }, (_, i) => `t${String(i)}`)]);
}

/** Without the name of a field, which this protocol has not. */
function sparseOf(chance: Chance): object {
  const { indices, values } = drawSparse(chance) as Record<string, unknown>;
  return { indices, values };
}

export function createPineconeSubject(chance: Chance): Subject {
  let apiKey = "";

  async function prepare(exchange: Exchange): Promise<void> {
    await prepareNeighbour(exchange, chance);
    // A key of one database by its full name: that is its project.
    const grants = [{ actions: ["*"], databases: ["fuzz"] }];
    const made = await expectStatus(
      exchange({
        method: "POST",
        path: "/insula/v1/keys",
        headers: { authorization: `Bearer ${CREDENTIALS.secret}` },
        body: JSON.stringify({ grants }),
      }),
      201,
    );
    const { id, secret } = JSON.parse(made.text) as { id: string; secret: string };
    apiKey = `${id}.${secret}`;
    const post = (path: string, body: object, status = 200): Promise<Reply> =>
      expectStatus(exchange(toSent({ method: "POST", path, body }, apiKey)), status);
    // Protected, because a bent method can be that of a deletion.
    const shape = { dimension: DIMENSION, metric: "dotproduct", deletion_protection: "enabled" };
    await post("/indexes", { name: INDEX, ...shape, spec: SPEC }, 201);
    const embed = { model: MODELS[1], field_map: { text: "body" }, dimension: 384 };
    const place = { cloud: "aws", region: "us-east-1", deletion_protection: "enabled" };
    await post("/indexes/create-for-model", { name: TEXTS, ...place, embed }, 201);
    // Threads start when they are needed: a large body and a long scan, so that none starts later.
    await post("/indexes", { name: "wide", dimension: WIDE_DIMENSION, spec: SPEC }, 201);
    const values = Array.from({ length: WIDE_DIMENSION }, (_, i) => i + 0.5);
    const vectors = Array.from({ length: WIDE_ROWS }, (_, i) => ({ id: `k${String(i)}`, values }));
    await post("/ix/wide/vectors/upsert", { vectors });
    await post("/ix/wide/query", { vector: values, topK: 1 });
  }

  function next(own: Chance): Aimed {
    const operation = own.pick(Object.keys(OPERATIONS));
    const index = own.isLikely(NEIGHBOUR_SHARE) ? NEIGHBOUR : INDEX;
    const drawn = OPERATIONS[operation]?.(own, `/ix/${index}`) ?? { method: "GET", path: "/" };
    const sent = toSent(drawn, apiKey, (good) => (own.isLikely(0.45) ? bend(good, own) : good));
    if (own.isLikely(0.05)) bendHead(sent, own, BENDS);
    return { operation, sent };
  }

  return {
    name: "pinecone",
    operations: Object.keys(OPERATIONS).filter((name) => !REFUSED.has(name)),
    earlyCodes: new Set(["UNAUTHENTICATED", "INVALID_ARGUMENT", "NOT_FOUND", "route_not_found"]),
    prepare,
    next,
    judge,
  };
}

/** What they ask for is never there: the server of a fuzz run has no store. */
const REFUSED: ReadonlySet<string> = new Set([
  ...["DescribeBackup", "DeleteBackup", "CreateIndexFromBackup"],
  ...["DescribeRestoreJob", "DescribeCollection"],
]);

const BENDS: readonly ((sent: Sent) => void)[] = [
  ({ headers }) => (headers["api-key"] = "a".repeat(5_000)),
  ({ headers }) => (headers["api-key"] = "nobody.nothing"),
  ({ headers }) => (headers["x-pinecone-api-version"] = "9999-99"),
  (sent) => (sent.path += "%ff"),
  (sent) => (sent.path += "/"),
  (sent) => (sent.path = "/ix/%00/query"),
  (sent) => (sent.path = sent.path.replace(INDEX, "__proto__")),
  (sent) => (sent.path = sent.path.replace(INDEX, "n".repeat(4_000))),
  (sent) => (sent.path = `${sent.path}?namespace=%ff&limit=1e3&paginationToken=x`),
  (sent) => (sent.path = `/indexes/${"..%2f".repeat(20)}etc`),
];

function toSent(
  { method, path, body, lines }: Drawn,
  apiKey: string,
  change: (good: string) => string | Buffer = (good) => good,
): Sent {
  const headers = {
    "api-key": apiKey,
    "content-type": "application/json",
    "x-pinecone-api-version": "2025-10",
  };
  const text = lines?.map((line) => JSON.stringify(line)).join("\n") ?? JSON.stringify(body);
  return {
    method,
    path,
    headers,
    body: body === undefined && lines === undefined ? "" : change(text),
  };
}

/** Control plane and data plane answer refusals in two shapes. */
function judge(operation: string, { status, headers, text }: Reply): Verdict {
  // Without a key a request is not this protocol's.
  if (headers["x-pinecone-request-id"] === undefined) return answerOf("route_not_found");
  if (!/^[0-9A-F]{24}$/.test(String(headers["x-pinecone-request-id"]))) {
    return faultOf("another request id");
  }
  if ((status === 202 || status === 201) && text === "") return answerOf("ok");
  if (headers["content-type"] !== "application/json") return faultOf("wrong content type");
  const json = JSON.parse(text) as Record<string, unknown>;
  if (status === 200 || status === 201) return answerOf("ok");
  const code = codeOf(status, json);
  if (code === undefined) return faultOf("no code of the protocol");
  const isHonest = status < 500 || code === "UNIMPLEMENTED" || status === 503;
  return isHonest ? answerOf(code) : faultOf(`a fault in ${operation}`);
}

function codeOf(status: number, json: Record<string, unknown>): string | undefined {
  const { error, code, message, details } = json;
  if (typeof error === "object" && error !== null) {
    const { code: word, message: text } = error as Record<string, unknown>;
    const isWhole = json["status"] === status && typeof text === "string";
    return isWhole && CODES.has(String(word)) ? String(word) : undefined;
  }
  if (typeof message !== "string" || !Array.isArray(details)) return undefined;
  return typeof code === "number" ? NUMBERS.get(code) : undefined;
}
