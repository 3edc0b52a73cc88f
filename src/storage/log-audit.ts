/** Looks at log files without opening the log: nothing is cut off, removed or begun. */
import type { FileSystem } from "../io/index.ts";
import type { LogFrameHeader, LogPosition } from "./log-entry.ts";
import { LOG_FILE_HEADER_BYTES, type LogFileHeader } from "./log-file-header.ts";
import {
  decodeLogGroupHead,
  LOG_GROUP_FIXED_BYTES,
  logGroupHeadBytes,
  peekLogGroup,
} from "./log-group.ts";
import { LogReader } from "./log-reader.ts";
import { recoverLog, type LogEntry, type LogRecovery } from "./log-recovery.ts";

/**
 * Reads every frame of the log and compares it with its checksum.
 *
 * @throws InsulaError `data_damaged` when the structure of the log is lost.
 */
export async function auditLog(
  fileSystem: FileSystem,
  folder: string,
  visit: (entry: LogEntry) => void | Promise<void>,
): Promise<LogRecovery> {
  const reader = new LogReader(fileSystem, folder);
  try {
    return await recoverLog({ fileSystem, folder, reader, from: { file: 0, offset: 0 }, visit });
  } finally {
    await reader.close();
  }
}

export interface InspectedGroup {
  readonly group: number;
  readonly position: LogPosition;
  readonly bytes: number;
  readonly frames: readonly LogFrameHeader[];
}

export interface InspectedLogFile {
  /** Undefined when its bytes are none. */
  readonly header: LogFileHeader | undefined;
  readonly bytes: number;
  /** Frames that the footer names; undefined for a file that was not finished. */
  readonly footerFrames: number | undefined;
  /** Up to the first place that is no group. */
  groups(): AsyncIterable<InspectedGroup>;
}

/** Opens one file by its number; undefined when there is none. Close with `close`. */
export async function inspectLogFile(
  fileSystem: FileSystem,
  folder: string,
  file: number,
): Promise<(InspectedLogFile & { close(): Promise<void> }) | undefined> {
  const reader = new LogReader(fileSystem, folder);
  const bytes = await reader.size(file);
  if (bytes === undefined) return undefined;
  const header = await reader.readHeader(file);
  const footer = header === undefined ? undefined : await reader.readFooter(header);
  return {
    header,
    bytes,
    footerFrames: footer?.count,
    groups: () => walkGroups(reader, header, bytes),
    close: () => reader.close(),
  };
}

async function* walkGroups(
  reader: LogReader,
  header: LogFileHeader | undefined,
  size: number,
): AsyncIterable<InspectedGroup> {
  if (header === undefined) return;
  const window = await reader.openWindow(header.file, size);
  try {
    for (let offset = LOG_FILE_HEADER_BYTES; offset < size;) {
      const position: LogPosition = { file: header.file, offset };
      const fixed = await window.view(offset, LOG_GROUP_FIXED_BYTES);
      const count = peekLogGroup(fixed, 0, { generation: header.generation, position });
      if (count === undefined) return;
      const length = logGroupHeadBytes(count);
      const bytes = await window.view(offset, length);
      const head = bytes.length < length ? undefined : decodeLogGroupHead(bytes);
      if (head === undefined) return;
      yield { group: head.group, position, bytes: head.byteLength, frames: head.entries };
      offset += head.byteLength;
    }
  } finally {
    await window.close();
  }
}
