/** The store that requests may back up to and restore from: the one of the settings, no other. */
import { resolve } from "node:path";
import { listBackups, openStore, removeBackup, toBackupInfo } from "../backup/index.ts";
import type { BackupDoor } from "../dialects/index.ts";
import type { Engine } from "../engine/api.ts";
import { NodeFileSystem, type Clock, type ObjectStore, type Random } from "../io/index.ts";

export function openBackupDoor(
  setting: string,
  engine: Engine,
  doors: { readonly clock: Clock; readonly random: Random },
): BackupDoor {
  // Whoever asks may work in another folder than the server.
  const target = setting.includes("://") ? setting : resolve(setting);
  const open = (isCreating: boolean): Promise<ObjectStore> =>
    openStore(
      target,
      {
        ...doors,
        environment: process.env,
        openFolder: (folder) => new NodeFileSystem(folder),
      },
      isCreating,
    );
  return {
    target,
    list: async () => (await listBackups(await open(false))).map(toBackupInfo),
    backup: async (scope) => engine.backup(await open(true), scope),
    restore: async (options) => engine.restore(await open(false), options),
    remove: async (id) => removeBackup(await open(false), id),
  };
}
