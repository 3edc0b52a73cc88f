/** Backups, restores and copies of a session: by the engine here, or asked of a server. */
import { listBackups, toBackupInfo } from "../backup/index.ts";
import type {
  BackupInfo,
  BackupScope,
  CopyProgress,
  Engine,
  RestoreOptions,
  RestoreSummary,
  TenantInfo,
  TenantPlace,
} from "../engine/api.ts";
import type { FolderDoors } from "./folder-engine.ts";
import { openTarget, toTarget } from "./open-target.ts";

export interface SessionCopies {
  /** @param target a folder, or `s3://BUCKET/PREFIX`. */
  backup(
    target: string,
    scope: BackupScope,
    onProgress: (progress: CopyProgress) => void,
  ): Promise<BackupInfo>;
  /** Oldest first. */
  listBackups(target: string): Promise<readonly BackupInfo[]>;
  restore(target: string, options: RestoreOptions): Promise<RestoreSummary>;
  copyTenant(source: TenantPlace, target: TenantPlace): Promise<TenantInfo>;
  /** @param object of an offload in the store of offloaded tenants. */
  adoptTenant(object: string, target: TenantPlace): Promise<TenantInfo>;
}

export function createCopies(engine: Engine, doors: FolderDoors): SessionCopies {
  return {
    backup: async (target, scope, onProgress) =>
      engine.backup(await openTarget(target, doors, true), { ...scope, onProgress }),
    listBackups: (target) => listOf(target, doors),
    restore: async (target, options) =>
      engine.restore(await openTarget(target, doors, false), options),
    copyTenant: (source, target) => engine.copyTenant(source, target),
    adoptTenant: (object, target) => engine.adoptTenant(object, target),
  };
}

/** A server opens no store but its own; a key of its folder stays where it is. */
export function createRemoteCopies(
  send: (path: string, body?: object) => Promise<unknown>,
): SessionCopies {
  return {
    backup: async (target, scope) =>
      (await send("backups", { ...scope, store: toTarget(target) })) as BackupInfo,
    listBackups: async () =>
      ((await send("backups")) as { readonly items: readonly BackupInfo[] }).items,
    restore: async (target, { backup, atMs, database, collection, tenant, as }) =>
      (await send("restores", {
        ...{ backup, atMs, database, collection, tenant, as },
        store: toTarget(target),
      })) as RestoreSummary,
    copyTenant: async (from, to) => (await send("copies", { from, to })) as TenantInfo,
    adoptTenant: async (object, to) => (await send("adoptions", { object, to })) as TenantInfo,
  };
}

/** Needs no data folder. */
export async function listOf(
  target: string,
  doors: Pick<FolderDoors, "clock" | "random">,
): Promise<readonly BackupInfo[]> {
  return (await listBackups(await openTarget(target, doors, false))).map(toBackupInfo);
}
