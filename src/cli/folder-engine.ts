/** Opens the engine on a data folder with the real doors to files, time and chance. */
import { openEngine } from "../engine/index.ts";
import type { Engine } from "../engine/api.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../io/index.ts";
import type { EngineHooks, ServerConfig } from "../server/index.ts";

/** The doors of one process on one data folder. */
export interface FolderDoors {
  readonly files: NodeFileSystem;
  readonly clock: NodeClock;
  readonly random: NodeRandom;
}

export function openDoors(dataDir: string): FolderDoors {
  return { files: new NodeFileSystem(dataDir), clock: new NodeClock(), random: new NodeRandom() };
}

/**
 * Takes the folder for this process.
 *
 * @throws InsulaError `data_folder_locked`, `data_damaged`, `format_unsupported`.
 */
export function openFolderEngine(
  doors: FolderDoors,
  settings: Pick<ServerConfig, "memoryBudget" | "workerCount" | "diskReserve" | "scrubRate">,
  hooks?: EngineHooks,
): Promise<Engine> {
  const { memoryBudget, workerCount, diskReserve, scrubRate } = settings;
  return openEngine({
    ...doors,
    ...hooks,
    scrubBytesPerSecond: scrubRate,
    ...(diskReserve !== undefined && { diskReserveBytes: diskReserve }),
    ...(memoryBudget !== undefined && { memoryBudget }),
    ...(workerCount !== undefined && { workerCount }),
  });
}
