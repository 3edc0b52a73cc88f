/** What a start does to the end of the log that it found, before a new file names that end. */
import { InsulaError } from "../base/errors.ts";
import type { FileSystem } from "../io/index.ts";
import type { LogPosition } from "./log-entry.ts";
import { LOG_FILE_HEADER_BYTES, logFilePath } from "./log-file-header.ts";

/** Bytes copied at once. */
const STEP_BYTES = 8_388_608;

/**
 * Writes the header of the last file and the last group once more, as they were read, and syncs.
 *
 * A killed process may have written them without syncing it, and what recovery has read must
 * not go away with the next power cut. A sync alone is not enough: when the former life ended with
 * a failed sync, the page cache holds them, clean, and the disk does not (Rebello et al.,
 * USENIX ATC 2020). Written again they are dirty again. All groups before it were synced before it was
 * written.
 *
 * @param lastStart where the last group starts; the end when it is known to be durable.
 */
export async function secureEnd(
  fileSystem: FileSystem,
  folder: string,
  { end, lastStart }: { readonly end: LogPosition; readonly lastStart: number },
): Promise<void> {
  const path = logFilePath(folder, end.file);
  const source = await fileSystem.openRead(path);
  const target = await fileSystem.openWrite(path);
  try {
    const ranges = [{ start: 0, stop: LOG_FILE_HEADER_BYTES }, ...steps(lastStart, end.offset)];
    for (const { start, stop } of ranges) {
      const bytes = new Uint8Array(stop - start);
      if ((await source?.read(start, bytes)) !== bytes.length) {
        throw new InsulaError("io_failed", `Cannot read "${path}": it has become shorter.`);
      }
      await target.write(start, bytes);
    }
    await target.sync();
  } finally {
    await source?.close();
    await target.close();
  }
}

function* steps(from: number, end: number): Iterable<{ start: number; stop: number }> {
  for (let start = from; start < end; start += STEP_BYTES) {
    yield { start, stop: Math.min(start + STEP_BYTES, end) };
  }
}
