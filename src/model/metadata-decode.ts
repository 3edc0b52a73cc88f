/** Bytes back to metadata; the layout is in metadata-tags.ts and docs/formats/metadata.md. */
import type { Metadata, MetadataValue } from "./metadata.ts";
import { damaged, MetadataCursor } from "./metadata-cursor.ts";

/**
 * Decodes what `encodeMetadata` made. Objects have no prototype; nothing shares memory with
 * `bytes`.
 *
 * @throws InsulaError `data_damaged` for anything else, whatever the bytes.
 */
export function decodeMetadata(bytes: Uint8Array): Metadata {
  const cursor = new MetadataCursor(bytes);
  const metadata = cursor.object(cursor.open(), 1);
  if (!cursor.isAtEnd) throw damaged("bytes are left over");
  return metadata;
}

/**
 * One top-level property, undefined when it is missing. Other values are passed over, not decoded.
 *
 * @throws InsulaError `data_damaged`.
 */
export function decodeProperty(bytes: Uint8Array, name: string): MetadataValue | undefined {
  const wanted = Buffer.from(name);
  const cursor = new MetadataCursor(bytes);
  for (let left = cursor.open(); left > 0; left--) {
    const length = cursor.nameLength();
    const start = cursor.position;
    cursor.position = start + length;
    if (length === wanted.length && cursor.equals(start, wanted)) return cursor.value();
    cursor.skip();
  }
  return undefined;
}

/**
 * Visits every top-level property in the order written. `read` decodes the value, once at most;
 * a value that is not read is passed over.
 *
 * @throws InsulaError `data_damaged`.
 */
export function visitProperties(
  bytes: Uint8Array,
  visit: (name: string, read: () => MetadataValue) => void,
): void {
  const cursor = new MetadataCursor(bytes);
  for (let left = cursor.open(); left > 0; left--) {
    const name = cursor.text(cursor.nameLength());
    const start = cursor.position;
    visit(name, () => cursor.value());
    if (cursor.position === start) cursor.skip();
  }
}
