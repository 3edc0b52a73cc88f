import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  GRPC_MESSAGE_CHARACTERS_MAX,
  isGrpcRequest,
  parseGrpcTimeout,
  percentEncode,
  readGrpcMessage,
  toGrpcAnswer,
  toGrpcFailure,
} from "./index.ts";

function frame(flag: number, message: Uint8Array, length: number = message.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

function read(body: Buffer, encoding?: string, bytesMax = 1_000): Promise<Buffer> {
  const headers = { "grpc-encoding": encoding };
  return readGrpcMessage({ headers, readBody: () => Promise.resolve(body) }, bytesMax);
}

describe("a message", () => {
  test("comes back as it was framed, plain or compressed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
        const message = Buffer.from(bytes);
        const { body } = toGrpcAnswer(message);
        expect(await read(Buffer.from(body ?? ""))).toEqual(message);
        expect(await read(frame(1, gzipSync(message)), "gzip")).toEqual(message);
        expect(await read(frame(1, deflateSync(message)), "deflate")).toEqual(message);
      }),
    );
  });

  test.each([
    ["no bytes", Buffer.alloc(0), undefined],
    ["half a head", Buffer.from([0, 0, 0]), undefined],
    ["fewer bytes than its head says", frame(0, Buffer.alloc(9), 10), undefined],
    ["more bytes than its head says", frame(0, Buffer.alloc(11), 10), undefined],
    ["two messages", Buffer.concat([frame(0, Buffer.alloc(3)), frame(0, Buffer.alloc(3))]), "gzip"],
    ["another first byte", frame(2, Buffer.alloc(3)), "gzip"],
    ["a compressed message without encoding", frame(1, gzipSync("x")), undefined],
    ["bytes that are no gzip", frame(1, Buffer.from("plain")), "gzip"],
    ["a gzip cut off", frame(1, gzipSync("x".repeat(50)).subarray(0, 15)), "gzip"],
  ])("with %s is malformed", async (_, body, encoding) => {
    await expect(read(body, encoding)).rejects.toMatchObject({ code: "body_malformed" });
  });

  test("in a compression nobody knows is unsupported", async () => {
    for (const encoding of ["snappy", "constructor", "__proto__"]) {
      await expect(read(frame(1, Buffer.alloc(3)), encoding)).rejects.toMatchObject({
        code: "operation_unsupported",
      });
    }
  });

  test("is taken up to its bound, also after it was unpacked", async () => {
    expect(await read(frame(0, Buffer.alloc(1_000)))).toHaveLength(1_000);
    expect(await read(frame(1, gzipSync(Buffer.alloc(1_000))), "gzip")).toHaveLength(1_000);
    await expect(read(frame(0, Buffer.alloc(1_001)))).rejects.toMatchObject({
      code: "body_too_large",
    });
    const bomb = frame(1, gzipSync(Buffer.alloc(50_000_000)));
    await expect(read(bomb, "gzip", 100_000)).rejects.toMatchObject({ code: "body_too_large" });
  });
});

describe("an end", () => {
  test("that is good is told in trailers, one that is not in headers alone", () => {
    expect(toGrpcAnswer(Buffer.of(7), { "x-id": "1" })).toMatchObject({
      status: 200,
      headers: { "content-type": "application/grpc", "x-id": "1" },
      body: Buffer.of(0, 0, 0, 0, 1, 7),
      trailers: { "grpc-status": "0" },
    });
    const failed = toGrpcFailure({ status: 3, message: "no: 100 % ä" }, { "x-id": "1" });
    expect(failed).toEqual({
      status: 200,
      headers: {
        ...{ "content-type": "application/grpc", "x-id": "1" },
        ...{ "grpc-status": "3", "grpc-message": "no: 100 %25 %C3%A4" },
      },
    });
  });

  test("says when to try again, to clients that retry and to programs that read it", () => {
    const { headers } = toGrpcFailure({ status: 8, message: "slow ä", retryAfterMs: 1_250.4 });
    expect(headers["grpc-retry-pushback-ms"]).toBe("1251");
    // As protobuf's own library for Python writes the same google.rpc.Status.
    expect(headers["grpc-status-details-bin"]).toBe(
      "CAgSB3Nsb3cgw6QaNQoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIJCgcIARDA6dd3",
    );
    expect(toGrpcFailure({ status: 8, message: "full" }).headers).not.toHaveProperty([
      "grpc-status-details-bin",
    ]);
  });

  test("has a message that any client decodes to the text, cut at its bound", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const encoded = percentEncode(text);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeURIComponent(encoded)).toBe(text);
      }),
    );
    const long = toGrpcFailure({ status: 3, message: "x".repeat(9_000) });
    expect(long.headers["grpc-message"]).toHaveLength(GRPC_MESSAGE_CHARACTERS_MAX);
  });
});

test("a request is told by its content type; gRPC-Web is none", () => {
  const is = (type: string | undefined): boolean =>
    isGrpcRequest({ headers: { "content-type": type } });
  for (const type of ["application/grpc", "application/grpc+proto", "application/grpc;x=1"]) {
    expect(is(type)).toBe(true);
  }
  for (const type of [
    undefined,
    "application/json",
    "application/grpc-web",
    "x/application/grpc",
  ]) {
    expect(is(type)).toBe(false);
  }
});

test("a timeout is read in each of its units, and one malformed is none", () => {
  const cases = { "2H": 7_200_000, "3M": 180_000, "5S": 5_000, "250m": 250, "1000u": 1, "0n": 0 };
  for (const [text, ms] of Object.entries(cases)) expect(parseGrpcTimeout(text)).toBe(ms);
  for (const text of [undefined, "", "5", "S", "-1S", "1.5S", "123456789S", "1s", "1S "]) {
    expect(parseGrpcTimeout(text)).toBeUndefined();
  }
});
