/** The ledger of usage over HTTP: JSON, CSV, refusals, rights. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../client/index.ts";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer, type RunningServer } from "./index.ts";

const SECRET = "a-secret-of-this-test";
let server: RunningServer;
let url = "";
/** May see the usage of one tenant, nothing else. */
let customer = "";

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
  await insula.createDatabase("shop");
  const made = { dimension: 2, tenancy: "multi" as const };
  const notes = await insula.createCollection("shop", "notes", made);
  for (const tenant of ["acme", "=bolt"]) {
    await notes.tenant(tenant).upsert([{ key: "oak", vector: [1, 0] }]);
  }
  const place = { databases: ["shop"], collections: ["notes"], tenants: ["acme"] };
  const key = await fetch(`${url}/insula/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
    body: JSON.stringify({ grants: [{ ...place, actions: ["admin:GetTenantUsagePeriods"] }] }),
  });
  const { id, secret } = (await key.json()) as Record<string, string>;
  customer = `${id ?? ""}.${secret ?? ""}`;
});
afterAll(() => server.close());

async function get(path: string, secret = SECRET): Promise<Response> {
  return fetch(`${url}/insula/v1/${path}`, { headers: { authorization: `Bearer ${secret}` } });
}

it("answers CSV when it is asked for, disarmed", async () => {
  const answer = await get("usage/periods?format=csv&period=month");
  expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
  const [heading = "", ...lines] = (await answer.text()).split("\r\n");
  expect(heading).toMatch(/^database,collection,tenant,period,start,end,queries,/);
  expect(lines.map((line) => line.split(",").slice(0, 4))).toEqual([
    ["shop", "notes", "'=bolt", "month"],
    ["shop", "notes", "acme", "month"],
    [""],
  ]);
});

it("answers the periods of one tenant by its path, and to a key that may see only that", async () => {
  const path = "databases/shop/collections/notes/tenants/acme/usage/periods";
  const answer = await get(path, customer);
  expect(await answer.json()).toMatchObject({
    items: [{ tenant: "acme", writes: 1, writeUnits: 1, period: "day" }],
    hasMore: false,
    last: { database: "shop", collection: "notes", tenant: "acme" },
  });
  const others = [
    ...["usage/periods", "databases/shop/usage/periods"],
    ...["usage/periods?database=shop&collection=notes&tenant=acme"],
    "databases/shop/collections/notes/tenants/=bolt/usage/periods",
  ];
  for (const other of others) expect((await get(other, customer)).status).toBe(403);
});

it("takes the time as text or as a number", async () => {
  const count = async (query: string): Promise<number> => {
    const { items } = (await (await get(`usage/periods?${query}`)).json()) as { items: unknown[] };
    return items.length;
  };
  expect(await count("from=2020-01-01")).toBe(2);
  expect(await count("to=2020-01-01T00:00:00Z")).toBe(0);
  expect(await count("from=0&to=1000")).toBe(0);
});

it.each([
  ["usage/periods?page=1"],
  ["usage/periods?period=week"],
  ["usage/periods?format=xml"],
  ["usage/periods?from=yesterday"],
  ["usage/periods?limit=0"],
  ["usage/periods?limit=1001"],
  ["usage/periods?after=shop"],
  ["usage/periods?after=a/b/c/d"],
  ["usage/periods?after=a/%25"],
  ["usage/periods?collection=notes"],
  ["databases/shop/usage/periods?database=other"],
])("refuses %s", async (path) => {
  const answer = await get(path);
  expect([answer.status, (await answer.json()) as object]).toEqual([
    400,
    expect.objectContaining({ code: "argument_invalid" }),
  ]);
});
