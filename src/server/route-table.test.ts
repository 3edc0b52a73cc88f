import { describe, expect, test } from "vitest";
import { S3_OPERATIONS } from "../dialects/vector-bucket/index.ts";
import {
  CLASS_VALUES,
  classify,
  ROUTE_ROWS,
  RouteTable,
  rowMatches,
  type ClassifiableRequest,
  type RequestClass,
} from "./route-table.ts";

function* allClasses(): Generator<RequestClass> {
  const { method, path, credentials, host, query, accept } = CLASS_VALUES;
  for (const m of method)
    for (const p of path)
      for (const c of credentials)
        for (const h of host)
          for (const q of query)
            for (const a of accept)
              yield { method: m, path: p, credentials: c, host: h, query: q, accept: a };
}

test("every class of requests matches exactly one row", () => {
  let count = 0;
  for (const requestClass of allClasses()) {
    const rows = ROUTE_ROWS.filter((row) => rowMatches(row, requestClass));
    expect(rows, JSON.stringify(requestClass)).toHaveLength(1);
    count++;
  }
  const sizes = Object.values(CLASS_VALUES).map((values) => values.length);
  expect(count).toBe(sizes.reduce((product, size) => product * size, 1));
});

test("every row is met by some class", () => {
  for (const row of ROUTE_ROWS) {
    expect(
      [...allClasses()].some((c) => rowMatches(row, c)),
      row.why,
    ).toBe(true);
  }
});

const OSS = {
  authorization: "OSS4-HMAC-SHA256 Credential=AK/1/r/oss/aliyun_v4_request,Signature=0",
};
const AWS = { authorization: "AWS4-HMAC-SHA256 Credential=AK/1/r/s3vectors/aws4_request" };
const GRPC = { "content-type": "application/grpc" };
const HTML = { accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" };
const BUCKET_HOST = "my-bucket-1234567890.cn-hangzhou.oss-vectors.aliyuncs.com";

function request(
  line: string,
  headers: Record<string, string> = {},
  host = "127.0.0.1:8080",
): ClassifiableRequest {
  const [method = "", target = ""] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  return { method, path, query, host, headers };
}

test("every operation of S3 Vectors has the class of its path", () => {
  for (const { name, path } of S3_OPERATIONS) {
    const end = path === "tags" ? "tags/arn%3Aaws%3As3vectors%3Ar%3A1%3Abucket%2Fb" : name;
    expect(classify(request(`POST /${end}`), { accountId: "42" }).path, name).toBe("s3-operation");
  }
});

describe("requests as clients send them", () => {
  const table = new RouteTable({ accountId: "42" });
  test.each([
    ["oss", request("POST /?putVectors", OSS, BUCKET_HOST)],
    ["oss", request("POST /my-bucket/?getVectors", OSS)],
    ["oss", request("PUT /metrics/", OSS)],
    ["oss", request("PUT /healthz", OSS)],
    ["oss", request("GET /?max-keys=10", { ...OSS, ...HTML })],
    ["oss", request("GET /?bucketInfo&x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-signature=0")],
    ["oss", request("GET /", {}, BUCKET_HOST)],
    ["oss", request("GET /", HTML, "b-42.vectors.test")],
    ["oss", request("POST /?putVectors=")],
    ["oss", request("POST /my-bucket/?policy")],
    ["oss", request("GET /", { accept: "*/*" })],
    ["pinecone", request("GET /indexes", { "api-key": "x" })],
    ["pinecone", request("POST /VectorService/Query", GRPC)],
    ["pinecone", request("POST /a/b/c", { ...GRPC, authorization: "Bearer x" })],
    ["oss", request("POST /", { ...GRPC, ...OSS })],
    ["page", request("GET /", HTML)],
    ["page", request("HEAD /", HTML, "node-12.example.com")],
    ["page", request("GET /?lang=putVectorsx", HTML)],
    ["health", request("GET /healthz")],
    ["health", request("HEAD /readyz", { authorization: "Basic x" })],
    ["metrics", request("GET /metrics", HTML)],
    ["nothing", request("POST /metrics")],
    ["native", request("GET /insula/v1/status", { authorization: "Bearer x" })],
    ["native", request("GET /docs", HTML)],
    ["native", request("GET /openapi.json")],
    ["oss", request("POST /docs?putVectors")],
    ["oss", request("GET /docs", {}, BUCKET_HOST)],
    ["oss", request("GET /docs", OSS)],
    ["nothing", request("POST /docs")],
    ["nothing", request("GET /docs", AWS)],
    ["embedding", request("POST /api/v1/services/embeddings/text-embedding/text-embedding")],
    ["s3", request("POST /CreateIndex", AWS)],
    ["s3", request("POST /prefix//CreateIndex", AWS)],
    ["s3", request("GET /tags/arn%3Aaws%3As3vectors%3Ar%3A1%3Abucket%2Fb", AWS)],
    ["s3", request("DELETE /tags/arn:aws:s3vectors:r:1:bucket/b?tagKeys=a", AWS)],
    ["s3", request("POST /GetIndex?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0")],
    ["s3", request("PUT /my-bucket", AWS)],
    ["s3", request("GET /", { ...AWS, ...HTML })],
    ["s3", request("POST /ListVectorBuckets")],
    ["s3", request("POST /CreateIndex", { authorization: "Bearer x" })],
    ["oss", request("POST /CreateIndex", OSS)],
    ["health", request("GET /healthz", AWS)],
    ["nothing", request("POST /CreateIndexes")],
    ["nothing", request("POST /tags/other")],
    ["nothing", request("GET /favicon.ico", HTML)],
    ["nothing", request("GET /a/b/c")],
    ["nothing", request("PUT /my-bucket")],
    ["nothing", request("DELETE /")],
    ["nothing", request("OPTIONS *")],
  ])("%s: %j", (route, made) => {
    expect(table.route(made)).toBe(route);
    expect(table.route(made)).toBe(route);
  });

  test("names that end in digits are buckets only with an account", () => {
    const host = (name: string) => classify(request("GET /", {}, name), { accountId: "42" }).host;
    expect(host("b-42.x")).toBe("bucket");
    expect(host("b-123456.x:80")).toBe("bucket");
    for (const plain of ["b-43.x", "b-42", "-42.x", "127.0.0.1", "[::1]:80", "", "b-4a2.x"]) {
      expect(host(plain)).toBe("plain");
    }
  });
});
