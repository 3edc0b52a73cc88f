/**
 * The lines of a backup in their order: settings, then databases by name, each followed by its
 * collections, each followed by its tenants. ON DISK: docs/formats/backup.md.
 */
import { ByteReader, ByteWriter, compareBytes } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";
import { decodeShard, encodeShard, type StoredShard } from "./stored-shard.ts";

/** Names from the database down: of a tenant three. */
export type BackupPath = readonly string[];

/** Rows and schemas are the catalogue's own encoding; what is in them is the engine's business. */
export type BackupEntry =
  | {
      readonly kind: "setting";
      readonly path: BackupPath;
      readonly name: string;
      readonly value: Uint8Array;
    }
  | { readonly kind: "database"; readonly path: BackupPath; readonly row: Uint8Array }
  | {
      readonly kind: "collection";
      readonly path: BackupPath;
      readonly row: Uint8Array;
      readonly schema: Uint8Array;
      /** Of a collection without tenants. */
      readonly shard: StoredShard | undefined;
    }
  | {
      readonly kind: "tenant";
      readonly path: BackupPath;
      readonly row: Uint8Array;
      readonly shard: StoredShard;
    };

/** ON DISK. */
const KINDS = ["setting", "database", "collection", "tenant"] as const;

export function encodeEntry(entry: BackupEntry): Uint8Array {
  const writer = new ByteWriter(256).uint8(KINDS.indexOf(entry.kind)).varint(entry.path.length);
  for (const name of entry.path) writer.string(name);
  if (entry.kind === "setting") return writer.string(entry.name).bytes(entry.value).finish();
  writer.bytes(entry.row);
  if (entry.kind === "collection") {
    writer.bytes(entry.schema).uint8(entry.shard === undefined ? 0 : 1);
  }
  if (entry.kind !== "database" && entry.shard !== undefined) encodeShard(writer, entry.shard);
  return writer.finish();
}

export function* decodeEntries(bytes: Uint8Array): Iterable<BackupEntry> {
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) yield decodeEntry(reader);
}

function decodeEntry(reader: ByteReader): BackupEntry {
  const kind = KINDS[reader.uint8()];
  const path = Array.from({ length: reader.varint() }, () => reader.string());
  switch (kind) {
    case "setting":
      return { kind, path, name: reader.string(), value: take(reader) };
    case "database":
      return { kind, path, row: take(reader) };
    case "collection": {
      const row = take(reader);
      const schema = take(reader);
      return {
        kind,
        path,
        row,
        schema,
        shard: reader.uint8() === 0 ? undefined : decodeShard(reader),
      };
    }
    case "tenant":
      return { kind, path, row: take(reader), shard: decodeShard(reader) };
    default:
      throw new InsulaError("format_unsupported", "Cannot read a backup: unknown kind of line.");
  }
}

/** Negative when `a` stands before `b` in a backup. */
export function comparePaths(a: BackupPath, b: BackupPath): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareBytes(Buffer.from(a[i] ?? "", "utf8"), Buffer.from(b[i] ?? "", "utf8"));
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function take(reader: ByteReader): Uint8Array {
  return new Uint8Array(reader.bytes());
}
