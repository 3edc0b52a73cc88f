import { afterEach, beforeEach, expect, test } from "vitest";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";
import type { Engine } from "../../engine/api.ts";
import { PINECONE_LIMITS } from "./limits.ts";
import type { DataCall } from "./operations/call.ts";
import { fetchVectors } from "./operations/fetch.ts";
import { listNamespaces } from "./operations/namespaces.ts";
import { describeIndexStats } from "./operations/stats.ts";

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
  await bench.withIndex("docs");
});
afterEach(() => bench.close());

function upsert(vectors: readonly object[], namespace = ""): Promise<BenchAnswer> {
  return bench.send("POST /ix/docs/vectors/upsert", { body: { vectors, namespace } });
}

function fetchWhere(body: object): Promise<BenchAnswer> {
  const asked = { filter: { a: { $exists: true } }, ...body };
  return bench.send("POST /ix/docs/vectors/fetch_by_metadata", { body: asked });
}

function query(body: object): Promise<BenchAnswer> {
  return bench.send("POST /ix/docs/query", { body: { topK: 1, vector: [1, 0], ...body } });
}

/** A record of the length asked for in one respect. */
const record = (more: object = {}): object => ({ id: "a", values: [1, 0], ...more });
const text = (length: number): string => "x".repeat(length);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const embedding = (count: number): object => ({
  ...{ model: "llama-text-embed-v2", parameters: { dimension: 384 } },
  inputs: numbers(count).map(() => ({ text: "a" })),
});
const RERANKING = { model: "insula-similarity-1" };

/** `n` of something is taken, one more is not. */
const BOUNDS: readonly [keyof typeof PINECONE_LIMITS, (n: number) => Promise<BenchAnswer>][] = [
  ["upsertVectorsMax", (n) => upsert(numbers(n).map((i) => record({ id: String(i) })))],
  ["idCharactersMax", (n) => upsert([record({ id: text(n) })])],
  ["namespaceCharactersMax", (n) => upsert([record()], text(n))],
  [
    "sparseValuesMax",
    (n) => upsert([record({ sparseValues: { indices: numbers(n), values: numbers(n) } })]),
  ],
  ["metadataBytesMax", (n) => upsert([record({ metadata: { a: text(n - '{"a":""}'.length) } })])],
  ["filterValuesMax", (n) => query({ filter: { a: { $in: numbers(n) } } })],
  ["topKMax", (n) => query({ topK: n })],
  ["fetchPageItemsMax", (n) => fetchWhere({ limit: n })],
  [
    "idsMax",
    (n) =>
      bench.send(
        `GET /ix/docs/vectors/fetch?${numbers(n)
          .map((i) => `ids=${String(i)}`)
          .join("&")}`,
      ),
  ],
  ["indexNameCharactersMax", (n) => bench.withIndex(text(n))],
  [
    "tagsMax",
    (n) =>
      bench.withIndex(`tags-${String(n)}`, {
        tags: Object.fromEntries(numbers(n).map((i) => [`t${String(i)}`, "x"])),
      }),
  ],
  [
    "tagNameCharactersMax",
    (n) => bench.withIndex(`name-${String(n)}`, { tags: { [text(n)]: "x" } }),
  ],
  ["tagValueCharactersMax", (n) => bench.withIndex(`v-${String(n)}`, { tags: { a: text(n) } })],
  [
    "upsertBodyBytesMax",
    (n) => sendPadded("POST /ix/docs/vectors/upsert", { vectors: [record()] }, n),
  ],
  ["callBodyBytesMax", (n) => sendPadded("POST /ix/docs/query", { topK: 1, vector: [1, 0] }, n)],
  ["textsMax", (n) => bench.send("POST /embed", { body: embedding(n) })],
  ["inferenceBodyBytesMax", (n) => sendPadded("POST /embed", embedding(1), n)],
  [
    "rerankBodyBytesMax",
    (n) => sendPadded("POST /rerank", { ...RERANKING, documents: ["a"], query: "a" }, n),
  ],
  [
    "controlBodyBytesMax",
    (n) => sendPadded("PATCH /indexes/docs", { deletion_protection: "disabled" }, n),
  ],
];

/** JSON that blanks make as long as asked. */
function sendPadded(line: string, body: object, bytes: number): Promise<BenchAnswer> {
  return bench.send(line, { body: JSON.stringify(body).padEnd(bytes) });
}

test.each(BOUNDS)("%s: as many are taken, one more is not", async (name, send) => {
  const bound = PINECONE_LIMITS[name];
  const last = await send(bound);
  expect(last.status, last.text).toBeLessThan(300);
  expect((await send(bound + 1)).status).toBe(400);
});

test("pageItemsMax: a page has no more, whatever is asked for", async () => {
  await upsert(numbers(PINECONE_LIMITS.pageItemsMax + 1).map((i) => record({ id: String(i) })));
  const { json } = await bench.send("GET /ix/docs/vectors/list?limit=1000");
  expect((json as { vectors: object[] }).vectors).toHaveLength(PINECONE_LIMITS.pageItemsMax);
  expect(json).toHaveProperty("pagination.next");
});

test("queryAnswerBytesMax: matches that are larger together are refused", async () => {
  const metadata = { a: text(PINECONE_LIMITS.metadataBytesMax - 100) };
  const count = Math.ceil(PINECONE_LIMITS.queryAnswerBytesMax / PINECONE_LIMITS.metadataBytesMax);
  await upsert(numbers(count + 1).map((i) => record({ id: String(i), metadata })));
  const asked = { topK: count + 1, includeMetadata: true };
  expect((await query({ ...asked, topK: count - 1 })).status).toBe(200);
  expect((await query(asked)).status).toBe(400);
  expect((await query({ ...asked, topK: 5_000 })).status).toBe(400);
  expect((await query({ topK: 5_000, includeValues: true })).status).toBe(200);
});

test("tokenCharactersMax: the token of the longest prefix, namespace and id is shorter", async () => {
  const [prefix, namespace] = ["ü".repeat(511), "n".repeat(512)];
  await upsert([record({ id: `${prefix}a` }), record({ id: `${prefix}b` })], namespace);
  const listing = `prefix=${encodeURIComponent(prefix)}&namespace=${namespace}&limit=1`;
  const first = await bench.send(`GET /ix/docs/vectors/list?${listing}`);
  const { next } = (first.json as { pagination: { next: string } }).pagination;
  expect(next.length).toBeLessThan(PINECONE_LIMITS.tokenCharactersMax);
  const last = await bench.send(`GET /ix/docs/vectors/list?${listing}&paginationToken=${next}`);
  expect(last.json).toMatchObject({ vectors: [{ id: `${prefix}b` }] });
});

test("fetchPageItems and fetchPageBytesMax: a page ends after so many records, or so many bytes", async () => {
  const { fetchPageItems, fetchPageBytesMax, metadataBytesMax } = PINECONE_LIMITS;
  const small = numbers(fetchPageItems + 1).map((i) =>
    record({ id: String(i), metadata: { a: 1 } }),
  );
  await upsert(small);
  const vectorsOf = ({ json }: BenchAnswer): object[] =>
    Object.values((json as { vectors: Record<string, object> }).vectors);
  expect(vectorsOf(await fetchWhere({}))).toHaveLength(fetchPageItems);
  const metadata = { a: text(metadataBytesMax - 100) };
  const count = Math.ceil(fetchPageBytesMax / metadataBytesMax);
  await upsert(numbers(count + 10).map((i) => record({ id: String(i), metadata })));
  const page = await fetchWhere({ limit: 1_000 });
  expect(vectorsOf(page).length).toBeLessThanOrEqual(count + 1);
  expect(page.json).toHaveProperty("pagination.next");
});

/** A call on an index of the dimension, over an engine that is nothing but what the test gives. */
function callOver(engine: Partial<Engine>, dimension: number): DataCall {
  const schema = { vectors: [{ name: "", dimension, metric: "cosine" }] };
  const info = { database: "pinecone", name: "docs", schema, rowCount: 7 };
  const index = { info, dimension, metric: "cosine", vectorType: "dense", hasNamespaces: true };
  const access = { isAllowed: () => true };
  const server = { context: { engine: { measure: () => undefined, ...engine }, access } };
  return { server, index, signal: new AbortController().signal } as unknown as DataCall;
}

test("answerNumbersMax: a fetch that would bring more numbers is refused", async () => {
  const dimension = 16_384;
  const vectors = new Map([["", new Float32Array(dimension)]]);
  const get: Engine["get"] = (_, keys) => Promise.resolve(keys.map((key) => ({ key, vectors })));
  const ids = numbers(PINECONE_LIMITS.answerNumbersMax / dimension + 1).map(String);
  const call = callOver({ get }, dimension);
  const { message } = await fetchVectors(call, { ids: ids.slice(1), namespace: "" });
  expect(message.vectors).toHaveLength(ids.length - 1);
  await expect(fetchVectors(call, { ids, namespace: "" })).rejects.toThrow("too large");
});

interface Made {
  /** Namespaces that there are. */
  readonly count: number;
  readonly nameCharacters?: number;
}

/** Names of the statistics of an index of so many namespaces; 7 records in all of them. */
async function statsOf({ count, nameCharacters = 6 }: Made): Promise<{
  readonly names: readonly string[];
  readonly total: number;
  readonly looked: number;
}> {
  let looked = 0;
  const listTenants: Engine["listTenants"] = (_, __, { limit, after }) => {
    const first = after === undefined ? 0 : Number(after) + 1;
    const items = numbers(Math.min(limit, count - first)).map((i) => ({
      ...{ name: String(first + i).padStart(nameCharacters, "0"), state: "ACTIVE" as const },
      ...{ createdAtMs: 0, rowCount: 0, byteCount: 0 },
    }));
    looked += items.length;
    return Promise.resolve({ items, hasMore: first + items.length < count });
  };
  const call = callOver({ listTenants }, 2);
  const info = { ...call.index.info, tenantCount: count };
  const { message } = await describeIndexStats({ ...call, index: { ...call.index, info } }, {});
  const names = message.namespaces.map(({ name }) => name);
  return { names, total: message.totalVectorCount, looked };
}

test("statsNamespacesMax: with one more the first statsNamespacesOfMany are named", async () => {
  const { statsNamespacesMax, statsNamespacesOfMany } = PINECONE_LIMITS;
  const all = await statsOf({ count: statsNamespacesMax });
  expect(all.names).toHaveLength(statsNamespacesMax);
  for (const count of [statsNamespacesMax + 1, 1_000_000]) {
    const { names, total, looked } = await statsOf({ count });
    expect(names).toEqual(all.names.slice(0, statsNamespacesOfMany));
    expect([total, looked]).toEqual([7, statsNamespacesOfMany]);
  }
});

test("statsNameBytesMax: the names of statistics have no more bytes", async () => {
  const { statsNameBytesMax } = PINECONE_LIMITS;
  const fitting = statsNameBytesMax / 512;
  expect((await statsOf({ count: fitting, nameCharacters: 512 })).names).toHaveLength(fitting);
  expect((await statsOf({ count: fitting + 1, nameCharacters: 512 })).names).toHaveLength(fitting);
});

test("namespacesCountedMax: a prefix's namespaces are counted so far", async () => {
  const asked: unknown[] = [];
  const call = callOver(
    {
      listTenants: () => Promise.resolve({ items: [], hasMore: false }),
      countTenants: (_, { prefix, most }) => {
        asked.push({ prefix, most });
        return Promise.resolve(most);
      },
    },
    2,
  );
  const { message } = await listNamespaces(call, { prefix: "a" });
  const { namespacesCountedMax } = PINECONE_LIMITS;
  expect(message.totalCount).toBe(namespacesCountedMax);
  expect(asked).toEqual([{ prefix: "a", most: namespacesCountedMax }]);
});
