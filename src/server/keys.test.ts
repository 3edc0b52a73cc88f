/** Keys through all protocols of one server, on the real engine. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeyCaller, type KeyReply } from "../../test/support/key-caller.ts";
import type { Grant } from "../access/index.ts";
import { connect, openKeys } from "../client/index.ts";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer, type RunningServer } from "./index.ts";

const SECRET = "a-secret-of-this-test";
/** Looked for in the audit log: neither numbers nor texts of records may be there. */
const CANARY = "canary-of-metadata";
const CANARY_NUMBER = 0.7182818;

const files = new MemoryFileSystem();
let server: RunningServer;
let url: string;
let admin: KeyCaller;

beforeAll(async () => {
  const config = loadConfig({
    flags: {
      httpPort: "0",
      adminId: "ADMIN",
      adminSecret: SECRET,
      logLevel: "silent",
      workerCount: "0",
      auditLog: "on",
    },
  });
  server = await startServer(config, {
    openEngine: (_config, doors) => openEngine({ ...doors, workerCount: 0 }),
    files,
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0",
    dialects: DIALECT_LOADERS,
  });
  url = server.addresses[0]?.url ?? "";
  admin = new KeyCaller(url, { id: "ADMIN", secret: SECRET, accountId: config.accountId });
  for (const database of ["shop", "other"]) {
    expect((await admin.oss(database, "", undefined, "PUT")).status).toBe(200);
    for (const indexName of ["mine", "theirs"]) {
      const body = { indexName, dimension: 2, distanceMetric: "cosine", dataType: "float32" };
      expect((await admin.oss(database, "putVectorIndex", body)).status).toBe(200);
      expect((await put(admin, database, indexName)).status).toBe(200);
    }
  }
  const docs = { name: "docs", dimension: 2, tenancy: "multi" };
  expect((await admin.native("POST", "databases/shop/collections", docs)).status).toBe(201);
});

afterAll(async () => {
  await server.close();
});

async function keyWith(
  grants: readonly Grant[],
  more: { requestsPerSecond?: number } = {},
): Promise<KeyCaller> {
  return new KeyCaller(url, await server.access.createKey({ grants, ...more }));
}

function put(caller: KeyCaller, bucket: string, indexName: string): Promise<KeyReply> {
  const vector = {
    key: "k",
    data: { float32: [CANARY_NUMBER, 1] },
    metadata: { text: CANARY },
  };
  return caller.oss(bucket, "putVectors", { indexName, vectors: [vector] });
}

function codeOf({ json, headers }: KeyReply): unknown {
  const oss = json["Error"] as { Code?: string } | undefined;
  return oss?.Code ?? headers.get("x-amzn-errortype") ?? json["code"];
}

describe("a key bound to one index of a bucket", () => {
  let caller: KeyCaller;
  beforeAll(async () => {
    const actions = ["read", "write", "admin"];
    caller = await keyWith([{ actions, databases: ["shop"], collections: ["mine"] }]);
  });

  const search = { topK: 1, queryVector: { float32: [1, 0] }, returnMetadata: true };

  test("uses it through OSS, S3 Vectors and our own interface", async () => {
    expect((await put(caller, "shop", "mine")).status).toBe(200);
    const oss = await caller.oss("shop", "queryVectors", { indexName: "mine", ...search });
    const s3 = await caller.s3("QueryVectors", {
      vectorBucketName: "shop",
      indexName: "mine",
      ...search,
    });
    const native = await caller.native("POST", `${COLLECTION("mine")}/records/search`, {
      vector: [1, 0],
    });
    expect([oss.status, s3.status, native.status]).toEqual([200, 200, 200]);
    expect((await caller.oss("shop", "getVectorIndex", { indexName: "mine" })).status).toBe(200);
  });

  const refusals: readonly (readonly [string, () => Promise<KeyReply>])[] = [
    ["OSS another index", () => put(caller, "shop", "theirs")],
    ["OSS a missing index", () => put(caller, "shop", "missing")],
    ["OSS another bucket", () => put(caller, "other", "mine")],
    ["OSS a missing bucket", () => put(caller, "nowhere", "mine")],
    ["OSS the bucket", () => caller.oss("shop", "bucketInfo", undefined, "GET")],
    ["OSS the list of indexes", () => caller.oss("shop", "listVectorIndexes", {})],
    ["OSS the removal of the bucket", () => caller.oss("shop", "", undefined, "DELETE")],
    ["S3 another index", () => s3Get("shop", "theirs")],
    ["S3 a missing index", () => s3Get("shop", "missing")],
    ["S3 another bucket", () => s3Get("other", "mine")],
    ["S3 a missing bucket", () => s3Get("nowhere", "mine")],
    ["S3 the bucket", () => caller.s3("GetVectorBucket", { vectorBucketName: "shop" })],
    ["S3 the list of indexes", () => caller.s3("ListIndexes", { vectorBucketName: "shop" })],
    ["our own another", () => caller.native("GET", COLLECTION("theirs"))],
    ["our own a missing one", () => caller.native("GET", COLLECTION("missing"))],
    ["our own the database", () => caller.native("GET", "databases/shop")],
    ["our own the list", () => caller.native("GET", "databases/shop/collections")],
    [
      "our own a new one of another name",
      () => caller.native("POST", "databases/shop/collections", { name: "new", dimension: 2 }),
    ],
    ["our own all databases", () => caller.native("GET", "databases")],
    ["our own status", () => caller.native("GET", "status")],
    ["our own keys", () => caller.native("GET", "keys")],
  ];
  function s3Get(vectorBucketName: string, indexName: string): Promise<KeyReply> {
    return caller.s3("GetVectors", { vectorBucketName, indexName, keys: ["k"] });
  }

  test.each(refusals)("is refused: %s", async (_, ask) => {
    const reply = await ask();
    expect(reply.status).toBe(403);
    expect(codeOf(reply)).toMatch(/^(AccessDenied(Exception)?|permission_denied)$/);
    expect(reply.text).not.toContain(CANARY);
  });

  test("missing and forbidden have the same words", async () => {
    const bare = (reply: KeyReply): string =>
      reply.text.replaceAll(/"(RequestId|requestId)":"\w+"/g, "");
    for (const names of [
      ["theirs", "missing"],
      ["missing", "theirs"],
    ] as const) {
      const [oss, other] = await Promise.all(names.map((name) => put(caller, "shop", name)));
      expect(bare(oss as KeyReply)).toBe(bare(other as KeyReply));
      const [s3, second] = await Promise.all(names.map((name) => s3Get("shop", name)));
      expect(bare(s3 as KeyReply)).toBe(bare(second as KeyReply));
    }
  });

  test("may create the index it is bound to, and none of another name", async () => {
    const maker = await keyWith([
      { actions: ["admin"], databases: ["shop"], collections: ["made*"] },
    ]);
    const body = { dimension: 2, distanceMetric: "cosine", dataType: "float32" };
    const at = { vectorBucketName: "shop", ...body };
    expect(
      (await maker.oss("shop", "putVectorIndex", { indexName: "made1", ...body })).status,
    ).toBe(200);
    expect((await maker.s3("CreateIndex", { indexName: "made2", ...at })).status).toBe(200);
    const named = { name: "made3", dimension: 2 };
    expect((await maker.native("POST", "databases/shop/collections", named)).status).toBe(201);
    expect((await maker.oss("shop", "putVectorIndex", { indexName: "not1", ...body })).status).toBe(
      403,
    );
    expect((await maker.s3("CreateIndex", { indexName: "not2", ...at })).status).toBe(403);
    // `admin` is neither read nor write.
    expect((await put(maker, "shop", "made1")).status).toBe(403);
  });
});

function COLLECTION(name: string): string {
  return `databases/shop/collections/${name}`;
}

describe("a key bound to one tenant", () => {
  test("makes a program without tenants one of many", async () => {
    const found: unknown[] = [];
    for (const tenant of ["acme", "zeta"]) {
      const key = await server.access.createKey({
        grants: [
          {
            actions: ["read", "write"],
            databases: ["shop"],
            collections: ["docs"],
            tenants: [tenant],
          },
        ],
      });
      // Nothing here says a tenant.
      await using insula = await connect({ url, secret: `${key.id}.${key.secret}` });
      const docs = insula.collection("shop", "docs");
      await docs.upsert([{ key: "a", vector: [1, 0], metadata: { of: tenant } }]);
      const { hits } = await docs.query({ vector: [1, 0], topK: 10 });
      const many = await insula.queryMany([docs], { vector: [1, 0], topK: 10 });
      found.push([
        hits.map(({ metadata }) => metadata),
        many.hits.map(({ place }) => place.tenant),
        await docs.count(),
      ]);
    }
    expect(found).toEqual([
      [[{ of: "acme" }], ["acme"], 1],
      [[{ of: "zeta" }], ["zeta"], 1],
    ]);
    const tenants = await admin.native("GET", `${COLLECTION("docs")}/tenants`);
    expect(tenants.json["items"]).toMatchObject([
      { name: "acme", rowCount: 1 },
      { name: "zeta", rowCount: 1 },
    ]);
  });

  test("reaches no other, and nothing of the collection itself", async () => {
    const place = { databases: ["shop"], collections: ["docs"], tenants: ["acme"] };
    const caller = await keyWith([{ actions: ["*"], ...place }]);
    const search = { vector: [1, 0] };
    const at = (path: string): string => `${COLLECTION("docs")}${path}`;
    expect((await caller.native("POST", at("/records/search"), search)).status).toBe(200);
    const own = await caller.native("POST", at("/tenants/acme/records/search"), search);
    expect(own.status).toBe(200);
    for (const path of ["/tenants/zeta/records/search", "/tenants/nobody/records/search"]) {
      expect((await caller.native("POST", at(path), search)).status).toBe(403);
    }
    for (const path of ["", "/tenants", "/usage", "/tenants/zeta"]) {
      expect((await caller.native("GET", at(path))).status).toBe(403);
    }
    expect((await caller.native("GET", at("/tenants/acme"))).status).toBe(200);
    const places = ["acme", "zeta"].map((tenant) => ({
      database: "shop",
      collection: "docs",
      tenant,
    }));
    expect((await caller.native("POST", "search", { places, ...search })).status).toBe(403);
    expect((await put(caller, "shop", "docs")).status).toBe(403);
  });
});

describe("a key bound to a tenant that gets another name", () => {
  test("stays bound to the name: it does not follow, and reaches whoever has the name next", async () => {
    const made = { name: "renames", dimension: 2, tenancy: "multi" };
    expect((await admin.native("POST", "databases/shop/collections", made)).status).toBe(201);
    const at = (path: string): string => `${COLLECTION("renames")}${path}`;
    const place = { databases: ["shop"], collections: ["renames"] };
    const actions = ["read", "write"];
    const old = await keyWith([{ actions, ...place, tenants: ["old"] }]);
    const next = await keyWith([{ actions, ...place, tenants: ["new"] }]);
    const records = [{ key: "a", vector: [1, 0] }];
    expect((await old.native("POST", at("/records/upsert"), { records })).status).toBe(200);
    const renamed = await admin.native("POST", at("/tenants/old/rename"), { name: "new" });
    expect(renamed.status).toBe(200);
    const count = async (caller: KeyCaller): Promise<unknown> => {
      const { status, json } = await caller.native("POST", at("/records/count"), {});
      return status === 200 ? json["count"] : json["code"];
    };
    expect(await count(old)).toBe(0); // as of every name that nobody has
    expect(await count(next)).toBe(1);
    const named = await old.native("POST", at("/tenants/new/records/count"), {});
    expect(named.status).toBe(403);
    // A write makes a tenant of the name, which is another one.
    const others = { records: [{ key: "b", vector: [1, 0] }, ...records] };
    expect((await old.native("POST", at("/records/upsert"), others)).status).toBe(200);
    expect([await count(old), await count(next)]).toEqual([2, 1]);
  });
});

describe("the rate of a key", () => {
  test("is one for all protocols, and each refuses in its own form with the time to wait", async () => {
    const everything = [{ actions: ["*"], databases: ["*"] }];
    const caller = await keyWith(everything, { requestsPerSecond: 0.02 });
    expect((await caller.native("GET", "caller")).status).toBe(200);
    const replies = [
      await caller.native("GET", "caller"),
      await caller.oss("shop", "bucketInfo", undefined, "GET"),
      await caller.s3("GetVectorBucket", { vectorBucketName: "shop" }),
    ];
    expect(replies.map((reply) => [reply.status, codeOf(reply)])).toEqual([
      [429, "rate_exceeded"],
      [503, "QpsLimitExceeded"],
      [429, "TooManyRequestsException"],
    ]);
    for (const { headers } of replies) {
      const seconds = Number(headers.get("retry-after"));
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(50);
    }
  });
});

describe("the limits of a key", () => {
  test("are one for all protocols, refused in each one's form, and changed at run time", async () => {
    const everything = [{ actions: ["*"], databases: ["*"] }];
    const keys = openKeys({ url, secret: SECRET });
    const created = await keys.create({ grants: everything, limits: { queriesPerSecond: 0.02 } });
    const caller = new KeyCaller(url, created);
    const search = { topK: 1, queryVector: { float32: [1, 0] } };
    const ask = [
      () => caller.native("POST", `${COLLECTION("mine")}/records/search`, { vector: [1, 0] }),
      () => caller.oss("shop", "queryVectors", { indexName: "mine", ...search }),
      () => caller.s3("QueryVectors", { vectorBucketName: "shop", indexName: "mine", ...search }),
    ];
    const answers = async (): Promise<readonly KeyReply[]> => {
      const replies: KeyReply[] = [];
      for (const call of ask) replies.push(await call());
      return replies;
    };
    expect(
      (await caller.native("POST", `${COLLECTION("mine")}/records/search`, { vector: [1, 0] }))
        .status,
    ).toBe(200);
    const refused = await answers();
    expect(refused.map((reply) => [reply.status, codeOf(reply)])).toEqual([
      [429, "limit_exceeded"],
      [503, "QpsLimitExceeded"],
      [429, "TooManyRequestsException"],
    ]);
    for (const { headers } of refused) {
      const seconds = Number(headers.get("retry-after"));
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(50);
    }
    // Writes are not searches.
    expect((await put(caller, "shop", "mine")).status).toBe(200);
    const limits = { queriesPerSecond: null, writesPerSecond: 0.02 };
    expect(await keys.limit(created.id, { limits })).toMatchObject({
      limits: { writesPerSecond: 0.02 },
    });
    expect((await answers()).map(({ status }) => status)).toEqual([200, 200, 200]);
    await put(caller, "shop", "mine");
    expect(codeOf(await put(caller, "shop", "mine"))).toBe("QpsLimitExceeded");
    await keys.limit(created.id, { limits: { writesPerSecond: null }, requestsPerSecond: 50 });
    expect((await put(caller, "shop", "mine")).status).toBe(200);
    const listed = (await keys.list()).items.find(({ id }) => id === created.id);
    expect(listed).toMatchObject({ requestsPerSecond: 50 });
    expect(listed).not.toHaveProperty("limits");
    // No key limits keys, not even itself.
    const asCaller = openKeys({ url, secret: `${created.id}.${created.secret}` });
    await expect(asCaller.limit(created.id, { requestsPerSecond: null })).rejects.toMatchObject({
      code: "permission_denied",
    });
    await expect(keys.limit("nobody", {})).rejects.toMatchObject({
      code: "access_key_not_found",
    });
  });

  test.each([
    [{ limits: { queriesPerSecond: 0 } }],
    [{ limits: { storedRecords: 5 } }],
    [{ limits: { callsInFlight: 0.5 } }],
    [{ requestsPerSecond: "many" }],
  ])("of the form %j are refused", async (body) => {
    const { id } = await server.access.createKey({
      grants: [{ actions: ["*"], databases: ["*"] }],
    });
    const reply = await admin.native("PATCH", `keys/${id}`, body);
    expect([reply.status, codeOf(reply)]).toEqual([400, "argument_invalid"]);
  });
});

describe("keys over the network", () => {
  const grants = [{ actions: ["read"], databases: ["shop"], collections: ["*"], tenants: ["t"] }];

  test("are made, listed, rotated and revoked by the client", async () => {
    const keys = openKeys({ url, secret: SECRET });
    const created = await keys.create({ grants, requestsPerSecond: 5 });
    const listed = (await keys.list()).items.find(({ id }) => id === created.id);
    expect(listed).toMatchObject({ grants, requestsPerSecond: 5 });
    expect(listed).not.toHaveProperty("secret");
    const secretOf = ({ id, secret }: { id: string; secret: string }): string => `${id}.${secret}`;
    const rotated = await keys.rotate(created.id, { graceMs: 60_000 });
    for (const key of [created, rotated]) await connect({ url, secret: secretOf(key) });
    const own = await keys.rotate(created.id);
    const refused = { code: "credentials_unknown" };
    for (const key of [created, rotated]) {
      await expect(connect({ url, secret: secretOf(key) })).rejects.toMatchObject(refused);
    }
    // No key makes or rotates keys, not even itself and with every right.
    const mighty = await keys.create({ grants: [{ actions: ["*"], databases: ["*"] }] });
    const asMighty = openKeys({ url, secret: secretOf(mighty) });
    const denied = { code: "permission_denied" };
    await expect(asMighty.create({ grants })).rejects.toMatchObject(denied);
    for (const id of [created.id, mighty.id]) {
      await expect(asMighty.rotate(id)).rejects.toMatchObject(denied);
    }
    expect((await asMighty.list({ prefix: created.id })).items).toHaveLength(1);
    await keys.revoke(created.id);
    await expect(connect({ url, secret: secretOf(own) })).rejects.toMatchObject(refused);
    await expect(keys.revoke(created.id)).rejects.toMatchObject({ code: "access_key_not_found" });
  });

  test.each([
    [{ grants: [{ actions: ["read"], databases: ["*"], tenants: ["t"] }] }],
    [{ grants: [{ actions: ["read"], databases: ["*"], places: ["t"] }] }],
    [{ grants, requestsPerSecond: 0 }],
    [{ grants, requestsPerSecond: "many" }],
  ])("of the form %j are refused", async (body) => {
    const reply = await admin.native("POST", "keys", body);
    expect([reply.status, codeOf(reply)]).toEqual([400, "argument_invalid"]);
  });

  test.each(["oss", "s3", "native"] as const)(
    "sign through %s with the old and the new secret during the grace",
    async (dialect) => {
      const everything = [{ actions: ["*"], databases: ["*"] }];
      const before = await server.access.createKey({ grants: everything });
      const after = await server.access.rotateKey(before.id, { graceMs: 60_000 });
      const status = async (secret: string): Promise<number> => {
        const caller = new KeyCaller(url, { ...before, secret });
        if (dialect === "native") return (await caller.native("GET", "caller")).status;
        if (dialect === "s3") return (await caller.s3("ListVectorBuckets")).status;
        return (await caller.oss("shop", "bucketInfo", undefined, "GET")).status;
      };
      expect(await status(before.secret)).toBe(200);
      expect(await status(after.secret)).toBe(200);
      expect(await status("wrong")).toBeGreaterThanOrEqual(401);
      await server.access.rotateKey(before.id);
      expect(await status(before.secret)).toBeGreaterThanOrEqual(401);
      expect(await status(after.secret)).toBeGreaterThanOrEqual(401);
    },
  );
});

test("an audit log that cannot be opened stops the start, and the folder is free again", async () => {
  const files = new MemoryFileSystem();
  const doors = { files, clock: new NodeClock(), random: new NodeRandom() };
  const start = (auditLog: string): Promise<RunningServer> =>
    startServer(loadConfig({ flags: { httpPort: "off", logLevel: "silent", auditLog } }), {
      openEngine: (_config, own) => openEngine({ ...own, workerCount: 0 }),
      ...doors,
      version: "0.0.0",
      dialects: DIALECT_LOADERS,
    });
  await expect(start("no-such-folder/audit.log")).rejects.toMatchObject({ code: "io_failed" });
  await (await start("on")).close();
  expect(await files.exists("audit.log")).toBe(true);
});

test("every decision is a line of the audit log, without secrets and content", async () => {
  const key = await server.access.createKey({
    grants: [{ actions: ["write"], databases: ["shop"], collections: ["mine"] }],
  });
  const caller = new KeyCaller(url, key);
  const forged = new KeyCaller(url, { ...key, secret: "not-the-secret-of-this-key" });
  const replies = [
    await put(caller, "shop", "mine"),
    await put(caller, "shop", "theirs"),
    await put(forged, "shop", "mine"),
    await caller.s3("QueryVectors", {
      vectorBucketName: "shop",
      indexName: "mine",
      topK: 1,
      queryVector: { float32: [CANARY_NUMBER, 0] },
    }),
    await forged.s3("ListVectorBuckets"),
    await caller.native("POST", `${COLLECTION("mine")}/records/delete`, { keys: ["k"] }),
    await forged.native("GET", "databases/shop"),
    await admin.native("GET", "databases/missing"),
  ];
  const ids = replies.map(
    ({ headers }) =>
      headers.get("x-oss-request-id") ??
      headers.get("x-amzn-requestid") ??
      headers.get("x-request-id"),
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  const text = Buffer.from((await files.readWhole("audit.log")) ?? []).toString();
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const of = (id: string | null | undefined) => lines.filter((line) => line["request"] === id);
  const allowed = { decision: "allowed" };
  const refused = (code: string): object => ({ decision: "refused", code });
  const mine = { key: key.id, database: "shop", collection: "mine" };
  expect(ids.map((id) => of(id))).toMatchObject([
    [{ dialect: "oss", operation: "PutVectors", ...mine, ...allowed, peer: "127.0.0.1" }],
    [{ operation: "PutVectors", collection: "theirs", ...refused("permission_denied") }],
    [{ dialect: "oss", key: key.id, database: "shop", ...refused("signature_mismatch") }],
    [
      {
        dialect: "s3",
        operation: "QueryVectors",
        database: "shop",
        ...refused("permission_denied"),
      },
    ],
    [{ dialect: "s3", key: key.id, ...refused("signature_mismatch") }],
    [{ dialect: "native", operation: "Delete", ...mine, ...allowed }],
    [{ dialect: "native", operation: "GetDatabase", ...refused("credentials_unknown") }],
    [{ dialect: "native", operation: "GetDatabase", database: "missing", ...allowed }],
  ]);
  const canaries = [SECRET, key.secret, "not-the-secret", CANARY, String(CANARY_NUMBER), "Bearer"];
  for (const canary of canaries) expect(text).not.toContain(canary);
});
