/**
 * Writes one backup: segments that the store has not, bundles of small ones and of frames, the
 * lines, the index, and last the manifest. Whatever is interrupted before leaves objects that no
 * manifest names and that the next backup finds or passes over.
 *
 * Layout: docs/formats/backup.md.
 */
import { toHex } from "../base/brands.ts";
import type { Pace } from "../base/pace.ts";
import { sha256InTurns } from "../base/sha256.ts";
import type { ObjectStore, Random } from "../io/index.ts";
import { encodeEntry, type BackupEntry, type BackupPath } from "./backup-entry.ts";
import {
  encodeIndex,
  encodeManifest,
  indexKey,
  manifestKey,
  objectListKey,
  partKey,
  rootKeyOf,
  sha256Hex,
  type BackupManifest,
  type BackupPart,
} from "./backup-manifest.ts";
import { sealObject, type BackupKeys } from "./backup-seal.ts";
import { encodeObjectList } from "./object-list.ts";
import { PriorBackup } from "./prior-backup.ts";
import { PutQueue } from "./put-queue.ts";
import type { SegmentImage, ShardImage } from "./shard-image.ts";
import type { StoredExtent, StoredSegment, StoredShard, StoredTail } from "./stored-shard.ts";

/** Segments below this share an object: a put costs more than their bytes. */
const BUNDLED_BYTES_MAX = 262_144;
/** A bundle, and a part of the lines, is finished at this size. */
const OBJECT_BYTES = 8_388_608;
export interface BackupWriterOptions {
  readonly store: ObjectStore;
  readonly random: Random;
  /** Of the thread, while bytes are hashed. */
  readonly pace: Pace;
  readonly id: string;
  readonly createdAtMs: number;
  /** Names in the path of what is backed up; 0 for everything. */
  readonly depth: number;
  /** Of a data folder with keys. */
  readonly seal:
    | { readonly folder: string; readonly rootFile: Uint8Array; readonly keys: BackupKeys }
    | undefined;
  /** The newest backup of the same folder; what it has is not sent again. */
  readonly prior: PriorBackup;
}

/** A line before its shard's bytes are in the store. */
export type NewEntry =
  | Exclude<BackupEntry, { readonly shard: unknown }>
  | (Omit<Extract<BackupEntry, { kind: "collection" }>, "shard"> & {
      readonly shard: ShardImage | undefined;
    })
  | (Omit<Extract<BackupEntry, { kind: "tenant" }>, "shard"> & { readonly shard: ShardImage });

export class BackupWriter {
  readonly #options: BackupWriterOptions;
  readonly #puts: PutQueue;
  readonly #parts: BackupPart[] = [];
  /** Names of those that hold the bytes of segments and frames. */
  readonly #objects = new Set<string>();
  readonly #counts = { databases: 0, collections: 0, tenants: 0, records: 0, bytes: 0, damaged: 0 };
  #lines: Uint8Array[] = [];
  #lineBytes = 0;
  #firstPath: BackupPath = [];
  #bundle: Uint8Array[] = [];
  #bundleBytes = 0;
  #bundleCount = 0;

  constructor(options: BackupWriterOptions) {
    this.#options = options;
    this.#puts = new PutQueue(options.store);
  }

  /** Bytes of segments and frames so far, sent or found. */
  get bytes(): number {
    return this.#counts.bytes;
  }

  get tenants(): number {
    return this.#counts.tenants;
  }

  /** In the order of {@link comparePaths}. */
  async add(entry: NewEntry): Promise<void> {
    if (entry.kind === "setting" || entry.kind === "database") {
      if (entry.kind === "database") this.#counts.databases++;
      return this.#addLine(entry);
    }
    const image = entry.shard;
    const shard = image === undefined ? undefined : await this.#storeShard(entry.path, image);
    if (entry.kind === "collection") {
      this.#counts.collections++;
      return this.#addLine({ ...entry, shard });
    }
    this.#counts.tenants++;
    if (shard !== undefined) await this.#addLine({ ...entry, shard });
  }

  /** Told of what cannot be backed up because it is out of service. */
  noteDamaged(): void {
    this.#counts.damaged++;
  }

  /** The backup exists when the promise resolves. */
  async finish(): Promise<BackupManifest> {
    const { id, createdAtMs, depth, seal, store } = this.#options;
    await this.#putPart();
    await this.#putBundle();
    const index = this.#seal(encodeIndex(this.#parts), "index");
    await this.#puts.add(indexKey(id), index);
    await this.#puts.add(objectListKey(id), encodeObjectList(this.#objects));
    if (seal !== undefined) await this.#puts.add(rootKeyOf(id), seal.rootFile);
    await this.#puts.settle();
    const manifest: BackupManifest = {
      id,
      createdAtMs,
      depth,
      folder: seal?.folder ?? "",
      index: { bytes: index.length, sha256: sha256Hex(index) },
      ...this.#counts,
      bytesSent: this.#puts.bytesSent,
    };
    await store.putIfAbsent(manifestKey(id), encodeManifest(manifest));
    return manifest;
  }

  async #storeShard(path: BackupPath, image: ShardImage): Promise<StoredShard> {
    const { uid, sequence, flushedSequence, rowCount, byteCount } = image;
    const prior = await this.#options.prior.find(path);
    const known = new Map(prior?.segments.map((stored) => [toHex(stored.segment), stored]));
    const segments: StoredSegment[] = [];
    for (const segment of image.segments) {
      const { shard, sequenceMax, deadRows, key, bytes } = segment;
      const extents =
        known.get(toHex(segment.segment))?.extents ?? (await this.#storeSegment(segment));
      const { rowCount: rows, segment: of } = segment;
      segments.push({
        segment: of,
        shard,
        rowCount: rows,
        sequenceMax,
        deadRows,
        key,
        bytes,
        extents,
      });
      this.#counts.bytes += bytes;
      for (const { object } of extents) this.#objects.add(object);
    }
    const isSame =
      prior !== undefined &&
      toHex(prior.uid) === toHex(uid) &&
      prior.sequence === sequence &&
      prior.flushedSequence === flushedSequence;
    const tail = isSame ? prior.tail : await this.#storeTail(image);
    this.#counts.bytes += tail?.extent.bytes ?? 0;
    if (tail !== undefined) this.#objects.add(tail.extent.object);
    this.#counts.records += rowCount;
    return { uid, sequence, flushedSequence, rowCount, byteCount, segments, tail };
  }

  async #storeSegment(image: SegmentImage): Promise<readonly StoredExtent[]> {
    const extents: StoredExtent[] = [];
    for await (const piece of image.read()) {
      if (image.bytes < BUNDLED_BYTES_MAX) {
        extents.push(await this.#addToBundle(piece));
      } else {
        const number = String(extents.length).padStart(6, "0");
        const object = `segments/${toHex(image.segment)}/${number}`;
        await this.#puts.add(object, piece);
        extents.push({ object, offset: 0, bytes: piece.length, sha256: await this.#hash(piece) });
      }
    }
    return extents;
  }

  async #storeTail(image: ShardImage): Promise<StoredTail | undefined> {
    const frames = await image.tail();
    if (frames.length === 0) return undefined;
    const payload = Buffer.concat(frames.map((frame) => frame.payload));
    const extent = await this.#addToBundle(this.#seal(payload, `tail ${toHex(image.uid)}`));
    return {
      backup: this.#options.id,
      extent,
      frames: frames.map(({ sequence, payload: { length } }) => ({ sequence, bytes: length })),
    };
  }

  async #addToBundle(bytes: Uint8Array): Promise<StoredExtent> {
    if (this.#bundleBytes > 0 && this.#bundleBytes + bytes.length > OBJECT_BYTES) {
      await this.#putBundle();
    }
    const object = this.#bundleKey();
    const extent = {
      object,
      offset: this.#bundleBytes,
      bytes: bytes.length,
      sha256: await this.#hash(bytes),
    };
    this.#bundle.push(bytes);
    this.#bundleBytes += bytes.length;
    return extent;
  }

  #bundleKey(): string {
    return `bundles/${this.#options.id}/${String(this.#bundleCount).padStart(8, "0")}`;
  }

  async #putBundle(): Promise<void> {
    if (this.#bundleBytes === 0) return;
    await this.#puts.add(this.#bundleKey(), Buffer.concat(this.#bundle));
    this.#bundle = [];
    this.#bundleBytes = 0;
    this.#bundleCount++;
  }

  async #addLine(entry: BackupEntry): Promise<void> {
    const line = encodeEntry(entry);
    if (this.#lineBytes > 0 && this.#lineBytes + line.length > OBJECT_BYTES) await this.#putPart();
    if (this.#lines.length === 0) this.#firstPath = entry.path;
    this.#lines.push(line);
    this.#lineBytes += line.length;
  }

  async #putPart(): Promise<void> {
    if (this.#lines.length === 0) return;
    const number = this.#parts.length;
    const sealed = this.#seal(Buffer.concat(this.#lines), `part ${String(number)}`);
    await this.#puts.add(partKey(this.#options.id, number), sealed);
    this.#parts.push({
      bytes: sealed.length,
      sha256: await this.#hash(sealed),
      first: this.#firstPath,
    });
    this.#lines = [];
    this.#lineBytes = 0;
  }

  #hash(bytes: Uint8Array): Buffer | Promise<Buffer> {
    return sha256InTurns(bytes, this.#options.pace);
  }

  #seal(bytes: Uint8Array, purpose: string): Uint8Array {
    const { id, seal, random } = this.#options;
    return sealObject(bytes, { backup: id, purpose }, { keys: seal?.keys, random });
  }
}
