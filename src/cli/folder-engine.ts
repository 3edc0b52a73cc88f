/** Opens the engine on a data folder with the real doors to files, time and chance. */
import { existsSync } from "node:fs";
import { openEngine } from "../engine/index.ts";
import type { Engine } from "../engine/api.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../io/index.ts";
import type { EngineHooks, ServerConfig } from "../server/index.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";

/** The doors of one process on one data folder. */
export interface FolderDoors {
  readonly files: NodeFileSystem;
  readonly clock: NodeClock;
  readonly random: NodeRandom;
}

export function openDoors(dataDir: string): FolderDoors {
  return { files: new NodeFileSystem(dataDir), clock: new NodeClock(), random: new NodeRandom() };
}

/** @throws CommandError when there is no such folder. */
export function requireFolder(dataDir: string): void {
  if (existsSync(dataDir)) return;
  throw new CommandError(
    EXIT_CODES.notFound,
    `There is no data folder ${dataDir}.`,
    "Start a server with `insula serve`, name another folder with --data-dir, or a server with --url.",
  );
}

/**
 * Takes the folder for this process.
 *
 * @throws InsulaError `data_folder_locked`, `data_damaged`, `format_unsupported`.
 */
export function openFolderEngine(
  doors: FolderDoors,
  settings: Pick<ServerConfig, "memoryBudget" | "workerCount">,
  hooks?: EngineHooks,
): Promise<Engine> {
  const { memoryBudget, workerCount } = settings;
  return openEngine({
    ...doors,
    ...hooks,
    ...(memoryBudget !== undefined && { memoryBudget }),
    ...(workerCount !== undefined && { workerCount }),
  });
}
