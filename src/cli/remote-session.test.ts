import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import { DIALECT_LOADERS, loadConfig, type RunningServer, startServer } from "../server/index.ts";
import { openRemoteSession } from "./remote-session.ts";
import type { Session } from "./session.ts";

const SECRET = "a secret of this test".replaceAll(" ", "-");
const PLACE = { database: "database", collection: "collection" };

let server: RunningServer;
let session: Session;

beforeAll(async () => {
  const doors = {
    files: new MemoryFileSystem(),
    clock: new NodeClock(),
    random: new NodeRandom(),
  };
  const config = loadConfig({
    flags: { httpPort: "0", adminId: "ADMIN", adminSecret: SECRET, logLevel: "silent" },
  });
  server = await startServer(config, {
    ...doors,
    openEngine: () => openEngine({ ...doors, memoryBudget: 64 * 1_048_576, workerCount: 0 }),
    version: "0.0.0",
    dialects: DIALECT_LOADERS,
  });
  session = openRemoteSession({ url: urlOf(server), token: SECRET });
  await session.catalog.createDatabase(PLACE.database);
  await session.catalog.createCollection(PLACE.database, PLACE.collection, {
    schema: {
      vectors: [{ name: "", dimension: 2, metric: "cosine" }],
      identity: "key",
      unfilterable: ["text"],
    },
  });
});

afterAll(async () => {
  await server.close();
});

function urlOf(running: RunningServer): string {
  return running.addresses[0]?.url ?? "";
}

function upsert(keys: readonly string[], values: readonly number[]): Promise<unknown> {
  return session.records.upsert(PLACE, {
    keys,
    vectors: [{ field: "", values: Float32Array.from(values) }],
    metadata: keys.map((key) => ({ source: key, part: 0 })),
  });
}

describe("a session with a running server", () => {
  it("changes what the server logs", async () => {
    await session.setLogLevel("error");
    expect(server.log.level).toBe("error");
    await expect(session.setLogLevel("loud")).rejects.toMatchObject({ code: "argument_invalid" });
    await session.setLogLevel("silent");
    expect(server.log.level).toBe("silent");
  });

  it("makes, lists, rotates and revokes keys", async () => {
    const { keys } = session;
    const grants = [{ actions: ["read"], databases: ["a"], collections: ["b"], tenants: ["c"] }];
    const created = await keys.createKey({ grants, requestsPerSecond: 2 });
    const rotated = await keys.rotateKey(created.id, { graceMs: 60_000 });
    expect(rotated).toMatchObject({ id: created.id, grants, requestsPerSecond: 2 });
    expect(rotated.secret).not.toBe(created.secret);
    const page = await keys.listKeys({ limit: 10, prefix: created.id });
    expect(page.items).toMatchObject([{ previousUntilMs: rotated.previousUntilMs }]);
    expect(page.items[0]).not.toHaveProperty("secret");
    await keys.revokeKey(created.id);
    expect((await keys.listKeys({ limit: 10, prefix: created.id })).items).toEqual([]);
    await expect(keys.rotateKey(created.id)).rejects.toMatchObject({
      code: "access_key_not_found",
    });
  });

  it("writes, reads, searches and deletes records", async () => {
    await upsert(["a", "b/c d"], [1, 0, 0, 1]);
    const include = { vectors: false, metadata: true };
    const found = await session.records.get(PLACE, ["nobody", "b/c d"], include);
    expect(found[0]).toBeUndefined();
    expect(found[1]?.metadata).toEqual({ source: "b/c d", part: 0 });
    const query = { field: "", vector: Float32Array.of(1, 0.1), topK: 5, include };
    const { hits } = await session.records.query(PLACE, query);
    expect(hits.map(({ key }) => key)).toEqual(["a", "b/c d"]);
    expect(hits[0]?.distance).toBeCloseTo(1 - 1 / Math.hypot(1, 0.1), 5);
    await session.records.delete(PLACE, ["a"]);
    expect(await session.records.get(PLACE, ["a"], include)).toEqual([undefined]);
  });

  it("reads as many keys as a batch has, whatever one call takes", async () => {
    const keys = Array.from({ length: 250 }, (_, i) => `many-${String(i)}`);
    await upsert(
      keys,
      keys.flatMap((_, i) => [1, i]),
    );
    const found = await session.records.get(PLACE, keys, { vectors: false, metadata: true });
    expect(found.map((record) => record?.key)).toEqual(keys);
  });

  it("reaches the records of a tenant, with dates, bytes and large whole numbers", async () => {
    const { catalog, records } = session;
    const place = { ...PLACE, collection: "tenants", tenant: "acme" };
    await catalog.createCollection(place.database, place.collection, {
      schema: {
        vectors: [{ name: "", dimension: 2, metric: "cosine" }],
        identity: "key",
        unfilterable: [],
      },
      tenancy: "multi",
    });
    await catalog.createTenant(place);
    const metadata = { at: new Date(0), raw: Uint8Array.of(0, 255), n: 9007199254740993n };
    const batch = {
      keys: ["a"],
      vectors: [{ field: "", values: Float32Array.of(1, 0) }],
      metadata: [metadata],
    };
    expect(await records.upsert(place, batch)).toMatchObject({ rowsAdded: 1 });
    const include = { vectors: false, metadata: true };
    expect((await records.get(place, ["a"], include))[0]?.metadata).toEqual(metadata);
    const { items } = await records.list(place, { limit: 10, include });
    expect(items.map(({ key }) => key)).toEqual(["a"]);
    const tenants = await catalog.listTenants(place.database, place.collection, { limit: 10 });
    expect(tenants.items.map(({ name }) => name)).toEqual(["acme"]);
  });

  it("says undefined for what is missing and the server's code for the rest", async () => {
    const { catalog } = session;
    expect(await catalog.getDatabase("missing")).toBeUndefined();
    expect(await catalog.getCollection(PLACE.database, "missing")).toBeUndefined();
    await expect(catalog.createDatabase(PLACE.database)).rejects.toMatchObject({
      code: "database_exists",
    });
    await expect(
      session.records.delete({ database: "missing", collection: "x" }, ["a"]),
    ).rejects.toMatchObject({ code: "collection_not_found" });
    await expect(upsert(["a"], [1, 2, 3])).rejects.toMatchObject({ code: "dimension_mismatch" });
  });

  it("disables a collection and enables it again", async () => {
    const { catalog } = session;
    await catalog.updateCollection(PLACE.database, PLACE.collection, { status: "disabled" });
    await expect(upsert(["a"], [1, 2])).rejects.toThrow();
    await catalog.updateCollection(PLACE.database, PLACE.collection, { status: "enabled" });
    await upsert(["a"], [1, 2]);
  });

  it("makes a key that can sign in by itself, until it is revoked", async () => {
    const grants = [{ actions: ["vectors:*"], databases: [PLACE.database] }];
    const key = await session.keys.createKey({ grants });
    const token = `${key.id}.${key.secret}`;
    const other = openRemoteSession({ url: urlOf(server), token });
    // The status it needs to know its own id and account is not among its rights.
    await expect(other.status()).rejects.toMatchObject({ code: "permission_denied" });
    await session.keys.revokeKey(key.id);
    await expect(other.status()).rejects.toMatchObject({ code: "credentials_unknown" });
  });

  it("refuses a wrong secret and a server that is not there", async () => {
    const stranger = openRemoteSession({ url: urlOf(server), token: "wrong-secret" });
    await expect(stranger.status()).rejects.toMatchObject({ code: "credentials_unknown" });
    const nowhere = openRemoteSession({ url: "http://127.0.0.1:2", token: "x" });
    await expect(nowhere.status()).rejects.toMatchObject({ exitCode: 5 });
  });
});
