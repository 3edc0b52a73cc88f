/** The store of offloaded tenants, as a person names it. */
import { resolve } from "node:path";
import { openStore } from "../backup/index.ts";
import { NodeFileSystem, type Clock, type Random } from "../io/index.ts";
import type { OffloadSettings } from "./engine-options.ts";

/**
 * @param target a folder, which is made when it is first needed, or `s3://BUCKET/PREFIX` with the
 *   usual variables in the environment.
 */
export function offloadTarget(
  target: string,
  doors: { readonly clock: Clock; readonly random: Random },
): Pick<OffloadSettings, "open"> {
  // The folder of now: the program may work in another one when a tenant goes.
  const place = target.includes("://") ? target : resolve(target);
  const openFolder = (folder: string): NodeFileSystem => new NodeFileSystem(folder);
  return {
    open: () => openStore(place, { ...doors, environment: process.env, openFolder }, true),
  };
}
