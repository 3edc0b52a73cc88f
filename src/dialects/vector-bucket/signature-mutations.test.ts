/**
 * What is signed cannot be changed on the way: every byte of both signed dialects' requests, one
 * after the other.
 */
import { beforeEach, describe, expect, test } from "vitest";
import {
  ACCOUNT,
  NOW_MS as OSS_NOW_MS,
  OssBench,
  REGION as OSS_REGION,
} from "../../../test/support/oss-bench.ts";
import {
  NOW_MS as S3_NOW_MS,
  REGION as S3_REGION,
  S3Bench,
} from "../../../test/support/s3-bench.ts";
import { AWS4_S3_VECTORS, OSS4, ossResourceUri, signQuery } from "../../wire/index.ts";
import type { SignatureScheme } from "../../wire/index.ts";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Refusal {
  readonly status: number;
  /** As the dialect names it; undefined for a success. */
  readonly code: string | undefined;
}

interface Signed {
  /** A request that succeeds as it is, signed at the time given. */
  sign(nowMs?: number): Request;
  send(request: Request): Promise<Refusal>;
  readonly nowMs: number;
  /** How a wrong signature, a wrong clock and an unknown caller are called. */
  readonly scope: { readonly region: string; readonly scheme: SignatureScheme };
  readonly codes: { readonly signature: string; readonly clock: string; readonly others: string[] };
  /** Names of the headers that the signature covers or is made of. */
  readonly headers: readonly string[];
}

/** Life of a request that is signed in its query, seconds: as far as clocks may differ. */
const EXPIRES_SECONDS = 900;

function signedOss(place: "header" | "query"): Signed {
  const bench = new OssBench();
  const ready = bench.bucket({ method: "PUT" }).then(() => {
    const body = { indexName: "idx", dimension: 2, distanceMetric: "cosine" };
    return bench.post("putVectorIndex", body);
  });
  const host = "127.0.0.1:8080";
  const request = {
    method: "POST",
    host,
    path: "/my-bucket/",
    query: "getVectors",
    headers: { "content-type": "application/json" },
    body: { indexName: "idx", keys: ["a"] },
  };
  return {
    nowMs: OSS_NOW_MS,
    scope: { region: OSS_REGION, scheme: OSS4 },
    codes: {
      signature: "SignatureDoesNotMatch",
      clock: place === "header" ? "RequestTimeTooSkewed" : "AccessDenied",
      others: ["InvalidAccessKeyId", "AccessDenied"],
    },
    headers:
      place === "query"
        ? ["content-md5", "content-type"]
        : ["authorization", "content-md5", "content-type", "x-oss-content-sha256", "x-oss-date"],
    sign: (nowMs = OSS_NOW_MS) => {
      if (place === "header") return bench.sign({ ...request, bucket: "my-bucket", nowMs });
      const plain = bench.sign({ ...request, unsigned: true });
      const query = signQuery({
        scheme: OSS4,
        request: plain,
        credentials: { keyId: "AKID", secret: "AKSECRET" },
        region: OSS_REGION,
        canonicalUri: ossResourceUri({
          region: OSS_REGION,
          accountId: ACCOUNT,
          bucket: "my-bucket",
        }),
        nowMs,
        expiresSeconds: EXPIRES_SECONDS,
      });
      return { ...plain, query };
    },
    send: async (sent) => {
      await ready;
      return bench.exchange({ ...sent, host });
    },
  };
}

function signedS3(place: "header" | "query", withHash: boolean): Signed {
  const bench = new S3Bench();
  const at = { vectorBucketName: "my-bucket", indexName: "idx" };
  const ready = bench.call("CreateVectorBucket", { vectorBucketName: "my-bucket" }).then(() => {
    const body = { ...at, dataType: "float32", dimension: 2, distanceMetric: "cosine" };
    return bench.call("CreateIndex", body);
  });
  const request = {
    path: "/prefix/GetVectors",
    query: "a=1&b=%20x",
    body: { ...at, keys: ["a"] },
  };
  return {
    nowMs: S3_NOW_MS,
    scope: { region: S3_REGION, scheme: AWS4_S3_VECTORS },
    codes: {
      signature: "InvalidSignatureException",
      clock: place === "header" ? "RequestTimeTooSkewed" : "ExpiredTokenException",
      others: ["UnrecognizedClientException", "MissingAuthenticationTokenException"],
    },
    headers:
      place === "query"
        ? ["host"]
        : [
            ...["authorization", "content-type", "host", "x-amz-date"],
            ...(withHash ? ["x-amz-content-sha256"] : []),
          ],
    sign: (nowMs = S3_NOW_MS) => {
      if (place === "header") return bench.sign({ ...request, nowMs, withHash });
      const plain = bench.sign({ ...request, unsigned: true });
      const query = signQuery({
        scheme: AWS4_S3_VECTORS,
        request: plain,
        credentials: { keyId: "AKID", secret: "AKSECRET" },
        region: S3_REGION,
        payload: plain.body,
        nowMs,
        expiresSeconds: EXPIRES_SECONDS,
      });
      return { ...plain, query };
    },
    send: async (sent) => {
      await ready;
      const { status, type } = await bench.exchange(sent);
      return { status, code: type };
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
  ["OSS, in the header", () => signedOss("header")],
  ["OSS, in the query", () => signedOss("query")],
  ["S3, in the header with the body's hash", () => signedS3("header", true)],
  ["S3, in the header without it", () => signedS3("header", false)],
  ["S3, in the query", () => signedS3("query", false)],
])("%s", (_, make) => {
  let signed: Signed;
  let good: Request;

  beforeEach(async () => {
    signed = make();
    good = signed.sign();
    expect(await signed.send(good)).toMatchObject({ status: 200 });
  });

  /** Nothing but the signature, the clock or the caller is named. */
  async function expectForbidden(request: Request, what: string): Promise<void> {
    const { status, code } = await signed.send(request);
    expect({ status, what }).toEqual({ status: 403, what });
    const { signature, clock, others } = signed.codes;
    expect([signature, clock, ...others], what).toContain(code);
  }

  /** Or there is no such address. */
  async function expectRefused(request: Request, what: string): Promise<void> {
    const { status } = await signed.send(request);
    expect([400, 403, 404, 405], what).toContain(status);
  }

  test("every header that is signed holds every byte", async () => {
    for (const name of signed.headers) {
      const value = good.headers[name] ?? "";
      expect(value, name).not.toBe("");
      for (const mutated of mutations(value)) {
        // Blanks around the members of Authorization say nothing, nor does the case of names.
        if (plainAuthorization(mutated) === plainAuthorization(value)) continue;
        await expectForbidden(
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

  test("nothing is added to the query, and none of it comes twice or in another case", async () => {
    for (const added of ["x=1", "getVectors", ...good.query.split("&")]) {
      await expectRefused({ ...good, query: `${good.query}&${added}` }, `${added} added`);
      await expectRefused({ ...good, query: `${added}&${good.query}` }, `${added} in front`);
    }
    await expectRefused({ ...good, query: good.query.toUpperCase() }, "upper case");
  });

  test("a header that is signed cannot be left out, nor come twice", async () => {
    for (const name of signed.headers) {
      const { [name]: value = "", ...rest } = good.headers;
      // OSS signs these when they are there; the digest proves the body, and unsigned is the rule.
      const isOptional = name === "x-oss-content-sha256" || name === "x-amz-content-sha256";
      if (!isOptional || name.startsWith("x-oss")) {
        await expectForbidden({ ...good, headers: rest }, `without ${name}`);
      }
      // The listener joins what comes twice.
      const twice = { ...good.headers, [name]: `${value}, ${value}` };
      await expectForbidden({ ...good, headers: twice }, `${name} twice`);
    }
  });

  test("a signature with another secret, or for another region, service or day is refused", async () => {
    const { region, scheme } = signed.scope;
    const { service, terminator } = scheme;
    for (const [from, to] of [
      [`/${region}/`, "/us-west-2/"],
      [`/${service}/`, service === "oss" ? "/s3vectors/" : "/s3/"],
      [`/${terminator}`, "/request"],
      [/\/20\d{6}\//, "/20250102/"],
    ] as const) {
      const changed = replaceScope(good, from, to);
      expect(changed).not.toEqual(good);
      await expectForbidden(changed, String(from));
    }
  });

  test.each([
    ["14:59 behind", -899_000, 200],
    ["14:59 ahead", 899_000, 200],
    ["15:01 behind", -901_000, 403],
    ["15:01 ahead", 901_000, 403],
  ])("a clock %s: %i ms, %i", async (_title, awayMs, status) => {
    const answer = await signed.send(signed.sign(signed.nowMs + awayMs));
    expect(answer.status).toBe(status);
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

/** The credential scope, wherever it stands. */
function replaceScope(request: Request, from: string | RegExp, to: string): Request {
  const { query, headers } = request;
  const { authorization } = headers;
  if (authorization !== undefined) {
    return { ...request, headers: { ...headers, authorization: authorization.replace(from, to) } };
  }
  const pairs = query.split("&").map((pair) => {
    if (!/^x-(oss|amz)-credential=/i.test(pair)) return pair;
    return encodeURI(decodeURIComponent(pair).replace(from, to)).replaceAll("/", "%2F");
  });
  return { ...request, query: pairs.join("&") };
}
