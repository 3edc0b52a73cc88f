/** The catalogue of a folder as a start would have it, for who only looks. */
import type { Clock, FileSystem } from "../io/index.ts";
import { auditLog, BlockCache, comparePositions, SystemShard } from "../storage/index.ts";
import { Catalog } from "./catalog.ts";

/** Memory for blocks of the catalogue, bytes. */
const CACHE_BYTES = 16 * 1024 * 1024;
export const CATALOG_FOLDER = "catalog";
export const LOG_FOLDER = "log";

export interface FolderCatalog {
  readonly catalog: Catalog;
  /** Lets go of its tables; nothing is read afterwards. */
  readonly close: () => Promise<void>;
}

/** As it was at its last flush. @throws InsulaError `data_damaged`, `format_unsupported`. */
export async function openFolderCatalog(
  fileSystem: FileSystem,
  clock: Clock,
): Promise<FolderCatalog> {
  const store = await SystemShard.open({
    fileSystem,
    folder: CATALOG_FOLDER,
    cache: new BlockCache(CACHE_BYTES),
    pause: () => clock.yield(),
  });
  return { catalog: new Catalog(store, clock), close: () => store.close() };
}

/** Brought up to date; costs one read of the log. @param files takes no writes. */
export async function recoverFolderCatalog(
  files: FileSystem,
  clock: Clock,
): Promise<FolderCatalog> {
  const opened = await openFolderCatalog(files, clock);
  const { catalog, close } = opened;
  const from = catalog.recoverFrom;
  try {
    await auditLog(files, LOG_FOLDER, async (entry) => {
      if (comparePositions(entry.extent, from) >= 0) await catalog.recover(entry);
    });
    return opened;
  } catch (error) {
    await close();
    throw error;
  }
}
