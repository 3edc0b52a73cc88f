/** The store that requests may back up to and restore from: the one of the settings, no other. */
import { resolve } from "node:path";
import { WeightedGate } from "../base/weighted-gate.ts";
import { listBackups, openStore, removeBackup, toBackupInfo } from "../backup/index.ts";
import type { BackupDoor } from "../dialects/index.ts";
import type { Engine } from "../engine/api.ts";
import { NodeFileSystem, type Clock, type ObjectStore, type Random } from "../io/index.ts";

/** Far more than there are copies at once. */
const ALONE = 1_000_000;

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
  // What a copy finds in the store it may name: nothing is removed meanwhile.
  const gate = new WeightedGate(ALONE);
  return {
    target,
    list: async () => (await listBackups(await open(false))).map(toBackupInfo),
    backup: (scope) => gate.run(1, async () => engine.backup(await open(true), scope)),
    restore: (options) => gate.run(1, async () => engine.restore(await open(false), options)),
    remove: (id) => gate.run(ALONE, async () => removeBackup(await open(false), id)),
  };
}
