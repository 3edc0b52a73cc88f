/** Our own interface over a real port and engine: answers, refusals, the document of it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../client/index.ts";
import { NATIVE_LIMITS, NATIVE_ROUTES } from "../dialects/native/index.ts";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer, type RunningServer } from "./index.ts";

const SECRET = "a-secret-of-this-test";
let server: RunningServer;
let url = "";
/** May read the database `open-*`, nothing else. */
let reader = "";

beforeAll(async () => {
  const config = loadConfig({
    flags: { httpPort: "0", adminSecret: SECRET, logLevel: "silent", workerCount: "0" },
  });
  server = await startServer(config, {
    openEngine: (_config, { files, clock, random }) =>
      openEngine({ files, clock, random, workerCount: 0 }),
    files: new MemoryFileSystem(),
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0",
    dialects: DIALECT_LOADERS,
  });
  url = server.addresses[0]?.url ?? "";
  const insula = await connect({ url, secret: SECRET });
  for (const database of ["open-shop", "vault"]) {
    await insula.createDatabase(database);
    const notes = await insula.createCollection(database, "notes", {
      dimension: 2,
      tenancy: "multi",
    });
    await notes.tenant("acme").upsert([
      { key: "oak", vector: [1, 0], metadata: { year: 2024 } },
      { key: "elm", vector: [0.6, 0.8], metadata: { year: 2025 } },
    ]);
  }
  const grants = [{ actions: ["records:*", "admin:Get*"], databases: ["open-*"] }];
  const { id, secret } = (await json("POST", "keys", { grants })) as Record<string, string>;
  reader = `${id ?? ""}.${secret ?? ""}`;
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

async function send(
  method: string,
  path: string,
  body?: unknown,
  secret: string = SECRET,
): Promise<Answer> {
  const answer = await fetch(`${url}/insula/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${secret}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    type: answer.headers.get("content-type"),
    body: text === "" ? {} : JSON.parse(text),
  };
}

/** A good answer, read with the schema the OpenAPI document shows for it. */
async function json(
  method: string,
  path: string,
  body?: unknown,
  secret?: string,
): Promise<unknown> {
  const answer = await send(method, path, body, secret);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  const [wanted = ""] = path.split("?");
  const route = NATIVE_ROUTES.find(({ method: other, pattern }) => {
    const form = new RegExp(`^${pattern.replaceAll(/:\w+/g, "[^/]+")}$`);
    return other === method && form.test(wanted);
  });
  expect(route, path).toBeDefined();
  route?.answers?.read(answer.body as never, "", []);
  return answer.body;
}

const ACME = "databases/open-shop/collections/notes/tenants/acme";
const place = (database: string, tenant = "acme"): object => ({
  database,
  collection: "notes",
  tenant,
});

describe("answers over HTTP", () => {
  it("say what a search did and how its tenant was found", async () => {
    const search = { vector: [1, 0], topK: 1, include: { vectors: true } };
    expect(await json("POST", `${ACME}/records/search`, search)).toEqual({
      hits: [{ key: "oak", distance: 0, vector: [1, 0], metadata: { year: 2024 } }],
      activation: { state: "ACTIVE", wasAsleep: false, wakeMs: 0 },
      plan: { path: "exact", rowsScanned: 2, rowsRescored: 0, segmentCount: 0, workUnits: 1 },
    });
    const explained = await json("POST", `${ACME}/records/search`, { ...search, explain: true });
    expect(explained).toMatchObject({ explanation: { parts: [{ kind: "memtable" }] } });
  });

  it("bring several searches of one place in their order", async () => {
    const queries = [{ vector: [0, 1], topK: 1 }, { like: { key: "oak", leaveOut: true } }];
    expect(await json("POST", `${ACME}/records/searches`, { queries })).toMatchObject({
      results: [{ hits: [{}] }, { hits: [{ key: "elm" }] }],
    });
    for (const bad of [{}, { vector: [0, 1], like: { key: "oak" } }, { like: { name: "oak" } }]) {
      const body = { queries: [{ vector: [0, 1] }, bad] };
      expect(await send("POST", `${ACME}/records/searches`, body)).toMatchObject({
        status: 400,
        body: { code: "argument_invalid", detail: expect.stringContaining("queries[1]") as string },
      });
    }
    const gone = { queries: [{ like: { key: "gone" } }] };
    expect(await send("POST", `${ACME}/records/searches`, gone)).toMatchObject({
      status: 404,
      body: { code: "record_not_found" },
    });
  });

  it("say of a tenant that slept that it was woken, and how long that took", async () => {
    await server.engine.deactivate({ database: "open-shop", collection: "notes", tenant: "acme" });
    const { activation } = (await json("POST", `${ACME}/records/search`, { vector: [1, 0] })) as {
      readonly activation: { readonly wakeMs: number };
    };
    expect(activation).toMatchObject({ state: "ACTIVE", wasAsleep: true });
    expect(activation.wakeMs).toBeGreaterThan(0);
  });

  it("name for each of many places its state and plan, and the places that failed", async () => {
    const places = [place("open-shop"), place("open-shop", "nobody"), place("open-none")];
    const answer = await json("POST", "search", { places, vector: [1, 0], explain: true });
    expect(answer).toMatchObject({
      hits: [
        { key: "oak", place: place("open-shop") },
        { key: "elm", place: place("open-shop") },
      ],
      searched: [
        { place: place("open-shop"), activation: { state: "ACTIVE" }, plan: { rowsScanned: 2 } },
        { place: place("open-shop", "nobody"), plan: { path: "empty" } },
      ],
      failures: [
        { place: place("open-none"), problem: { code: "collection_not_found", status: 404 } },
      ],
    });
  });

  it("count records and bytes of every level without waking anybody", async () => {
    await server.engine.deactivate({ database: "open-shop", collection: "notes", tenant: "acme" });
    const awake = server.engine.stats().shardsAwake;
    expect(await json("GET", "usage?prefix=open")).toEqual({
      items: [{ name: "open-shop", collectionCount: 1 }],
      hasMore: false,
    });
    expect(await json("GET", "databases/open-shop/usage")).toMatchObject({
      rowCount: 2,
      items: [{ name: "notes", rowCount: 2, tenantCount: 1 }],
    });
    expect(await json("GET", "databases/open-shop/collections/notes/usage")).toMatchObject({
      rowCount: 2,
      tenantCount: 1,
      items: [{ name: "acme", state: "ACTIVE", rowCount: 2 }],
    });
    expect(server.engine.stats().shardsAwake).toBe(awake);
  });

  it("embed texts with the model the server has, and refuse another", async () => {
    const { dimension, vectors } = (await json("POST", "embed", {
      texts: ["cold radiator", "warm radiator"],
      dimension: 64,
    })) as { readonly dimension: number; readonly vectors: readonly (readonly number[])[] };
    expect([dimension, vectors.length, vectors[0]?.length]).toEqual([64, 2, 64]);
    expect(await send("POST", "embed", { texts: ["a"], model: "gpt-9" })).toMatchObject({
      status: 400,
      body: { code: "argument_invalid" },
    });
    expect(await send("POST", "rerank", { query: "a", documents: ["b"] })).toMatchObject({
      status: 501,
      body: { code: "operation_unsupported" },
    });
  });
});

describe("a key that may read one database", () => {
  it("reads it, and is told its own name", async () => {
    expect(await json("GET", "caller", undefined, reader)).toMatchObject({ kind: "key" });
    const search = { places: [place("open-shop")], vector: [1, 0] };
    expect(await json("POST", "search", search, reader)).toMatchObject({ failures: [] });
  });

  it("is refused a search over many whole, alike for what is forbidden and what is not there", async () => {
    const askFor = async (other: object): Promise<unknown> => {
      const search = { places: [place("open-shop"), other], vector: [1, 0] };
      const { status, type, body } = await send("POST", "search", search, reader);
      expect([status, type]).toEqual([403, "application/problem+json"]);
      expect(body).not.toHaveProperty("hits");
      return { ...body, requestId: "" };
    };
    const forbidden = await askFor(place("vault"));
    expect(forbidden).toMatchObject({ code: "permission_denied" });
    for (const missing of [
      place("vault", "nobody"),
      place("never"),
      { database: "vault", collection: "never" },
    ]) {
      expect(await askFor(missing)).toEqual(forbidden);
    }
  });

  it("bound to one tenant is refused a search over another, there or not, in the same words", async () => {
    const of = { databases: ["open-shop"], collections: ["notes"], tenants: ["acme"] };
    const grants = [{ actions: ["records:*"], ...of }];
    await json("POST", "databases/open-shop/collections/notes/tenants", { name: "globex" });
    const { id, secret } = (await json("POST", "keys", { grants })) as Record<string, string>;
    const bound = `${id ?? ""}.${secret ?? ""}`;
    const own = { places: [place("open-shop")], vector: [1, 0] };
    expect((await send("POST", "search", own, bound)).status).toBe(200);
    const answers = await Promise.all(
      ["globex", "never"].map((tenant) => {
        const places = [place("open-shop"), place("open-shop", tenant)];
        return send("POST", "search", { places, vector: [1, 0] }, bound);
      }),
    );
    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    const [there, missing] = answers.map(({ body }) => ({ ...body, requestId: "" }));
    expect(there).toEqual(missing);
  });

  it("is refused every other route alike for what is forbidden and what is not there", async () => {
    for (const [method, rest, body] of [
      ["GET", ""],
      ["GET", "/usage"],
      ["GET", "/collections/notes"],
      ["GET", "/collections/notes/tenants/acme"],
      ["POST", "/collections/notes/tenants/acme/records/search", { vector: [1, 0] }],
      ["POST", "/collections/notes/tenants/acme/records/get", { keys: ["oak"] }],
      ["POST", "/collections/notes/tenants/acme/records/delete", { all: true }],
    ] as const) {
      const [there, missing] = await Promise.all(
        ["vault", "never"].map((name) => send(method, `databases/${name}${rest}`, body, reader)),
      );
      expect(there?.status, rest).toBe(403);
      expect({ ...there?.body, requestId: "" }).toEqual({ ...missing?.body, requestId: "" });
    }
    expect(await send("GET", "usage", undefined, reader)).toMatchObject({ status: 403 });
  });

  it("is nobody from the moment it is revoked", async () => {
    const grants = [{ actions: ["*"], databases: ["*"] }];
    const { id, secret } = (await json("POST", "keys", { grants })) as Record<string, string>;
    const token = `${id ?? ""}.${secret ?? ""}`;
    expect((await send("GET", "databases", undefined, token)).status).toBe(200);
    expect((await send("DELETE", `keys/${id ?? ""}`)).status).toBe(204);
    expect(await send("GET", "databases", undefined, token)).toMatchObject({
      status: 401,
      body: { code: "credentials_unknown" },
    });
  });
});

describe("bounds of the interface", () => {
  const max = NATIVE_LIMITS;
  const vector = [1, 0];
  const texts = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, i) => `${i}`);
  const values = (count: number): object => ({ year: { $in: texts(count) } });
  const all = { metadata: true, vectors: true };
  const none = { metadata: false, vectors: false };
  const long = (bytes: number): object => ({
    records: [{ key: "long", vector, metadata: { text: "x".repeat(bytes) } }],
  });

  it.each<[string, string, object, object, string]>([
    [
      "topKMetadataMax",
      "search",
      { vector, topK: max.topKMetadataMax },
      { vector, topK: max.topKMetadataMax + 1 },
      "argument_invalid",
    ],
    [
      "topKVectorsMax",
      "search",
      { vector, topK: max.topKVectorsMax, include: all },
      { vector, topK: max.topKVectorsMax + 1, include: all },
      "argument_invalid",
    ],
    [
      "TOP_K_MAX",
      "search",
      { vector, topK: 10_000, include: none },
      { vector, topK: 10_001, include: none },
      "argument_invalid",
    ],
    [
      "filterNodesMax",
      "count",
      { filter: values(max.filterNodesMax - 1) },
      { filter: values(max.filterNodesMax) },
      "filter_invalid",
    ],
    [
      "getKeysMax",
      "get",
      { keys: texts(max.getKeysMax) },
      { keys: texts(max.getKeysMax + 1) },
      "argument_invalid",
    ],
    [
      "getKeysVectorsMax",
      "get",
      { keys: texts(max.getKeysVectorsMax), include: all },
      { keys: texts(max.getKeysVectorsMax + 1), include: all },
      "argument_invalid",
    ],
    [
      "metadataBytesMax",
      "upsert",
      long(max.metadataBytesMax - 100),
      long(max.metadataBytesMax),
      "metadata_too_large",
    ],
    [
      "keysBodyBytesMax",
      "delete",
      { keys: ["x"] },
      { keys: ["x".repeat(max.keysBodyBytesMax)] },
      "body_too_large",
    ],
    [
      "searchBodyBytesMax",
      "search",
      { vector },
      { vector, field: "x".repeat(max.searchBodyBytesMax) },
      "body_too_large",
    ],
  ])("%s: %s takes what fits and refuses more", async (_name, call, good, bad, code) => {
    const path = `databases/open-shop/collections/notes/tenants/bounds/records/${call}`;
    await json("POST", path, good);
    const status = code === "body_too_large" ? 413 : 400;
    expect(await send("POST", path, bad)).toMatchObject({ status, body: { status, code } });
  });

  it.each<[string, string, object, string]>([
    ["embedTextsMax", "embed", { texts: texts(max.embedTextsMax + 1) }, "argument_invalid"],
    [
      "embedBodyBytesMax",
      "embed",
      { texts: ["x".repeat(max.embedBodyBytesMax)] },
      "body_too_large",
    ],
    [
      "rerankBodyBytesMax",
      "rerank",
      { query: "x".repeat(max.rerankBodyBytesMax) },
      "body_too_large",
    ],
    [
      "catalogBodyBytesMax",
      "databases",
      { name: "x".repeat(max.catalogBodyBytesMax) },
      "body_too_large",
    ],
    [
      "manyBodyBytesMax",
      "search",
      { places: ["x".repeat(max.manyBodyBytesMax)] },
      "body_too_large",
    ],
    [
      "recordsBodyBytesMax",
      "databases/open-shop/collections/notes/tenants/acme/records/upsert",
      { records: "x".repeat(max.recordsBodyBytesMax) },
      "body_too_large",
    ],
    ["grantsMax", "keys", { grants: texts(max.grantsMax + 1) }, "argument_invalid"],
  ])("%s: %s refuses more", async (_name, path, body, code) => {
    expect(await send("POST", path, body)).toMatchObject({ body: { code } });
  });
});

it("pageBytesMax: a page of records ends early when it is full, and says so", async () => {
  const records = Array.from({ length: 200 }, (_, i) => ({
    key: String(i).padStart(3, "0"),
    vector: [1, 0],
    metadata: { year: i, text: "x".repeat(60_000) },
  }));
  const path = "databases/open-shop/collections/notes/tenants/long/records";
  await json("POST", `${path}/upsert`, { records });
  const seen: string[] = [];
  let pages = 0;
  for (let hasMore = true; hasMore; pages++) {
    const after = seen.at(-1) ?? "";
    const page = (await json("POST", `${path}/list`, { limit: 1_000, after })) as {
      readonly items: readonly { readonly key: string }[];
      readonly hasMore: boolean;
    };
    seen.push(...page.items.map(({ key }) => key));
    ({ hasMore } = page);
  }
  expect(pages).toBe(2);
  expect(seen).toEqual(records.map(({ key }) => key));
});

describe("the document of the interface", () => {
  it("is public, names every route once, and shows the schemas that read bodies and answers", async () => {
    const answer = await fetch(`${url}/openapi.json`);
    const document = (await answer.json()) as {
      readonly openapi: string;
      readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    expect(document.openapi).toBe("3.1.0");
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map((operation) => (operation as { operationId: string }).operationId);
    expect(new Set(ids).size).toBe(NATIVE_ROUTES.length);
    for (const { method, pattern, takes, answers } of NATIVE_ROUTES) {
      const path = `/insula/v1/${pattern.replaceAll(/:(\w+)/g, "{$1}")}`;
      const shown = JSON.stringify(document.paths[path]?.[method.toLowerCase()]);
      for (const schema of [takes?.schema, answers]) {
        if (schema !== undefined) expect(shown).toContain(JSON.stringify(schema.json));
      }
    }
  });

  it("comes as a page that needs nothing from elsewhere", async () => {
    const answer = await fetch(`${url}/docs`);
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    const page = await answer.text();
    expect(page).not.toMatch(/<script|src=|https?:\/\//);
    for (const { operation } of NATIVE_ROUTES) expect(page).toContain(operation);
  });
});
