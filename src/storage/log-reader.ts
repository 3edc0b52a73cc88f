/** Reads log files: payloads by extent, footers, and the bytes recovery walks over. */
import { crc32 } from "../base/crc32.ts";
import { InsulaError } from "../base/errors.ts";
import type { FileSystem, ReadableFile } from "../io/index.ts";
import type { LogExtent } from "./log-entry.ts";
import {
  decodeLogFileHeader,
  LOG_FILE_HEADER_BYTES,
  type LogFileHeader,
  logFilePath,
} from "./log-file-header.ts";
import {
  decodeLogFooter,
  decodeLogFooterTrailer,
  LOG_FOOTER_FIXED_BYTES,
  LOG_FOOTER_TRAILER_BYTES,
  logFooterBytes,
  type LogFooter,
} from "./log-footer.ts";

/**
 * Files kept open for reading. Source: a log of 2 GiB has 32; a burst of waking touches the newest.
 */
const OPEN_FILES_MAX = 16;
/** Bytes read at once while walking. */
const WINDOW_BYTES = 1024 * 1024;

export class LogReader {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  /** Least recently used first. A file is shared by the reads under way and closed after them. */
  readonly #files = new Map<number, Promise<SharedFile | undefined>>();

  constructor(fileSystem: FileSystem, folder: string) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
  }

  /**
   * The payload, checked, owned by the caller.
   *
   * @throws InsulaError `data_damaged` when it is not there or not as it was written.
   */
  async read(extent: LogExtent): Promise<Uint8Array> {
    const bytes = new Uint8Array(extent.length);
    const count = await this.#use(extent.file, (file) => file.read(extent.offset, bytes));
    if (count === extent.length && crc32(bytes) === extent.crc) return bytes;
    throw new InsulaError(
      "data_damaged",
      `Cannot read a log frame: file ${String(extent.file)}, offset ${String(extent.offset)}: ` +
        (count === extent.length
          ? "its checksum does not match."
          : `expected ${String(extent.length)} bytes, received ${String(count ?? 0)}.`),
      { details: { file: extent.file, offset: extent.offset, length: extent.length } },
    );
  }

  /** Undefined when there is no such file or its header is invalid. */
  async readHeader(file: number): Promise<LogFileHeader | undefined> {
    const bytes = Buffer.alloc(LOG_FILE_HEADER_BYTES);
    const count = await this.#use(file, (opened) => opened.read(0, bytes));
    return count === undefined ? undefined : decodeLogFileHeader(bytes.subarray(0, count), file);
  }

  /** Bytes of the file; undefined when there is no such file. */
  size(file: number): Promise<number | undefined> {
    return this.#use(file, (opened) => opened.size());
  }

  /** Undefined when the file was not finished, or its footer is damaged. */
  async readFooter(header: LogFileHeader): Promise<LogFooter | undefined> {
    return this.#use(header.file, async (file) => {
      const size = await file.size();
      const trailer = await readExactly(file, size - LOG_FOOTER_TRAILER_BYTES, size);
      const start = trailer === undefined ? undefined : decodeLogFooterTrailer(trailer);
      if (start === undefined || start > size) return undefined;
      // In a file that was used before the trailer stands twice: behind the footer, and at the end.
      const fixed = await readExactly(file, start, start + LOG_FOOTER_FIXED_BYTES);
      const end = start + (fixed === undefined ? 0 : logFooterBytes(fixed));
      const bytes = end > size ? undefined : await readExactly(file, start, end);
      return bytes && decodeLogFooter(bytes, header.file, header.generation);
    });
  }

  /** A view on the file's bytes that reads ahead; used by one walk at a time. */
  async openWindow(file: number, end: number): Promise<LogWindow> {
    const opened = await this.#fileSystem.openRead(logFilePath(this.#folder, file));
    if (opened === undefined) {
      throw new InsulaError("data_damaged", `Cannot read log file ${String(file)}: it is missing.`);
    }
    return new LogWindow(opened, end);
  }

  /** Closes the file after the reads under way; to be called before it is removed. */
  async forget(file: number): Promise<void> {
    const found = this.#files.get(file);
    this.#files.delete(file);
    await (await found)?.retire();
  }

  async close(): Promise<void> {
    for (const file of [...this.#files.keys()]) await this.forget(file);
  }

  async #use<T>(number: number, task: (file: ReadableFile) => Promise<T>): Promise<T | undefined> {
    const shared = await this.#open(number);
    return shared?.use(task);
  }

  async #open(number: number): Promise<SharedFile | undefined> {
    let found = this.#files.get(number);
    this.#files.delete(number);
    found ??= this.#fileSystem
      .openRead(logFilePath(this.#folder, number))
      .then((file) => file && new SharedFile(file));
    this.#files.set(number, found);
    const [oldest] = this.#files.keys();
    if (this.#files.size > OPEN_FILES_MAX && oldest !== undefined) void this.forget(oldest);
    const shared = await found.catch((error: unknown) => {
      this.#files.delete(number);
      throw error;
    });
    if (shared === undefined) this.#files.delete(number);
    return shared;
  }
}

/** Closed when it is retired and the last use has ended. */
class SharedFile {
  readonly #file: ReadableFile;
  #useCount = 0;
  #isRetired = false;

  constructor(file: ReadableFile) {
    this.#file = file;
  }

  async use<T>(task: (file: ReadableFile) => Promise<T>): Promise<T> {
    this.#useCount++;
    try {
      return await task(this.#file);
    } finally {
      this.#useCount--;
      if (this.#isRetired && this.#useCount === 0) await this.#file.close();
    }
  }

  async retire(): Promise<void> {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (this.#useCount === 0) await this.#file.close();
  }
}

async function readExactly(
  file: ReadableFile,
  start: number,
  end: number,
): Promise<Buffer | undefined> {
  if (start < 0) return undefined;
  const bytes = Buffer.alloc(end - start);
  return (await file.read(start, bytes)) === bytes.length ? bytes : undefined;
}

/** Bytes of one file up to `end`, read in large pieces. */
export class LogWindow {
  readonly end: number;
  readonly #file: ReadableFile;
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(file: ReadableFile, end: number) {
    this.#file = file;
    this.end = end;
  }

  /** `length` bytes, or what there is up to the end. A view, valid for good. */
  async view(offset: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.end - offset));
    if (wanted === 0) return Buffer.alloc(0);
    const at = offset - this.#start;
    if (at >= 0 && at + wanted <= this.#bytes.length) return this.#bytes.subarray(at, at + wanted);
    const ahead = Math.min(Math.max(wanted, WINDOW_BYTES), this.end - offset);
    const bytes = Buffer.alloc(ahead);
    const count = await this.#file.read(offset, bytes);
    this.#bytes = bytes.subarray(0, count);
    this.#start = offset;
    return this.#bytes.subarray(0, wanted);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
