/**
 * Recovery of the node log: which files belong to it, in which order, and what they hold from a
 * position on.
 *
 * Each file names the file it follows and where that one ends (its *cut*). The chain is followed
 * from the newest file back; files beside it were begun and never used.
 */
import { InsulaError } from "../base/errors.ts";
import type { FileSystem } from "../io/index.ts";
import type { LogFrameHeader, LogPosition } from "./log-entry.ts";
import { LOG_FILE_HEADER_BYTES, type LogFileHeader, logFileNumber } from "./log-file-header.ts";
import { isLogGroupOfFile, LOG_GROUP_FIXED_BYTES } from "./log-group.ts";
import type { LogReader } from "./log-reader.ts";
import { type LogWalkResult, walkLogFile } from "./log-walk.ts";

/** One frame found by recovery. */
export interface LogEntry extends LogFrameHeader {
  /** The payload is not as it was written; only the shard it belongs to is concerned. */
  readonly isDamaged: boolean;
  /**
   * The payload, checked, owned by the caller; cheap during the visit, a read after it.
   *
   * @throws InsulaError `data_damaged` when {@link LogEntry.isDamaged}.
   */
  readonly payload: () => Promise<Uint8Array>;
}

/** What opening found. */
export interface LogRecovery {
  readonly files: number;
  readonly groups: number;
  readonly frames: number;
  readonly damagedFrames: number;
  /** Bytes of a torn tail that were cut off. */
  readonly cutBytes: number;
}

export interface LogRecoveryResult extends LogRecovery {
  /** End of the valid log. File 0 when there was no file. */
  readonly end: LogPosition;
  /** Where the last group that was read starts, in the same file; the end when none was read. */
  readonly lastStart: number;
  readonly groupNext: number;
  /** Highest number any file has, used or not. */
  readonly fileHighest: number;
  /** All files that stay, with their sizes. */
  readonly sizes: ReadonlyMap<number, number>;
  /** Files that were begun and never used; to be removed once a new file names the chain. */
  readonly unused: readonly number[];
}

export interface LogRecoveryOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly reader: LogReader;
  readonly from: LogPosition;
  readonly visit: (entry: LogEntry) => void | Promise<void>;
}

interface Chain {
  /** Oldest first. */
  readonly headers: readonly LogFileHeader[];
  readonly unused: readonly number[];
}

/** @throws InsulaError `data_damaged` when something that was acknowledged cannot be found. */
export async function recoverLog(options: LogRecoveryOptions): Promise<LogRecoveryResult> {
  const { fileSystem, folder, reader, from } = options;
  const names = await fileSystem.listFolder(folder);
  const numbers = names.map(logFileNumber).filter((number) => number !== undefined);
  const chain = await findChain(reader, numbers, from);
  const last = chain.headers.at(-1);
  if (last === undefined ? from.file > 0 : from.file > last.file) throw endsEarly(from, last?.file);
  const sizes = new Map<number, number>();
  for (const number of numbers) {
    if (!chain.unused.includes(number)) sizes.set(number, (await reader.size(number)) ?? 0);
  }
  const total = {
    files: chain.headers.length,
    groups: 0,
    frames: 0,
    damagedFrames: 0,
    cutBytes: 0,
  };
  let walked: LogWalkResult | undefined;
  let groupNext = 1;
  for (const [i, header] of chain.headers.entries()) {
    const cut = chain.headers[i + 1]?.previous.offset;
    walked = await walkOne(options, { header, cut, size: sizes.get(header.file) ?? 0, total });
    total.groups += walked.groups;
    total.cutBytes += walked.cutBytes;
    groupNext = (walked.groupLast ?? Math.max(groupNext, header.groupFirst) - 1) + 1;
  }
  const size = sizes.get(last?.file ?? 0) ?? 0;
  // In a file that is written again a torn tail may look like bytes of its former life: 0 are cut.
  if (last !== undefined && walked !== undefined && walked.end < size) {
    await confirmTail(options, { header: last, size }, walked);
  }
  const end = { file: last?.file ?? 0, offset: walked?.end ?? 0 };
  const fileHighest = Math.max(0, ...numbers);
  const lastStart = walked?.lastStart ?? 0;
  return { ...total, end, lastStart, groupNext, fileHighest, sizes, unused: chain.unused };
}

interface FileToWalk {
  readonly header: LogFileHeader;
  readonly cut: number | undefined;
  readonly size: number;
  readonly total: { frames: number; damagedFrames: number };
}

async function walkOne(options: LogRecoveryOptions, file: FileToWalk): Promise<LogWalkResult> {
  const { reader, from, visit } = options;
  const { header, cut, total } = file;
  const isFirst = header.file === from.file;
  const start = Math.max(isFirst ? from.offset : 0, LOG_FILE_HEADER_BYTES);
  const footer = await reader.readFooter(header);
  const window = await reader.openWindow(header.file, file.size);
  try {
    return await walkLogFile({
      header,
      window,
      footer,
      start,
      cut,
      visit: async ({ header: frame, isDamaged, payload }) => {
        total.frames++;
        if (isDamaged) total.damagedFrames++;
        let bytes: Uint8Array | undefined = isDamaged ? undefined : payload;
        const entry: LogEntry = {
          ...frame,
          isDamaged,
          payload: () =>
            bytes === undefined ? reader.read(frame.extent) : Promise.resolve(bytes.slice()),
        };
        await visit(entry);
        bytes = undefined;
      },
    });
  } finally {
    await window.close();
  }
}

/**
 * What is cut off is gone for good with the next file's header, so it is read once more, afresh: a
 * read that went astray must not pass for a torn tail.
 */
async function confirmTail(
  { reader }: LogRecoveryOptions,
  { header, size }: Pick<FileToWalk, "header" | "size">,
  { end, cutBytes }: LogWalkResult,
): Promise<void> {
  const window = await reader.openWindow(header.file, size);
  const footer = await reader.readFooter(header);
  const walk = { header, window, footer, cut: undefined, start: end, visit: () => undefined };
  try {
    const again = await walkLogFile(walk);
    if (again.groups === 0 && again.cutBytes === cutBytes) return;
  } finally {
    await window.close();
  }
  throw new InsulaError(
    "data_damaged",
    `Cannot recover the log: two reads of the end of file ${String(header.file)} differ. Nothing ` +
      "was changed: look at the disk, then start again.",
    { details: { file: header.file, offset: end } },
  );
}

async function findChain(
  reader: LogReader,
  numbers: readonly number[],
  from: LogPosition,
): Promise<Chain> {
  const wanted = numbers.filter((number) => number >= from.file).sort((a, b) => b - a);
  const headers: LogFileHeader[] = [];
  const unused: number[] = [];
  let next: LogPosition | undefined;
  for (const number of wanted) {
    const follower = headers.at(-1);
    if (next !== undefined && number !== next.file) {
      if (number < next.file) break;
      unused.push(number);
      continue;
    }
    const header = await reader.readHeader(number);
    if (header === undefined) {
      await requireUnused(reader, number, follower);
      unused.push(number);
      continue;
    }
    headers.push(header);
    next = header.previous;
    if (next.file === 0) break;
  }
  requireComplete(headers.at(-1), wanted, from);
  return { headers: headers.reverse(), unused };
}

/**
 * A file whose header was lost in a power cut was never written to: nothing is acknowledged before.
 * What lies in it is of a former life under another number.
 */
async function requireUnused(
  reader: LogReader,
  number: number,
  follower: LogFileHeader | undefined,
): Promise<void> {
  const size = (await reader.size(number)) ?? 0;
  let isUsed = follower !== undefined;
  if (!isUsed && size > LOG_FILE_HEADER_BYTES) {
    const window = await reader.openWindow(number, size);
    const start = await window.view(LOG_FILE_HEADER_BYTES, LOG_GROUP_FIXED_BYTES);
    isUsed = isLogGroupOfFile(start, number);
    await window.close();
  }
  if (!isUsed) return;
  throw new InsulaError(
    "data_damaged",
    `Cannot read log file ${String(number)}: its header is damaged.`,
    {
      details: { file: number },
    },
  );
}

/** The oldest file of the chain must be the one asked for, or follow what was not asked for. */
function requireComplete(
  oldest: LogFileHeader | undefined,
  wanted: readonly number[],
  from: LogPosition,
): void {
  if (oldest === undefined) return;
  const { previous } = oldest;
  const isComplete =
    oldest.file === from.file ||
    previous.file < from.file ||
    (previous.file === from.file && previous.offset <= from.offset) ||
    // Asked for everything: what was removed by the cleaner is not missed, a hole is.
    (from.file === 0 && (wanted.at(-1) ?? 0) >= oldest.file);
  if (isComplete) return;
  throw new InsulaError(
    "data_damaged",
    `Cannot recover the log: file ${String(previous.file)} is missing, file ${String(oldest.file)} follows it.`,
    { details: { file: previous.file } },
  );
}

function endsEarly(from: LogPosition, lastFile: number | undefined): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot recover the log: it ends before what was acknowledged: expected file ${String(from.file)}, ` +
      `the last one is ${String(lastFile ?? 0)}.`,
    { details: { file: from.file, offset: from.offset } },
  );
}
