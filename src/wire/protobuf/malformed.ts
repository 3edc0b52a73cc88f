import { InsulaError } from "../../base/errors.ts";

/**
 * The error for bytes that are no message, or none that we take.
 *
 * @param position of the byte where it shows, in the whole message.
 */
export function protoMalformed(reason: string, position: number): InsulaError {
  return new InsulaError(
    "body_malformed",
    `Cannot parse the protobuf message: ${reason} at position ${String(position)}.`,
    { details: { position, reason } },
  );
}
