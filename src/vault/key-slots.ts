/**
 * Keys that are made in advance and handed out one after the other.
 *
 * Why in advance: a new tenant must have its key on disk before its first byte is sealed with it,
 * and must not wait for a sync of its own. A file of 1,023 keys costs one sync for all of them.
 *
 * A key costs one read, of the page it lies in; those of its neighbours, which were made with it
 * and often wake with it, cost none while the page is kept. An erasure takes pages and keys out of
 * memory after the slots are zeros, and what was read meanwhile is not kept.
 */
import { CIPHER_KEY_BYTES, NONCE_BYTES } from "../base/cipher.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Clock, FileHandles, FileSystem, Random } from "../io/index.ts";
import type { RootKey } from "./root-file.ts";
import {
  SLOTS_PER_FILE,
  SLOT_BYTES,
  SLOT_HEADER_BYTES,
  decodeSlot,
  encodeSlot,
  encodeSlotHeader,
  findSlotHeaderFault,
  firstSlot,
  slotFileNumber,
  slotFilePath,
  slotPlace,
} from "./slot-file.ts";

/** Keys of used slots kept in memory, about 200 bytes each. */
const CACHED_KEYS_MAX = 8_192;
/** Slots read in one call: what the system reads from a disk in any case. */
const PAGE_BYTES = 4_096;
const PAGES_PER_FILE = (SLOT_HEADER_BYTES + SLOTS_PER_FILE * SLOT_BYTES) / PAGE_BYTES;
/** Pages kept, 1 MiB. */
const CACHED_PAGES_MAX = 256;
/** Keys wrapped before the thread is given back: about 2 ms. */
const MAKE_STEP_SLOTS = 256;
/** The next file is made when this many slots are left. */
const REFILL_SLOTS = 512;

export interface KeySlotDoors {
  readonly fileSystem: FileSystem;
  /** Of the same file system. */
  readonly files: FileHandles;
  readonly random: Random;
  readonly clock: Pick<Clock, "yield">;
}

export class KeySlots {
  readonly #doors: KeySlotDoors;
  readonly #root: RootKey;
  readonly #keys = new LruMap<number, Uint8Array>(CACHED_KEYS_MAX);
  /** As they are on disk, read or being read, by {@link pageName}. */
  readonly #pages = new LruMap<number, Promise<Uint8Array>>(CACHED_PAGES_MAX);
  /** Slots may have been overwritten so often: what was read before is not kept. */
  #erasures = 0;
  /** Last slot that is on disk. */
  #made: number;
  #next = 1;
  #making: Promise<void> | undefined;
  /** Files made or changed; kept while somebody wants to know. */
  #changes: Set<string> | undefined;
  /** A file that was found may be one whose name an earlier life failed to make durable. */
  #isFolderSynced = false;
  /** Files whose format was looked at. */
  readonly #known = new Set<number>();

  private constructor(doors: KeySlotDoors, root: RootKey, made: number) {
    this.#doors = doors;
    this.#root = root;
    this.#made = made;
  }

  static async open(doors: KeySlotDoors, root: RootKey): Promise<KeySlots> {
    const names = await doors.fileSystem.listFolder("keys");
    const files = names.reduce((most, name) => Math.max(most, slotFileNumber(name) ?? 0), 0);
    const slots = new KeySlots(doors, root, files * SLOTS_PER_FILE);
    // The newest is the one a newer version would have begun.
    if (files > 0) await slots.#requireFormat(files);
    return slots;
  }

  /** No slot below `slot` is handed out: those may be in use. Call before the first `take`. */
  startAt(slot: number): void {
    this.#next = Math.max(this.#next, slot);
  }

  /** A slot nobody had before; its key is durable. */
  async take(): Promise<number> {
    if (!this.#isFolderSynced) {
      await this.#doors.fileSystem.syncFolder("keys");
      this.#isFolderSynced = true;
    }
    while (this.#next > this.#made) await this.#make();
    const slot = this.#next++;
    if (this.#made - slot < REFILL_SLOTS) this.#make().catch(() => undefined);
    return slot;
  }

  /**
   * @throws InsulaError `data_damaged` when the slot was erased or is damaged;
   *   `format_unsupported`.
   */
  async key(slot: number): Promise<Uint8Array> {
    const known = this.#keys.get(slot);
    if (known !== undefined) return known;
    const { file, offset } = slotPlace(slot);
    const erasures = this.#erasures;
    if (!this.#known.has(file)) await this.#requireFormat(file);
    const page = Math.floor(offset / PAGE_BYTES);
    const bytes = await this.#page(file, page);
    const start = offset - page * PAGE_BYTES;
    try {
      const key = decodeSlot(slot, bytes.subarray(start, start + SLOT_BYTES), this.#root);
      if (erasures === this.#erasures) this.#keys.set(slot, key);
      return key;
    } catch (error) {
      // A read can go astray: who tries again reads the disk again.
      this.#pages.delete(pageName(file, page));
      throw error;
    }
  }

  /** From here on {@link KeySlots.takeChanges} tells what changed. */
  watchChanges(): void {
    this.#changes ??= new Set();
  }

  /** Paths of slot files that were made, or had slots erased, since the last call. */
  takeChanges(): ReadonlySet<string> {
    const taken = this.#changes ?? new Set<string>();
    if (this.#changes !== undefined) this.#changes = new Set();
    return taken;
  }

  /** Overwrites the slots with zeros; nothing can open them when the promise resolves. */
  async erase(slots: readonly number[]): Promise<void> {
    const byFile = new Map<number, number[]>();
    for (const slot of slots) {
      const { file, offset } = slotPlace(slot);
      const offsets = byFile.get(file);
      if (offsets === undefined) byFile.set(file, [offset]);
      else offsets.push(offset);
    }
    try {
      for (const [file, offsets] of byFile) await this.#zero(file, offsets);
    } finally {
      // Last: what was read and kept while they were overwritten goes too.
      this.#erasures++;
      for (const slot of slots) this.#forget(slot);
    }
  }

  #forget(slot: number): void {
    this.#keys.delete(slot);
    const { file, offset } = slotPlace(slot);
    this.#pages.delete(pageName(file, Math.floor(offset / PAGE_BYTES)));
  }

  async #zero(file: number, offsets: readonly number[]): Promise<void> {
    const { fileSystem } = this.#doors;
    const path = slotFilePath(file);
    if (!(await fileSystem.exists(path))) return;
    await this.#requireFormat(file);
    const opened = await fileSystem.openWrite(path);
    try {
      for (const offset of offsets) await opened.write(offset, new Uint8Array(SLOT_BYTES));
      await opened.sync();
      this.#changes?.add(path);
    } finally {
      await opened.close();
    }
  }

  /** Whoever asks while it is read waits for the same read. */
  async #page(file: number, page: number): Promise<Uint8Array> {
    const name = pageName(file, page);
    const known = this.#pages.get(name);
    if (known !== undefined) return known;
    const reading = this.#readPage(file, page);
    this.#pages.set(name, reading);
    try {
      return await reading;
    } catch (error) {
      if (this.#pages.get(name) === reading) this.#pages.delete(name);
      throw error;
    }
  }

  async #readPage(file: number, page: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(PAGE_BYTES);
    const part = this.#doors.files.source([slotFilePath(file)], page * PAGE_BYTES, PAGE_BYTES);
    return bytes.subarray(0, await part.read(0, bytes));
  }

  /** Nothing is read from, or written over, what another version laid out. */
  async #requireFormat(file: number): Promise<void> {
    if (this.#known.has(file)) return;
    const first = await this.#page(file, 0);
    findSlotHeaderFault(first.subarray(0, SLOT_HEADER_BYTES), file, this.#root);
    this.#known.add(file);
  }

  #make(): Promise<void> {
    this.#making ??= this.#makeFile().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #makeFile(): Promise<void> {
    const { fileSystem, random, clock } = this.#doors;
    const file = this.#made / SLOTS_PER_FILE + 1;
    const parts = [encodeSlotHeader(file, this.#root)];
    const start = firstSlot(file);
    for (let slot = start; slot < start + SLOTS_PER_FILE; slot++) {
      const key = random.bytes(CIPHER_KEY_BYTES);
      parts.push(encodeSlot(slot, key, this.#root, random.bytes(NONCE_BYTES)));
      if (slot % MAKE_STEP_SLOTS === 0) await clock.yield();
    }
    await fileSystem.replaceWhole(slotFilePath(file), Buffer.concat(parts), { mode: 0o600 });
    this.#changes?.add(slotFilePath(file));
    this.#known.add(file);
    this.#made = start + SLOTS_PER_FILE - 1;
  }
}

function pageName(file: number, page: number): number {
  return file * PAGES_PER_FILE + page;
}
