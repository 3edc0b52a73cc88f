/**
 * The last object of an offloaded tenant, whose presence says that the copy is whole.
 *
 * Its body is sealed with a key that comes from the shard's, and the shard's key goes along,
 * wrapped as backups are: another data folder with the same master key reads it. So a copy is
 * erased when the shard's slot is overwritten and this one object is gone; everything else is noise
 * then.
 *
 * ON DISK: docs/formats/offload.md.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import {
  CIPHER_KEY_BYTES,
  NONCE_BYTES,
  SEAL_BYTES,
  deriveKey,
  openWhole,
  sealWhole,
} from "../base/cipher.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import type { Random } from "../io/index.ts";
import { objectDamaged, sha256 } from "./backup-manifest.ts";
import type { BackupKeys } from "./backup-seal.ts";
import type { BackupPath } from "./backup-entry.ts";
import { offloadManifestKey } from "./offload-place.ts";
import { decodeShard, encodeShard, type StoredShard } from "./stored-shard.ts";

/** ON DISK. */
const MAGIC = Buffer.from("INSO", "latin1");
const FORMAT_VERSION = 1;
const SEALED = 1;
const HASH_BYTES = 32;
/** Magic, version, flags, lengths of the two parts. */
const HEAD_BYTES = 4 + 4 + 4 + 4 + 4;
const WRAPPED_KEY_BYTES = CIPHER_KEY_BYTES + SEAL_BYTES;

export interface OffloadManifest {
  /** Where its objects lie; ends with "/". */
  readonly prefix: string;
  readonly createdAtMs: number;
  /** Names when it was offloaded: database, collection, tenant. */
  readonly path: BackupPath;
  /** Of the collection, in the catalogue's encoding. */
  readonly schema: Uint8Array;
  /** Of the tenant, in the catalogue's encoding. */
  readonly row: Uint8Array;
  /** Without a tail: everything is in segments. */
  readonly shard: StoredShard;
}

/** The keys of a sealed shard and of its folder. */
export interface OffloadSeal {
  /** The shard's own, 32 bytes. */
  readonly key: Uint8Array;
  /** The folder's root key as it lies there, wrapped by the master key. */
  readonly rootFile: Uint8Array;
  /** From the root key. */
  readonly keys: BackupKeys;
}

/** How a manifest is opened: with the shard's key, or with what its root file yields. */
export type OffloadKeys =
  | { readonly kind: "shard"; readonly key: Uint8Array | undefined }
  | { readonly kind: "root"; readonly open: (rootFile: Uint8Array) => BackupKeys };

/** @param inline segments that lie in the manifest's own object, one behind the other. */
export function encodeOffload(
  manifest: OffloadManifest,
  inline: readonly Uint8Array[],
  { seal, random }: { readonly seal: OffloadSeal | undefined; readonly random: Random },
): Uint8Array {
  const { prefix } = manifest;
  const plain = encodeBody(manifest);
  const keyPart = seal === undefined ? new Uint8Array(0) : wrapKey(prefix, seal, random);
  const body =
    seal === undefined
      ? plain
      : sealWhole(
          {
            key: bodyKey(seal.key),
            nonce: random.bytes(NONCE_BYTES),
            context: Buffer.from(prefix, "utf8"),
          },
          [plain],
        );
  const writer = new ByteWriter(HEAD_BYTES + keyPart.length + body.length + HASH_BYTES);
  writer
    .raw(MAGIC)
    .uint32(FORMAT_VERSION)
    .uint32(seal === undefined ? 0 : SEALED);
  writer.uint32(keyPart.length).uint32(body.length).raw(keyPart).raw(body);
  writer.raw(sha256(writer.view()));
  return Buffer.concat([writer.view(), ...inline]);
}

/**
 * @param bytes the whole object, or its first {@link offloadHeadBytes}.
 * @throws InsulaError `data_damaged`, `format_unsupported`, and what the keys throw.
 */
export function decodeOffload(
  prefix: string,
  bytes: Uint8Array,
  keys: OffloadKeys,
): OffloadManifest {
  const key = offloadManifestKey(prefix);
  const headBytes = offloadHeadBytes(key, bytes);
  const end = headBytes - HASH_BYTES;
  if (!sha256(bytes.subarray(0, end)).equals(bytes.subarray(end, headBytes))) {
    throw objectDamaged(key);
  }
  const reader = new ByteReader(bytes, MAGIC.length + 4);
  const isSealed = (reader.uint32() & SEALED) !== 0;
  const [keyBytes, bodyBytes] = [reader.uint32(), reader.uint32()];
  const keyPart = reader.raw(keyBytes);
  const body = reader.raw(bodyBytes);
  const plain = isSealed ? openBody(prefix, body, shardKeyOf(prefix, keyPart, keys)) : body;
  return decodeBody(prefix, plain, headBytes);
}

/** Bytes of the manifest without the segments behind it. */
function offloadHeadBytes(key: string, bytes: Uint8Array): number {
  if (bytes.length < HEAD_BYTES) throw objectDamaged(key);
  const reader = new ByteReader(bytes);
  if (!reader.raw(MAGIC.length).equals(MAGIC)) throw objectDamaged(key);
  const version = reader.uint32();
  if (version !== FORMAT_VERSION) throw otherFormat(`object ${key}`, FORMAT_VERSION, version);
  reader.skip(4);
  const headBytes = HEAD_BYTES + reader.uint32() + reader.uint32() + HASH_BYTES;
  if (headBytes > bytes.length) throw objectDamaged(key);
  return headBytes;
}

function encodeBody({ createdAtMs, path, schema, row, shard, prefix }: OffloadManifest): Buffer {
  const writer = new ByteWriter(512).float64(createdAtMs).varint(path.length);
  for (const name of path) writer.string(name);
  writer.bytes(schema).bytes(row);
  encodeShard(writer, { ...shard, segments: shard.segments.map((of) => shortened(of, prefix)) });
  return writer.finish();
}

function decodeBody(prefix: string, plain: Uint8Array, headBytes: number): OffloadManifest {
  const reader = new ByteReader(plain);
  const createdAtMs = reader.float64();
  const path = Array.from({ length: reader.varint() }, () => reader.string());
  const schema = new Uint8Array(reader.bytes());
  const row = new Uint8Array(reader.bytes());
  const stored = decodeShard(reader);
  const segments = stored.segments.map((segment) => ({
    ...segment,
    extents: segment.extents.map((extent) =>
      extent.object === ""
        ? { ...extent, object: offloadManifestKey(prefix), offset: extent.offset + headBytes }
        : { ...extent, object: prefix + extent.object },
    ),
  }));
  return { prefix, createdAtMs, path, schema, row, shard: { ...stored, segments } };
}

/** Objects are named below the prefix; the manifest's own is the empty name. */
function shortened(
  segment: StoredShard["segments"][number],
  prefix: string,
): StoredShard["segments"][number] {
  const extents = segment.extents.map((extent) => {
    if (extent.object === "") return extent;
    return { ...extent, object: extent.object.slice(prefix.length) };
  });
  return { ...segment, extents };
}

function bodyKey(shardKey: Uint8Array): Uint8Array {
  return deriveKey(shardKey, "insula offload");
}

/** Whose key it is, is part of the seal: a wrapped key fits no other shard. */
function wrapKey(prefix: string, { key, rootFile, keys }: OffloadSeal, random: Random): Buffer {
  const seal = {
    key: keys(keyNameOf(prefix)),
    nonce: random.bytes(NONCE_BYTES),
    context: Buffer.from(prefix, "utf8"),
  };
  return new ByteWriter(256)
    .bytes(rootFile)
    .raw(sealWhole(seal, [key]))
    .finish();
}

function shardKeyOf(prefix: string, keyPart: Uint8Array, keys: OffloadKeys): Uint8Array {
  if (keys.kind === "shard") {
    if (keys.key !== undefined) return keys.key;
    throw sealedOtherwise(prefix);
  }
  const reader = new ByteReader(keyPart);
  const root = keys.open(new Uint8Array(reader.bytes()));
  const wrapped = reader.raw(WRAPPED_KEY_BYTES);
  const context = Buffer.from(prefix, "utf8");
  const key = openWhole({ key: root(keyNameOf(prefix)), context }, wrapped);
  if (key === undefined) throw sealedOtherwise(prefix);
  return new Uint8Array(key);
}

function openBody(prefix: string, body: Uint8Array, key: Uint8Array): Uint8Array {
  const plain = openWhole({ key: bodyKey(key), context: Buffer.from(prefix, "utf8") }, body);
  if (plain !== undefined) return plain;
  throw sealedOtherwise(prefix);
}

/** Never equal to the name of a backup or a mirror. */
function keyNameOf(prefix: string): string {
  return `offload ${prefix}`;
}

function sealedOtherwise(prefix: string): InsulaError {
  const object = offloadManifestKey(prefix);
  return new InsulaError(
    "data_damaged",
    `Cannot read the offloaded tenant: object "${object}" was sealed with another key.`,
    { details: { object } },
  );
}
