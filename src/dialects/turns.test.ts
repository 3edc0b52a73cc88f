/**
 * Bodies and answers of each dialect have turns: in the flow of whom they are of, and a long answer
 * in many of them. Long bodies of a key wait for one another.
 */
import { expect, it } from "vitest";
import { Pace } from "../base/pace.ts";
import { openAccess } from "../access/index.ts";
import { openEngine, type Engine } from "../engine/index.ts";
import type { QueryResult } from "../model/index.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { ProtoWriter, wholeBody, type HttpAnswer } from "../wire/index.ts";
import { OssBench } from "../../test/support/oss-bench.ts";
import { PineconeBench, ADMIN_KEY } from "../../test/support/pinecone-bench.ts";
import { S3Bench } from "../../test/support/s3-bench.ts";
import { parseVectorBodyPlainly } from "../../test/support/vector-body.ts";
import { HIT_BYTES } from "./answer-text.ts";
import { KEY_BODY_BYTES_MAX, PLACE_UNPACKED_BYTES_MAX } from "./body-room.ts";
import type { BodyTurns, DialectContext } from "./dialect.ts";
import { createNativeDialect } from "./native/index.ts";

const COUNT = 1_000;
const METADATA = { text: "t".repeat(300), n: 5 };
const KEYS = Array.from({ length: COUNT }, (_, i) => `key-${String(i)}`);
const BATCH = {
  keys: KEYS,
  vectors: [{ field: "", values: new Float32Array(COUNT * 2).fill(1) }],
  metadata: KEYS.map(() => METADATA),
};

/** What a server has besides, and what was asked of it. */
class Watch {
  readonly flows = new Set<string>();
  readonly bodies: (string | undefined)[] = [];
  turns = 0;

  readonly more: Pick<DialectContext, "turnsOf" | "parseVectorBody"> = {
    turnsOf: ({ flow, kind }): BodyTurns => {
      this.flows.add(flow);
      const turn = (): Promise<void> => {
        this.turns++;
        return Promise.resolve();
      };
      return { flow, kind, pace: new Pace(turn) };
    },
    parseVectorBody: (body, patterns, md5, turns) => {
      this.bodies.push(turns?.flow);
      return Promise.resolve(parseVectorBodyPlainly(body, patterns, md5));
    },
  };

  /** Of a search: three slices of text at least. */
  expect(body: string, answer: string): void {
    expect(this.bodies).toEqual([body]);
    expect([...this.flows]).toContain(answer);
    expect(this.turns).toBeGreaterThanOrEqual(3);
  }
}

it("of OSS Vectors: by bucket and key, and by index", async () => {
  const watch = new Watch();
  const bench = new OssBench({ more: watch.more });
  await bench.engine.createDatabase("my-bucket");
  await bench.engine.createCollection("my-bucket", "idx", {
    schema: {
      vectors: [{ name: "", dimension: 2, metric: "euclidean" }],
      ...{ identity: "key", unfilterable: ["text"] },
    },
  });
  await bench.engine.upsert({ database: "my-bucket", collection: "idx" }, BATCH);
  const { json } = await bench.post("queryVectors", {
    ...{ indexName: "idx", queryVector: { float32: [1, 1] }, topK: 100, returnMetadata: true },
  });
  expect((json as { vectors: object[] }).vectors).toHaveLength(100);
  expect(watch.bodies).toEqual(["my-bucket\nAKID"]);
  const got = await bench.post("listVectors", {
    ...{ indexName: "idx", maxResults: COUNT, returnData: true, returnMetadata: true },
  });
  expect((got.json as { vectors: object[] }).vectors).toHaveLength(COUNT);
  watch.expect("my-bucket\nAKID", "my-bucket\nidx\n");
});

it("of S3 Vectors: by key, and by index", async () => {
  const watch = new Watch();
  const bench = new S3Bench({ more: watch.more });
  const at = { vectorBucketName: "my-bucket", indexName: "idx" };
  await bench.call("CreateVectorBucket", { vectorBucketName: "my-bucket" });
  await bench.call("CreateIndex", {
    ...{ ...at, dataType: "float32", dimension: 2, distanceMetric: "euclidean" },
    metadataConfiguration: { nonFilterableMetadataKeys: ["text"] },
  });
  await bench.engine.upsert({ database: "my-bucket", collection: "idx" }, BATCH);
  const { json } = await bench.call("QueryVectors", {
    ...{ ...at, queryVector: { float32: [1, 1] }, topK: COUNT, returnMetadata: true },
  });
  expect(json["vectors"]).toHaveLength(COUNT);
  watch.expect("AKID", "my-bucket\nidx\n");
});

it("of Pinecone: by index and key, and by namespace, in JSON and protobuf", async () => {
  const watch = new Watch();
  const bench = await PineconeBench.open(undefined, watch.more);
  const index = { name: "docs", dimension: 2, metric: "euclidean" };
  const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
  await bench.send("POST /indexes", { body: { ...index, spec } });
  const place = { database: "pinecone", collection: "docs", tenant: "acme" };
  await bench.engine.createTenant(place);
  await bench.engine.upsert(place, BATCH);
  const { json } = await bench.send("POST /ix/docs/query", {
    body: { vector: [1, 1], topK: COUNT, includeMetadata: true, namespace: "acme" },
  });
  expect((json as { matches: object[] }).matches).toHaveLength(COUNT);
  watch.expect("pinecone\ndocs\nADMIN", "pinecone\ndocs\nacme");
  watch.turns = 0;
  const writer = new ProtoWriter();
  writer.text(1, "acme");
  writer.uint(2, COUNT);
  writer.bool(5, true);
  writer.floats(7, Float32Array.of(1, 1));
  const host = "docs-1.svc.pinecone.test";
  const found = await bench.grpc("/VectorService/Query", writer.written, {
    "service-name": "docs",
    host,
  });
  expect([found.status, found.text]).toEqual([0, ""]);
  expect(found.message.length).toBeGreaterThan(COUNT * 300);
  expect(watch.turns).toBeGreaterThanOrEqual(1);
});

/** Our own interface over an engine with a collection of tenants. */
async function openNative(more: (engine: Engine) => Partial<DialectContext>): Promise<{
  readonly engine: Engine;
  readonly post: (path: string, body: object) => Promise<HttpAnswer>;
  readonly send: (tenant: string, call: string, body: object) => Promise<HttpAnswer>;
}> {
  const doors = {
    ...{ files: new MemoryFileSystem(), clock: new ManualClock() },
    random: new SeededRandom(1),
  };
  const engine = await openEngine({ ...doors, workerCount: 0 });
  const admin = { id: "ADMIN", secret: ADMIN_KEY };
  const access = await openAccess({ ...doors, settings: engine, admin, accountId: "1" });
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: 2, metric: "euclidean" }],
      ...{ identity: "key", unfilterable: ["text"] },
    },
    tenancy: "multi",
  });
  const dialect = createNativeDialect({
    ...{ engine, access, ...doors, settings: { accountId: "1", ossQuotas: "off" } },
    ...{ endPhase: () => 0, observe: () => undefined },
    parseVectorBody: (body, patterns, md5) =>
      Promise.resolve(parseVectorBodyPlainly(body, patterns, md5)),
    ...more(engine),
  });
  const post = (route: string, body: object): Promise<HttpAnswer> => {
    const path = `/insula/v1/${route}`;
    return dialect.handle({
      ...{ id: "0123456789ABCDEF01234567", method: "POST", target: path, scheme: "http" },
      ...{ host: "h", path, query: "", remoteAddress: "", signal: new AbortController().signal },
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      readBody: () => Promise.resolve(Buffer.from(JSON.stringify(body))),
    });
  };
  const send = (tenant: string, call: string, body: object): Promise<HttpAnswer> =>
    post(`databases/db/collections/c/tenants/${tenant}/records/${call}`, body);
  return { engine, post, send };
}

it("of our own interface: by tenant", async () => {
  const watch = new Watch();
  const { engine, send } = await openNative(() => watch.more);
  const place = { database: "db", collection: "c", tenant: "acme" };
  await engine.createTenant(place);
  await engine.upsert(place, BATCH);
  const answer = await send("acme", "search", {
    ...{ vector: [1, 1], topK: COUNT, include: { metadata: true } },
  });
  const { hits } = JSON.parse(wholeBody(answer).toString()) as { hits: object[] };
  expect(hits).toHaveLength(COUNT);
  expect([...watch.flows]).toEqual(["db\nc\nacme"]);
  expect(watch.turns).toBeGreaterThanOrEqual(3);
  await engine.close();
});

/** Bodies that wait to be parsed, each until somebody lets it go on. */
function stuck(): { readonly parsing: (() => void)[]; readonly more: Partial<DialectContext> } {
  const parsing: (() => void)[] = [];
  const parseVectorBody: DialectContext["parseVectorBody"] = async (body, patterns, md5) => {
    await new Promise<void>((go) => parsing.push(go));
    return parseVectorBodyPlainly(body, patterns, md5);
  };
  return { parsing, more: { parseVectorBody } };
}

const OTHER = { kind: "admin" as const, keyId: "OTHER", accountId: "1234567890", grants: [] };
/** Two of them are more than a key has room for. */
const LONG = { "content-length": String(Math.floor(KEY_BODY_BYTES_MAX * 0.6)) };

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

/** @param send a call with a long body, of a key; its answer is an error. */
async function expectOneOfEach(
  parsing: (() => void)[],
  send: (keyId: string) => Promise<unknown>,
): Promise<void> {
  const calls = [send("AKID"), send("AKID"), send("OTHER")];
  await settled();
  // One of each key.
  expect(parsing).toHaveLength(2);
  for (const go of parsing.splice(0)) go();
  await settled();
  expect(parsing).toHaveLength(1);
  for (const go of parsing.splice(0)) go();
  await Promise.all(calls);
  const last = send("AKID");
  await settled();
  expect(parsing).toHaveLength(1);
  parsing[0]?.();
  await last;
}

it("KEY_BODY_BYTES_MAX: long bodies of one key wait for one another, of OSS Vectors", async () => {
  const { parsing, more } = stuck();
  const bench = new OssBench({ more });
  bench.addKey(OTHER, "s");
  await bench.engine.createDatabase("my-bucket");
  await expectOneOfEach(parsing, (keyId) =>
    bench.post("putVectors", { vectors: [] }, { keyId, headers: LONG }),
  );
});

it.each([true, false])(
  "KEY_BODY_BYTES_MAX: long bodies of one key wait for one another, of S3 Vectors (hash %s)",
  async (withHash) => {
    const { parsing, more } = stuck();
    const bench = new S3Bench({ more });
    bench.addKey(OTHER, "s");
    await expectOneOfEach(parsing, (keyId) =>
      bench.call("PutVectors", { vectors: [] }, { keyId, withHash, headers: LONG }),
    );
  },
);

it("KEY_BODY_BYTES_MAX: long bodies of one key wait for one another, of Pinecone", async () => {
  const { parsing, more } = stuck();
  const bench = await PineconeBench.open(undefined, more);
  // Nobody says how long they are: each counts as 8 MiB.
  const headers = { "transfer-encoding": "chunked" };
  const send = (): Promise<unknown> =>
    bench.send("POST /ix/docs/vectors/upsert", { body: "{}", headers });
  const calls = Array.from({ length: 5 }, send);
  await settled();
  expect(parsing).toHaveLength(4);
  for (const go of parsing.splice(0)) go();
  await settled();
  expect(parsing).toHaveLength(1);
  parsing[0]?.();
  await Promise.all(calls);
});

it("PLACE_UNPACKED_BYTES_MAX: bodies wait as text beyond it, of our own interface", async () => {
  const asked: number[] = [];
  const parsed: (() => void)[] = [];
  const { engine, send } = await openNative(() => ({
    ...new Watch().more,
    parseVectorBody: async (body, patterns, md5, turns) => {
      const whole = parseVectorBodyPlainly(body, patterns, md5);
      asked.push(body.length);
      await turns?.unpack?.(body.length);
      await new Promise<void>((go) => parsed.push(go));
      return whole;
    },
  }));
  // Two of any length, and as many as there is room for.
  const blanks = " ".repeat(PLACE_UNPACKED_BYTES_MAX / 4);
  const calls = [...Array<string>(4).fill("acme"), "other"].map((tenant) =>
    send(tenant, "upsert", { records: [], blanks }),
  );
  await settled();
  expect(asked).toHaveLength(5);
  expect(parsed).toHaveLength(4);
  while (parsed.length > 0) {
    for (const go of parsed.splice(0)) go();
    await settled();
  }
  await Promise.all(calls);
  await engine.close();
});

it("bodies that tell themselves what they are about wait for nobody else's, and are told by key", async () => {
  const asked: (BodyTurns | undefined)[] = [];
  const { engine, post } = await openNative(() => ({
    ...new Watch().more,
    parseVectorBody: (body, patterns, md5, turns) => {
      asked.push(turns);
      return Promise.resolve(parseVectorBodyPlainly(body, patterns, md5));
    },
  }));
  const blanks = " ".repeat(PLACE_UNPACKED_BYTES_MAX);
  await post("search", { vector: [1, 1], places: [], blanks });
  await post("databases/db/collections/c/tenants/acme/records/search", { vector: [1, 1], blanks });
  await post("databases/db/collections/c/tenants/acme/records/upsert", { records: [], blanks });
  expect(asked.map((turns) => [turns?.flow, turns?.kind, turns?.unpack !== undefined])).toEqual([
    ["ADMIN", "query", false],
    ["db\nc\nacme", "query", true],
    ["db\nc\nacme", "write", true],
  ]);
  await engine.close();
});

const PLAN = {
  ...{ path: "exact" as const, segmentCount: 0 },
  ...{ rowsScanned: 0, rowsRescored: 0, workUnits: 0 },
};

it("PLACE_UNPACKED_BYTES_MAX: searches for many hits wait beyond it, those for few do not", async () => {
  const searching: (() => void)[] = [];
  const found: QueryResult = { hits: [], plan: PLAN };
  const query: Engine["query"] = async () => {
    await new Promise<void>((go) => searching.push(go));
    return found;
  };
  const { engine, send } = await openNative((opened) => ({
    engine: new Proxy(opened, {
      get: (target, name) => (name === "query" ? query : (Reflect.get(target, name) as unknown)),
    }),
  }));
  const ask = (topK: number): Promise<HttpAnswer> =>
    send("acme", "search", { vector: [1, 1], topK });
  const together = Math.floor(PLACE_UNPACKED_BYTES_MAX / (HIT_BYTES * COUNT));
  const calls = Array.from({ length: together + 1 }, () => ask(COUNT));
  await settled();
  expect(searching).toHaveLength(together);
  calls.push(ask(10));
  await settled();
  expect(searching).toHaveLength(together + 1);
  for (const go of searching.splice(0)) go();
  await settled();
  expect(searching).toHaveLength(1);
  searching[0]?.();
  for (const answer of await Promise.all(calls)) expect(answer.status).toBe(200);
  await engine.close();
});
