/** A client that says how long it waits: calls end with it, in the words of their dialect. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { unlessAborted } from "../base/unless-aborted.ts";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import type { Place } from "../model/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer, type RunningServer } from "./index.ts";

const SECRET = "a-secret-of-this-test";
/** Those whose place says how long the caller waits. */
const CALLS = [
  ...(["get", "count", "list", "queryAll", "keepQuery", "nextHits", "measureRecall"] as const),
  ...(["upsert", "insert", "update", "updateWhere", "delete", "deleteWhere", "deleteAll"] as const),
];
let server: RunningServer;
let url = "";

beforeAll(async () => {
  const flags = { httpPort: "0", adminSecret: SECRET, logLevel: "silent", workerCount: "0" };
  server = await startServer(loadConfig({ flags }), {
    openEngine: async (_config, { files, clock, random }) => {
      const engine = await openEngine({ files, clock, random, workerCount: 0 });
      // Calls that wait for ever, as for memory, unless their signal ends them.
      engine.query = (_place, { signal }) => waiting(signal);
      for (const call of CALLS) engine[call] = ({ signal }: Place) => waiting(signal);
      engine.listTenants = (_database, _collection, { signal }) => waiting(signal);
      return engine;
    },
    files: new MemoryFileSystem(),
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0",
    dialects: DIALECT_LOADERS,
  });
  url = server.addresses[0]?.url ?? "";
  const made = { name: "notes", dimension: 2, metric: "cosine" };
  const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
  expect((await call("indexes", { body: { ...made, spec } })).status).toBe(201);
  await call("insula/v1/databases", { body: { name: "shop" } });
  const plain = { name: "notes", dimension: 2 };
  expect((await call("insula/v1/databases/shop/collections", { body: plain })).status).toBe(201);
  const people = { ...plain, name: "people", tenancy: "multi" };
  expect((await call("insula/v1/databases/shop/collections", { body: people })).status).toBe(201);
});
afterAll(() => server.close());

function waiting(signal: AbortSignal | undefined): Promise<never> {
  // The time may be over before the call is here.
  return unlessAborted(signal, new Promise(() => undefined));
}

interface Sent {
  /** Absent: GET. */
  readonly body?: object;
  readonly waitsMs?: string;
}

function call(path: string, { body, waitsMs }: Sent): Promise<Response> {
  return fetch(`${url}/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(path.startsWith("insula/")
        ? { authorization: `Bearer ${SECRET}` }
        : { "api-key": SECRET }),
      "content-type": "application/json",
      ...(waitsMs !== undefined && { "x-request-timeout-ms": waitsMs }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

const NATIVE = "insula/v1/databases/shop/collections/notes/records";
const KEYS = { keys: ["a"] };
const RECORDS = { records: [{ key: "a", vector: [1, 0] }] };
const FILTER = { filter: { a: 1 } };
const VECTORS = { vectors: [{ id: "a", values: [1, 0] }] };
const OURS = { code: "deadline_exceeded" };
const THEIRS = { code: 4 };

it.each([
  [`${NATIVE}/search`, { vector: [1, 0], topK: 1 }, OURS],
  [`${NATIVE}/search`, { vector: [1, 0], topK: 2, pageSize: 1 }, OURS],
  [`${NATIVE}/search/next`, { cursor: `${"0".repeat(32)}-1` }, OURS],
  [`${NATIVE}/searches`, { queries: [{ vector: [1, 0], topK: 1 }] }, OURS],
  [`${NATIVE}/recall`, { sample: 1 }, OURS],
  [`${NATIVE}/get`, KEYS, OURS],
  [`${NATIVE}/count`, FILTER, OURS],
  [`${NATIVE}/list`, {}, OURS],
  [`${NATIVE}/upsert`, RECORDS, OURS],
  [`${NATIVE}/insert`, RECORDS, OURS],
  [`${NATIVE}/delete`, KEYS, OURS],
  [`${NATIVE}/delete`, FILTER, OURS],
  [`${NATIVE}/delete`, { all: true }, OURS],
  ["ix/notes/query", { vector: [1, 0], topK: 1 }, THEIRS],
  ["ix/notes/vectors/upsert", VECTORS, THEIRS],
  ["ix/notes/vectors/update", { id: "a", setMetadata: { a: 1 } }, THEIRS],
  ["ix/notes/vectors/update", { ...FILTER, setMetadata: { a: 2 } }, THEIRS],
  ["ix/notes/vectors/update", { ...FILTER, dryRun: true }, THEIRS],
  ["ix/notes/vectors/fetch_by_metadata", FILTER, THEIRS],
  ["ix/notes/describe_index_stats", {}, THEIRS],
])("%s %j", async (path, body, said) => {
  const answer = await call(path, { body, waitsMs: "5" });
  expect(answer.status).toBe(504);
  expect(await answer.json()).toMatchObject(said);
  expect((await call(path, { body, waitsMs: "soon" })).status).toBe(400);
});

it.each([
  ["ix/notes/vectors/fetch?ids=a", THEIRS],
  ["ix/notes/vectors/list", THEIRS],
  ["insula/v1/databases/shop/collections/people/tenants", OURS],
  ["insula/v1/databases/shop/collections/people/usage", OURS],
])("GET %s", async (path, said) => {
  const answer = await call(path, { waitsMs: "5" });
  expect(answer.status).toBe(504);
  expect(await answer.json()).toMatchObject(said);
});
