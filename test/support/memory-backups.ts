/** Backups of an engine in a store in memory, for dialects that are given a door to them. */
import { listBackups, removeBackup, toBackupInfo } from "../../src/backup/index.ts";
import type { BackupDoor } from "../../src/dialects/index.ts";
import type { Engine } from "../../src/engine/api.ts";
import { MemoryObjectStore } from "../../src/io/index.ts";

export class MemoryBackups {
  readonly store: MemoryObjectStore = new MemoryObjectStore();
  /** Awaited before each copy; a test puts a promise here to hold copies back, or to fail them. */
  gate: Promise<void> = Promise.resolve();

  /** Ids of those in the store. */
  async ids(): Promise<readonly string[]> {
    return (await listBackups(this.store)).map(({ id }) => id);
  }

  doorOf(engine: Engine): BackupDoor {
    const { store } = this;
    return {
      target: "memory",
      list: async () => (await listBackups(store)).map(toBackupInfo),
      backup: async (scope) => {
        await this.gate;
        return engine.backup(store, scope);
      },
      restore: async (options) => {
        await this.gate;
        return engine.restore(store, options);
      },
      remove: (id) => removeBackup(store, id),
    };
  }
}
