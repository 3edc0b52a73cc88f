/** Opens the engine on a data folder with the real doors to files, time and chance. */
import {
  findMasterKey,
  offloadTarget,
  openEngine,
  type EngineOptions,
  type FolderReadOptions,
  type MasterKeySource,
} from "../engine/index.ts";
import type { Engine } from "../engine/api.ts";
import { FOREIGN_VARIABLES } from "./environment.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../io/index.ts";
import { openTarget, toTarget } from "./open-target.ts";
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
 * Doors of who only looks, with the master key as the settings say it.
 *
 * @throws InsulaError `setting_invalid`.
 */
export async function openReadDoors(dataDir: string): Promise<FolderReadOptions & FolderDoors> {
  const { loadConfig } = await import("../server/index.ts");
  const masterKey = await findMasterKey(
    loadConfig({
      flags: { dataDir },
      environment: process.env,
      foreignVariables: FOREIGN_VARIABLES,
    }),
  );
  return { ...openDoors(dataDir), ...(masterKey !== undefined && { masterKey }) };
}

/**
 * Takes the folder for this process.
 *
 * @throws InsulaError `data_folder_locked`, `data_damaged`, `format_unsupported`,
 *   `master_key_missing`, `master_key_wrong`, `setting_invalid`.
 */
export async function openFolderEngine(
  doors: FolderDoors,
  settings: Pick<
    ServerConfig,
    | "memoryBudget"
    | "workerCount"
    | "compactionBytesPerSecond"
    | "encryption"
    | "diskReserve"
    | "scrubRate"
    | "recallProbeShare"
  > &
    Partial<Pick<ServerConfig, "mirrorTo" | "mirrorIntervalMs" | "mirrorRetentionMs">> &
    Partial<Pick<ServerConfig, "offloadTo" | "offloadGraceMs">> &
    MasterKeySource,
  hooks?: EngineHooks,
): Promise<Engine> {
  const {
    memoryBudget,
    workerCount,
    compactionBytesPerSecond,
    diskReserve,
    scrubRate,
    recallProbeShare,
    offloadTo,
  } = settings;
  const masterKey = await findMasterKey(settings);
  const mirror = await openMirrorStore(settings, doors);
  return openEngine({
    ...doors,
    ...(mirror !== undefined && { mirror }),
    openRemote: (target) => openTarget(target, doors, false),
    ...(offloadTo !== undefined && {
      offload: {
        ...offloadTarget(offloadTo, doors),
        ...(settings.offloadGraceMs !== undefined && { graceMs: settings.offloadGraceMs }),
      },
    }),
    ...hooks,
    scrubBytesPerSecond: scrubRate,
    recallProbeShare,
    ...(diskReserve !== undefined && { diskReserveBytes: diskReserve }),
    isSealing: settings.encryption === "on",
    ...(masterKey !== undefined && { masterKey }),
    ...(memoryBudget !== undefined && { memoryBudget }),
    ...(workerCount !== undefined && { workerCount }),
    ...(compactionBytesPerSecond !== undefined && { compactionBytesPerSecond }),
  });
}

async function openMirrorStore(
  {
    mirrorTo,
    mirrorIntervalMs,
    mirrorRetentionMs,
  }: Partial<Pick<ServerConfig, "mirrorTo" | "mirrorIntervalMs" | "mirrorRetentionMs">>,
  doors: FolderDoors,
): Promise<EngineOptions["mirror"]> {
  if (mirrorTo === undefined) return undefined;
  return {
    store: await openTarget(toTarget(mirrorTo), doors, true),
    ...(mirrorIntervalMs !== undefined && { intervalMs: mirrorIntervalMs }),
    ...(mirrorRetentionMs !== undefined && { retentionMs: mirrorRetentionMs }),
  };
}
