/**
 * The same over S3 Vectors: every read operation of a bucket and of an index answers the same bytes
 * before and after writes to the bucket's other indexes and to other buckets.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Chance } from "../support/chance.ts";
import { S3_REGION, S3Caller, type S3Reply } from "../support/s3-caller.ts";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";

const SEED = Number(process.env["INSULA_SEED"] ?? 1);
const WRITES = 2_000;
const LANES = 4;
const DIMENSION = 12;
const KEYS = 80;
const MINE = { vectorBucketName: "mine", indexName: "watched" };
const BUCKET_ARN = `arn:aws:s3vectors:${S3_REGION}:${CREDENTIALS.accountId}:bucket/mine`;
const SOURCES = ["--import", "tsx", path.resolve("src/cli/main.ts")];

let server: ServerChild;
let caller: S3Caller;
const dataDir = mkdtempSync(path.join(tmpdir(), "insula-isolation-"));

beforeAll(async () => {
  server = await ServerChild.start({ dataDir, port: 0, program: SOURCES });
  caller = new S3Caller(server.url);
});
afterAll(async () => {
  caller.close();
  await server.stop();
  rmSync(dataDir, { recursive: true });
});

async function done(reply: Promise<S3Reply>): Promise<void> {
  const { status, text } = await reply;
  expect(status, text).toBe(200);
}

function floats(chance: Chance): number[] {
  return Array.from({ length: DIMENSION }, () => Math.fround(chance.fraction() * 2 - 1));
}

function someVectors(chance: Chance, count: number): unknown[] {
  const keys = new Set(Array.from({ length: count }, () => `k${chance.between(0, KEYS - 1)}`));
  return [...keys].map((key) => ({
    key,
    data: { float32: floats(chance) },
    metadata: { color: chance.pick(["red", "green", "blue"]), size: chance.between(0, 9) },
  }));
}

function createIndex(place: { readonly vectorBucketName: string; readonly indexName: string }) {
  return caller.call("CreateIndex", {
    ...place,
    dataType: "float32",
    dimension: DIMENSION,
    distanceMetric: "euclidean",
    metadataConfiguration: { nonFilterableMetadataKeys: ["text"] },
  });
}

/** Every read operation by name, with its whole answer. */
async function readAll(chance: Chance): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  const note = async (name: string, reply: Promise<S3Reply>): Promise<string> => {
    const { status, text } = await reply;
    // A bucket without a policy says so.
    expect(name === "GetVectorBucketPolicy" ? [200, 404] : [200], text).toContain(status);
    answers.set(name, `${String(status)} ${text}`);
    return text;
  };
  const { vectorBucketName } = MINE;
  const all = { returnMetadata: true, returnData: true };
  await note("GetVectorBucket", caller.call("GetVectorBucket", { vectorBucketName }));
  await note("GetVectorBucketPolicy", caller.call("GetVectorBucketPolicy", { vectorBucketName }));
  await note("ListVectorBuckets", caller.call("ListVectorBuckets", { prefix: "mine" }));
  await note("GetIndex", caller.call("GetIndex", MINE));
  await note("ListIndexes", caller.call("ListIndexes", { vectorBucketName, prefix: "watched" }));
  await note("tags of the bucket", caller.tags("GET", BUCKET_ARN, ""));
  await note("tags of the index", caller.tags("GET", `${BUCKET_ARN}/index/watched`, ""));
  const keys = ["k1", "k2", "k3", "nobody"];
  await note("GetVectors", caller.call("GetVectors", { ...MINE, keys, ...all }));
  let nextToken: string | undefined;
  for (let page = 0; page === 0 || nextToken !== undefined; page++) {
    const body = { ...MINE, maxResults: 20, ...all, ...(nextToken && { nextToken }) };
    const text = await note(`ListVectors ${String(page)}`, caller.call("ListVectors", body));
    nextToken = (JSON.parse(text) as { nextToken?: string }).nextToken;
  }
  for (let segmentIndex = 0; segmentIndex < 2; segmentIndex++) {
    const body = { ...MINE, segmentCount: 2, segmentIndex, ...all };
    await note(`ListVectors part ${String(segmentIndex)}`, caller.call("ListVectors", body));
  }
  const filters = [
    undefined,
    { color: "red" },
    { size: { $gte: 5 } },
    { color: { $in: ["blue"] } },
  ];
  for (const [i, filter] of filters.entries()) {
    const queryVector = { float32: floats(chance) };
    const asked = { topK: 10, returnDistance: true, returnMetadata: true };
    const body = { ...MINE, ...asked, queryVector, ...(filter && { filter }) };
    await note(`QueryVectors ${String(i)}`, caller.call("QueryVectors", body));
  }
  return answers;
}

async function disturb(chance: Chance, lane: number): Promise<void> {
  const vectorBucketName = chance.pick(["mine", "mine", "other"]);
  const place = { vectorBucketName, indexName: `lane${String(lane)}x${chance.between(0, 2)}` };
  const kind = chance.between(0, 19);
  let reply: S3Reply;
  if (kind < 13) {
    reply = await caller.call("PutVectors", { ...place, vectors: someVectors(chance, 8) });
  } else if (kind < 16) {
    const keys = Array.from({ length: 4 }, (_, i) => `k${chance.between(0, 19) + 20 * i}`);
    reply = await caller.call("DeleteVectors", { ...place, keys });
  } else if (kind === 16) {
    reply = await caller.call("DeleteIndex", place);
  } else {
    reply = await createIndex(place);
  }
  expect([200, 404, 409], reply.text).toContain(reply.status);
}

it("no answer of a read operation changes by the writes of neighbours", async () => {
  const chance = new Chance(SEED);
  for (const vectorBucketName of ["mine", "other"]) {
    await done(caller.call("CreateVectorBucket", { vectorBucketName, tags: { of: "owner" } }));
  }
  await done(createIndex(MINE));
  for (let i = 0; i < 6; i++) {
    await done(caller.call("PutVectors", { ...MINE, vectors: someVectors(chance, 30) }));
  }
  const before = await readAll(new Chance(SEED + 1));
  let left = WRITES;
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      const own = new Chance(SEED * 100 + lane);
      while (left-- > 0) await disturb(own, lane);
    }),
  );
  const after = await readAll(new Chance(SEED + 1));
  for (const [name, answer] of before) {
    // The list of buckets and the bucket itself know nothing of indexes.
    expect(after.get(name), `seed ${String(SEED)}: ${name}`).toBe(answer);
  }
  expect(after.size).toBe(before.size);
});
