/** The object store that a person named, with the usual variables. */
import { resolve } from "node:path";
import { openStore } from "../backup/index.ts";
import { NodeFileSystem, type Clock, type ObjectStore, type Random } from "../io/index.ts";

/** @throws InsulaError `setting_invalid`, `backup_not_found` */
export function openTarget(
  target: string,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  isCreating: boolean,
): Promise<ObjectStore> {
  const openFolder = (folder: string): NodeFileSystem => new NodeFileSystem(folder);
  return openStore(target, { clock, random, environment: process.env, openFolder }, isCreating);
}

/** Also understood from another folder: by a server, or by a later start. */
export function toTarget(target: string): string {
  return target.includes("://") ? target : resolve(target);
}
