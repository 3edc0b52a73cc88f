/**
 * The published test suite of Signature Version 4, signed in the header and in the query.
 *
 * Left out are the cases with paths that are not normalised (S3 Vectors normalises), with a value
 * folded over lines (no listener lets one through), and with a session token that is added after
 * signing.
 *
 * Source: AWS, "Signature Version 4 test suite", as kept with aws-c-auth.
 */
import { describe, expect, test } from "vitest";
import { isInsulaError } from "../../base/errors.ts";
import type { SignableRequest } from "./claim.ts";
import { AWS4_S3_VECTORS, type SignatureScheme } from "./scheme.ts";
import { SigningKeyCache } from "./signing-key.ts";
import { verifySignature } from "./verify.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const CREDENTIAL = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
const STAMP = "20150830T123600Z";
const NOW_MS = Date.UTC(2015, 7, 30, 12, 36);
/** The suite signs for a service of its own. */
const SCHEME: SignatureScheme = { ...AWS4_S3_VECTORS, service: "service" };
const TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
const WORD = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FORM = "application/x-www-form-urlencoded";

interface Vector {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  /** Signed besides host and date; what comes twice is joined. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly token?: string;
  /** The signature in the header, and in the query. */
  readonly signatures: readonly [string, string];
}

const VECTORS: readonly Vector[] = [
  {
    name: "get-header-key-duplicate",
    headers: { "my-header1": "value2,value2,value1" },
    signatures: [
      "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
      "3349ee0b81b4b589da0ff28a395c3591e04de515651dd74f298fa992d1507a97",
    ],
  },
  {
    name: "get-header-value-order",
    headers: { "my-header1": "value4,value1,value3,value2" },
    signatures: [
      "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
      "313720e71ca6202fdcfa9b20f88de01a4eb0638a83c833b1c184359a4eda864e",
    ],
  },
  {
    name: "get-header-value-trim",
    headers: { "my-header1": "value1", "my-header2": '"a   b   c"' },
    signatures: [
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
      "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4",
    ],
  },
  {
    name: "get-relative-normalized",
    path: "/example/..",
    signatures: [
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
      "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d",
    ],
  },
  {
    name: "get-relative-relative-normalized",
    path: "/example1/example2/../..",
    signatures: [
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
      "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d",
    ],
  },
  {
    name: "get-slash-dot-slash-normalized",
    path: "/./",
    signatures: [
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
      "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d",
    ],
  },
  {
    name: "get-slash-normalized",
    path: "//",
    signatures: [
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
      "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d",
    ],
  },
  {
    name: "get-slash-pointless-dot-normalized",
    path: "/./example",
    signatures: [
      "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
      "35034b1a0bdd969f346975386daf8aedfd4976573b8348cf4f67eaa41c5857de",
    ],
  },
  {
    name: "get-slashes-normalized",
    path: "//example//",
    signatures: [
      "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
      "c1834e8fb0307243711f0f907f6ab7311ed300d87f13792d7ee4da89ab93e082",
    ],
  },
  {
    name: "get-space-normalized",
    path: "/example space/",
    signatures: [
      "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
      "7a1f416954786484c9824d93c1f26ef64acb9b1b6c9154d08c9f07d0e394abf6",
    ],
  },
  {
    name: "get-unreserved",
    path: `/${WORD}`,
    signatures: [
      "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
      "95968482db1b9e0fadef6efc1bd24689f77c77d9ef56919c96a28cc92e0d6005",
    ],
  },
  {
    name: "get-utf8",
    path: "/ሴ",
    signatures: [
      "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
      "10eae3f14a260bd3911cc6d008d3c576d143b05b62f09782a7a4b37f52178e44",
    ],
  },
  {
    name: "get-vanilla-empty-query-key",
    query: "Param1=value1",
    signatures: [
      "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
      "49096700cbbaa5753443850f40df10f904fc2fdb544dc9512203cc77c471a9de",
    ],
  },
  {
    name: "get-vanilla-query-order-encoded",
    query: "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
    signatures: [
      "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
      "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787",
    ],
  },
  {
    name: "get-vanilla-query-order-key-case",
    query: "Param2=value2&Param1=value1",
    signatures: [
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
      "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5",
    ],
  },
  {
    name: "get-vanilla-query-unreserved",
    query: `${WORD}=${WORD}`,
    signatures: [
      "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
      "8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf",
    ],
  },
  {
    name: "get-vanilla-query",
    signatures: [
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
      "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d",
    ],
  },
  {
    name: "get-vanilla-utf8-query",
    query: "%E1%88%B4=bar",
    signatures: [
      "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
      "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600",
    ],
  },
  {
    name: "get-vanilla-with-session-token",
    token: TOKEN,
    signatures: [
      "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
      "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c",
    ],
  },
  {
    name: "get-vanilla",
    signatures: [
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
      "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d",
    ],
  },
  {
    name: "post-header-key-case",
    method: "POST",
    signatures: [
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
      "2ce6e6d2e0cf2f9d1b55fafec88cd20574c31dc2e7631979f71ba2310083e95b",
    ],
  },
  {
    name: "post-header-key-sort",
    method: "POST",
    headers: { "my-header1": "value1" },
    signatures: [
      "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
      "c09d07e0d55871f10f2a6d350d994acf6825a3cae70673d7def55616e6119dd7",
    ],
  },
  {
    name: "post-header-value-case",
    method: "POST",
    headers: { "my-header1": "VALUE1" },
    signatures: [
      "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
      "0698bc9e4f7f9139065ba2909c0e99da257e8e2a42492a097bcd46d792391fed",
    ],
  },
  {
    name: "post-vanilla-empty-query-value",
    method: "POST",
    query: "Param1=value1",
    signatures: [
      "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
      "a9ef26247f293bffe40eeff86a0480ba8c14d31503b2e0c3399e3a16bf1a3682",
    ],
  },
  {
    name: "post-vanilla-query",
    method: "POST",
    query: "Param1=value1",
    signatures: [
      "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
      "a9ef26247f293bffe40eeff86a0480ba8c14d31503b2e0c3399e3a16bf1a3682",
    ],
  },
  {
    name: "post-vanilla",
    method: "POST",
    signatures: [
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
      "2ce6e6d2e0cf2f9d1b55fafec88cd20574c31dc2e7631979f71ba2310083e95b",
    ],
  },
  {
    name: "post-x-www-form-urlencoded-parameters",
    method: "POST",
    headers: { "content-type": `${FORM}; charset=utf-8`, "content-length": "13" },
    body: "Param1=value1",
    signatures: [
      "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
      "0dbeb9b026c7b6675f266b8427efec9b4fa8b1f6ef1477d717aea231106eab4d",
    ],
  },
  {
    name: "post-x-www-form-urlencoded",
    method: "POST",
    headers: { "content-type": FORM, "content-length": "13" },
    body: "Param1=value1",
    signatures: [
      "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
      "89a40deed0f26f9461242825a082d2222717248abc7ab41f552ad84a94ad46e9",
    ],
  },
];

function inHeader(vector: Vector, signature: string): SignableRequest {
  const { method = "GET", path = "/", query = "", token } = vector;
  const headers: Record<string, string> = {
    host: "example.amazonaws.com",
    "x-amz-date": STAMP,
    ...vector.headers,
    ...(token === undefined ? {} : { "x-amz-security-token": token }),
    // The suite sends the hash with every body.
    ...(vector.body === undefined ? {} : { "x-amz-content-sha256": BODY_HASH }),
  };
  const names = Object.keys(headers).sort().join(";");
  headers["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${CREDENTIAL}, SignedHeaders=${names}, Signature=${signature}`;
  return { method, path, query, headers };
}

const BODY_HASH = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";

function inQuery(vector: Vector, signature: string): SignableRequest {
  const { method = "GET", path = "/", query = "", token } = vector;
  const headers = { host: "example.amazonaws.com", ...vector.headers };
  const pairs = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": CREDENTIAL,
    "X-Amz-Date": STAMP,
    "X-Amz-SignedHeaders": Object.keys(headers).sort().join(";"),
    "X-Amz-Expires": "3600",
    ...(token === undefined ? {} : { "X-Amz-Security-Token": token }),
    "X-Amz-Signature": signature,
  };
  const added = Object.entries(pairs).map(([name, text]) => `${name}=${encodeURIComponent(text)}`);
  return { method, path, query: [...(query === "" ? [] : [query]), ...added].join("&"), headers };
}

/** The code of the refusal, or "ok". */
async function verify(
  request: SignableRequest,
  body = "",
  { scheme = SCHEME, nowMs = NOW_MS } = {},
): Promise<string> {
  try {
    await verifySignature({
      request,
      scheme,
      findKey: (keyId) => Promise.resolve(keyId === "AKIDEXAMPLE" ? { secret: SECRET } : undefined),
      readPayload: () => Promise.resolve(Buffer.from(body)),
      nowMs,
      cache: new SigningKeyCache(),
    });
    return "ok";
  } catch (error) {
    if (isInsulaError(error)) return error.code;
    throw error;
  }
}

describe.each(VECTORS)("$name", (vector) => {
  const [headerSignature, querySignature] = vector.signatures;

  test("its published signatures are taken", async () => {
    expect(await verify(inHeader(vector, headerSignature), vector.body)).toBe("ok");
    expect(await verify(inQuery(vector, querySignature), vector.body)).toBe("ok");
  });

  test("they are not for each other's place, another method or another body", async () => {
    const [header, query] = [inHeader(vector, headerSignature), inQuery(vector, querySignature)];
    expect(await verify(inHeader(vector, querySignature), vector.body)).toBe("signature_mismatch");
    expect(await verify(inQuery(vector, headerSignature), vector.body)).toBe("signature_mismatch");
    for (const request of [header, query]) {
      expect(await verify({ ...request, method: "PUT" }, vector.body)).toBe("signature_mismatch");
      expect(await verify(request, `${vector.body ?? ""} `)).toBe("signature_mismatch");
      expect(await verify(request, vector.body, { scheme: AWS4_S3_VECTORS })).toBe(
        "signature_mismatch",
      );
    }
  });

  test("they end: 15 minutes in the header, an hour in the query", async () => {
    const header = inHeader(vector, headerSignature);
    const query = inQuery(vector, querySignature);
    const at = (seconds: number) => ({ nowMs: NOW_MS + seconds * 1_000 });
    expect(await verify(header, vector.body, at(899))).toBe("ok");
    expect(await verify(header, vector.body, at(901))).toBe("request_time_skewed");
    expect(await verify(query, vector.body, at(3_599))).toBe("ok");
    expect(await verify(query, vector.body, at(3_601))).toBe("request_time_skewed");
    expect(await verify(query, vector.body, at(-901))).toBe("request_time_skewed");
  });
});
