/**
 * Small segments in shared append-only files: a folder and files of its own would cost a small
 * tenant 12 kB and three inodes, a pack costs it a 48-byte header. Layout: docs/formats/pack.md.
 *
 * Appends that arrive while a sync runs share the next one. A pack is never appended to after a
 * crash or a failed write: a new one is begun. What a pack still holds for whom is known to the
 * manifests; an entry that none names is dead.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";
import { assert, InsulaError } from "../base/errors.ts";
import type { FileSystem, SyncedFile } from "../io/index.ts";

/** ON DISK: "INSP" read as a little-endian number. */
const ENTRY_MAGIC = 0x5053_4e49;
/** ON DISK. */
export const PACK_ENTRY_HEADER_BYTES = 48;
/** ON DISK: entries begin at a multiple of this. */
const ENTRY_ALIGN_BYTES = 8;
/** A pack is finished at this size. */
export const PACK_BYTES_MAX = 67_108_864;
/** Bytes written with one sync. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024;
const FOLDER = "pack";

export interface PackEntry {
  readonly segment: Uint8Array;
  readonly shard: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Where the bytes of a segment are in a pack; the entry header lies in front. */
export interface PackExtent {
  readonly pack: number;
  readonly offset: number;
  readonly length: number;
}

interface Waiting {
  readonly entry: PackEntry;
  readonly resolve: (extent: PackExtent) => void;
  readonly reject: (error: unknown) => void;
}

export interface PackStoreOptions {
  readonly fileSystem: FileSystem;
  readonly packBytesMax?: number;
}

export function packPath(pack: number): string {
  return `${FOLDER}/${String(pack).padStart(10, "0")}.pack`;
}

export class PackStore {
  /** A pack is finished at this size. */
  readonly packBytesMax: number;
  readonly #fileSystem: FileSystem;
  readonly #waiting: Waiting[] = [];
  /**
   * Entries by pack that are written and of which nobody knows yet whether a manifest names them.
   */
  readonly #unsettled = new Map<number, number>();
  /** Durable bytes of packs that grew, 0 of those that went; kept while somebody wants to know. */
  #changes: Map<number, number> | undefined;
  #running: Promise<void> | undefined;
  #packNext: number;
  #file: SyncedFile | undefined;
  #pack = 0;
  #end = 0;

  private constructor(options: PackStoreOptions, packNext: number) {
    this.#fileSystem = options.fileSystem;
    this.packBytesMax = options.packBytesMax ?? PACK_BYTES_MAX;
    this.#packNext = packNext;
  }

  /** Lists the packs' names, which are few; opens none. */
  static async open(options: PackStoreOptions): Promise<PackStore> {
    const names = await options.fileSystem.listFolder(FOLDER);
    const numbers = names.map((name) => Number.parseInt(name, 10)).filter(Number.isSafeInteger);
    return new PackStore(options, numbers.reduce((a, b) => Math.max(a, b), 0) + 1);
  }

  /**
   * Durable when the promise resolves. The bytes must stay unchanged until then. The caller calls
   * {@link PackStore.settle} when a manifest names the entry, or when none will.
   *
   * @throws InsulaError `disk_full`, `io_failed`; the entry is in no manifest, so nothing is half
   *   done.
   */
  async append(entry: PackEntry): Promise<PackExtent> {
    const { segment, shard, bytes } = entry;
    assert(segment.length === 16 && shard.length === 16, "uids have 16 bytes");
    assert(bytes.length <= PACK_BYTES_MAX, "an entry of a pack is at most as long as a pack");
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      this.#running ??= this.#drive();
    });
  }

  /** The entry of `pack` that was appended is named by a manifest, or none will name it. */
  settle(pack: number): void {
    const count = this.#unsettled.get(pack) ?? 0;
    if (count > 1) this.#unsettled.set(pack, count - 1);
    else this.#unsettled.delete(pack);
  }

  /**
   * True while the pack can still win live entries: it takes appends, or holds one whose manifest
   * is not written yet. Such a pack must not be removed, whatever the manifests say of it now.
   */
  isGrowing(pack: number): boolean {
    return this.#unsettled.has(pack) || (this.#file !== undefined && this.#pack === pack);
  }

  /** From here on {@link PackStore.takeChanges} tells what changed. */
  watchChanges(): void {
    this.#changes ??= new Map();
  }

  /** Packs that changed since the last call, with their durable bytes; 0 for those removed. */
  takeChanges(): ReadonlyMap<number, number> {
    const taken = this.#changes ?? new Map<number, number>();
    if (this.#changes !== undefined) this.#changes = new Map();
    return taken;
  }

  /**
   * Removes a pack that no manifest names; durable when the promise resolves, so that its row may be
   * forgotten: nobody would look for a pack that a power cut brought back.
   */
  async remove(pack: number): Promise<void> {
    await this.#fileSystem.unlink(packPath(pack));
    await this.#fileSystem.syncFolder(FOLDER);
    this.#changes?.set(pack, 0);
  }

  /** Waits for appends under way. */
  async close(): Promise<void> {
    await this.#running;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #drive(): Promise<void> {
    // A turn later, so that what is asked for together is written together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        const extents = await this.#writeGroup(group.map(({ entry }) => entry));
        for (const [i, { resolve, reject }] of group.entries()) {
          const extent = extents[i];
          if (extent === undefined)
            reject(new InsulaError("invariant_broken", "An entry has no extent."));
          else resolve(extent);
        }
      } catch (error) {
        // Nobody knows what of the group is on the medium: nothing more is written behind it.
        await this.#file?.close().catch(() => undefined);
        this.#file = undefined;
        for (const { reject } of group) reject(error);
      }
    }
    this.#running = undefined;
  }

  #takeGroup(): readonly Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { entry } of this.#waiting) {
      if (count > 0 && bytes + entry.bytes.length > GROUP_BYTES_MAX) break;
      bytes += entry.bytes.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #writeGroup(entries: readonly PackEntry[]): Promise<readonly PackExtent[]> {
    const file = await this.#openFile();
    const start = this.#end;
    const parts: Uint8Array[] = [];
    const extents: PackExtent[] = [];
    let offset = start;
    for (const entry of entries) {
      const padding =
        (ENTRY_ALIGN_BYTES - (entry.bytes.length % ENTRY_ALIGN_BYTES)) % ENTRY_ALIGN_BYTES;
      const header = encodeEntryHeader(entry, placeCrc(this.#pack, offset));
      parts.push(header, entry.bytes, new Uint8Array(padding));
      offset += PACK_ENTRY_HEADER_BYTES;
      extents.push({ pack: this.#pack, offset, length: entry.bytes.length });
      offset += entry.bytes.length + padding;
    }
    await file.writeAndSync(start, parts);
    this.#end = offset;
    this.#changes?.set(this.#pack, offset);
    // Before the file is left: from here on it is full, but not yet what the manifests say.
    this.#unsettled.set(this.#pack, (this.#unsettled.get(this.#pack) ?? 0) + entries.length);
    if (offset >= this.packBytesMax) {
      await file.close();
      this.#file = undefined;
    }
    return extents;
  }

  async #openFile(): Promise<SyncedFile> {
    if (this.#file !== undefined) return this.#file;
    await this.#fileSystem.makeFolder(FOLDER);
    if (this.#packNext === 1) await this.#fileSystem.syncFolder("");
    this.#pack = this.#packNext++;
    this.#end = 0;
    const file = await this.#fileSystem.openSynced(packPath(this.#pack));
    this.#file = file;
    await this.#fileSystem.syncFolder(FOLDER);
    return file;
  }
}

function encodeEntryHeader({ segment, shard, bytes }: PackEntry, place: number): Buffer {
  const writer = new ByteWriter(PACK_ENTRY_HEADER_BYTES).uint32(ENTRY_MAGIC).uint32(bytes.length);
  writer.raw(segment).raw(shard).uint32(crc32(bytes, place));
  return writer.uint32(crc32(writer.view(), place)).finish();
}

/** Start value of an entry's checksums: an entry in another place or pack fails. */
function placeCrc(pack: number, offset: number): number {
  return crc32(new ByteWriter(16).uint64(pack).uint64(offset).view());
}

export interface WalkedEntry {
  readonly segment: Uint8Array;
  readonly shard: Uint8Array;
  readonly offset: number;
  readonly length: number;
  readonly isDamaged: boolean;
}

/**
 * Every entry of a pack in order, verified; ends quietly at a torn end. For checks and cleaning.
 *
 * @param pack its number, which the checksums know.
 */
export function* walkPack(bytes: Uint8Array, pack: number): Iterable<WalkedEntry> {
  let at = 0;
  while (at + PACK_ENTRY_HEADER_BYTES <= bytes.length) {
    const header = bytes.subarray(at, at + PACK_ENTRY_HEADER_BYTES);
    const reader = new ByteReader(header);
    const place = placeCrc(pack, at);
    const magic = reader.uint32();
    const length = reader.uint32();
    const segment = Uint8Array.from(reader.raw(16));
    const shard = Uint8Array.from(reader.raw(16));
    const crc = reader.uint32();
    const isHeader =
      magic === ENTRY_MAGIC &&
      reader.uint32() === crc32(header.subarray(0, PACK_ENTRY_HEADER_BYTES - 4), place);
    const offset = at + PACK_ENTRY_HEADER_BYTES;
    if (!isHeader || offset + length > bytes.length) return;
    const isDamaged = crc32(bytes.subarray(offset, offset + length), place) !== crc;
    yield { segment, shard, offset, length, isDamaged };
    at = offset + length + ((ENTRY_ALIGN_BYTES - (length % ENTRY_ALIGN_BYTES)) % ENTRY_ALIGN_BYTES);
  }
}
