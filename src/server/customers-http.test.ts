/** Customers over HTTP: what the document says of the answers, rights, other protocols' words. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { connect, type Insula } from "../client/index.ts";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import { NATIVE_ROUTES } from "../dialects/native/index.ts";
import { parseJsonBytes } from "../wire/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer, type RunningServer } from "./index.ts";

const SECRET = "a-secret-of-this-test";
let server: RunningServer;
let insula: Insula;
let url = "";

beforeAll(async () => {
  const config = loadConfig({
    flags: {
      ...{ httpPort: "0", adminSecret: SECRET, logLevel: "silent", workerCount: "0" },
    },
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
  insula = await connect({ url, secret: SECRET });
  await insula.createDatabase("shop");
  for (const name of ["mails", "notes"]) {
    const made = { dimension: 2, tenancy: "multi" as const };
    const collection = await insula.createCollection("shop", name, made);
    await collection.tenant("acme").upsert([{ key: "a", vector: [1, 0] }]);
  }
});
afterAll(() => server.close());

function call(method: string, path: string, secret = SECRET, body?: object): Promise<Response> {
  return fetch(
    `${url}/insula/v1/databases/shop/customers${path.startsWith("?") ? path : `/${path}`}`,
    {
      method,
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    },
  );
}

async function keyOf(grant: object): Promise<string> {
  const answer = await fetch(`${url}/insula/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
    body: JSON.stringify({ grants: [grant] }),
  });
  const { id, secret } = (await answer.json()) as Record<string, string>;
  return `${id ?? ""}.${secret ?? ""}`;
}

it("answers as the document says", async () => {
  for (const [method, path, operation, body] of [
    ["GET", "acme", "GetCustomer"],
    ["POST", "acme/suspend", "SuspendCustomer"],
    ["GET", "?limit=1", "ListCustomers"],
    ["POST", "acme/resume", "ResumeCustomer"],
    ["POST", "acme/copy", "CopyCustomer", { name: "twin" }],
    ["GET", "acme/usage?period=hour&from=0", "GetCustomerUsage"],
    ["POST", "twin/erase", "EraseCustomer"],
  ] as const) {
    const route = NATIVE_ROUTES.find((each) => each.operation === operation);
    const answer = await call(method, path, SECRET, body);
    expect(answer.status, operation).toBe(route?.status);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    // Throws where an answer is not what the document says.
    route?.answers?.read(parseJsonBytes(bytes), "", []);
  }
  expect((await call("GET", "acme/usage?week=1")).status).toBe(400);
  expect((await call("GET", "acme/usage?period=week")).status).toBe(400);
  expect((await call("GET", "nobody")).status).toBe(404);
});

async function exported(customer: string): Promise<readonly Record<string, unknown>[]> {
  const answer = await call("GET", `${customer}/export`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/jsonl"]);
  const lines = (await answer.text()).split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => {
    const bytes = new TextEncoder().encode(line);
    const { answers } = NATIVE_ROUTES.find((each) => each.operation === "ExportCustomer") ?? {};
    answers?.read(parseJsonBytes(bytes), "", []);
    return JSON.parse(line) as Record<string, unknown>;
  });
}

it("exports all records, in steps, each line as the document says", async () => {
  await insula.createCollection("shop", "empty", { dimension: 2, tenancy: "multi" });
  for (const name of ["empty", "mails", "notes"]) {
    await insula.collection("shop", name).createTenants(["big"]);
  }
  const keys = Array.from({ length: 2_100 }, (_, i) => `k${String(i).padStart(4, "0")}`);
  const at = new Date(0);
  await insula
    .collection("shop", "notes")
    .tenant("big")
    .upsert(keys.map((key, i) => ({ key, vector: [i, 1], metadata: { at, n: 2n ** 60n } })));
  const mails = insula.collection("shop", "mails").tenant("big");
  await mails.upsert([{ key: "z", vector: [0, 1] }]);
  const records = await exported("big");
  expect(records.map(({ collection, key }) => `${String(collection)}/${String(key)}`)).toEqual([
    "mails/z",
    ...keys.map((key) => `notes/${key}`),
  ]);
  expect(records.at(-1)).toMatchObject({
    vector: [2_099, 1],
    metadata: { at: { $date: at.toISOString() }, n: { $int: String(2n ** 60n) } },
  });
  await mails.deleteAll();
  await insula.collection("shop", "notes").tenant("big").deleteAll();
  expect(await exported("big")).toEqual([]);
});

it("an export is refused with a status, or cut with the reason, and never half", async () => {
  expect((await call("GET", "nobody/export")).status).toBe(404);
  await insula.customer("shop", "acme").suspend();
  expect((await call("GET", "acme/export")).status).toBe(409);
  await insula.customer("shop", "acme").resume();
  // More than connections hold, so that the server waits for us.
  const collection = await insula.createCollection("shop", "wide", {
    ...{ dimension: 4_096, tenancy: "multi" },
  });
  const vector = Array.from({ length: 4_096 }, (_, i) => i / 7);
  const records = Array.from({ length: 400 }, (_, i) => ({ key: String(i), vector }));
  await collection.tenant("wide").upsert(records);
  const answer = await call("GET", "wide/export");
  expect(answer.status).toBe(200);
  await insula.customer("shop", "wide").suspend();
  let text = "";
  const decoder = new TextDecoder();
  const read = async (): Promise<void> => {
    for await (const piece of answer.body ?? []) text += decoder.decode(piece as Uint8Array);
  };
  await expect(read()).rejects.toThrow();
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  expect(JSON.parse(last)).toMatchObject({ problem: { code: "customer_suspended", status: 409 } });
  await insula.customer("shop", "wide").resume();
});

it("asks for rights on the whole database", async () => {
  const shop = { databases: ["shop"] };
  const reader = await keyOf({ ...shop, actions: ["read"] });
  const admin = await keyOf({ ...shop, actions: ["admin"] });
  const elsewhere = await keyOf({ databases: ["other"], actions: ["read", "admin"] });
  const ofOne = { ...shop, collections: ["*"], actions: ["read", "admin"] };
  const collections = await keyOf(ofOne);
  const tenant = await keyOf({ ...ofOne, tenants: ["acme"] });
  for (const secret of [elsewhere, collections, tenant]) {
    for (const [method, path] of [
      ["GET", "?limit=1"],
      ["GET", "acme"],
      ["GET", "acme/usage"],
      ["GET", "acme/export"],
      ["POST", "acme/suspend"],
      ["POST", "acme/resume"],
      ["POST", "acme/erase"],
    ] as const) {
      expect((await call(method, path, secret)).status, path).toBe(403);
    }
    expect((await call("POST", "acme/copy", secret, { name: "x" })).status).toBe(403);
  }
  expect((await call("GET", "acme", reader)).status).toBe(200);
  expect((await call("GET", "acme/export", reader)).status).toBe(200);
  expect((await call("POST", "acme/suspend", reader)).status).toBe(403);
  expect((await call("POST", "acme/suspend", admin)).status).toBe(200);
  expect((await call("POST", "acme/resume", admin)).status).toBe(200);
});

it("another name for a tenant needs the right for both names", async () => {
  const place = { databases: ["shop"], collections: ["notes"] };
  const own = await keyOf({ ...place, tenants: ["team-*"], actions: ["admin"] });
  const notes = insula.collection("shop", "notes");
  await notes.createTenants(["team-1", "others"]);
  const rename = (from: string, to: string): Promise<Response> =>
    fetch(`${url}/insula/v1/databases/shop/collections/notes/tenants/${from}/rename`, {
      method: "POST",
      headers: { authorization: `Bearer ${own}`, "content-type": "application/json" },
      body: JSON.stringify({ name: to }),
    });
  for (const [from, to] of [
    ["team-1", "others-2"],
    ["others", "team-2"],
    ["team-1", "others"],
  ] as const) {
    expect((await rename(from, to)).status, `${from} to ${to}`).toBe(403);
  }
  expect((await rename("team-1", "team-2")).status).toBe(200);
  expect((await notes.getTenant("team-2"))?.name).toBe("team-2");
});

it("a suspended one is refused with the code and the state", async () => {
  await insula.customer("shop", "acme").suspend();
  const records = `${url}/insula/v1/databases/shop/collections/notes/tenants/acme/records/count`;
  const native = await fetch(records, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
    body: "{}",
  });
  expect(native.status).toBe(409);
  expect(await native.json()).toMatchObject({
    code: "customer_suspended",
    details: { state: "SUSPENDED" },
  });
  await insula.customer("shop", "acme").resume();
});
