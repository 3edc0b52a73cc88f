/** What the engine asks of names; dialects are stricter in their own ways. */
import { InsulaError } from "../base/errors.ts";
import { NAME_BYTES_MAX } from "../base/limits.ts";
import { isWellFormed } from "../model/index.ts";

/** @throws InsulaError `name_invalid`. */
export function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > NAME_BYTES_MAX || !isWellFormed(name) || name.includes("\0")) {
    throw new InsulaError(
      "name_invalid",
      `Cannot use the name: expected 1 to ${String(NAME_BYTES_MAX)} bytes of UTF-8 without NUL, ` +
        `received ${String(bytes)} bytes.`,
    );
  }
}
