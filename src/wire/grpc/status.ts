/** How a call ends: a number, a text, and both as headers. */
import type { HttpAnswer } from "../http/message.ts";
import { ProtoWriter } from "../protobuf/proto-writer.ts";
import { GRPC_MESSAGE_CHARACTERS_MAX } from "./limits.ts";

/** The numbers of gRPC that we say. */
export const GRPC_STATUS = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const;

export const GRPC_TYPE = "application/grpc";

export interface GrpcFailure {
  /** 1 to 16. */
  readonly status: number;
  readonly message: string;
  /** After this many milliseconds a retry has a chance. */
  readonly retryAfterMs?: number | undefined;
}

const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

/** The answer to a call that failed: headers alone, which are its trailers ("Trailers-Only"). */
export function toGrpcFailure(
  { status, message, retryAfterMs }: GrpcFailure,
  metadata: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const text = percentEncode(message.slice(0, GRPC_MESSAGE_CHARACTERS_MAX));
  return {
    status: 200,
    headers: {
      ...metadata,
      "content-type": GRPC_TYPE,
      "grpc-status": String(status),
      ...(text === "" ? {} : { "grpc-message": text }),
      ...(retryAfterMs === undefined ? {} : retryTrailers({ status, message, retryAfterMs })),
    },
  };
}

/**
 * When to try again, said twice: for clients that retry by themselves (proposal A6), and as a
 * `google.rpc.Status` with a `RetryInfo` in it, which programs read.
 */
function retryTrailers({
  status,
  message,
  retryAfterMs,
}: Required<GrpcFailure> & { readonly retryAfterMs: number }): Readonly<Record<string, string>> {
  const waitMs = Math.ceil(retryAfterMs);
  const writer = new ProtoWriter();
  writer.uint(1, status);
  writer.text(2, message.slice(0, GRPC_MESSAGE_CHARACTERS_MAX));
  writer.message(3, () => {
    writer.text(1, RETRY_INFO);
    writer.message(2, () => {
      writer.message(1, () => {
        writer.uint(1, Math.floor(waitMs / 1_000));
        writer.uint(2, (waitMs % 1_000) * 1_000_000);
      });
    });
  });
  return {
    "grpc-retry-pushback-ms": String(waitMs),
    "grpc-status-details-bin": writer.written.toString("base64").replaceAll("=", ""),
  };
}

/**
 * Bytes of UTF-8 outside of printable ASCII, and the percent sign, as `%XX`. Half a surrogate pair
 * becomes the replacement character.
 */
export function percentEncode(text: string): string {
  if (!/[^\x20-\x7e]|%/.test(text)) return text;
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
