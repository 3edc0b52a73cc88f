/**
 * A key with rights to its own data learns nothing of others': whatever it asks, the answer about
 * what is there and the answer about what is not are the same, and so is what is listed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NATIVE_ROUTES, type Route } from "../../src/dialects/native/index.ts";
import { OSS_OPERATIONS, S3_OPERATIONS } from "../../src/dialects/vector-bucket/index.ts";
import { OssCaller } from "../support/oss-caller.ts";
import { S3_REGION, S3Caller } from "../support/s3-caller.ts";
import { CREDENTIALS, ServerChild, type ServerCredentials } from "../support/server-child.ts";

const SOURCES = ["--import", "tsx", path.resolve("src/cli/main.ts")];
/** What is there, and what is not; as long, because lengths are in messages. */
const THERE = { bucket: "vault-a", index: "secret-a", tenant: "tenant-a", key: "known-a" };
const NOT_THERE = { bucket: "vault-b", index: "secret-b", tenant: "tenant-b", key: "known-b" };
/** The bucket is there, nothing in it. */
const HALF_THERE = { ...NOT_THERE, bucket: THERE.bucket };
/** Stands in all data of the neighbour. */
const CANARY = "canary-of-the-neighbour";

type Names = typeof THERE;

interface Answer {
  readonly status: number;
  readonly text: string;
}

let server: ServerChild;
let stranger: ServerCredentials;
let oss: OssCaller;
let s3: S3Caller;
const dataDir = mkdtempSync(path.join(tmpdir(), "insula-strangers-"));

beforeAll(async () => {
  server = await ServerChild.start({ dataDir, port: 0, program: SOURCES });
  const grants = [{ actions: ["*"], databases: ["mine*"] }];
  const key = await native(CREDENTIALS.secret, "POST", "keys", { grants });
  const { id, secret, accountId } = JSON.parse(key.text) as Record<string, string>;
  stranger = { keyId: id ?? "", secret: secret ?? "", accountId: accountId ?? "" };
  oss = new OssCaller(server.url, stranger);
  s3 = new S3Caller(server.url, stranger);
  const make = async (method: string, target: string, body?: object): Promise<void> => {
    const { status, text } = await native(CREDENTIALS.secret, method, target, body);
    expect([200, 201], text).toContain(status);
  };
  for (const name of [THERE.bucket, "mine"]) {
    await make("POST", "databases", { name });
    const collections = `databases/${name}/collections`;
    await make("POST", collections, { name: THERE.index, dimension: 2 });
    await make("POST", collections, { name: "multi", dimension: 2, tenancy: "multi" });
    const records = [{ key: THERE.key, vector: [1, 0], metadata: { word: CANARY } }];
    const owned = name === "mine" ? [{ key: "own", vector: [0, 1] }] : records;
    await make("POST", `${collections}/${THERE.index}/records/upsert`, { records: owned });
    const tenants = `${collections}/multi/tenants`;
    await make("POST", `${tenants}/${THERE.tenant}/records/upsert`, { records: owned });
  }
});
afterAll(async () => {
  oss.close();
  s3.close();
  await server.stop();
  rmSync(dataDir, { recursive: true });
});

async function native(
  secret: string,
  method: string,
  target: string,
  body?: object,
): Promise<Answer> {
  const answer = await fetch(new URL(`/insula/v1/${target}`, server.url), {
    method,
    headers: { authorization: `Bearer ${secret}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

/** Without the names asked for and the request's own number. */
function plain({ status, text }: Answer, names: Names): Answer {
  let rest = text.replace(/[0-9A-F]{24}/g, "id");
  for (const [kind, name] of Object.entries(names)) rest = rest.replaceAll(name, kind);
  return { status, text: rest };
}

/** Asks about what is there, what is half there and what is not. */
async function expectSame(ask: (names: Names) => Promise<Answer>): Promise<Answer> {
  const there = plain(await ask(THERE), THERE);
  expect(plain(await ask(NOT_THERE), NOT_THERE)).toEqual(there);
  expect(plain(await ask(HALF_THERE), HALF_THERE)).toEqual(there);
  expect(there.text).not.toContain(CANARY);
  return there;
}

const VECTOR = { float32: [1, 0] };

const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: { Effect: "Allow", Action: "*", Principal: "*", Resource: "*" },
});

/** A body that is good for every operation of both twins. */
function twinBody({ index, key }: Names): object {
  return {
    indexName: index,
    dataType: "float32",
    dimension: 2,
    distanceMetric: "cosine",
    vectors: [{ key, data: VECTOR }],
    keys: [key],
    queryVector: VECTOR,
    topK: 1,
    policy: POLICY,
    indexMode: "ENHANCED",
    defaultIndexMode: "ENHANCED",
  };
}

/** Bodies of the operations that take no index. */
const OSS_DOCUMENTS: Readonly<Partial<Record<string, object>>> = {
  PutBucketPolicy: {
    Version: "1",
    Statement: [
      {
        Effect: "Allow",
        Action: ["oss:GetVectors"],
        Principal: ["2345678901"],
        Resource: ["acs:ossvector:*:*:*"],
      },
    ],
  },
  PutBucketLogging: {
    BucketLoggingStatus: { LoggingEnabled: { TargetBucket: "logs", TargetPrefix: "p/" } },
  },
};

describe("over OSS Vectors", () => {
  const operations = OSS_OPERATIONS.filter(({ level }) => level !== "service");

  it.each(operations)("$name is refused alike", async ({ method, verb, name }) => {
    const answer = await expectSame((names) => {
      const body = method === "POST" ? twinBody(names) : OSS_DOCUMENTS[name];
      return oss.send({
        method,
        bucket: names.bucket,
        ...(verb === undefined ? {} : { verb }),
        ...(body === undefined ? {} : { body }),
      });
    });
    expect(answer.status, `${name}: ${answer.text}`).toBe(403);
  });
});

describe("over S3 Vectors", () => {
  const named = S3_OPERATIONS.filter((operation) => operation.path === "name");

  it.each(named.filter(({ name }) => name !== "ListVectorBuckets"))(
    "$name is refused alike, by names and by ARN",
    async ({ name }) => {
      const answer = await expectSame((names) => {
        const body = { ...twinBody(names), vectorBucketName: names.bucket };
        return s3.call(name, body);
      });
      expect(answer.status, `${name}: ${answer.text}`).toBe(403);
      // A bucket is made by its name alone.
      if (name === "CreateVectorBucket") return;
      const byArn = await expectSame((names) => {
        const bucketArn = arnOf(names);
        const { indexName, ...body } = twinBody(names) as { readonly indexName: string };
        const isMade = name === "CreateIndex";
        return s3.call(name, {
          ...body,
          ...(isMade ? { indexName } : {}),
          ...(isMade || !INDEX_OPERATIONS.has(name)
            ? { vectorBucketArn: bucketArn }
            : { indexArn: `${bucketArn}/index/${indexName}` }),
        });
      });
      expect(byArn.status, `${name}: ${byArn.text}`).toBe(403);
    },
  );

  it.each(["GET", "POST", "DELETE"] as const)("%s of tags is refused alike", async (method) => {
    const more = { GET: "", POST: '{"tags":{"a":"b"}}', DELETE: "tagKeys=a" }[method];
    for (const end of [() => "", ({ index }: Names) => `/index/${index}`]) {
      const answer = await expectSame((names) => s3.tags(method, arnOf(names) + end(names), more));
      expect(answer.status, answer.text).toBe(403);
    }
  });

  it("only buckets of its own are listed", async () => {
    const { status, text } = await s3.call("ListVectorBuckets", {});
    expect(status, text).toBe(200);
    const { vectorBuckets } = JSON.parse(text) as { vectorBuckets: { vectorBucketName: string }[] };
    expect(vectorBuckets.map((bucket) => bucket.vectorBucketName)).toEqual(["mine"]);
  });
});

const INDEX_OPERATIONS = new Set([
  ...["GetIndex", "DeleteIndex", "PutVectors", "GetVectors", "UpdateIndexMode"],
  "UpdateMetadataConfiguration",
  ...["ListVectors", "DeleteVectors", "QueryVectors"],
]);

function arnOf({ bucket }: Names): string {
  return `arn:aws:s3vectors:${S3_REGION}:${stranger.accountId}:bucket/${bucket}`;
}

describe("over our own interface", () => {
  const placed = NATIVE_ROUTES.filter(({ pattern }) => pattern.includes(":database"));
  const open = NATIVE_ROUTES.filter(
    ({ area, pattern }) => area === "admin" && !pattern.includes(":database"),
  );
  const ask = (method: string, target: string, body?: object): Promise<Answer> =>
    native(`${stranger.keyId}.${stranger.secret}`, method, target, body);

  it.each(placed)("$method $pattern is refused alike", async (route) => {
    const answer = await expectSame((names) =>
      ask(route.method, fill(route.pattern, names), bodyOf(route)),
    );
    expect(answer.status, answer.text).toBe(403);
  });

  it.each(open)("$method $pattern, about the whole node, is refused", async (route) => {
    const answer = await ask(route.method, fill(route.pattern, THERE), bodyOf(route));
    expect(answer.status, answer.text).toBe(403);
    expect(answer.text).not.toMatch(/vault-a|secret-a|canary/);
  });

  it("a search at many places is refused whole and alike", async () => {
    const own = { database: "mine", collection: THERE.index };
    const search = { vector: [1, 0], topK: 3 };
    expect((await ask("POST", "search", { ...search, places: [own] })).status).toBe(200);
    for (const tenant of [undefined, "tenant"] as const) {
      const answer = await expectSame((names) => {
        const collection = tenant === undefined ? names.index : "multi";
        const place = { database: names.bucket, collection };
        const places = [own, { ...place, ...(tenant && { tenant: names.tenant }) }];
        return ask("POST", "search", { ...search, places });
      });
      expect(answer.status, answer.text).toBe(403);
    }
  });

  it("its own tenants are apart: no key of one is found in another", async () => {
    const tenants = `databases/mine/collections/multi/tenants`;
    const body = { keys: ["own", THERE.key], include: { vectors: true } };
    const own = await ask("POST", `${tenants}/${THERE.tenant}/records/get`, body);
    const records = (JSON.parse(own.text) as { records: unknown[] }).records;
    expect(records).toMatchObject([{ key: "own" }, null]);
    const other = await ask("POST", `${tenants}/${NOT_THERE.tenant}/records/get`, body);
    expect(other.text).not.toContain('"vector"');
  });
});

/** Rights to what is made are asked for when its name is known; elsewhere before the body. */
function bodyOf({ takes, creates, operation }: Route): object | undefined {
  if (takes === undefined) return undefined;
  if (creates === undefined) return {};
  return operation === "CreateCollection" ? { name: "fresh", dimension: 2 } : { name: "fresh" };
}

function fill(pattern: string, names: Names): string {
  const collection = pattern.includes("/tenants") ? "multi" : names.index;
  return pattern
    .replace(":database", names.bucket)
    .replace(":collection", collection)
    .replace(":tenant", names.tenant)
    .replace(":key", names.key);
}
