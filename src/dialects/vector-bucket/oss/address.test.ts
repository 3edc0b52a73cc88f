import { describe, expect, test } from "vitest";
import { intranetEndpoint, parseAddress } from "./address.ts";

const SETTINGS = { accountId: "1234567890" };

describe("where a request goes", () => {
  test.each([
    [
      "cn-hangzhou.oss-vectors.aliyuncs.com",
      "/",
      undefined,
      undefined,
      "cn-hangzhou.oss-vectors.aliyuncs.com",
    ],
    [
      "ap-southeast-1.oss-vectors.aliyuncs.com",
      "/",
      undefined,
      undefined,
      "ap-southeast-1.oss-vectors.aliyuncs.com",
    ],
    [
      "b-1.ap-southeast-1.oss-vectors.aliyuncs.com",
      "/",
      "b",
      "1",
      "ap-southeast-1.oss-vectors.aliyuncs.com",
    ],
    ["my-bucket-1234567890.vectors.test", "/", "my-bucket", "1234567890", "vectors.test"],
    [
      "my-bucket-2-1234567890.vectors.test:8080",
      "/",
      "my-bucket-2",
      "1234567890",
      "vectors.test:8080",
    ],
    ["my-bucket-9999999999.vectors.test", "/", "my-bucket", "9999999999", "vectors.test"],
    ["vectors.test", "/", undefined, undefined, "vectors.test"],
    ["node-12.vectors.test", "/my-bucket/", "my-bucket", undefined, "node-12.vectors.test"],
    ["127.0.0.1:8080", "/", undefined, undefined, "127.0.0.1:8080"],
    ["127.0.0.1:8080", "/my-bucket", "my-bucket", undefined, "127.0.0.1:8080"],
    ["[::1]:8080", "/my-bucket/", "my-bucket", undefined, "[::1]:8080"],
    ["[::1]", "/", undefined, undefined, "[::1]"],
    ["localhost:1", "/b%2Dc/", "b-c", undefined, "localhost:1"],
    ["localhost", "//", undefined, undefined, "localhost"],
    ["", "/", undefined, undefined, ""],
  ])("%s %s", (host, path, bucket, accountId, endpoint) => {
    const address = parseAddress({ host, path }, SETTINGS);
    expect(address).toMatchObject({ bucket, accountId, endpoint });
  });

  test("under the public domain every first label with digits is a bucket, the domain itself is not", () => {
    const settings = { ...SETTINGS, publicDomain: "db-123456789.example.com" };
    const at = (host: string): unknown => parseAddress({ host, path: "/" }, settings).bucket;
    expect(at("db-123456789.example.com")).toBeUndefined();
    expect(at("my-bucket-1234567890.db-123456789.example.com")).toBe("my-bucket");
    expect(at("my-bucket-7.cn-beijing.db-123456789.example.com")).toBe("my-bucket");
  });

  test("objects and broken escapes are refused", () => {
    for (const path of ["/b/object", "/%ff/", "/b//"]) {
      expect(() => parseAddress({ host: "localhost", path }, SETTINGS)).toThrow(/Cannot route/);
    }
    const host = "my-bucket-1234567890.vectors.test";
    expect(() => parseAddress({ host, path: "/object" }, SETTINGS)).toThrow(/no objects/);
  });

  test("only the vendor has another host inside its network", () => {
    expect(intranetEndpoint("cn-beijing.oss-vectors.aliyuncs.com:80")).toBe(
      "cn-beijing-internal.oss-vectors.aliyuncs.com:80",
    );
    expect(intranetEndpoint("cn-beijing-internal.oss-vectors.aliyuncs.com")).toBe(
      "cn-beijing-internal.oss-vectors.aliyuncs.com",
    );
    expect(intranetEndpoint("127.0.0.1:8080")).toBe("127.0.0.1:8080");
  });
});
