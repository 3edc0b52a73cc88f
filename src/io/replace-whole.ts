/** Replacing a file so that a crash leaves the old content or the new one, never a mixture. */
import type { CreateOptions, FileSystem } from "./file-system.ts";

/**
 * The name under which new content is written; a crash may leave it, the next call overwrites it.
 */
const TEMPORARY_SUFFIX = ".tmp";

/** The folder a path lies in; the empty string is the root. */
export function parentFolder(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/**
 * {@link FileSystem.replaceWhole} out of the other calls: write under a temporary name, sync,
 * rename, sync the folder. Two calls for one path must not overlap: they would share the temporary
 * name.
 */
export async function replaceWholeThrough(
  fileSystem: Pick<FileSystem, "create" | "rename" | "syncFolder" | "unlink">,
  path: string,
  bytes: Uint8Array,
  options?: CreateOptions,
): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX;
  const file = await fileSystem.create(temporary, options);
  try {
    await file.write(0, bytes);
    await file.sync();
  } catch (error) {
    await file.close();
    await fileSystem.unlink(temporary);
    throw error;
  }
  await file.close();
  await fileSystem.rename(temporary, path);
  await fileSystem.syncFolder(parentFolder(path));
}
