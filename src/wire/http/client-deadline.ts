/** How long a client waits for its answer, by its own word. */
import { InsulaError } from "../../base/errors.ts";
import { parseGrpcTimeout } from "../grpc/timeout.ts";
import type { HttpRequest } from "./message.ts";

/** Whole ms, 1 at least. */
export const CLIENT_DEADLINE_FIELD = "x-request-timeout-ms";

/**
 * ms from the start of the request; undefined: the client says nothing. gRPC has a field of its
 * own, of which a malformed value is passed over.
 *
 * @throws InsulaError `argument_invalid`.
 */
export function clientDeadlineMs(headers: HttpRequest["headers"]): number | undefined {
  const text = headers[CLIENT_DEADLINE_FIELD];
  if (text === undefined) return parseGrpcTimeout(headers["grpc-timeout"]);
  const ms = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (ms > 0) return ms;
  throw new InsulaError(
    "argument_invalid",
    `Cannot take the header ${CLIENT_DEADLINE_FIELD}: expected whole milliseconds, 1 to 999999999.`,
  );
}
