/**
 * Which objects a backup names, of its own and of others, so that who removes one knows what no
 * other needs. Not sealed: they are names that a listing of the store shows, too.
 * ON DISK: docs/formats/backup.md.
 */
import { objectDamaged, sha256Hex } from "./backup-manifest.ts";

/** Names have no line breaks. */
export function encodeObjectList(objects: Iterable<string>): Uint8Array {
  const text = [...objects].sort().join("\n");
  return Buffer.from(`${sha256Hex(Buffer.from(text))}\n${text}`);
}

/** @throws InsulaError `data_damaged` */
export function decodeObjectList(key: string, bytes: Uint8Array): readonly string[] {
  const whole = Buffer.from(bytes).toString();
  const end = whole.indexOf("\n");
  const text = whole.slice(end + 1);
  if (sha256Hex(Buffer.from(text)) !== whole.slice(0, end)) throw objectDamaged(key);
  return text === "" ? [] : text.split("\n");
}
