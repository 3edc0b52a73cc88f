import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryBackups } from "../../../test/support/memory-backups.ts";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";
import { InsulaError } from "../../base/errors.ts";
import { PINECONE_LIMITS } from "./limits.ts";

let bench: PineconeBench;
let backups: MemoryBackups;

beforeEach(async () => {
  backups = new MemoryBackups();
  bench = await PineconeBench.open(undefined, (engine) => ({ backups: backups.doorOf(engine) }));
});
afterEach(() => bench.close());

/** Closes the gate; what is returned opens it. */
function holdBack(): () => void {
  let open: () => void = () => undefined;
  backups.gate = new Promise((resolve) => {
    open = resolve;
  });
  return () => {
    open();
  };
}

async function fill(name: string): Promise<void> {
  await bench.withIndex(name, { metric: "euclidean", tags: { team: "a" } });
  for (const namespace of ["", "t1"]) {
    const vectors = [{ id: `${namespace}a`, values: [1, 0], metadata: { year: 2020 } }];
    await bench.send(`POST /ix/${name}/vectors/upsert`, { body: { vectors, namespace } });
  }
}

function backUp(name: string, body: object = {}, apiKey?: string): Promise<BenchAnswer> {
  const more = apiKey === undefined ? {} : { apiKey };
  return bench.send(`POST /indexes/${name}/backups`, { body, ...more });
}

function member(answer: BenchAnswer, name: string): unknown {
  return (answer.json as Record<string, unknown>)[name];
}

/** The description at `path` once it is no longer under way. */
async function settled(path: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { json } = await bench.send(`GET ${path}`);
    const { status } = json as { status: string };
    if (status !== "Initializing" && status !== "InProgress") return json as never;
    await setImmediate();
  }
}

async function made(name: string): Promise<string> {
  const id = String(member(await backUp(name), "backup_id"));
  expect(await settled(`/backups/${id}`)).toMatchObject({ status: "Ready" });
  return id;
}

function restore(id: string, body: object): Promise<BenchAnswer> {
  return bench.send(`POST /backups/${id}/create-index`, { body });
}

describe("a backup", () => {
  test("begins at once, is ready later, and says what is in it", async () => {
    await fill("docs");
    const open = holdBack();
    const begun = await backUp("docs", { name: "nightly", description: "of the docs" });
    expect(begun).toMatchObject({
      status: 200,
      json: { status: "Initializing", name: "nightly", description: "of the docs" },
    });
    open();
    const id = String(member(begun, "backup_id"));
    expect(await settled(`/backups/${id}`)).toEqual({
      ...{ backup_id: id, source_index_name: "docs", status: "Ready" },
      source_index_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      ...{ cloud: "aws", region: "us-east-1", name: "nightly", description: "of the docs" },
      ...{ tags: { team: "a" }, dimension: 2, metric: "euclidean" },
      ...{ record_count: 2, namespace_count: 2, size_bytes: expect.any(Number) as number },
      created_at: "1970-01-01T00:00:00.000Z",
    });
    const newer = await bench.send(`GET /backups/${id}`, { version: "2026-07" });
    expect(newer.json).toMatchObject({
      schema: { fields: { _values: { type: "dense_vector", dimension: 2, metric: "euclidean" } } },
    });
  });

  test("is listed with its index and with all, page by page, also when the index is gone", async () => {
    await fill("docs");
    await fill("other");
    const own = new Set([await made("docs"), await made("docs")]);
    const all = new Set([...own, await made("other")]);
    await bench.send("DELETE /indexes/docs");
    const idsOf = ({ json }: BenchAnswer): readonly string[] =>
      (json as { data: { backup_id: string }[] }).data.map((row) => row.backup_id);
    expect(new Set(idsOf(await bench.send("GET /indexes/docs/backups")))).toEqual(own);
    expect(new Set(idsOf(await bench.send("GET /backups")))).toEqual(all);
    const first = await bench.send("GET /backups?limit=2");
    const { next } = (first.json as { pagination: { next: string } }).pagination;
    const second = await bench.send(`GET /backups?limit=2&paginationToken=${next}`);
    expect(second.json).not.toHaveProperty("pagination");
    expect(new Set([...idsOf(first), ...idsOf(second)])).toEqual(all);
    const tooMany = String(PINECONE_LIMITS.backupPageItemsMax + 1);
    for (const query of [`paginationToken=${next}x`, "limit=0", `limit=${tooMany}`]) {
      expect((await bench.send(`GET /backups?${query}`)).status).toBe(400);
    }
    expect((await bench.send(`GET /indexes/docs/backups?paginationToken=${next}`)).status).toBe(
      400,
    );
  });

  test("that fails says so, and is not there for a restore", async () => {
    await fill("docs");
    backups.gate = Promise.reject(new InsulaError("io_failed", "The store is away."));
    const id = String(member(await backUp("docs"), "backup_id"));
    expect(await settled(`/backups/${id}`)).toMatchObject({ status: "Failed" });
    expect((await restore(id, { name: "copy" })).status).toBe(412);
    expect(bench.observed).toContainEqual({ operation: "RunBackup", outcome: "unavailable" });
  });

  test("is deleted, with what the store needs to read it, but not while it is in use", async () => {
    await fill("docs");
    const kept = await made("docs");
    const id = await made("docs");
    const open = holdBack();
    const busy = String(member(await backUp("docs"), "backup_id"));
    expect((await bench.send(`DELETE /backups/${busy}`)).status).toBe(412);
    await restore(id, { name: "copy" });
    expect((await bench.send(`DELETE /backups/${id}`)).status).toBe(412);
    open();
    await settled(`/backups/${busy}`);
    while ((await bench.send(`DELETE /backups/${id}`)).status !== 202) await setImmediate();
    expect((await bench.send(`GET /backups/${id}`)).status).toBe(404);
    expect(await backups.ids()).toHaveLength(2);
    expect(await backups.store.list("backups/", { limit: 100 })).toHaveLength(8);
    // What the others share with it is still there.
    expect((await restore(kept, { name: "again" })).status).toBe(202);
    await untilReady("again");
    const fetched = await bench.send("GET /ix/again/vectors/fetch?ids=t1a&namespace=t1");
    expect(fetched.text).toContain("2020");
  });

  test("is refused for an index that is not there, and with texts that are too long", async () => {
    expect((await backUp("none")).status).toBe(404);
    await fill("docs");
    const name = "x".repeat(PINECONE_LIMITS.backupTextCharactersMax);
    expect((await backUp("docs", { name })).status).toBe(200);
    expect((await backUp("docs", { name: `${name}x` })).status).toBe(400);
    for (const line of ["GET /backups/none", "DELETE /backups/..%2fx", "GET /restore-jobs/none"]) {
      expect((await bench.send(line)).status).toBe(404);
    }
  });

  test("needs a store, which is said where there is none", async () => {
    await bench.close();
    bench = await PineconeBench.open();
    await fill("docs");
    const answer = await backUp("docs");
    expect(answer.status).toBe(501);
    expect(answer.text).toContain("backupStore");
    expect((await bench.send("GET /backups")).json).toEqual({ data: [] });
  });
});

async function untilReady(name: string): Promise<BenchAnswer> {
  for (;;) {
    const answer = await bench.send(`GET /indexes/${name}`);
    if ((answer.json as { status?: { ready: boolean } }).status?.ready !== false) return answer;
    await setImmediate();
  }
}

describe("an index from a backup", () => {
  test("is described as not ready until it has everything, and its job with it", async () => {
    await fill("docs");
    const id = await made("docs");
    const open = holdBack();
    const begun = await restore(id, { name: "copy", deletion_protection: "enabled" });
    expect(begun.status).toBe(202);
    const job = `/restore-jobs/${String(member(begun, "restore_job_id"))}`;
    const pending = {
      ...{ name: "copy", dimension: 2, metric: "euclidean", tags: { team: "a" } },
      status: { ready: false, state: "Initializing" },
    };
    expect((await bench.send("GET /indexes/copy")).json).toMatchObject(pending);
    const list = (await bench.send("GET /indexes")).json as { indexes: { name: string }[] };
    expect(list.indexes.map(({ name }) => name)).toEqual(["copy", "docs"]);
    expect((await bench.send(`GET ${job}`)).json).toMatchObject({
      ...{ backup_id: id, target_index_name: "copy", status: "InProgress", percent_complete: 0 },
      target_index_id: member(begun, "index_id"),
    });
    expect((await bench.withIndex("copy")).status).toBe(409);
    expect((await restore(id, { name: "copy" })).status).toBe(409);
    open();
    const ready = await untilReady("copy");
    expect(ready.json).toMatchObject({ ...pending, status: { ready: true, state: "Ready" } });
    expect(ready.json).toMatchObject({ deletion_protection: "enabled" });
    expect((await bench.send(`GET ${job}`)).json).toMatchObject({
      ...{ status: "Completed", percent_complete: 100 },
      completed_at: "1970-01-01T00:00:00.000Z",
    });
    const { json } = await bench.send("GET /ix/copy/vectors/fetch?ids=t1a&namespace=t1");
    expect(json).toMatchObject({ vectors: { t1a: { values: [1, 0], metadata: { year: 2020 } } } });
    const jobs = (await bench.send("GET /restore-jobs")).json as { data: object[] };
    expect(jobs.data).toHaveLength(1);
  });

  test("has the tags that are named, and takes texts if its source did", async () => {
    const embed = { model: "insula-lexical-1", field_map: { text: "body" }, dimension: 64 };
    const body = { name: "texts", cloud: "aws", region: "us-east-1", embed };
    await bench.send("POST /indexes/create-for-model", { body });
    const place = "records/namespaces/t1";
    const record = JSON.stringify({ _id: "a", body: "fresh bread" });
    await bench.send(`POST /ix/texts/${place}/upsert`, { body: record });
    await restore(await made("texts"), { name: "copy", tags: { of: "texts" } });
    expect((await untilReady("copy")).json).toMatchObject({ embed, tags: { of: "texts" } });
    const query = { inputs: { text: "bread" }, top_k: 1 };
    const found = await bench.send(`POST /ix/copy/${place}/search`, { body: { query } });
    expect(found.json).toMatchObject({ result: { hits: [{ _id: "a" }] } });
  });

  test("is not made under a name that is taken or wrong, nor of a backup that is not there", async () => {
    await fill("docs");
    const id = await made("docs");
    expect((await restore(id, { name: "docs" })).status).toBe(409);
    expect((await restore(id, { name: "No" })).status).toBe(400);
    expect((await restore(id, {})).status).toBe(400);
    expect((await restore("none", { name: "copy" })).status).toBe(404);
  });

  test("that cannot be made is not there, and its job has failed", async () => {
    await fill("docs");
    const id = await made("docs");
    backups.gate = Promise.reject(new InsulaError("io_failed", "The store is away."));
    const job = String(member(await restore(id, { name: "copy" }), "restore_job_id"));
    expect(await settled(`/restore-jobs/${job}`)).toMatchObject({ status: "Failed" });
    expect((await bench.send("GET /indexes/copy")).status).toBe(404);
    expect((await bench.withIndex("copy")).status).toBe(201);
  });
});

describe("keys", () => {
  test("see backups of their indexes alone, and of their project alone", async () => {
    await fill("docs");
    await fill("other");
    const [docs, other] = [await made("docs"), await made("other")];
    const databases = ["pinecone"];
    const own = await bench.keyWith({ actions: ["*"], databases, collections: ["docs"] });
    const reader = await bench.keyWith({ actions: ["read"], databases });
    const foreign = await bench.keyWith({ actions: ["*"], databases: ["shop"] });
    const statusOf = async (apiKey: string, line: string): Promise<number> =>
      (await bench.send(line, { apiKey })).status;
    const list = await bench.send("GET /backups", { apiKey: own });
    expect((list.json as { data: object[] }).data).toMatchObject([{ backup_id: docs }]);
    expect(await statusOf(own, `GET /backups/${docs}`)).toBe(200);
    expect(await statusOf(own, `GET /backups/${other}`)).toBe(404);
    expect(await statusOf(own, `DELETE /backups/${other}`)).toBe(404);
    expect(await statusOf(reader, `GET /backups/${docs}`)).toBe(403);
    expect(await statusOf(reader, "GET /restore-jobs")).toBe(403);
    expect((await backUp("docs", {}, reader)).status).toBe(403);
    expect(await statusOf(foreign, `GET /backups/${docs}`)).toBe(404);
    expect((await bench.send("GET /backups", { apiKey: foreign })).json).toEqual({ data: [] });
    const body = { name: "copy" };
    const elsewhere = await bench.send(`POST /backups/${docs}/create-index`, { apiKey: own, body });
    expect(elsewhere.status).toBe(403);
  });
});

describe("backupsMax and restoreJobsMax", () => {
  test("a project has no more backups, and remembers no more restores", async () => {
    await fill("docs");
    const id = await made("docs");
    const { items } = await bench.engine.listSettings({ prefix: "pinecone/backup/", limit: 2 });
    const [row] = items;
    expect(items).toHaveLength(1);
    const prefix = row?.name.slice(0, -id.length) ?? "";
    const copies = PINECONE_LIMITS.backupsMax - 1;
    for (let i = 1; i < copies; i++) {
      await bench.engine.writeSetting(`${prefix}${String(i)}`, row?.value);
    }
    expect((await backUp("docs")).status).toBe(200);
    expect((await backUp("docs")).status).toBe(403);
    const { backupPageItems, backupPageItemsMax } = PINECONE_LIMITS;
    for (const [query, count] of [
      ["", backupPageItems],
      [`?limit=${String(backupPageItemsMax)}`, backupPageItemsMax],
    ] as const) {
      const page = (await bench.send(`GET /backups${query}`)).json as { data: object[] };
      expect(page.data).toHaveLength(count);
    }
    const jobs = prefix.replace("/backup/", "/restore/");
    for (let i = 0; i < PINECONE_LIMITS.restoreJobsMax; i++) {
      const name = String(i).padStart(4, "0");
      const value = Buffer.from(JSON.stringify({ id: name, backup: id, createdAtMs: 0 }));
      await bench.engine.writeSetting(`${jobs}${name}`, value);
    }
    expect((await restore(id, { name: "copy" })).status).toBe(202);
    expect(await bench.engine.readSetting(`${jobs}0000`)).toBeUndefined();
    expect(await bench.engine.readSetting(`${jobs}0001`)).toBeDefined();
    await untilReady("copy");
  });
});
