/** Metadata as the vendor takes them: flat, of strings, numbers, booleans and lists of strings. */
import { InsulaError } from "../../../base/errors.ts";
import type { Metadata } from "../../../model/index.ts";
import { printJson, type JsonObject, type JsonValue } from "../../../wire/index.ts";
import { PINECONE_LIMITS } from "../limits.ts";

/**
 * The value is not copied: a JSON object of our parser is metadata as it stands.
 *
 * @param id of the record, for messages; absent: the metadata are for several.
 * @throws InsulaError `metadata_invalid`, `metadata_too_large`
 */
export function readMetadata(json: JsonObject, id?: string): Metadata {
  for (const [name, value] of Object.entries(json)) {
    if (name === "" || name.startsWith("$")) {
      throw invalid(id, "names must not be empty or start with $");
    }
    if (!isMetadataValue(value)) {
      throw invalid(
        id,
        `field ${quote(name)} must be a string, number, boolean or list of strings`,
      );
    }
  }
  const byteCount = Buffer.byteLength(printJson(json));
  if (byteCount > PINECONE_LIMITS.metadataBytesMax) {
    throw new InsulaError(
      "metadata_too_large",
      `Metadata size${ofVector(id)} is ${String(byteCount)} bytes, which exceeds the ` +
        `limit of ${String(PINECONE_LIMITS.metadataBytesMax)} bytes per vector`,
    );
  }
  return json;
}

function isMetadataValue(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.every((item) => typeof item === "string");
  return value !== null && typeof value !== "object";
}

function invalid(id: string | undefined, reason: string): InsulaError {
  return new InsulaError("metadata_invalid", `Invalid metadata${ofVector(id)}: ${reason}`);
}

function ofVector(id: string | undefined): string {
  return id === undefined ? "" : ` of vector ${quote(id)}`;
}

/** Texts of a caller are cut in messages. */
function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
