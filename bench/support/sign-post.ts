/** The head of a signed request as the bytes on the wire, for clients that do nothing else. */
import { OSS4, ossResourceUri, signHeaders } from "../../src/wire/index.ts";
import type { OssAccess } from "./oss-client.ts";

const REGION = "cn-hangzhou";

/** Signs once; good for 15 minutes and any body. @returns the head for a body of so many bytes */
export function signPost(
  access: OssAccess,
  bucket: string,
  operation: string,
): (bodyBytes: number) => Buffer {
  const { host } = new URL(access.url);
  const { keyId, secret, accountId } = access;
  const path = `/${bucket}/`;
  const headers = signHeaders({
    scheme: OSS4,
    request: {
      method: "POST",
      path,
      query: operation,
      headers: { host, "content-type": "application/json" },
    },
    credentials: { keyId, secret },
    region: REGION,
    canonicalUri: ossResourceUri({ region: REGION, accountId, bucket }),
    nowMs: Date.now(),
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${path}?${operation} HTTP/1.1\r\n${lines.join("")}`;
  return (bodyBytes) => Buffer.from(`${head}content-length: ${String(bodyBytes)}\r\n\r\n`);
}
