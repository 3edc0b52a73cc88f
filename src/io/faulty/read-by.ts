/** A file that is read in another way: slower, wrongly, or not before somebody says so. */
import type { ReadableFile } from "../file-system.ts";
import { readEach } from "../read-each.ts";

/** The same file, all its reads but those at once done by `read`. */
export function readBy(file: ReadableFile, read: ReadableFile["read"]): ReadableFile {
  return {
    path: file.path,
    size: () => file.size(),
    read,
    readMany: (pieces) => readEach(read, pieces),
    readNow: (position, target) => file.readNow(position, target),
    close: () => file.close(),
  };
}
