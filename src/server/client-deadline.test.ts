/** A client that says how long it waits: searches end with it, in the words of their dialect. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer, type RunningServer } from "./index.ts";

const SECRET = "a-secret-of-this-test";
let server: RunningServer;
let url = "";

beforeAll(async () => {
  const flags = { httpPort: "0", adminSecret: SECRET, logLevel: "silent", workerCount: "0" };
  server = await startServer(loadConfig({ flags }), {
    openEngine: async (_config, { files, clock, random }) => {
      const engine = await openEngine({ files, clock, random, workerCount: 0 });
      // Searches that wait for ever, as for memory, unless their signal ends them.
      engine.query = (_place, { signal }) =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => {
            reject(signal.reason as Error);
          });
        });
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
  expect((await post("indexes", { ...made, spec })).status).toBe(201);
  await post("insula/v1/databases", { name: "shop" });
  const plain = { name: "notes", dimension: 2 };
  expect((await post("insula/v1/databases/shop/collections", plain)).status).toBe(201);
});
afterAll(() => server.close());

function post(path: string, body: object, waitsMs?: string): Promise<Response> {
  return fetch(`${url}/${path}`, {
    method: "POST",
    headers: {
      ...(path.startsWith("insula/")
        ? { authorization: `Bearer ${SECRET}` }
        : { "api-key": SECRET }),
      "content-type": "application/json",
      ...(waitsMs !== undefined && { "x-request-timeout-ms": waitsMs }),
    },
    body: JSON.stringify(body),
  });
}

it.each([
  ["insula/v1/databases/shop/collections/notes/records/search", { code: "deadline_exceeded" }],
  ["ix/notes/query", { code: 4 }],
])("%s", async (path, said) => {
  const body = { vector: [1, 0], topK: 1 };
  const answer = await post(path, body, "5");
  expect(answer.status).toBe(504);
  expect(await answer.json()).toMatchObject(said);
  expect((await post(path, body, "soon")).status).toBe(400);
});
