/** Messages of gRPC on their way: five bytes of head, then the message, perhaps compressed. */
import { gunzip, inflate, type InputType, type ZlibOptions } from "node:zlib";
import { InsulaError } from "../../base/errors.ts";
import { tooLarge } from "../http/body.ts";
import type { HttpAnswer, HttpRequest } from "../http/message.ts";
import { GRPC_STATUS, GRPC_TYPE } from "./status.ts";

const HEAD_BYTES = 5;
/** What a client may compress messages with. */
export const GRPC_ENCODINGS = "identity, deflate, gzip";

/** Whether a request is a call of gRPC. gRPC-Web is something else. */
export function isGrpcRequest(request: Pick<HttpRequest, "headers">): boolean {
  const type = request.headers["content-type"];
  return type !== undefined && /^application\/grpc(?:$|[+; ])/.test(type);
}

/**
 * Reads the one message of a unary call.
 *
 * @param bytesMax  of the message, also after it was unpacked.
 * @returns a buffer of its own.
 * @throws InsulaError `body_too_large`, `body_malformed`, `deadline_exceeded`;
 *   `operation_unsupported` for a compression that we do not know.
 */
export async function readGrpcMessage(
  request: Pick<HttpRequest, "headers" | "readBody">,
  bytesMax: number,
): Promise<Buffer> {
  const body = await request.readBody(bytesMax + HEAD_BYTES);
  if (body.length < HEAD_BYTES) throw malformed("expected five bytes before the message");
  const length = body.readUInt32BE(1);
  if (length > bytesMax) throw tooLarge(bytesMax);
  if (length !== body.length - HEAD_BYTES) {
    throw malformed("expected one message of the length its head says");
  }
  const message = body.subarray(HEAD_BYTES);
  switch (body[0]) {
    case 0:
      return message;
    case 1:
      return unpack(message, request.headers["grpc-encoding"], bytesMax);
    default:
      throw malformed("expected 0 or 1 in the first byte");
  }
}

/** The answer to a call that went well. `message` is copied. */
export function toGrpcAnswer(
  message: Uint8Array,
  metadata: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const body = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  body[0] = 0;
  body.writeUInt32BE(message.length, 1);
  body.set(message, HEAD_BYTES);
  return {
    status: 200,
    headers: { ...metadata, "content-type": GRPC_TYPE, "grpc-accept-encoding": GRPC_ENCODINGS },
    body,
    trailers: { "grpc-status": String(GRPC_STATUS.ok) },
  };
}

type Unpack = (
  bytes: InputType,
  options: ZlibOptions,
  done: (error: Error | null, result: Buffer) => void,
) => void;

const UNPACKERS: Readonly<Record<string, Unpack>> = { gzip: gunzip, deflate: inflate };

/** Off this thread; a message that would grow beyond its bound is given up on the way. */
function unpack(message: Buffer, encoding: string | undefined, bytesMax: number): Promise<Buffer> {
  if (encoding === undefined || encoding === "identity") {
    return Promise.reject(malformed("a compressed message must name its encoding"));
  }
  const run = Object.hasOwn(UNPACKERS, encoding) ? UNPACKERS[encoding] : undefined;
  if (run === undefined) {
    return Promise.reject(
      new InsulaError(
        "operation_unsupported",
        `Cannot read the message: its compression is not known: expected ${GRPC_ENCODINGS}.`,
      ),
    );
  }
  return new Promise((resolve, reject) => {
    run(message, { maxOutputLength: bytesMax }, (error, result) => {
      if (error === null) resolve(result);
      else if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE") reject(tooLarge(bytesMax));
      else reject(malformed("the compressed message cannot be unpacked"));
    });
  });
}

function malformed(reason: string): InsulaError {
  return new InsulaError("body_malformed", `Cannot read the gRPC message: ${reason}.`);
}
