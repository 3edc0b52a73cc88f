/**
 * Keys that are made in advance and handed out one after the other.
 *
 * Why in advance: a new tenant must have its key on disk before its first byte is sealed with it,
 * and must not wait for a sync of its own. A file of 1,023 keys costs one sync for all of them.
 */
import { CIPHER_KEY_BYTES, NONCE_BYTES } from "../base/cipher.ts";
import { InsulaError } from "../base/errors.ts";
import { LruMap } from "../base/lru-map.ts";
import type { Clock, FileSystem, Random } from "../io/index.ts";
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
/** Keys wrapped before the thread is given back: about 2 ms. */
const MAKE_STEP_SLOTS = 256;
/** The next file is made when this many slots are left. */
const REFILL_SLOTS = 512;

export interface KeySlotDoors {
  readonly fileSystem: FileSystem;
  readonly random: Random;
  readonly clock: Pick<Clock, "yield">;
}

export class KeySlots {
  readonly #doors: KeySlotDoors;
  readonly #root: RootKey;
  readonly #keys = new LruMap<number, Uint8Array>(CACHED_KEYS_MAX);
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
    await this.#requireFormat(file);
    const opened = await this.#doors.fileSystem.openRead(slotFilePath(file));
    if (opened === undefined) {
      throw new InsulaError(
        "data_damaged",
        `Cannot open the data: ${slotFilePath(file)} is missing.`,
      );
    }
    try {
      const bytes = new Uint8Array(SLOT_BYTES);
      await opened.read(offset, bytes);
      const key = decodeSlot(slot, bytes, this.#root);
      this.#keys.set(slot, key);
      return key;
    } finally {
      await opened.close();
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
      this.#keys.delete(slot);
      const { file, offset } = slotPlace(slot);
      await this.#requireFormat(file);
      const offsets = byFile.get(file);
      if (offsets === undefined) byFile.set(file, [offset]);
      else offsets.push(offset);
    }
    for (const [file, offsets] of byFile) await this.#zero(slotFilePath(file), offsets);
  }

  async #zero(path: string, offsets: readonly number[]): Promise<void> {
    const { fileSystem } = this.#doors;
    if (!(await fileSystem.exists(path))) return;
    const file = await fileSystem.openWrite(path);
    try {
      for (const offset of offsets) await file.write(offset, new Uint8Array(SLOT_BYTES));
      await file.sync();
      this.#changes?.add(path);
    } finally {
      await file.close();
    }
  }

  /** Nothing is read from, or written over, what another version laid out. */
  async #requireFormat(file: number): Promise<void> {
    if (this.#known.has(file)) return;
    const opened = await this.#doors.fileSystem.openRead(slotFilePath(file));
    if (opened === undefined) return;
    try {
      const header = new Uint8Array(SLOT_HEADER_BYTES);
      const count = await opened.read(0, header);
      findSlotHeaderFault(header.subarray(0, count), file, this.#root);
      this.#known.add(file);
    } finally {
      await opened.close();
    }
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
    this.#made = start + SLOTS_PER_FILE - 1;
  }
}
