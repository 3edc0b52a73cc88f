/** Our own signature of a raw request, independent of src/: what a user's script would do. */
import { createHash, createHmac } from "node:crypto";
import { request } from "node:http";
import type { TestServer } from "./server-process.ts";

export interface RawRequest {
  readonly method: string;
  /** `/?putVectors` */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Reads the request line, headers and body of a printed request. */
export function parseRaw(text: string): RawRequest {
  const [head = "", ...rest] = text.split(/\n\n/);
  const [line = "", ...headerLines] = head.trimEnd().split("\n");
  const [method = "", target = ""] = line.split(" ");
  const headers: Record<string, string> = {};
  for (const header of headerLines) {
    const colon = header.indexOf(":");
    headers[header.slice(0, colon).toLowerCase()] = header.slice(colon + 1).trim();
  }
  return { method, target, headers, body: rest.join("\n\n").trimEnd() };
}

const REGION = "cn-hangzhou";

/**
 * The printed request with a date of now and a signature of now, nothing else changed: the header
 * `Date` alone carries the time, as printed. The bucket is read from the printed host.
 */
export function resign(raw: RawRequest, server: TestServer, now: Date): RawRequest {
  const headers = { ...raw.headers };
  // The printed account has stars in it: a placeholder.
  headers["host"] = (headers["host"] ?? "").replace(/-\d+\*+\d+\./, `-${server.accountId}.`);
  headers["date"] = now.toUTCString();
  const bucket = /^(.+)-\d+\./.exec(headers["host"])?.[1];
  const resource = bucket === undefined ? "::" : `:${server.accountId}:${bucket}`;
  const uri = encodeURIComponent(`acs:ossvector:${REGION}${resource}`);
  const added = (/AdditionalHeaders=([^,]+)/.exec(raw.headers["authorization"] ?? "")?.[1] ?? "")
    .split(";")
    .filter((name) => name !== "");
  const signed = Object.keys(headers).filter(
    (name) =>
      name.startsWith("x-oss-") ||
      name === "content-type" ||
      name === "content-md5" ||
      added.includes(name),
  );
  const [, query = ""] = raw.target.split("?");
  const canonicalQuery = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => pair.replace(/=$/, ""))
    .sort()
    .join("&");
  const canonical = [
    raw.method,
    `/${uri}/`,
    canonicalQuery,
    signed
      .sort()
      .map((name) => `${name}:${headers[name] ?? ""}\n`)
      .join(""),
    added.join(";"),
    headers["x-oss-content-sha256"] ?? "UNSIGNED-PAYLOAD",
  ].join("\n");
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${stamp.slice(0, 8)}/${REGION}/oss/aliyun_v4_request`;
  const text = [
    "OSS4-HMAC-SHA256",
    stamp,
    scope,
    createHash("sha256").update(canonical).digest("hex"),
  ].join("\n");
  const key = [REGION, "oss", "aliyun_v4_request"].reduce(
    (before, part) => hmac(before, part),
    hmac(`aliyun_v4${server.secret}`, stamp.slice(0, 8)),
  );
  const additional = added.length === 0 ? "" : `,AdditionalHeaders=${added.join(";")}`;
  headers["authorization"] =
    `OSS4-HMAC-SHA256 Credential=${server.keyId}/${scope}${additional},Signature=${hmac(key, text).toString("hex")}`;
  return { ...raw, headers };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Sends to the server's address with the printed Host header. */
export function send(raw: RawRequest, server: TestServer): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const out = request(
      {
        hostname,
        port,
        method: raw.method,
        path: raw.target,
        headers: { ...raw.headers, "content-length": String(Buffer.byteLength(raw.body)) },
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("end", () => {
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text: Buffer.concat(parts).toString(),
          });
        });
        answer.once("error", reject);
      },
    );
    out.once("error", reject);
    out.end(raw.body);
  });
}
