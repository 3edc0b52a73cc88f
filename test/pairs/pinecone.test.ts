/**
 * What Pinecone's protocol can say and others cannot, and the other way round: how it then shows.
 * Each test is a line of docs/one-data-set.md.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PineconeCaller } from "../support/pinecone-caller.ts";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";
import { Refused, type PairInterface, type PointCalls } from "./interface.ts";
import { openCommand, openNative, runCommand } from "./ours.ts";
import { openPinecone, openPineconeGrpc, Projects } from "./pinecone.ts";
import { openOss, openS3 } from "./vendors.ts";

const dataDir = mkdtempSync(path.join(tmpdir(), "insula-pairs-"));
const DATABASE = "beyond";
const at = (collection: string) => ({ database: DATABASE, collection });

let server: ServerChild;
let oss: Pointed;
let s3: Pointed;
let native: Pointed;
let http: Pointed;
let grpc: Pointed;
let caller: PineconeCaller;

type Pointed = PairInterface & { readonly point: PointCalls };

function pointed(opened: PairInterface): Pointed {
  if (opened.point === undefined) throw new Error(`${opened.name} has no calls about records.`);
  return { ...opened, point: opened.point };
}

beforeAll(async () => {
  server = await ServerChild.start({ dataDir, port: 0 });
  oss = pointed(openOss(server.url));
  s3 = pointed(openS3(server.url));
  native = pointed(openNative(server.url));
  http = pointed(openPinecone(server.url));
  grpc = pointed(openPineconeGrpc(server.url));
  await native.createDatabase(DATABASE);
  caller = await new Projects(server.url).of(DATABASE);
  const spec = { serverless: { cloud: "aws", region: "eu-west-1" } };
  const made = { name: "made", dimension: 2, metric: "dotproduct", spec };
  expect((await caller.http("POST /indexes", made)).status).toBe(201);
  await native.createIndex(at("plain"), { dimension: 2, metric: "cosine" });
});

afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** @returns status and code of the refusal */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  const outcome = await call.then(
    () => "it was done",
    (error: unknown) => error,
  );
  if (outcome instanceof Refused) return `${String(outcome.status)} ${outcome.code}`;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}

/** A call of our own interface about something in the database. */
async function own(method: string, target: string, body?: object): Promise<unknown> {
  const below = target === "" ? "" : `/${target}`;
  const url = new URL(`/insula/v1/databases/${DATABASE}/collections${below}`, server.url);
  const answer = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${CREDENTIALS.secret}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect(answer.status, text).toBeLessThan(300);
  return text === "" ? undefined : JSON.parse(text);
}

async function ask(line: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
  const { status, text } = await caller.http(line, body as never);
  expect(status, text).toBe(200);
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

describe("an index that Pinecone's call made", () => {
  it("has namespaces that are tenants to our own interfaces, both ways", async () => {
    const vectors = [{ id: "p", values: [1, 2], metadata: { by: "pinecone" } }];
    await ask("POST /ix/made/vectors/upsert", { namespace: "t1", vectors });
    await ask("POST /ix/made/vectors/upsert", { vectors });
    const records = [{ key: "n", vector: [3, 4], metadata: { by: "us" } }];
    await own("POST", "made/tenants/t1/records/upsert", { records });
    const listed = (await own("POST", "made/tenants/t1/records/list", {
      limit: 9,
      include: { vectors: true, metadata: true },
    })) as { readonly items: readonly object[] };
    expect(listed.items).toMatchObject([
      { key: "n", vector: [3, 4] },
      { key: "p", vector: [1, 2], metadata: { by: "pinecone" } },
    ]);
    const { vectors: fetched } = await ask("GET /ix/made/vectors/fetch?ids=n&namespace=t1");
    expect(fetched).toEqual({ n: { id: "n", values: [3, 4], metadata: { by: "us" } } });
    const { items: tenants } = (await own("GET", "made/tenants")) as {
      readonly items: readonly { readonly name: string }[];
    };
    expect(tenants.map(({ name }) => name)).toEqual(["__default__", "t1"]);
    await own("POST", "made/tenants/t1/records/delete", { keys: ["p"] });
    const { vectors: left } = await ask("GET /ix/made/vectors/list?namespace=t1");
    expect(left).toEqual([{ id: "n" }]);
  });

  it("is exported with its namespaces by the command line", async () => {
    const file = path.join(dataDir, "made.jsonl");
    await runCommand(server.url, [
      "export",
      ...["--database", DATABASE, "--collection", "made"],
      file,
    ]);
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { tenant: string }).tenant)).toEqual([
      "__default__",
      "t1",
    ]);
  });

  it("is no index to OSS Vectors and S3 Vectors", async () => {
    expect(await refusalOf(oss.list(at("made")))).toBe("404 NoSuchVectorIndex");
    expect(await refusalOf(s3.list(at("made")))).toBe("404 NotFoundException");
  });
});

describe("an index that another made without tenants", () => {
  it("is its default namespace, in both spellings, and takes no other", async () => {
    const vectors = [{ id: "d", values: [1, 0] }];
    await ask("POST /ix/plain/vectors/upsert", { namespace: "__default__", vectors });
    expect(await http.list(at("plain"))).toMatchObject([{ key: "d" }]);
    expect(await oss.list(at("plain"))).toMatchObject([{ key: "d" }]);
    const other = { namespace: "other", vectors };
    expect((await caller.http("POST /ix/plain/vectors/upsert", other)).status).toBe(400);
    expect(await ask("GET /ix/plain/vectors/list?namespace=other")).toMatchObject({ vectors: [] });
  });

  it.each(["Größe/Tür", "x".repeat(64), "Upper_1"])(
    "is found by any name, although Pinecone makes it by few: %s",
    async (name) => {
      await native.createIndex(at(name), { dimension: 2, metric: "cosine" });
      for (const writer of [http, grpc]) {
        await writer.put(at(name), [{ key: writer.name, vector: [1, 0] }]);
      }
      expect(await native.list(at(name))).toHaveLength(2);
      const { indexes } = await ask("GET /indexes");
      expect(indexes).toContainEqual(expect.objectContaining({ name }));
      const made = { name, dimension: 2, spec: {} };
      expect((await caller.http("POST /indexes", made)).status).toBe(400);
    },
  );

  it("with named vectors is none", async () => {
    const named = [{ name: "v", dimension: 2, metric: "dot" }];
    await own("POST", "", { name: "named", vectors: named });
    expect(await refusalOf(http.list(at("named")))).toBe("404 5");
    expect(await refusalOf(grpc.list(at("named")))).toBe("5 5");
    const { indexes } = await ask("GET /indexes");
    expect(indexes).not.toContainEqual(expect.objectContaining({ name: "named" }));
  });
});

describe("keys, vectors and metadata", () => {
  const long = "k".repeat(513);

  it("a key of more than 512 characters is listed and found, not fetched or written", async () => {
    await native.createIndex(at("keys"), { dimension: 2, metric: "cosine" });
    await native.put(at("keys"), [{ key: long, vector: [1, 0] }]);
    for (const reader of [http, grpc]) {
      expect(await reader.list(at("keys"))).toMatchObject([{ key: long }]);
      const hits = await reader.point.query(at("keys"), { vector: [1, 0], topK: 1 });
      expect(hits).toMatchObject([{ key: long }]);
    }
    const record = { key: long, vector: [1, 0] };
    expect(await refusalOf(http.point.get(at("keys"), [long]))).toBe("400 3");
    expect(await refusalOf(http.put(at("keys"), [record]))).toBe("400 3");
    expect(await refusalOf(grpc.point.get(at("keys"), [long]))).toBe("3 3");
    expect(await refusalOf(grpc.put(at("keys"), [record]))).toBe("3 3");
  });

  it("a vector of zeros is refused, and shown with the score 0 where another wrote it", async () => {
    await native.createIndex(at("zeros"), { dimension: 2, metric: "cosine" });
    await native.put(at("zeros"), [{ key: "zero", vector: [0, 0] }]);
    for (const reader of [http, grpc]) {
      const zero = { key: "zero", vector: [0, 0] };
      expect(await refusalOf(reader.put(at("zeros"), [zero]))).toMatch(/3$/);
      expect(await reader.point.get(at("zeros"), ["zero"])).toEqual([zero]);
      const hits = await reader.point.query(at("zeros"), { vector: [3, 4], topK: 1 });
      expect(hits).toEqual([{ key: "zero", distance: 1 }]);
    }
  });

  it.each([
    ["null", { nothing: null }],
    ["an object", { deep: { n: 1 } }],
    ["a list of numbers", { list: [1, 2] }],
    ["the empty name", { "": 1 }],
    ["a name that begins with $", { $name: 1 }],
    ["more than 40,960 bytes", { text: "x".repeat(41_000) }],
  ])("%s in metadata is refused, and shown where another wrote it", async (_, metadata) => {
    const records = [{ key: "m", vector: [1, 0], metadata }];
    await native.put(at("plain"), records);
    for (const reader of [http, grpc]) {
      expect(await reader.point.get(at("plain"), ["m"])).toEqual(records);
      expect(await refusalOf(reader.put(at("plain"), records))).toMatch(/3$/);
    }
  });

  it("a property that was declared not filterable is filtered by all the same", async () => {
    const records = [{ key: "unfiltered", vector: [1, 0], metadata: { text: "a radiator" } }];
    await native.put(at("plain"), records);
    for (const reader of [http, grpc]) {
      const search = { vector: [1, 0], topK: 9, where: { text: "a radiator" } };
      expect(await reader.point.query(at("plain"), search)).toMatchObject([{ key: "unfiltered" }]);
    }
  });

  it("a sparse vector beside the other is seen by our own; to the twins it is no index", async () => {
    await own("POST", "", {
      name: "both",
      dimension: 2,
      metric: "dot",
      sparseVectors: [{ name: "sparse" }],
    });
    const sparseValues = { indices: [3, 7], values: [0.5, 2] };
    await ask("POST /ix/both/vectors/upsert", {
      vectors: [{ id: "b", values: [1, 0], sparseValues }],
    });
    const { vectors } = await ask("GET /ix/both/vectors/fetch?ids=b");
    expect(vectors).toEqual({ b: { id: "b", values: [1, 0], sparseValues } });
    const stored = await own("POST", "both/records/get", {
      keys: ["b"],
      include: { vectors: true },
    });
    expect(stored).toMatchObject({
      records: [{ key: "b", sparse: [{ field: "sparse", ...sparseValues }] }],
    });
    expect(await refusalOf(oss.list(at("both")))).toBe("404 NoSuchVectorIndex");
    expect(await refusalOf(s3.list(at("both")))).toBe("404 NotFoundException");
  });
});

it("the command line imports into a namespace of Pinecone's", async () => {
  const command = openCommand(server.url);
  await command.createIndex(at("line"), { dimension: 2, metric: "euclidean" });
  await command.put(at("line"), [{ key: "c", vector: [3, 4] }]);
  const [hit] = await http.point.query(at("line"), { vector: [0, 0.5], topK: 1 });
  expect(hit?.distance).toBeCloseTo(Math.hypot(3, 3.5), 5);
});
