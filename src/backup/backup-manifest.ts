/**
 * The last object of a backup, whose presence makes it one, and the index it names.
 * ON DISK: docs/formats/backup.md.
 */
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import type { BackupPath } from "./backup-entry.ts";

/** ON DISK. */
const FORMAT_VERSION = 1;
export const MANIFEST_PREFIX = "manifests/";
const HASH_BYTES = 32;

export interface BackupManifest {
  /** Sorts by time. */
  readonly id: string;
  readonly createdAtMs: number;
  /** What was asked for, as the number of its names: 0 everything, 1 a database, 3 a tenant. */
  readonly depth: number;
  /** Hexadecimal id of the data folder whose keys seal it; empty when nothing is sealed. */
  readonly folder: string;
  readonly index: { readonly bytes: number; readonly sha256: string };
  readonly databases: number;
  readonly collections: number;
  readonly tenants: number;
  readonly records: number;
  /** Bytes of segments and tails, and how many of them this backup sent. */
  readonly bytes: number;
  readonly bytesSent: number;
  /** Shards that were out of service when the backup was made: they are not in it. */
  readonly damaged: number;
}

/** What a person wants to know of it. */
export function toBackupInfo(manifest: BackupManifest): BackupFacts {
  const { id, createdAtMs, databases, collections, tenants } = manifest;
  const { records, bytes, bytesSent, damaged } = manifest;
  return {
    ...{ id, createdAtMs, databases, collections, tenants },
    ...{ records, bytes, bytesSent, damaged },
  };
}

export type BackupFacts = Omit<BackupManifest, "depth" | "folder" | "index">;

export function manifestKey(id: string): string {
  return `${MANIFEST_PREFIX}${id}`;
}

/** Root key, index and lines of one backup. */
export function backupPrefix(id: string): string {
  return `backups/${id}/`;
}

export function rootKeyOf(id: string): string {
  return `backups/${id}/root`;
}

export function indexKey(id: string): string {
  return `backups/${id}/index`;
}

/** Names of the objects that hold its bytes. */
export function objectListKey(id: string): string {
  return `backups/${id}/objects`;
}

export function partKey(id: string, part: number): string {
  return `backups/${id}/part-${String(part).padStart(8, "0")}`;
}

export function encodeManifest(manifest: BackupManifest): Uint8Array {
  const text = JSON.stringify({ format: FORMAT_VERSION, ...manifest });
  return Buffer.from(`${text}\n${sha256Hex(Buffer.from(text, "utf8"))}\n`, "utf8");
}

/** @throws InsulaError `data_damaged`, `format_unsupported`. */
export function decodeManifest(key: string, bytes: Uint8Array): BackupManifest {
  const [text = "", hash] = Buffer.from(bytes).toString("utf8").split("\n");
  if (hash !== sha256Hex(Buffer.from(text, "utf8"))) throw objectDamaged(key);
  const { format, ...manifest } = JSON.parse(text) as BackupManifest & { readonly format: number };
  if (format === FORMAT_VERSION) return manifest;
  throw otherFormat(`backup ${key}`, FORMAT_VERSION, format);
}

/** One object with lines of the backup, and the first of them. */
export interface BackupPart {
  readonly bytes: number;
  readonly sha256: Uint8Array;
  readonly first: BackupPath;
}

export function encodeIndex(parts: readonly BackupPart[]): Uint8Array {
  const writer = new ByteWriter(64 + parts.length * 96).varint(parts.length);
  for (const { bytes, sha256, first } of parts) {
    writer.varint(bytes).raw(sha256).varint(first.length);
    for (const name of first) writer.string(name);
  }
  return writer.finish();
}

export function decodeIndex(bytes: Uint8Array): readonly BackupPart[] {
  const reader = new ByteReader(bytes);
  return Array.from({ length: reader.varint() }, () => ({
    bytes: reader.varint(),
    sha256: new Uint8Array(reader.raw(HASH_BYTES)),
    first: Array.from({ length: reader.varint() }, () => reader.string()),
  }));
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

export function sha256Hex(bytes: Uint8Array): string {
  return sha256(bytes).toString("hex");
}

export function objectDamaged(object: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot read the backup: the bytes of object "${object}" are not those that were written.`,
    { details: { object } },
  );
}

export function objectMissing(object: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot read the backup: object "${object}" is missing in the store.`,
    { details: { object } },
  );
}
