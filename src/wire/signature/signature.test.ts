import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isInsulaError } from "../../base/errors.ts";
import { awsPathUri, ossResourceUri } from "./canonical.ts";
import type { SignableRequest, SignatureClaim } from "./claim.ts";
import { AWS4_S3_VECTORS, OSS4, type SignatureScheme } from "./scheme.ts";
import { signHeaders, signQuery } from "./sign.ts";
import { deriveSigningKey, SigningKeyCache } from "./signing-key.ts";
import { parseCompact, parseHttpDate } from "./timestamp.ts";
import { verifySignature } from "./verify.ts";

const NOW_MS = Date.UTC(2025, 3, 17, 1, 33, 47);
const OSS_KEY = { keyId: "AKID", secret: "AKSECRET" };
const BUCKET_URI = ossResourceUri({
  region: "cn-hangzhou",
  accountId: "1234567890",
  bucket: "my-bucket",
});
const SCOPE = "20250417/cn-hangzhou/oss/aliyun_v4_request";

function getVectors(extra: Record<string, string> = {}): SignableRequest {
  return {
    method: "POST",
    path: "/",
    query: "getVectors",
    headers: {
      "content-md5": "Edy0ULkHXXvwUUVrNwTlHw==",
      "content-type": "application/json",
      "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
      "x-oss-date": "20250417T013347Z",
      ...extra,
    },
  };
}

function withAuthorization(request: SignableRequest, authorization: string): SignableRequest {
  return { ...request, headers: { ...request.headers, authorization } };
}

function ossAuthorization(signature: string, additional = ""): string {
  const list = additional === "" ? "" : `,AdditionalHeaders=${additional}`;
  return `OSS4-HMAC-SHA256 Credential=AKID/${SCOPE}${list},Signature=${signature}`;
}

interface Check {
  readonly scheme?: SignatureScheme;
  readonly uri?: string;
  readonly nowMs?: number;
  readonly payload?: Uint8Array;
  readonly cache?: SigningKeyCache;
  readonly keys?: Readonly<Record<string, string>>;
}

/** The code of the refusal, or the claim that was proven. */
async function check(
  request: SignableRequest,
  given: Check = {},
): Promise<string | SignatureClaim> {
  const keys = given.keys ?? { AKID: "AKSECRET" };
  const uri = given.scheme === AWS4_S3_VECTORS ? undefined : (given.uri ?? BUCKET_URI);
  try {
    const verified = await verifySignature({
      request,
      scheme: given.scheme ?? OSS4,
      findKey: (id) => {
        const secret = Object.hasOwn(keys, id) ? keys[id] : undefined;
        return Promise.resolve(secret === undefined ? undefined : { secret });
      },
      ...(uri === undefined ? {} : { canonicalUri: () => uri }),
      readPayload: () => Promise.resolve(given.payload ?? new Uint8Array()),
      nowMs: given.nowMs ?? NOW_MS,
      cache: given.cache ?? new SigningKeyCache(),
    });
    return verified.claim;
  } catch (error) {
    if (isInsulaError(error)) return error.code;
    throw error;
  }
}

describe("worked examples of OSS", () => {
  test("the signing key is the published one", () => {
    const scope = { scheme: OSS4, date: "20250417", region: "cn-hangzhou" };
    expect(deriveSigningKey(scope, "AKSECRET").export().toString("hex")).toBe(
      "3da997bb5f108718de5255c954b2ca63e077ddce1a6bd1d77dfd78b5937ff0d3",
    );
  });

  test("the resource is encoded and ends in a slash, at both levels", () => {
    expect(BUCKET_URI).toBe("/acs%3Aossvector%3Acn-hangzhou%3A1234567890%3Amy-bucket/");
    expect(ossResourceUri({ region: "cn-hangzhou" })).toBe("/acs%3Aossvector%3Acn-hangzhou%3A%3A/");
  });

  const signatures: [string, SignableRequest, string, string?, string?][] = [
    [
      "a bucket-level POST",
      getVectors(),
      "d762e03ab12e34a003c80aad681a7b08689f64beb54f7b60695a5d7c3f8a999b",
    ],
    [
      "host as an additional header",
      getVectors({ host: "my-bucket-1234567890.h" }),
      "9fe3b11a661d98faee102bca31f30138881a9bf4413600729c75bd2a57be3e1c",
      "host",
    ],
    [
      "a security token",
      getVectors({ "x-oss-security-token": "STSTOKEN" }),
      "80cb9085a419dc762678e296207cd69ace3a26a9bca9588ae88288ea652ada70",
    ],
    [
      "a service-level GET with a query",
      {
        method: "GET",
        path: "/",
        query: "max-keys=10&prefix=my%2F%20x",
        headers: {
          "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==",
          "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
          "x-oss-date": "20250417T013347Z",
        },
      },
      "c1c7e3c3b76db2d7e6072a5e9545f077021adb9f31ae29e2981233d5eeed671e",
      "",
      ossResourceUri({ region: "cn-hangzhou" }),
    ],
  ];
  test.each(signatures)("%s is accepted", async (_, request, signature, additional, uri) => {
    const signed = withAuthorization(request, ossAuthorization(signature, additional));
    const given = uri === undefined ? {} : { uri };
    expect(await check(signed, given)).toMatchObject({
      keyId: "AKID",
      region: "cn-hangzhou",
      signature,
    });
  });

  test("blanks behind the commas and an equals sign behind the verb change nothing", async () => {
    const signature = "d762e03ab12e34a003c80aad681a7b08689f64beb54f7b60695a5d7c3f8a999b";
    const spaced = ossAuthorization(signature).replace(",", ", ");
    const request = { ...withAuthorization(getVectors(), spaced), query: "getVectors=" };
    expect(await check(request)).toMatchObject({ place: "header" });
  });

  test("a signature in the query is accepted until it expires", async () => {
    const signature = "74b05e50f7e3409d3f5244f93f98538bc0ed7a56265e8ebe151d44186673910c";
    const query = signQuery({
      scheme: OSS4,
      request: { method: "GET", path: "/", query: "bucketInfo", headers: {} },
      credentials: OSS_KEY,
      region: "cn-hangzhou",
      canonicalUri: BUCKET_URI,
      nowMs: NOW_MS,
      expiresSeconds: 900,
    });
    expect(query).toContain(`x-oss-signature=${signature}`);
    const request = { method: "GET", path: "/", query, headers: {} };
    expect(await check(request)).toMatchObject({ place: "query", expiresSeconds: 900 });
    expect(await check(request, { nowMs: NOW_MS + 900_000 })).toMatchObject({ place: "query" });
    expect(await check(request, { nowMs: NOW_MS + 901_000 })).toBe("request_time_skewed");
    expect(await check({ ...request, query: query.replace("expires=900", "expires=901") })).toBe(
      "signature_mismatch",
    );
    expect(
      await check({ ...request, query: query.replace("expires=900", "expires=9999999") }),
    ).toBe("signature_mismatch");
  });
});

test("a request dated by its Date header alone is accepted", async () => {
  const headers = { date: "Thu, 17 Apr 2025 01:33:47 GMT", "content-type": "application/json" };
  const request = { method: "POST", path: "/", query: "putVectors", headers };
  const stamped = signHeaders({
    scheme: OSS4,
    request,
    credentials: OSS_KEY,
    region: "cn-hangzhou",
    canonicalUri: BUCKET_URI,
    nowMs: NOW_MS,
  });
  // The signer always adds x-oss-date, which is then signed; without it the same text minus that
  // line.
  expect(await check({ ...request, headers: stamped })).toMatchObject({ keyId: "AKID" });
  const { createHmac, createHash } = await import("node:crypto");
  const canonical = `POST\n${BUCKET_URI}\nputVectors\ncontent-type:application/json\n\n\nUNSIGNED-PAYLOAD`;
  const digest = createHash("sha256").update(canonical).digest("hex");
  const toSign = `OSS4-HMAC-SHA256\n20250417T013347Z\n${SCOPE}\n${digest}`;
  const key = deriveSigningKey(
    { scheme: OSS4, date: "20250417", region: "cn-hangzhou" },
    "AKSECRET",
  );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  const raw = withAuthorization(request, ossAuthorization(signature));
  expect(await check(raw)).toMatchObject({ timestamp: "20250417T013347Z" });
  const later = { ...raw, headers: { ...raw.headers, date: "Thu, 17 Apr 2025 01:33:48 GMT" } };
  expect(await check(later)).toBe("signature_mismatch");
});

describe("worked example of AWS", () => {
  const payload = Buffer.from('{"vectorBucketName":"my-bucket","indexName":"idx"}');
  const nowMs = Date.UTC(2025, 6, 15, 12);
  const signature = "9c0be885e80b4c4caa7257a7ee3e4f12c0c7ef1bb90825261ab2a498497e3ea9";
  const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  const given = { scheme: AWS4_S3_VECTORS, nowMs, payload, keys: { AKIDEXAMPLE: secret } };
  const headers = signHeaders({
    scheme: AWS4_S3_VECTORS,
    request: {
      method: "POST",
      path: "/GetIndex",
      query: "",
      headers: { "content-type": "application/json", host: "127.0.0.1:9000" },
    },
    credentials: { keyId: "AKIDEXAMPLE", secret },
    region: "us-east-1",
    payload,
    nowMs,
  });
  const request = { method: "POST", path: "/GetIndex", query: "", headers };

  test("the signer gives the published signature and the verifier takes it", async () => {
    expect(headers["authorization"]).toContain(`Signature=${signature}`);
    expect(await check(request, given)).toMatchObject({ keyId: "AKIDEXAMPLE", signature });
  });

  test("another body is refused, with and without the hash in a header", async () => {
    const other = { ...given, payload: Buffer.from("{}") };
    expect(await check(request, other)).toBe("signature_mismatch");
  });

  test("a request whose host is not signed is refused", async () => {
    const authorization = (headers["authorization"] ?? "").replace("host;", "");
    expect(await check(withAuthorization(request, authorization), given)).toBe(
      "signature_mismatch",
    );
  });

  test("paths are normalised and encoded twice", () => {
    expect(awsPathUri("/tags/arn%3Aaws%2Fx")).toBe("/tags/arn%253Aaws%252Fx");
    expect(awsPathUri("/a/./b//../c/")).toBe("/a/c/");
    expect(awsPathUri("/")).toBe("/");
  });
});

describe("refusals", () => {
  const good = ossAuthorization("d762e03ab12e34a003c80aad681a7b08689f64beb54f7b60695a5d7c3f8a999b");

  test("no credentials, or those of another scheme", async () => {
    expect(await check(getVectors())).toBe("credentials_missing");
    expect(await check(withAuthorization(getVectors(), "Bearer x"))).toBe("credentials_missing");
    expect(await check(withAuthorization(getVectors(), ""))).toBe("credentials_missing");
  });

  test("an unknown key comes before a wrong signature, a wrong signature before a wrong clock", async () => {
    const signed = withAuthorization(getVectors(), good);
    const late = { nowMs: NOW_MS + 901_000 };
    expect(await check(signed, { keys: {}, ...late })).toBe("credentials_unknown");
    expect(await check(signed, { keys: { AKID: "other" }, ...late })).toBe("signature_mismatch");
    expect(await check(signed, late)).toBe("request_time_skewed");
  });

  test.each([-900_000, -899_000, 0, 899_000, 900_000])(
    "a clock %d ms away is accepted",
    async (away) => {
      const signed = withAuthorization(getVectors(), good);
      expect(await check(signed, { nowMs: NOW_MS + away })).toMatchObject({ keyId: "AKID" });
    },
  );

  test.each([-901_000, 901_000, 86_400_000])("a clock %d ms away is refused", async (away) => {
    const signed = withAuthorization(getVectors(), good);
    expect(await check(signed, { nowMs: NOW_MS + away })).toBe("request_time_skewed");
  });

  test.each([
    "OSS4-HMAC-SHA256 ",
    "OSS4-HMAC-SHA256 Signature=ab",
    "OSS4-HMAC-SHA256 Credential=AKID,Signature=ab",
    good.replace("/oss/", "/s3/"),
    good.replace("/aliyun_v4_request", "/aws4_request"),
    good.replace("20250417", "20250418"),
    good.replace("AKID/", "/"),
    good.replace(",Signature=", ",Signature=0"),
    good.replace(",Signature=", ",Signature=x,Signature="),
    good.toUpperCase().replace("OSS4-HMAC-SHA256 CREDENTIAL", "OSS4-HMAC-SHA256 Credential"),
    `${good},AdditionalHeaders=missing`,
    `${good},Other=x`,
    `${good},AdditionalHeaders=constructor;__proto__`,
    `${good},`,
    `${good}${" ".repeat(5_000)}`,
  ])("the malformed header %s is a mismatch", async (authorization) => {
    expect(await check(withAuthorization(getVectors(), authorization))).toBe("signature_mismatch");
  });

  test("a signed body hash is refused for OSS, whose bodies are not signed", async () => {
    const request = getVectors({ "x-oss-content-sha256": "0".repeat(64) });
    expect(await check(withAuthorization(request, good))).toBe("signature_mismatch");
  });

  test("2,000 mutations of signed parts are all refused", async () => {
    const request = withAuthorization(getVectors({ "x-oss-bucket-tagging": "a=b" }), "");
    const headers = signHeaders({
      scheme: OSS4,
      request: { ...request, query: "getVectors&marker=abc" },
      credentials: OSS_KEY,
      region: "cn-hangzhou",
      canonicalUri: BUCKET_URI,
      nowMs: NOW_MS,
    });
    const signed = { ...request, query: "getVectors&marker=abc", headers };
    expect(await check(signed)).toMatchObject({ keyId: "AKID" });
    const cache = new SigningKeyCache();
    const fields = ["method", "query", ...Object.keys(headers)];
    const mutation = fc.record({
      field: fc.constantFrom(...fields),
      position: fc.nat(400),
      byte: fc.integer({ min: 33, max: 126 }),
      act: fc.constantFrom("replace", "insert", "remove"),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ field, position, byte, act }) => {
        const old =
          field === "method" || field === "query" ? signed[field] : (headers[field] ?? "");
        const at = position % old.length;
        const put = act === "remove" ? "" : String.fromCharCode(byte);
        const mutated = old.slice(0, at) + put + old.slice(act === "insert" ? at : at + 1);
        // Equal by the rules of the scheme: order and emptiness in the query do not count.
        fc.pre(mutated !== old && normalQuery(field, mutated) !== normalQuery(field, old));
        // A bare comma between members of Authorization says nothing; names of members are read
        // exactly.
        fc.pre(
          !(field === "authorization" && mutated.replace(/\s/g, "") === old.replace(/\s/g, "")),
        );
        const request =
          field === "method" || field === "query"
            ? { ...signed, [field]: mutated }
            : { ...signed, headers: { ...headers, [field]: mutated } };
        const result = await check(request, { cache });
        expect(typeof result).toBe("string");
      }),
      { numRuns: 2_000 },
    );
  });

  test("random text as Authorization never does more than be refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        const result = await check(withAuthorization(getVectors(), `OSS4-HMAC-SHA256 ${text}`));
        expect(result).toBe("signature_mismatch");
      }),
    );
  });
});

function normalQuery(field: string, text: string): string {
  if (field !== "query") return text;
  return text
    .replaceAll("+", "%20")
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => pair.replace(/=$/, ""))
    .sort()
    .join("&");
}

test("headers with bytes beyond ASCII are signed as the bytes that were sent", async () => {
  const tag = Buffer.from("größe=1").toString("latin1");
  const request = getVectors({ "x-oss-bucket-tagging": tag });
  const headers = signHeaders({
    scheme: OSS4,
    request,
    credentials: OSS_KEY,
    region: "cn-hangzhou",
    canonicalUri: BUCKET_URI,
    nowMs: NOW_MS,
  });
  expect(await check({ ...request, headers })).toMatchObject({ keyId: "AKID" });
});

describe("the cache of signing keys", () => {
  const scope = { scheme: OSS4, date: "20250417", region: "r" };
  const key = deriveSigningKey(scope, "s");

  test("forgets the least recently used key when it is full", () => {
    const cache = new SigningKeyCache(2);
    cache.keep(scope, { keyId: "a", secret: "s", key });
    cache.keep(scope, { keyId: "b", secret: "s", key });
    expect(cache.get(scope, "a", "s")).toBe(key);
    cache.keep(scope, { keyId: "c", secret: "s", key });
    expect(cache.size).toBe(2);
    expect(cache.get(scope, "b", "s")).toBeUndefined();
    expect(cache.get(scope, "a", "s")).toBe(key);
  });

  test("does not serve a key whose secret changed, and keeps nothing that failed", async () => {
    const cache = new SigningKeyCache();
    cache.keep(scope, { keyId: "a", secret: "s", key });
    expect(cache.get(scope, "a", "other")).toBeUndefined();
    expect(cache.size).toBe(0);
    await check(withAuthorization(getVectors(), ossAuthorization("00")), { cache });
    expect(cache.size).toBe(0);
  });
});

test("timestamps that are no instants are undefined", () => {
  expect(parseCompact("20250417T013347Z")).toBe(NOW_MS);
  expect(parseCompact("20250231T000000Z")).toBeUndefined();
  expect(parseCompact("20250417T013347")).toBeUndefined();
  expect(parseHttpDate(new Date(NOW_MS).toUTCString())).toBe(NOW_MS);
  expect(parseHttpDate("Thu, 17 ebM 2025 01:33:47 GMT")).toBeUndefined();
  expect(parseHttpDate("Thu, 31 Feb 2025 01:33:47 GMT")).toBeUndefined();
});
