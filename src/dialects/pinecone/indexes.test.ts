import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HOST, PineconeBench, REQUEST_ID } from "../../../test/support/pinecone-bench.ts";
import { projectLabel } from "./hosts.ts";

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
});
afterEach(() => bench.close());

const SERVERLESS = { serverless: { cloud: "gcp", region: "europe-west1" } };
const CAPACITY = { mode: "OnDemand", status: { state: "Ready" } };

/** A refusal in the shape of the control plane. */
function refused(status: number, code: string): object {
  return { status, json: { status, error: { code, message: expect.any(String) as string } } };
}

describe("indexes", () => {
  test("are made, described, listed and deleted in the shape before 2026-07", async () => {
    const body = {
      ...{ name: "multi", dimension: 8, metric: "dotproduct", spec: SERVERLESS },
      ...{ deletion_protection: "disabled", tags: { team: "a b", gone: "" } },
    };
    const made = await bench.send("POST /indexes", { body, version: "2025-04" });
    const model = {
      name: "multi",
      host: `http://${HOST}/ix/multi`,
      status: { ready: true, state: "Ready" },
      deletion_protection: "disabled",
      tags: { team: "a b" },
      dimension: 8,
      metric: "dotproduct",
      vector_type: "dense",
      spec: { serverless: { ...SERVERLESS.serverless, read_capacity: CAPACITY } },
    };
    expect(made).toMatchObject({ status: 201, json: model });
    expect(made.headers["x-pinecone-request-id"]).toBe(REQUEST_ID);
    expect((await bench.send("GET /indexes/multi")).json).toEqual(model);
    expect((await bench.send("GET /indexes")).json).toEqual({ indexes: [model] });
    expect(await bench.send("DELETE /indexes/multi")).toMatchObject({ status: 202, text: "" });
    expect((await bench.send("GET /indexes")).json).toEqual({ indexes: [] });
    expect(await bench.send("GET /indexes/multi")).toMatchObject(refused(404, "NOT_FOUND"));
  });

  test("are made and described with schema and deployment from 2026-07 on", async () => {
    const version = "2026-07";
    const body = {
      name: "multi",
      deployment: { deployment_type: "managed", cloud: "aws", region: "us-east-1" },
      schema: { fields: { _values: { type: "dense_vector", dimension: 8, metric: "cosine" } } },
    };
    const { status, json } = await bench.send("POST /indexes", { body, version });
    expect(status).toBe(201);
    expect(json).toMatchObject({ ...body, status: { ready: true }, read_capacity: CAPACITY });
    expect(json).not.toHaveProperty("spec");
    const classic = await bench.send("GET /indexes/multi");
    expect(classic.json).toMatchObject({ dimension: 8, metric: "cosine", vector_type: "dense" });
    const sparse = {
      name: "words",
      schema: { fields: { _sparse_values: { type: "sparse_vector" } } },
    };
    await bench.send("POST /indexes", { body: sparse, version });
    expect((await bench.send("GET /indexes/words", { version })).json).toMatchObject(sparse);
    const text = { name: "text", schema: { fields: { body: { type: "semantic_text" } } } };
    expect(await bench.send("POST /indexes", { body: text, version })).toMatchObject(
      refused(400, "INVALID_ARGUMENT"),
    );
  });

  test("that are protected cannot be deleted until the protection is taken away", async () => {
    await bench.withIndex("kept", { deletion_protection: "enabled" });
    expect(await bench.send("DELETE /indexes/kept")).toMatchObject(refused(403, "FORBIDDEN"));
    const body = { deletion_protection: "disabled" };
    expect((await bench.send("PATCH /indexes/kept", { body })).json).toMatchObject(body);
    expect((await bench.send("DELETE /indexes/kept")).status).toBe(202);
  });

  test("keep tags that a configuration does not name, and lose those it names with nothing", async () => {
    await bench.withIndex("kept", { tags: { a: "1", b: "2" } });
    const patched = await bench.send("PATCH /indexes/kept", { body: { tags: { b: "", c: "3" } } });
    expect(patched).toMatchObject({ status: 200, json: { tags: { a: "1", c: "3" } } });
    expect((patched.json as { tags: object }).tags).not.toHaveProperty("b");
    const tags = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`t${String(i)}`, "x"]));
    for (const body of [{}, { tags: { a: "ü" } }, { tags }, { spec: { pod: { replicas: 2 } } }]) {
      expect(await bench.send("PATCH /indexes/kept", { body })).toMatchObject(
        refused(400, "INVALID_ARGUMENT"),
      );
    }
  });

  test("of pods are shown as pods and are like all others", async () => {
    const pod = { environment: "us-east1-gcp", pod_type: "p1.x1" };
    await bench.withIndex("old", { spec: { pod } });
    const grown = { body: { spec: { pod: { replicas: 3 } } } };
    expect((await bench.send("PATCH /indexes/old", grown)).json).toMatchObject({
      spec: { pod: { ...pod, replicas: 3, shards: 1, pods: 3 } },
    });
    const body = { vectors: [{ id: "a", values: [1, 0] }], namespace: "t1" };
    expect((await bench.send("POST /ix/old/vectors/upsert", { body })).status).toBe(200);
  });

  test.each([
    [{ name: "Upper" }],
    [{ name: "-a" }],
    [{ name: "a".repeat(46) }],
    [{ dimension: 0 }],
    [{ dimension: 20_001 }],
    [{ dimension: 1.5 }],
    [{ metric: "manhattan" }],
    [{ vector_type: "other" }],
    [{ vector_type: "sparse" }],
    [{ spec: {} }],
    [{ spec: { serverless: { cloud: "moon", region: "x" } } }],
    [{ deletion_protection: "maybe" }],
    [{ tags: { "a b": "1" } }],
  ])("cannot be made with %j", async (wrong) => {
    expect(await bench.withIndex("fine", wrong)).toMatchObject(refused(400, "INVALID_ARGUMENT"));
    expect((await bench.send("GET /indexes")).json).toEqual({ indexes: [] });
  });

  test("cannot be made twice", async () => {
    await bench.withIndex("one");
    expect(await bench.withIndex("one")).toMatchObject(refused(409, "ALREADY_EXISTS"));
  });

  test("made by another interface are shown when they have a picture here", async () => {
    await bench.engine.createDatabase("pinecone");
    const schema = { identity: "key", unfilterable: [] } as const;
    const dense = { name: "", dimension: 2, metric: "euclidean" } as const;
    await bench.engine.createCollection("pinecone", "Plain_1", {
      schema: { ...schema, vectors: [dense] },
    });
    await bench.engine.createCollection("pinecone", "titled", {
      schema: { ...schema, vectors: [dense, { ...dense, name: "title" }] },
    });
    await bench.engine.createCollection("pinecone", "other", {
      schema: { ...schema, vectors: [{ ...dense, metric: "manhattan" }] },
    });
    const { json } = await bench.send("GET /indexes");
    expect(json).toMatchObject({ indexes: [{ name: "Plain_1", metric: "euclidean" }] });
    expect((json as { indexes: object[] }).indexes).toHaveLength(1);
    expect((await bench.send("GET /indexes/titled")).status).toBe(404);
    const body = { vectors: [{ id: "a", values: [1, 0] }] };
    expect((await bench.send("POST /ix/Plain_1/vectors/upsert", { body })).status).toBe(200);
    const elsewhere = { body: { ...body, namespace: "t1" } };
    expect((await bench.send("POST /ix/Plain_1/vectors/upsert", elsewhere)).status).toBe(400);
    expect((await bench.send("POST /ix/Plain_1/describe_index_stats")).json).toMatchObject({
      namespaces: { "": { vectorCount: 1 } },
    });
    expect(
      await bench.send("POST /ix/Plain_1/vectors/delete", { body: { deleteAll: true } }),
    ).toMatchObject({ status: 200 });
    expect(await bench.engine.count({ database: "pinecone", collection: "Plain_1" })).toBe(0);
  });
});

describe("hosts", () => {
  test("of names lead to the index of the project, and to nowhere in another", async () => {
    await bench.close();
    bench = await PineconeBench.open({
      ...{ project: "pinecone", readUnits: "seed", indexHosts: "domain" },
      ...{ domain: "vectors.test", hostScheme: "none" },
    });
    const made = await bench.withIndex("docs", { dimension: 2 });
    const host = `docs-${projectLabel("pinecone")}.svc.vectors.test:5080`;
    expect(made.json).toMatchObject({ host });
    const body = { vectors: [{ id: "a", values: [1, 0] }] };
    expect((await bench.send("POST /vectors/upsert", { host, body })).status).toBe(200);
    const query = { body: { vector: [1, 0], topK: 1 } };
    expect((await bench.send("POST /query", { host, ...query })).json).toMatchObject({
      usage: { readUnits: 6 },
    });
    const other = `docs-${projectLabel("other")}.svc.vectors.test:5080`;
    expect((await bench.send("POST /query", { host: other, ...query })).status).toBe(404);
  });

  test("without an index are the control plane, which has no records", async () => {
    expect(await bench.send("POST /query", { body: {} })).toMatchObject(refused(404, "NOT_FOUND"));
    expect((await bench.send("POST /ix/docs/other")).json).toMatchObject({ code: 5 });
    expect(await bench.send("POST /ix/%ff/query")).toMatchObject(refused(400, "INVALID_ARGUMENT"));
  });

  test("say of what the vendor has and we have not that it is not supported", async () => {
    for (const line of ["GET /backup-schedules", "POST /collections"]) {
      expect(await bench.send(line)).toMatchObject(refused(501, "UNIMPLEMENTED"));
    }
    expect((await bench.send("GET /collections")).json).toEqual({ collections: [] });
    expect((await bench.send("DELETE /collections/a")).status).toBe(404);
    expect(await bench.send("GET /other")).toMatchObject(refused(404, "NOT_FOUND"));
  });
});

describe("keys", () => {
  test("that are missing or wrong are refused in the shape that every client reads", async () => {
    for (const apiKey of [undefined, "", "wrong"]) {
      for (const line of ["GET /indexes", "POST /ix/docs/query"]) {
        const answer = await bench.send(line, { apiKey });
        expect(answer).toMatchObject(refused(401, "UNAUTHENTICATED"));
      }
    }
  });

  test("of one database have that as their project", async () => {
    await bench.withIndex("docs");
    const own = await bench.keyWith({ actions: ["*"], databases: ["shop"] });
    expect((await bench.send("GET /indexes", { apiKey: own })).json).toEqual({ indexes: [] });
    const body = { name: "docs", dimension: 3, spec: SERVERLESS };
    expect((await bench.send("POST /indexes", { apiKey: own, body })).status).toBe(201);
    const { json } = await bench.send("GET /indexes/docs", { apiKey: own });
    expect(json).toMatchObject({ dimension: 3 });
    expect((await bench.send("GET /indexes/docs")).json).toMatchObject({ dimension: 2 });
  });
});
