/**
 * What is signed cannot be changed on the way: every byte of both signed dialects' requests, one
 * after the other.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { NOW_MS as OSS_NOW_MS, OssBench } from "../../../test/support/oss-bench.ts";
import { NOW_MS as S3_NOW_MS, S3Bench } from "../../../test/support/s3-bench.ts";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Signed {
  /** A request that succeeds as it is, signed at the time given. */
  sign(nowMs?: number): Request;
  status(request: Request): Promise<number>;
  readonly nowMs: number;
  /** Names of the headers that the signature covers or is made of. */
  readonly headers: readonly string[];
}

function signedOss(): Signed {
  const bench = new OssBench();
  const ready = bench.bucket({ method: "PUT" }).then(() => {
    const body = { indexName: "idx", dimension: 2, distanceMetric: "cosine" };
    return bench.post("putVectorIndex", body);
  });
  const host = "127.0.0.1:8080";
  return {
    nowMs: OSS_NOW_MS,
    headers: ["authorization", "content-md5", "content-type", "x-oss-content-sha256", "x-oss-date"],
    sign: (nowMs = OSS_NOW_MS) =>
      bench.sign({
        method: "POST",
        host,
        path: "/my-bucket/",
        bucket: "my-bucket",
        query: "getVectors",
        headers: { "content-type": "application/json" },
        body: { indexName: "idx", keys: ["a"] },
        nowMs,
      }),
    status: async (request) => {
      await ready;
      return (await bench.exchange({ ...request, host })).status;
    },
  };
}

function signedS3(withHash: boolean): Signed {
  const bench = new S3Bench();
  const at = { vectorBucketName: "my-bucket", indexName: "idx" };
  const ready = bench.call("CreateVectorBucket", { vectorBucketName: "my-bucket" }).then(() => {
    const body = { ...at, dataType: "float32", dimension: 2, distanceMetric: "cosine" };
    return bench.call("CreateIndex", body);
  });
  return {
    nowMs: S3_NOW_MS,
    headers: [
      ...["authorization", "content-type", "host", "x-amz-date"],
      ...(withHash ? ["x-amz-content-sha256"] : []),
    ],
    sign: (nowMs = S3_NOW_MS) =>
      bench.sign({
        path: "/prefix/GetVectors",
        query: "a=1&b=%20x",
        body: { ...at, keys: ["a"] },
        nowMs,
        withHash,
      }),
    status: async (request) => {
      await ready;
      return (await bench.exchange(request)).status;
    },
  };
}

/** The text with one byte changed, in several ways, at every place. */
function* mutations(text: string): Generator<string> {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const others = [code ^ 1, code ^ 0x20, code + 1, 0x30, 0x61].filter(
      (other) => other !== code && other > 0x20 && other < 0x7f,
    );
    for (const other of new Set(others)) {
      yield text.slice(0, i) + String.fromCharCode(other) + text.slice(i + 1);
    }
    yield text.slice(0, i) + text.slice(i + 1);
  }
}

describe.each([
  ["OSS", signedOss],
  ["S3, with the body's hash", () => signedS3(true)],
  ["S3, without it", () => signedS3(false)],
])("%s", (_, make) => {
  let signed: Signed;
  let good: Request;

  beforeEach(async () => {
    signed = make();
    good = signed.sign();
    expect(await signed.status(good)).toBe(200);
  });

  async function expectRefused(request: Request, what: string): Promise<void> {
    const status = await signed.status(request);
    expect([400, 403, 404, 405], what).toContain(status);
  }

  test("every header that is signed holds every byte", async () => {
    for (const name of signed.headers) {
      const value = good.headers[name] ?? "";
      expect(value, name).not.toBe("");
      for (const mutated of mutations(value)) {
        // Blanks around the members of Authorization say nothing, nor does the case of names.
        if (plainAuthorization(mutated) === plainAuthorization(value)) continue;
        await expectRefused(
          { ...good, headers: { ...good.headers, [name]: mutated } },
          `${name}: ${mutated}`,
        );
      }
    }
  });

  test("so do method, path, query and body", async () => {
    for (const part of ["method", "path", "query"] as const) {
      for (const mutated of mutations(good[part])) {
        // No listener lets a target through that does not begin so.
        if (part === "path" && !mutated.startsWith("/")) continue;
        // Empty segments, and a slash at the end of a bucket, are the same address.
        if (part === "path" && plain(mutated) === plain(good.path)) continue;
        await expectRefused({ ...good, [part]: mutated }, `${part}: ${mutated}`);
      }
    }
    for (const mutated of mutations(good.body.toString())) {
      await expectRefused({ ...good, body: Buffer.from(mutated) }, `body: ${mutated}`);
    }
  });

  test("a header that is signed cannot be left out, nor come twice", async () => {
    for (const name of signed.headers) {
      const { [name]: value = "", ...rest } = good.headers;
      // OSS signs these when they are there; the digest proves the body, and unsigned is the rule.
      const isOptional = name === "x-oss-content-sha256" || name === "x-amz-content-sha256";
      if (!isOptional || name.startsWith("x-oss")) {
        await expectRefused({ ...good, headers: rest }, `without ${name}`);
      }
      const twice = { ...good.headers, [name]: `${value}, ${value}` };
      await expectRefused({ ...good, headers: twice }, `${name} twice`);
    }
  });

  test.each([
    ["14:59 behind", -899_000, 200],
    ["14:59 ahead", 899_000, 200],
    ["15:01 behind", -901_000, 403],
    ["15:01 ahead", 901_000, 403],
  ])("a clock %s: %i ms, %i", async (_title, awayMs, status) => {
    expect(await signed.status(signed.sign(signed.nowMs + awayMs))).toBe(status);
  });
});

function plainAuthorization(value: string): string {
  return value
    .replaceAll(" ", "")
    .replace(/(?<=SignedHeaders=)[^,]*/, (names) => names.toLowerCase());
}

function plain(path: string): string {
  return path.replace(/\/+/g, "/").replace(/\/$/, "");
}
