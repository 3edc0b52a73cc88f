/** The refusal of bytes that another version of the program wrote. */
import { InsulaError } from "./errors.ts";

/**
 * An error to be thrown for a sound version number that is none of ours; what has a checksum over
 * its version is compared with it before.
 *
 * @param what    file, or the place in it, that has the number.
 * @param expected  versions that can be read.
 */
export function otherFormat(
  what: string,
  expected: number | readonly number[],
  received: number,
): InsulaError {
  const known = typeof expected === "number" ? String(expected) : expected.join(" or ");
  return new InsulaError(
    "format_unsupported",
    `Cannot read ${what}: expected format ${known}, received ${String(received)}. Use the version ` +
      "of the program that wrote it, or a later one.",
    { details: { received } },
  );
}
