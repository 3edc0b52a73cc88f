/** A data folder that a restore has left in part in its mirror. */
import { InsulaError } from "../base/errors.ts";
import {
  LazyFileSystem,
  mirrorKeyName,
  mirrorSeal,
  readRemoteSource,
  type RemoteSource,
} from "../mirror/index.ts";
import type { Vault } from "../vault/index.ts";
import type { EngineOptions } from "./node-context.ts";

export interface LazyFolder {
  /** Undefined when all files are here. */
  readonly lazy: LazyFileSystem | undefined;
  /** Begins to fetch; the keys must be known. @throws InsulaError `setting_invalid` */
  readonly start: (vault: Vault | undefined) => Promise<void>;
}

/** @throws InsulaError `data_damaged` when a restore was cut off. */
export async function openLazyFolder(options: EngineOptions): Promise<LazyFolder> {
  const { files, clock, onFault = (): void => undefined } = options;
  const source = await readRemoteSource(files);
  if (source === undefined) return { lazy: undefined, start: () => Promise.resolve() };
  const lazy = await LazyFileSystem.open({ files, clock, onFault });
  return { lazy, start: (vault) => start(options, source, { lazy, vault }) };
}

async function start(
  { openRemote, random }: EngineOptions,
  { target, mirror, isSealed }: RemoteSource,
  { lazy, vault }: { readonly lazy: LazyFileSystem; readonly vault: Vault | undefined },
): Promise<void> {
  if (openRemote === undefined) {
    throw new InsulaError(
      "setting_invalid",
      `Cannot open the data: some of them are still in their mirror, ${target}, and this program ` +
        "has no way to it. Start `insula serve` on the folder, or restore with --whole.",
    );
  }
  const root = isSealed ? await vault?.backupRoot() : undefined;
  const seal = mirrorSeal(root?.keyOf(mirrorKeyName(mirror)), random);
  lazy.start({ store: await openRemote(target), mirror, seal });
}
