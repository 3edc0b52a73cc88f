import { describe, expect, it } from "vitest";
import type { ActionTarget, NewAccessKey, Principal } from "../../access/index.ts";
import { InsulaError } from "../../base/errors.ts";
import type { HttpRequest } from "../../wire/index.ts";
import type { DialectContext } from "../dialect.ts";
import { createNativeDialect, NATIVE_ROUTES } from "./index.ts";

const PRINCIPALS: Record<string, Principal> = {
  admin: { kind: "admin", keyId: "A", accountId: "1", grants: [] },
  clerk: { kind: "key", keyId: "C", accountId: "1", grants: [] },
};

/** Records what reaches engine and access, answers with plain values. */
function createContext(calls: unknown[]): DialectContext {
  const engine = new Proxy(
    {},
    {
      get:
        (_, name) =>
        (...parameters: unknown[]) => {
          if (name === "stats") return { collectionCount: 3 };
          calls.push([String(name), ...parameters]);
          return Promise.resolve(
            parameters.includes("missing") ? undefined : { called: String(name) },
          );
        },
    },
  );
  const access = {
    findToken: (token: string) => Promise.resolve(PRINCIPALS[token]),
    authorize: (principal: Principal, action: string, target: ActionTarget) => {
      if (
        principal.kind === "admin" ||
        (action !== "admin:DeleteDatabase" && target.database !== "secret")
      )
        return;
      throw new InsulaError("permission_denied", "Cannot do this: not allowed.");
    },
    createKey: (key: NewAccessKey) => Promise.resolve({ id: "K", secret: "S", ...key }),
    listKeys: () => Promise.resolve({ items: [], hasMore: false }),
    revokeKey: (id: string) =>
      Promise.reject(new InsulaError("access_key_not_found", `Cannot revoke ${id}: unknown.`)),
  };
  return {
    engine,
    access,
    reranker: {
      model: "judge-1",
      rerank: (query: string, documents: readonly string[], options: object) => {
        calls.push(["rerank", query, documents, Object.keys(options)]);
        return Promise.resolve([{ position: 1, relevance: 0.9 }]);
      },
    },
    openEmbedder: () =>
      Promise.resolve({
        model: "model-of-elsewhere",
        dimension: 2,
        embed: (texts: readonly string[]) => {
          calls.push(["embed", texts]);
          return Promise.resolve(texts.map(() => Float32Array.of(0.6, 0.8)));
        },
      }),
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    endPhase: () => 0,
    observe: () => undefined,
  } as unknown as DialectContext;
}

function requestOf(line: string, token = "admin"): Omit<HttpRequest, "readBody"> {
  const [method = "", target = ""] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  return {
    id: "0123456789ABCDEF01234567",
    method,
    target,
    scheme: "http",
    host: "127.0.0.1",
    path: `/insula/v1/${path}`,
    query,
    headers: { authorization: `Bearer ${token}` },
    remoteAddress: "127.0.0.1",
    signal: new AbortController().signal,
  };
}

async function send(
  line: string,
  options: { readonly body?: unknown; readonly token?: string; readonly calls?: unknown[] } = {},
): Promise<{ status: number; type: string | undefined; json: unknown }> {
  const text = typeof options.body === "string" ? options.body : JSON.stringify(options.body ?? {});
  const request: HttpRequest = {
    ...requestOf(line, options.token),
    readBody: () => Promise.resolve(Buffer.from(text)),
  };
  const answer = await createNativeDialect(createContext(options.calls ?? [])).handle(request);
  const body = Buffer.from(answer.body ?? "null").toString();
  return { status: answer.status, type: answer.headers["content-type"], json: JSON.parse(body) };
}

describe("routes about databases, collections, tenants and keys", () => {
  it("are disjoint: no method and pattern twice", () => {
    const lines = NATIVE_ROUTES.map(
      ({ method, pattern }) => `${method} ${pattern.replaceAll(/:\w+/g, ":")}`,
    );
    expect(new Set(lines).size).toBe(lines.length);
  });

  it("answer status with the caller's account and key", async () => {
    expect(await send("GET status")).toMatchObject({
      status: 200,
      json: { accountId: "1", keyId: "A", stats: { collectionCount: 3 } },
    });
  });

  it("create a collection from plain words", async () => {
    const calls: unknown[] = [];
    const body = {
      name: "notes",
      dimension: 8,
      tenancy: "multi",
      unfilterable: ["text"],
      embeddingModel: "m",
    };
    expect((await send("POST databases/team%2Fa/collections", { body, calls })).status).toBe(201);
    expect(calls).toEqual([
      [
        "createCollection",
        "team/a",
        "notes",
        {
          schema: {
            vectors: [{ name: "", dimension: 8, metric: "cosine" }],
            identity: "key",
            unfilterable: ["text"],
          },
          tenancy: "multi",
          embeddingModel: "m",
        },
      ],
    ]);
  });

  it.each([
    [
      "GET databases?limit=5&after=a&prefix=b",
      undefined,
      ["listDatabases", { limit: 5, after: "a", prefix: "b" }],
    ],
    ["POST databases", { name: "d" }, ["createDatabase", "d"]],
    ["DELETE databases/d", undefined, ["deleteDatabase", "d"]],
    ["GET databases/d/collections", undefined, ["listCollections", "d", { limit: 100 }]],
    [
      "PATCH databases/d/collections/c",
      { status: "disabled" },
      ["updateCollection", "d", "c", { status: "disabled" }],
    ],
    [
      "PATCH databases/d/collections/c",
      { embeddingModel: null },
      ["updateCollection", "d", "c", { embeddingModel: null }],
    ],
    [
      "PATCH databases/d/collections/c",
      {
        vectors: [
          { name: "", recall: 0.9 },
          { name: "t", recall: null },
        ],
      },
      [
        "updateCollection",
        "d",
        "c",
        {
          vectors: [
            { name: "", recall: 0.9 },
            { name: "t", recall: null },
          ],
        },
      ],
    ],
    ["DELETE databases/d/collections/c", undefined, ["deleteCollection", "d", "c"]],
    [
      "GET databases/d/collections/c/tenants",
      undefined,
      ["listTenants", "d", "c", { limit: 100, signal: expect.any(AbortSignal) as AbortSignal }],
    ],
    [
      "POST databases/d/collections/c/tenants",
      { name: "t" },
      ["createTenant", { database: "d", collection: "c", tenant: "t" }],
    ],
    [
      "DELETE databases/d/collections/c/tenants/t",
      undefined,
      ["deleteTenant", { database: "d", collection: "c", tenant: "t" }],
    ],
  ])("%s reaches the engine", async (line, body, expected) => {
    const calls: unknown[] = [];
    const { status } = await send(line, { body, calls });
    expect(status).toBeLessThan(300);
    expect(calls).toEqual([expected]);
  });

  it("show a new key with its secret, once", async () => {
    const grants = [{ actions: ["vectors:*"], databases: ["team-*"] }];
    expect(await send("POST keys", { body: { grants } })).toMatchObject({
      status: 201,
      json: { id: "K", secret: "S", grants },
    });
  });

  it("let only the admin make keys", async () => {
    expect((await send("POST keys", { body: { grants: [] }, token: "clerk" })).status).toBe(403);
  });

  it("ask access before the engine, with the database of the path", async () => {
    const calls: unknown[] = [];
    expect((await send("DELETE databases/d", { token: "clerk", calls })).status).toBe(403);
    expect((await send("GET databases/secret/collections", { token: "clerk", calls })).status).toBe(
      403,
    );
    expect((await send("GET databases/d/collections", { token: "clerk" })).status).toBe(200);
    expect(calls).toEqual([]);
  });

  it.each([
    ["GET nothing", undefined, 404, "route_not_found"],
    ["PUT databases", undefined, 404, "route_not_found"],
    ["GET databases//collections", undefined, 404, "route_not_found"],
    ["GET databases/%ff", undefined, 400, "argument_invalid"],
    ["GET databases/missing", undefined, 404, "database_not_found"],
    ["GET databases/d/collections/missing", undefined, 404, "collection_not_found"],
    ["GET databases?limit=0", undefined, 400, "argument_invalid"],
    ["GET databases?limit=x", undefined, 400, "argument_invalid"],
    ["POST databases", "{", 400, "body_malformed"],
    ["POST databases", "[]", 400, "body_malformed"],
    ["POST databases", { name: 1 }, 400, "argument_invalid"],
    ["POST databases/d/collections", { name: "c" }, 400, "argument_invalid"],
    [
      "POST databases/d/collections",
      { name: "c", dimension: 1, metric: "jaccard" },
      400,
      "argument_invalid",
    ],
    [
      "POST databases/d/collections",
      { name: "c", dimension: 1, tenancy: "none" },
      400,
      "argument_invalid",
    ],
    [
      "POST databases/d/collections",
      { name: "c", dimension: 1, dimensions: 1 },
      400,
      "argument_invalid",
    ],
    ["PATCH databases/d/collections/c", { status: "off" }, 400, "argument_invalid"],
    ["POST keys", { grants: "all" }, 400, "argument_invalid"],
    ["POST keys", { grants: [{ actions: "*", databases: [] }] }, 400, "argument_invalid"],
    ["POST keys", { grants: [], expiresAtMs: 1.5 }, 400, "argument_invalid"],
    ["DELETE keys/K", undefined, 404, "access_key_not_found"],
  ])("%s with %j is a problem with status %d and code %s", async (line, body, status, code) => {
    const answer = await send(line, { body });
    expect(answer).toMatchObject({
      status,
      type: "application/problem+json",
      json: { status, code },
    });
  });

  it("refuse a wrong and a missing secret", async () => {
    expect(await send("GET status", { token: "wrong" })).toMatchObject({
      status: 401,
      json: { code: "credentials_unknown" },
    });
    expect(await send("GET status", { token: "" })).toMatchObject({
      status: 401,
      json: { code: "credentials_missing" },
    });
  });
});

describe("routes about texts", () => {
  it("embed with the configured model unless the built-in one is named", async () => {
    const calls: unknown[] = [];
    expect(await send("POST embed", { body: { texts: ["a"] }, calls })).toMatchObject({
      status: 200,
      json: { model: "model-of-elsewhere", dimension: 2, vectors: [[expect.closeTo(0.6), 0.8]] },
    });
    expect(calls).toEqual([["embed", ["a"]]]);
    const builtIn = { texts: ["a"], model: "insula-lexical-1", dimension: 8 };
    expect(await send("POST embed", { body: builtIn, calls })).toMatchObject({
      json: { model: "insula-lexical-1", dimension: 8 },
    });
    expect(calls).toHaveLength(1);
  });

  it("rerank with the configured reranker, which may be stopped", async () => {
    const calls: unknown[] = [];
    const body = { query: "q", documents: ["a", "b"], topN: 1 };
    expect(await send("POST rerank", { body, calls, token: "clerk" })).toMatchObject({
      status: 200,
      json: { model: "judge-1", results: [{ position: 1, relevance: 0.9 }] },
    });
    expect(calls).toEqual([["rerank", "q", ["a", "b"], ["topN", "signal"]]]);
  });

  it.each([
    ["POST embed", { texts: ["a"], dimension: 3 }],
    ["POST embed", { texts: ["a"], model: "other" }],
    ["POST embed", { texts: "a" }],
    ["POST rerank", { query: "q", documents: [1] }],
    ["POST rerank", { query: "q", documents: ["a"], topN: 0 }],
    ["POST rerank", { query: "q", documents: new Array(501).fill("a") }],
    ["POST rerank", { documents: ["a"] }],
  ])("%s refuses %j", async (line, body) => {
    expect(await send(line, { body })).toMatchObject({
      status: 400,
      json: { code: "argument_invalid" },
    });
  });

  it("ask nobody's secret for nothing", async () => {
    const body = { query: "q", documents: ["a"] };
    expect((await send("POST rerank", { body, token: "wrong" })).status).toBe(401);
  });
});

it.each([
  ["search", 2],
  ["upsert", 1],
])(
  "of bodies to %s that announce no length, %i at once are read for one key",
  async (call, count) => {
    const { handle } = createNativeDialect(createContext([]));
    const line = `POST databases/d/collections/c/records/${call}`;
    let reading = 0;
    let refuse = (): void => undefined;
    const given = new Promise<Buffer>((_, reject) => {
      refuse = () => {
        reject(new InsulaError("body_malformed", "Cannot read the body: cut off."));
      };
    });
    const answers = [0, 1].map(() => {
      const { headers, ...request } = requestOf(line);
      return handle({
        ...request,
        headers: { ...headers, "transfer-encoding": "chunked" },
        readBody: () => {
          reading++;
          return given;
        },
      });
    });
    await new Promise(setImmediate);
    expect(reading).toBe(count);
    refuse();
    await Promise.allSettled(answers);
    expect(reading).toBe(2);
  },
);
