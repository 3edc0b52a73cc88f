/**
 * What one frame of the system shard changes. Applied once when it is durable, and again at a start
 * that finds it in the log behind the catalogue's last flush; applying twice changes nothing
 * because the frame's sequence number is compared first.
 *
 * A manifest change is a delta, not a row: data frames of the same shard may stand between the
 * moment it is written and the moment it is applied.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { toSegmentUid, toShardUid, type SegmentUid, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import {
  decodeSegmentEntry,
  encodeSegmentEntry,
  isRemote,
  type SegmentEntry,
} from "../shard/index.ts";
import type { EncodedKey } from "./catalog-keys.ts";

/** ON DISK: first byte of each change. */
const PUT = 1;
const DELETE = 2;
const TOTALS = 3;
const MANIFEST = 4;
const DROP_SHARD = 5;
const QUARANTINE = 6;
const NEW_SHARD = 7;
const DROP_TOTALS = 8;
const NEW_SEALED_SHARD = 9;
const KEY_SLOT = 10;
/** A manifest with segments in an object store. */
const REMOTE_MANIFEST = 11;

export interface ManifestChange {
  readonly shard: ShardUid;
  readonly removed: readonly SegmentUid[];
  readonly added: readonly SegmentEntry[];
  /** Frames up to here are in segments now; 0 when a merge changes nothing about that. */
  readonly flushedSequence: number;
}

export type CatalogChange =
  | { readonly kind: "put"; readonly key: EncodedKey; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: EncodedKey }
  | {
      readonly kind: "totals";
      readonly key: EncodedKey;
      readonly rows: number;
      readonly bytes: number;
      readonly children: number;
    }
  | { readonly kind: "drop-totals"; readonly key: EncodedKey }
  | ({ readonly kind: "manifest" } & ManifestChange)
  | {
      readonly kind: "new-shard";
      readonly shard: ShardUid;
      readonly collectionNumber: number;
      /** 0 for a shard that is not sealed. */
      readonly keySlot: number;
    }
  /** The slot, and with it every lower one, is in use or lost. */
  | { readonly kind: "key-slot"; readonly slot: number }
  | { readonly kind: "drop-shard"; readonly shard: ShardUid }
  | { readonly kind: "quarantine"; readonly shard: ShardUid; readonly reason: string };

export function encodeChanges(changes: readonly CatalogChange[]): Uint8Array {
  const writer = new ByteWriter(256).varint(changes.length);
  for (const change of changes) encodeChange(writer, change);
  return writer.finish();
}

export function decodeChanges(payload: Uint8Array): readonly CatalogChange[] {
  const reader = new ByteReader(payload);
  return Array.from({ length: reader.varint() }, () => decodeChange(reader));
}

function encodeChange(writer: ByteWriter, change: CatalogChange): void {
  switch (change.kind) {
    case "put":
      writer.uint8(PUT).bytes(Buffer.from(change.key, "latin1")).bytes(change.value);
      return;
    case "delete":
      writer.uint8(DELETE).bytes(Buffer.from(change.key, "latin1"));
      return;
    case "totals":
      writer.uint8(TOTALS).bytes(Buffer.from(change.key, "latin1"));
      writer.float64(change.rows).float64(change.bytes).float64(change.children);
      return;
    case "drop-totals":
      writer.uint8(DROP_TOTALS).bytes(Buffer.from(change.key, "latin1"));
      return;
    case "manifest":
      writer.uint8(change.added.some(isRemote) ? REMOTE_MANIFEST : MANIFEST).raw(change.shard);
      writer.varint(change.flushedSequence);
      writer.varint(change.removed.length);
      for (const uid of change.removed) writer.raw(uid);
      writer.varint(change.added.length);
      for (const entry of change.added) encodeSegmentEntry(writer, entry);
      return;
    case "new-shard":
      writer.uint8(change.keySlot === 0 ? NEW_SHARD : NEW_SEALED_SHARD).raw(change.shard);
      writer.varint(change.collectionNumber);
      if (change.keySlot !== 0) writer.varint(change.keySlot);
      return;
    case "key-slot":
      writer.uint8(KEY_SLOT).varint(change.slot);
      return;
    case "drop-shard":
      writer.uint8(DROP_SHARD).raw(change.shard);
      return;
    case "quarantine":
      writer.uint8(QUARANTINE).raw(change.shard).string(change.reason);
      return;
  }
}

function decodeChange(reader: ByteReader): CatalogChange {
  const kind = reader.uint8();
  switch (kind) {
    case PUT:
      return {
        kind: "put",
        key: reader.bytes().toString("latin1"),
        value: Uint8Array.from(reader.bytes()),
      };
    case DELETE:
      return { kind: "delete", key: reader.bytes().toString("latin1") };
    case TOTALS:
      return {
        kind: "totals",
        key: reader.bytes().toString("latin1"),
        rows: reader.float64(),
        bytes: reader.float64(),
        children: reader.float64(),
      };
    case DROP_TOTALS:
      return { kind: "drop-totals", key: reader.bytes().toString("latin1") };
    case MANIFEST:
    case REMOTE_MANIFEST:
      return {
        kind: "manifest",
        shard: shardUid(reader),
        flushedSequence: reader.varint(),
        removed: Array.from({ length: reader.varint() }, () =>
          toSegmentUid(new Uint8Array(reader.raw(16))),
        ),
        added: Array.from({ length: reader.varint() }, () => decodeSegmentEntry(reader)),
      };
    case NEW_SHARD:
    case NEW_SEALED_SHARD:
      return {
        kind: "new-shard",
        shard: shardUid(reader),
        collectionNumber: reader.varint(),
        keySlot: kind === NEW_SHARD ? 0 : reader.varint(),
      };
    case KEY_SLOT:
      return { kind: "key-slot", slot: reader.varint() };
    case DROP_SHARD:
      return { kind: "drop-shard", shard: shardUid(reader) };
    case QUARANTINE:
      return { kind: "quarantine", shard: shardUid(reader), reason: reader.string() };
    default:
      throw new InsulaError(
        "format_unsupported",
        `Cannot read a catalogue frame: unknown change ${String(kind)}.`,
      );
  }
}

function shardUid(reader: ByteReader): ShardUid {
  return toShardUid(new Uint8Array(reader.raw(16)));
}
