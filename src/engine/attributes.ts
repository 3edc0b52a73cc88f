/** The small settings a dialect keeps with a database or collection. */
import { InsulaError } from "../base/errors.ts";
import { ATTRIBUTE_BYTES_MAX, ATTRIBUTES_MAX } from "../base/limits.ts";
import type { Attributes } from "./catalog-rows.ts";

/**
 * @param patch a string sets, null removes, what is not named stays.
 * @throws InsulaError `argument_invalid` when there would be too many or too large ones.
 */
export function patchAttributes(
  attributes: Attributes,
  patch: Readonly<Record<string, string | null>>,
): Attributes {
  const entries = new Map(Object.entries(attributes));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) entries.delete(name);
    else entries.set(name, value);
  }
  let bytes = 0;
  for (const [name, value] of entries) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  if (entries.size > ATTRIBUTES_MAX || bytes > ATTRIBUTE_BYTES_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot keep the attributes: expected at most ${String(ATTRIBUTES_MAX)} of ` +
        `${String(ATTRIBUTE_BYTES_MAX)} bytes together, received ${String(entries.size)} of ${String(bytes)}.`,
    );
  }
  const patched = Object.create(null) as Record<string, string>;
  for (const [name, value] of entries) patched[name] = value;
  return patched;
}
