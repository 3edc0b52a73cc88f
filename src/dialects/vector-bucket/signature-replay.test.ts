/**
 * A write that somebody recorded and sends again, and requests that are signed for the other
 * dialect, for no body or without its hash.
 */
import { expect, test } from "vitest";
import { OssBench } from "../../../test/support/oss-bench.ts";
import { S3Bench } from "../../../test/support/s3-bench.ts";

const AT = { vectorBucketName: "my-bucket", indexName: "idx" };
const MINUTES = 60_000;

async function openOss(): Promise<OssBench> {
  const bench = new OssBench();
  await bench.bucket({ method: "PUT" });
  await bench.post("putVectorIndex", {
    indexName: "idx",
    dataType: "float32",
    dimension: 2,
    distanceMetric: "cosine",
  });
  return bench;
}

async function openS3(): Promise<S3Bench> {
  const bench = new S3Bench();
  await bench.call("CreateVectorBucket", { vectorBucketName: "my-bucket" });
  const shape = { dataType: "float32", dimension: 2, distanceMetric: "cosine" };
  await bench.call("CreateIndex", { ...AT, ...shape });
  return bench;
}

const VECTORS = [{ key: "a", data: { float32: [1, 0] } }];

test("OSS: a recorded write is taken again within 15 minutes and never after", async () => {
  const bench = await openOss();
  const at = { host: "127.0.0.1:8080", path: "/my-bucket/", bucket: "my-bucket" };
  const recorded = bench.sign({
    ...at,
    method: "POST",
    query: "putVectors",
    headers: { "content-type": "application/json" },
    body: { indexName: "idx", vectors: VECTORS },
  });
  const read = async (): Promise<unknown> =>
    (await bench.post("getVectors", { indexName: "idx", keys: ["a"] })).json;
  expect((await bench.exchange(recorded)).status).toBe(200);
  bench.wallMs += 14 * MINUTES;
  expect((await bench.exchange(recorded)).status).toBe(200);
  await bench.post("deleteVectors", { indexName: "idx", keys: ["a"] });
  bench.wallMs += 2 * MINUTES;
  for (let later = 0; later < 3; later++) {
    expect(await bench.exchange(recorded)).toMatchObject({
      status: 403,
      code: "RequestTimeTooSkewed",
    });
    expect(await read()).toEqual({ vectors: [] });
    bench.wallMs += 24 * 60 * MINUTES;
  }
});

test("S3: a recorded write is taken again within 15 minutes and never after", async () => {
  const bench = await openS3();
  const recorded = bench.sign({ path: "/PutVectors", body: { ...AT, vectors: VECTORS } });
  const read = async (): Promise<unknown> =>
    (await bench.call("GetVectors", { ...AT, keys: ["a"] })).json;
  expect((await bench.exchange(recorded)).status).toBe(200);
  bench.wallMs += 14 * MINUTES;
  expect((await bench.exchange(recorded)).status).toBe(200);
  await bench.call("DeleteVectors", { ...AT, keys: ["a"] });
  bench.wallMs += 2 * MINUTES;
  for (let later = 0; later < 3; later++) {
    expect(await bench.exchange(recorded)).toMatchObject({
      status: 403,
      type: "RequestTimeTooSkewed",
    });
    expect(await read()).toEqual({ vectors: [] });
    bench.wallMs += 24 * 60 * MINUTES;
  }
});

test("the secret of a recorded write that was changed since does not open it again", async () => {
  const bench = await openS3();
  const recorded = bench.sign({ path: "/PutVectors", body: { ...AT, vectors: VECTORS } });
  expect((await bench.exchange(recorded)).status).toBe(200);
  const known = bench.keys.get("AKID");
  if (known === undefined) throw new Error("a key");
  bench.addKey(known.principal, "ANOTHER");
  expect((await bench.exchange(recorded)).type).toBe("InvalidSignatureException");
  bench.keys.delete("AKID");
  expect((await bench.exchange(recorded)).type).toBe("UnrecognizedClientException");
});

test("S3: UNSIGNED-PAYLOAD holds only where it was signed", async () => {
  const bench = await openS3();
  const asked = { path: "/GetVectors", body: { ...AT, keys: ["a"] } };
  const name = "x-amz-content-sha256";
  for (const withHash of [true, false]) {
    const good = bench.sign({ ...asked, withHash });
    const changed = { ...good, headers: { ...good.headers, [name]: "UNSIGNED-PAYLOAD" } };
    for (const body of [good.body, Buffer.from('{"x":1}')]) {
      expect((await bench.exchange({ ...changed, body })).status).toBe(403);
    }
  }
});

test("OSS: a request whose body is signed is refused, as is any other value", async () => {
  const bench = await openOss();
  const good = bench.sign({
    host: "127.0.0.1:8080",
    path: "/my-bucket/",
    bucket: "my-bucket",
    method: "POST",
    query: "getVectors",
    headers: { "content-type": "application/json" },
    body: { indexName: "idx", keys: ["a"] },
  });
  expect((await bench.exchange(good)).status).toBe(200);
  for (const hash of ["0".repeat(64), "unsigned-payload", "UNSIGNED", "STREAMING-PAYLOAD", ""]) {
    const headers = { ...good.headers, "x-oss-content-sha256": hash };
    expect(await bench.exchange({ ...good, headers }), hash).toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
    });
  }
});

test("neither dialect takes what is signed for the other", async () => {
  const [oss, s3] = [await openOss(), await openS3()];
  const forOss = oss.sign({
    host: "127.0.0.1:8080",
    path: "/my-bucket/",
    bucket: "my-bucket",
    method: "POST",
    query: "getVectors",
    body: { indexName: "idx", keys: ["a"] },
  });
  const forS3 = s3.sign({ path: "/GetVectors", body: { ...AT, keys: ["a"] } });
  expect(await s3.exchange({ ...forOss, path: "/GetVectors" })).toMatchObject({
    status: 403,
    type: "MissingAuthenticationTokenException",
  });
  const answer = await oss.exchange({
    ...forS3,
    host: "127.0.0.1:8080",
    path: "/my-bucket/",
    query: "getVectors",
  });
  expect(answer.status).toBe(403);
});
