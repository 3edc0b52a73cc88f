/**
 * What the backup before says of the shards that are backed up now. Both go through the names in
 * the same order, so one part of the older one is held at a time.
 */
import { isInsulaError } from "../base/errors.ts";
import { comparePaths, type BackupEntry, type BackupPath } from "./backup-entry.ts";
import type { BackupReader } from "./backup-reader.ts";
import type { StoredShard } from "./stored-shard.ts";

export class PriorBackup {
  readonly #entries: AsyncIterator<BackupEntry> | undefined;
  #current: BackupEntry | undefined;
  #isAtEnd: boolean;

  /** @param reader undefined when there is no backup before. */
  constructor(reader: BackupReader | undefined) {
    this.#entries = reader?.entries()[Symbol.asyncIterator]();
    this.#isAtEnd = reader === undefined;
  }

  /** To be asked with ascending paths. */
  async find(path: BackupPath): Promise<StoredShard | undefined> {
    for (;;) {
      if (this.#current === undefined) await this.#advance();
      const entry = this.#current;
      if (entry === undefined) return undefined;
      const order = comparePaths(entry.path, path);
      if (order > 0) return undefined;
      this.#current = undefined;
      if (order === 0 && (entry.kind === "collection" || entry.kind === "tenant")) {
        return entry.shard;
      }
    }
  }

  async #advance(): Promise<void> {
    if (this.#isAtEnd || this.#entries === undefined) return;
    try {
      const next = await this.#entries.next();
      if (next.done === true) this.#isAtEnd = true;
      else this.#current = next.value;
    } catch (error) {
      // The new backup does without: what it cannot find in the old one it sends.
      if (!isInsulaError(error) || error.code !== "data_damaged") throw error;
      this.#isAtEnd = true;
    }
  }
}
