import { beforeEach, describe, expect, it } from "vitest";
import type { Principal } from "../../access/index.ts";
import { InsulaError } from "../../base/errors.ts";
import type { HttpRequest } from "../../wire/index.ts";
import type { BackupDoor, DialectContext } from "../dialect.ts";
import { createNativeDialect } from "./index.ts";

const ADMIN: Principal = { kind: "admin", keyId: "A", accountId: "1", grants: [] };
const INFO = {
  ...{ id: "20260101T000000000Z-00000001", createdAtMs: 5, databases: 1, collections: 2 },
  ...{ tenants: 3, records: 4, bytes: 5, bytesSent: 6, damaged: 0 },
};
const SUMMARY = { backup: INFO.id, databases: 1, collections: 2, tenants: 3, records: 4, bytes: 5 };
const FROM = { database: "d", collection: "c", tenant: "a" };
const TENANT = { name: "b", state: "ACTIVE", createdAtMs: 1, rowCount: 2, byteCount: 3 };

let calls: unknown[];
let failure: InsulaError | undefined;

beforeEach(() => {
  calls = [];
  failure = undefined;
});

function note<Value>(name: string, answer: Value): (...given: unknown[]) => Promise<Value> {
  return (...given) => {
    calls.push([name, ...given]);
    return failure === undefined ? Promise.resolve(answer) : Promise.reject(failure);
  };
}

function contextOf(hasStore: boolean): DialectContext {
  const backups: BackupDoor = {
    target: "s3://bucket/prefix",
    list: note("list", [INFO]),
    backup: note("backup", INFO),
    restore: note("restore", SUMMARY),
    remove: note("remove", undefined),
  };
  return {
    engine: {
      copyTenant: note("copyTenant", TENANT),
      adoptTenant: note("adoptTenant", TENANT),
    },
    access: {
      findToken: (token: string) =>
        Promise.resolve(token === "clerk" ? { ...ADMIN, kind: "key" } : ADMIN),
      authorize: ({ kind }: Principal, action: string) => {
        calls.push(action);
        if (kind !== "admin") throw new InsulaError("permission_denied", "Cannot do this.");
      },
    },
    ...(hasStore ? { backups } : {}),
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    endPhase: () => 0,
    observe: () => undefined,
  } as unknown as DialectContext;
}

async function send(
  line: string,
  body: unknown = {},
  { token = "admin", hasStore = true } = {},
): Promise<{ status: number; json: unknown }> {
  const [method = "", path = ""] = line.split(" ");
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const request: HttpRequest = {
    id: "0123456789ABCDEF01234567",
    method,
    target: path,
    scheme: "http",
    host: "127.0.0.1",
    path: `/insula/v1/${path}`,
    query: "",
    headers: { authorization: `Bearer ${token}` },
    remoteAddress: "127.0.0.1",
    readBody: () => Promise.resolve(Buffer.from(text)),
    signal: new AbortController().signal,
  };
  const answer = await createNativeDialect(contextOf(hasStore)).handle(request);
  return { status: answer.status, json: JSON.parse(Buffer.from(answer.body ?? "null").toString()) };
}

/** What reached the door or the engine. */
const done = (): unknown[] => calls.filter((call) => typeof call !== "string");

describe("routes about backups", () => {
  it("list what the store of the server has", async () => {
    expect(await send("GET backups")).toEqual({ status: 200, json: { items: [INFO] } });
    expect(calls).toEqual(["admin:ListBackups", ["list"]]);
  });

  it.each([
    [{}, {}],
    [{ database: "d" }, { database: "d" }],
    [FROM, FROM],
    [{ database: "d", store: "s3://bucket/prefix" }, { database: "d" }],
  ])("back up %j", async (body, scope) => {
    expect(await send("POST backups", body)).toEqual({ status: 201, json: INFO });
    expect(done()).toEqual([["backup", scope]]);
  });

  it.each([
    [{}, {}],
    [
      { ...FROM, backup: INFO.id, as: { tenant: "b" } },
      { ...FROM, backup: INFO.id, as: { tenant: "b" } },
    ],
    [{ atMs: 0 }, { atMs: 0 }],
    [
      { database: "d", as: { database: "e" } },
      { database: "d", as: { database: "e" } },
    ],
  ])("restore %j", async (body, options) => {
    expect(await send("POST restores", body)).toEqual({ status: 200, json: SUMMARY });
    expect(done()).toEqual([["restore", options]]);
  });

  it("copy a tenant", async () => {
    const to = { ...FROM, tenant: "b" };
    expect(await send("POST copies", { from: FROM, to })).toMatchObject({
      status: 201,
      json: { name: "b", rowCount: 2 },
    });
    expect(done()).toEqual([["copyTenant", FROM, to]]);
  });
});

describe("an adoption", () => {
  it("names an object and a place", async () => {
    const object = "tenants/00/11/manifest";
    expect(await send("POST adoptions", { object, to: FROM })).toMatchObject({ status: 201 });
    expect(done()).toEqual([["adoptTenant", object, FROM, expect.anything()]]);
  });

  it.each([{ object: "x" }, { to: { database: "d" } }, { object: 1, to: "acme" }])(
    "is refused without one: %j",
    async (body) => {
      expect(await send("POST adoptions", body)).toMatchObject({ status: 400 });
      expect(done()).toEqual([]);
    },
  );
});

describe("requests that are refused before anything is done", () => {
  it.each([
    ["POST backups", { database: 1 }],
    ["POST backups", { tenants: "a" }],
    ["POST backups", []],
    ["POST backups", "{"],
    ["POST backups", "null"],
    ["POST restores", { atMs: "yesterday" }],
    ["POST restores", { atMs: -1 }],
    ["POST restores", { atMs: 1.5 }],
    ["POST restores", { as: "b" }],
    ["POST restores", { as: { tenant: null } }],
    ["POST restores", { backup: ["x"] }],
    ["POST restores", { masterKey: "00" }],
    ["POST copies", {}],
    ["POST copies", { from: FROM }],
    ["POST copies", { from: FROM, to: { database: "d", collection: "c" } }],
    ["POST copies", { from: FROM, to: { ...FROM, more: 1 } }],
  ])("%s with %j", async (line, body) => {
    const { status, json } = await send(line, body);
    expect(status).toBe(400);
    expect(json).toMatchObject({
      status: 400,
      code: expect.stringMatching(/^(argument_invalid|body_malformed)$/) as string,
    });
    expect(done()).toEqual([]);
  });

  it.each(["s3://elsewhere/x", "/etc", "", "http://169.254.169.254/", "s3://bucket/prefix/"])(
    "another store than the server's: %j",
    async (store) => {
      for (const line of ["POST backups", "POST restores"]) {
        expect(await send(line, { store })).toMatchObject({
          status: 403,
          json: { code: "permission_denied" },
        });
      }
      expect(done()).toEqual([]);
    },
  );

  it.each(["GET backups", "POST backups", "POST restores"])(
    "%s of a server without a store, which says what is missing",
    async (line) => {
      const { status, json } = await send(line, {}, { hasStore: false });
      expect(status).toBe(501);
      expect(json).toMatchObject({ code: "operation_unsupported" });
      expect(JSON.stringify(json)).toContain("backupStore");
    },
  );

  it.each(["GET backups", "POST backups", "POST restores", "POST copies"])(
    "%s of somebody without the right",
    async (line) => {
      const body = { from: FROM, to: { ...FROM, tenant: "b" } };
      const { status } = await send(line, line.endsWith("copies") ? body : {}, { token: "clerk" });
      expect(status).toBe(403);
      expect(done()).toEqual([]);
    },
  );
});

it.each([
  ["backup_not_found", "POST restores", 4],
  ["tenant_exists", "POST restores", 4],
  ["data_damaged", "POST restores", 5],
  ["master_key_wrong", "POST restores", 4],
  ["database_not_found", "POST backups", 4],
  ["io_failed", "POST backups", 5],
] as const)("an error %s of %s is told by its code", async (code, line, statusClass) => {
  failure = new InsulaError(code, "Cannot do it: a test.");
  const answer = await send(line);
  expect(answer.json).toMatchObject({ code, status: answer.status });
  expect(Math.floor(answer.status / 100)).toBe(statusClass);
});
