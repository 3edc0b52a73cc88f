/**
 * The same through real sockets and the OSS Vectors protocol: every read operation of a bucket
 * answers the same bytes before and after writes to the bucket's other indexes and to other
 * buckets.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Chance } from "../support/chance.ts";
import { OssCaller, type OssReply } from "../support/oss-caller.ts";
import { ServerChild } from "../support/server-child.ts";

const SEED = Number(process.env["INSULA_SEED"] ?? 1);
const WRITES = 1_200;
const LANES = 4;
const DIMENSION = 12;
const KEYS = 80;
const MINE = "mine";
const INDEX = "watched";
const SOURCES = ["--import", "tsx", path.resolve("src/cli/main.ts")];

let server: ServerChild;
let caller: OssCaller;
const dataDir = mkdtempSync(path.join(tmpdir(), "insula-isolation-"));

beforeAll(async () => {
  server = await ServerChild.start({ dataDir, port: 0, program: SOURCES });
  caller = new OssCaller(server.url);
});
afterAll(async () => {
  caller.close();
  await server.stop();
  rmSync(dataDir, { recursive: true });
});

async function post(bucket: string, verb: string, body: unknown): Promise<OssReply> {
  return caller.send({ method: "POST", bucket, verb, body });
}

async function done(reply: Promise<OssReply>): Promise<OssReply> {
  const { status, text } = await reply;
  expect([200, 204], text).toContain(status);
  return { status, text };
}

function floats(chance: Chance): number[] {
  return Array.from({ length: DIMENSION }, () => Math.fround(chance.fraction() * 2 - 1));
}

function someRecords(chance: Chance, count: number): unknown[] {
  const keys = new Set(Array.from({ length: count }, () => `k${chance.between(0, KEYS - 1)}`));
  return [...keys].map((key) => ({
    key,
    data: { float32: floats(chance) },
    metadata: { color: chance.pick(["red", "green", "blue"]), size: chance.between(0, 9) },
  }));
}

function putIndex(bucket: string, indexName: string): Promise<OssReply> {
  return post(bucket, "putVectorIndex", {
    indexName,
    dataType: "float32",
    dimension: DIMENSION,
    distanceMetric: "cosine",
    metadata: { nonFilterableMetadataKeys: ["text"] },
  });
}

/** Every read operation by name, with its whole answer. */
async function readAll(chance: Chance): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  const note = async (name: string, reply: Promise<OssReply>): Promise<string> => {
    const { status, text } = await reply;
    answers.set(name, `${status} ${withoutRequestId(text)}`);
    return text;
  };
  const all = { returnMetadata: true, returnData: true };
  const indexName = INDEX;
  for (const verb of ["bucketInfo", "policy", "logging"]) {
    await note(verb, caller.send({ method: "GET", bucket: MINE, verb }));
  }
  await note("getVectorIndex", post(MINE, "getVectorIndex", { indexName }));
  await note("listVectorIndexes", post(MINE, "listVectorIndexes", { prefix: INDEX }));
  const keys = ["k1", "k2", "k3", "nobody"];
  await note("getVectors", post(MINE, "getVectors", { indexName, keys, ...all }));
  let nextToken: string | undefined;
  for (let page = 0; page === 0 || nextToken !== undefined; page++) {
    const body = { indexName, maxResults: 20, ...all, ...(nextToken && { nextToken }) };
    const text = await note(`listVectors ${page}`, post(MINE, "listVectors", body));
    nextToken = (JSON.parse(text) as { nextToken?: string }).nextToken;
  }
  for (let segmentIndex = 0; segmentIndex < 2; segmentIndex++) {
    const body = { indexName, segmentCount: 2, segmentIndex, ...all };
    await note(`listVectors segment ${segmentIndex}`, post(MINE, "listVectors", body));
  }
  const query = { indexName, topK: 10, returnDistance: true, returnMetadata: true };
  const filters = [
    undefined,
    { color: "red" },
    { size: { $gte: 5 } },
    { color: { $in: ["blue"] } },
  ];
  for (const [i, filter] of filters.entries()) {
    const queryVector = { float32: floats(chance) };
    const body = { ...query, queryVector, ...(filter && { filter }) };
    await note(`queryVectors ${i}`, post(MINE, "queryVectors", body));
  }
  for (const [name, answer] of answers) {
    const expected = name === "policy" || name === "logging" ? /^(200|404) / : /^200 /;
    expect(answer, name).toMatch(expected);
  }
  return answers;
}

/** Errors carry the request's own number. */
function withoutRequestId(text: string): string {
  return text.replace(/"(RequestId|requestId)":\s*"[^"]*"/g, '"$1":""');
}

async function disturb(chance: Chance, lane: number): Promise<void> {
  const bucket = chance.pick([MINE, MINE, "other"]);
  const indexName = `lane${lane}x${chance.between(0, 2)}`;
  const kind = chance.between(0, 19);
  let reply: OssReply;
  if (kind < 13) {
    reply = await post(bucket, "putVectors", { indexName, vectors: someRecords(chance, 8) });
  } else if (kind < 16) {
    const keys = Array.from({ length: 4 }, (_, i) => `k${chance.between(0, 19) + 20 * i}`);
    reply = await post(bucket, "deleteVectors", { indexName, keys });
  } else if (kind === 16) {
    reply = await post(bucket, "deleteVectorIndex", { indexName });
  } else {
    reply = await putIndex(bucket, indexName);
  }
  expect([200, 204, 404, 409], reply.text).toContain(reply.status);
}

it("no answer of a read operation changes by the writes of neighbours", async () => {
  const chance = new Chance(SEED);
  await done(caller.send({ method: "PUT", bucket: MINE }));
  await done(caller.send({ method: "PUT", bucket: "other" }));
  await done(putIndex(MINE, INDEX));
  for (let i = 0; i < 6; i++) {
    const vectors = someRecords(chance, 30);
    await done(post(MINE, "putVectors", { indexName: INDEX, vectors }));
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
    expect(after.get(name), `seed ${SEED}: ${name}`).toBe(answer);
  }
  expect(after.size).toBe(before.size);
});
