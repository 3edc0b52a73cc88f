/**
 * The write-ahead log of a node: one stream of files for all shards, made durable by one sync for
 * everything that waits. Layout: docs/formats/node-log.md.
 *
 * Group commit as in LevelDB (db/db_impl.cc); no sync is ever repeated, since after a failed one
 * the page cache may claim to hold what the disk lost (Rebello et al., USENIX ATC 2020).
 */
import { assert, InsulaError } from "../base/errors.ts";
import { UNOBSERVED, type WorkObserver } from "../base/work-observer.ts";
import type { Clock, FileSystem, Random, Timer } from "../io/index.ts";
import { LOG_ENTRY_BYTES, type LogExtent, type LogPosition } from "./log-entry.ts";
import { LogFile } from "./log-file.ts";
import { LOG_FILE_HEADER_BYTES, logFilePath } from "./log-file-header.ts";
import { LOG_FILE_ENTRIES_MAX, type LogFooter, LogFooterBuilder } from "./log-footer.ts";
import { logGroupBytes, type LogFrame } from "./log-group.ts";
import { LogQueue, payloadBytesOf, type WaitingFrame } from "./log-queue.ts";
import { LogReader } from "./log-reader.ts";
import { type LogEntry, type LogRecovery, recoverLog } from "./log-recovery.ts";
import { LogSpares } from "./log-spares.ts";
import { secureEnd } from "./log-reopen.ts";
import { walkLogFile } from "./log-walk.ts";

/**
 * A file is finished at this size. Source: with 64 MiB the changes of file took half of the time of
 * large batches (bench/log.bench.ts: 258 against 145 writes of 2 MB a second with one client).
 */
export const LOG_FILE_BYTES_MAX = 268_435_456;
/** After this much silence an empty group tells the last group from a torn one. */
export const LOG_COMMIT_MARK_MS = 50;
export interface NodeLogOptions {
  readonly fileSystem: FileSystem;
  /** Folder of the log alone; made when it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  /** {@link LOG_FILE_BYTES_MAX} when absent. */
  readonly fileBytesMax?: number;
  /** Recovery starts here; `{ file: 0, offset: 0 }` for everything there is. */
  readonly from: LogPosition;
  /** Called for each frame from `from` on, in the order written. */
  readonly visit: (entry: LogEntry) => void | Promise<void>;
  /** Told of each `log_sync`. */
  readonly observer?: WorkObserver;
}

export interface LogCounters {
  readonly groups: number;
  readonly frames: number;
  /** Of groups, with headers. */
  readonly bytes: number;
  readonly syncs: number;
  /** Files given up after a failed write or sync. */
  readonly abandonedFiles: number;
  /** Of `bytes`: frames that were copied from an older file, with their directory entries. */
  readonly movedBytes: number;
}

/**
 * Life: open (recovery), append…, close. One user at a time; the folder lock is the engine's.
 *
 * INVARIANT: a group is written only after the one before it was synced.
 */
export class NodeLog {
  /** What opening found. */
  readonly recovery: LogRecovery;
  readonly #options: NodeLogOptions;
  readonly #reader: LogReader;
  readonly #fileBytesMax: number;
  readonly #generation: bigint;
  readonly #sizes: Map<number, number>;
  /** Of files begun in this life: where their groups end. */
  readonly #ends = new Map<number, number>();
  readonly #spares: LogSpares;
  readonly #counters = {
    groups: 0,
    frames: 0,
    bytes: 0,
    syncs: 0,
    abandonedFiles: 0,
    movedBytes: 0,
  };
  readonly #queue = new LogQueue();
  /** Undefined between the loss of one file and the next one. */
  #file: LogFile | undefined;
  #end: LogPosition;
  #groupNext: number;
  #fileHighest: number;
  /** Set when the log takes no more frames for good. */
  #poison: InsulaError | undefined;
  #isClosing = false;
  #pump: Promise<void> | undefined;
  #mark: Timer | undefined;
  #isMarkDue = false;
  /** The last group held frames, and nothing proves yet that it was synced. */
  #isUnmarked = false;
  #sealing: Promise<void> = Promise.resolve();

  private constructor(
    options: NodeLogOptions,
    reader: LogReader,
    found: Awaited<ReturnType<typeof recoverLog>>,
  ) {
    this.#options = options;
    this.#reader = reader;
    const { files, groups, frames, damagedFrames, cutBytes } = found;
    this.recovery = { files, groups, frames, damagedFrames, cutBytes };
    this.#fileBytesMax = options.fileBytesMax ?? LOG_FILE_BYTES_MAX;
    this.#generation = Buffer.from(options.random.bytes(8)).readBigUInt64LE(0);
    this.#sizes = new Map(found.sizes);
    this.#spares = new LogSpares(options.fileSystem, options.folder);
    this.#end = found.end;
    this.#groupNext = found.groupNext;
    this.#fileHighest = found.fileHighest;
  }

  /**
   * Recovers the log and starts a new file; never appends to an old one.
   *
   * @throws InsulaError `data_damaged` when acknowledged groups are lost beyond what a damaged
   *   frame
   *         tells of, `io_failed` or `disk_full` when the new file cannot be made; what `visit`
   *         throws.
   */
  static async open(options: NodeLogOptions): Promise<NodeLog> {
    const { fileSystem, folder } = options;
    if (!(await fileSystem.exists(folder))) {
      await fileSystem.makeFolder(folder);
      const slash = folder.lastIndexOf("/");
      await fileSystem.syncFolder(slash < 0 ? "" : folder.slice(0, slash));
    }
    const reader = new LogReader(fileSystem, folder);
    try {
      const found = await recoverLog({ ...options, reader });
      const log = new NodeLog(options, reader, found);
      if (found.end.file > 0) await secureEnd(fileSystem, folder, found);
      await log.#spares.open();
      // No spare: one of which this life needs a little would count whole, and a log that is nearly
      // full be cleaned for each start.
      await log.#startFile(false);
      for (const file of found.unused) await log.#unlink(file);
      if (found.unused.length > 0) await fileSystem.syncFolder(folder);
      return log;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  /** End of the durable log. */
  get position(): LogPosition {
    return this.#end;
  }

  /** Bytes of all files. */
  get bytes(): number {
    let sum = 0;
    for (const size of this.#sizes.values()) sum += size;
    return sum;
  }

  /**
   * The files in the order they were begun, each with the bytes that count now: up to the end of
   * the durable groups. Of files from a former life all bytes.
   */
  extents(): readonly { readonly path: string; readonly bytes: number }[] {
    const { folder } = this.#options;
    return [...this.#sizes]
      .sort(([a], [b]) => a - b)
      .map(([file, size]) => ({
        path: logFilePath(folder, file),
        bytes: this.#ends.get(file) ?? size,
      }));
  }

  get counters(): LogCounters {
    return { ...this.#counters };
  }

  /** True after a failed write or sync: every append fails until the node is started again. */
  get isPoisoned(): boolean {
    return this.#poison !== undefined;
  }

  /**
   * Makes a frame durable. Frames are on disk in the order of the calls.
   *
   * @returns where the payload lies; it is durable, together with everything appended before it.
   * @throws InsulaError `log_poisoned` when a write or sync failed, this one or one before: the
   *   outcome is unknown, the frame may or may not be found by the next recovery; nothing is taken
   *   until then. `disk_full` when the disk took only a part of the group, or no new file can be
   *   made: the frame is not in the log. `memory_exhausted` when too much waits. `engine_closed`
   *   after close.
   */
  append(frame: LogFrame): Promise<LogExtent> {
    return new Promise((resolve, reject) => {
      if (this.#isClosing) {
        throw new InsulaError("engine_closed", "Cannot append to the log: it is closed.");
      }
      if (this.#poison !== undefined) throw this.#poison;
      this.#queue.add(frame, { resolve, reject });
      this.#startPump();
    });
  }

  /**
   * The payload of a frame, checked, owned by the caller.
   *
   * @throws InsulaError `data_damaged` when it is not there or not as it was written.
   */
  read(extent: LogExtent): Promise<Uint8Array> {
    return this.#reader.read(extent);
  }

  /** Finished files that lie wholly before the position, oldest first. */
  filesBefore(position: LogPosition): readonly number[] {
    return [...this.#sizes.keys()]
      .filter((file) => file < position.file && file !== this.#end.file)
      .sort((a, b) => a - b);
  }

  /**
   * What a finished file holds, shard by shard. One read when the file has a footer; a file that a
   * crash left without one is walked.
   *
   * @throws InsulaError `data_damaged` when there is neither a footer nor a readable directory.
   */
  async readFooter(file: number): Promise<LogFooter> {
    assert(file !== this.#file?.header.file, "a footer is read of a finished log file");
    await this.#sealing;
    const header = await this.#reader.readHeader(file);
    if (header === undefined) {
      throw new InsulaError(
        "data_damaged",
        `Cannot read log file ${String(file)}: no valid header.`,
        {
          details: { file },
        },
      );
    }
    const found = await this.#reader.readFooter(header);
    if (found !== undefined) return found;
    const builder = new LogFooterBuilder();
    const cut = await this.#findCut(file);
    const window = await this.#reader.openWindow(file, (await this.#reader.size(file)) ?? 0);
    try {
      const { end } = await walkLogFile({
        header,
        window,
        cut,
        footer: undefined,
        start: LOG_FILE_HEADER_BYTES,
        visit: (entry) => {
          builder.addEntry(entry.header);
        },
      });
      return builder.finish({ file, generation: header.generation, groupsEnd: end });
    } finally {
      await window.close();
    }
  }

  /**
   * Where the frames of a shard lie in all files there are, in the order written; also those that
   * nobody needs any more. Costs a read of every footer.
   */
  async framesOf(shard: Uint8Array): Promise<readonly LogExtent[]> {
    const found: LogExtent[] = [];
    for (const file of this.filesBefore(this.#end)) {
      try {
        const footer = await this.readFooter(file);
        found.push(...footer.entriesOf(shard).map(({ extent }) => extent));
      } catch (error) {
        // Removed meanwhile: then there is nothing of the shard in it.
        if (this.#sizes.has(file)) throw error;
      }
    }
    const current = this.#file?.framesOf(shard) ?? [];
    return [...found, ...current.map(({ extent }) => extent)];
  }

  /**
   * Removes a finished file; the caller has made sure that nothing in it is needed.
   *
   * @param isReusable its bytes may lie on the disk until they are written over.
   */
  async removeFile(file: number, isReusable: boolean): Promise<void> {
    assert(file !== this.#end.file, "the log file that is written is never removed");
    await this.#sealing;
    const bytes = this.#sizes.get(file) ?? 0;
    const isFit = isReusable && bytes >= this.#fileBytesMax / 2 && bytes <= this.#fileBytesMax * 2;
    await this.#reader.forget(file);
    if (isFit && (await this.#spares.give(logFilePath(this.#options.folder, file), bytes))) {
      this.#sizes.delete(file);
      this.#ends.delete(file);
    } else await this.#unlink(file);
    await this.#options.fileSystem.syncFolder(this.#options.folder);
  }

  /** Writes what waits, finishes the file with its footer and closes. */
  async close(): Promise<void> {
    if (this.#isClosing) return this.#sealing;
    this.#isClosing = true;
    this.#mark?.cancel();
    while (this.#pump !== undefined) await this.#pump;
    this.#seal();
    await this.#sealing;
    await this.#reader.close();
  }

  #startPump(): void {
    this.#pump ??= this.#runPump().finally(() => {
      this.#pump = undefined;
      // Appended between the last look at the queue and here.
      if (this.#queue.length > 0) this.#startPump();
      else this.#setMark();
    });
  }

  async #runPump(): Promise<void> {
    // One turn, so that what is appended in the same breath goes into one group.
    await Promise.resolve();
    while (this.#queue.length > 0 || this.#isMarkDue) {
      this.#isMarkDue = false;
      await this.#commit(this.#queue.takeGroup());
    }
  }

  /** Writes one group and settles its waiters; never throws. */
  async #commit(group: readonly WaitingFrame[]): Promise<void> {
    this.#mark?.cancel();
    try {
      const bytes = logGroupBytes(group.length, payloadBytesOf(group));
      const file = await this.#fileFor(bytes, group.length);
      const entries = await this.#write(
        file,
        group.map((waiting) => waiting.frame),
      );
      for (const [i, waiting] of group.entries()) {
        const entry = entries[i];
        assert(entry !== undefined, "a group has an entry for each frame");
        waiting.resolve(entry.extent);
      }
    } catch (error) {
      for (const waiting of group) waiting.reject(error);
    } finally {
      this.#queue.release(group);
    }
  }

  async #write(file: LogFile, frames: readonly LogFrame[]): ReturnType<LogFile["append"]> {
    const before = this.#end.offset;
    const { clock, observer = UNOBSERVED } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      const entries = await file.append(frames);
      observer.endStep("log_sync", startMs, clock.monotonicMs());
      this.#end = file.end;
      this.#groupNext = file.groupNext;
      this.#sizes.set(file.header.file, file.bytes);
      this.#ends.set(file.header.file, file.end.offset);
      this.#isUnmarked = frames.length > 0;
      this.#counters.groups++;
      this.#counters.syncs++;
      this.#counters.frames += frames.length;
      for (const { isMoved, extent } of entries) {
        if (isMoved) this.#counters.movedBytes += LOG_ENTRY_BYTES + extent.length;
      }
      this.#counters.bytes += this.#end.offset - before;
      return entries;
    } catch (error) {
      await this.#abandon(file, error);
      throw this.#poison ?? error;
    }
  }

  /** The file to write to, a new one when the current is full or lost. */
  async #fileFor(bytes: number, frameCount: number): Promise<LogFile> {
    this.#requireSound();
    const file = this.#file;
    if (file !== undefined) {
      const fits = file.end.offset + bytes <= this.#fileBytesMax;
      const hasRoom = file.entryCount + frameCount <= LOG_FILE_ENTRIES_MAX;
      if (file.isEmpty || (fits && hasRoom)) return file;
      // INVARIANT: from here on the old file is not written to, whatever becomes of the new one,
      // whose
      // header may be on disk and names the cut.
      this.#seal();
    }
    try {
      return await this.#startFile();
    } catch (error) {
      await this.#makeRoom(error);
      this.#requireSound();
      throw error;
    }
  }

  async #startFile(takesSpare = true): Promise<LogFile> {
    const number = ++this.#fileHighest;
    const { fileSystem, folder } = this.#options;
    if (await fileSystem.exists(logFilePath(folder, number))) {
      const reason = `file ${String(number)} exists: another process writes to this log`;
      throw this.#setPoison(new InsulaError("io_failed", `Cannot start a log file: ${reason}.`));
    }
    // Out of handles, say: nothing has been written yet, the next append tries again.
    const path = logFilePath(folder, number);
    const reusedBytes = takesSpare ? await this.#spares.take(path) : 0;
    const synced = await fileSystem.openSynced(path);
    const header = {
      reusedBytes,
      file: number,
      generation: this.#generation,
      previous: this.#end,
      groupFirst: this.#groupNext,
    };
    const file = await LogFile.begin(synced, header, () => fileSystem.syncFolder(folder)).catch(
      (error: unknown) => {
        if (!isDiskFull(error)) this.#setPoison(error);
        throw error;
      },
    );
    this.#counters.syncs++;
    this.#file = file;
    this.#end = file.end;
    this.#isUnmarked = false;
    this.#sizes.set(number, file.bytes);
    this.#ends.set(number, file.end.offset);
    return file;
  }

  /**
   * Gives up a file at its last good place: a new one names that place, so that the group which
   * failed is not in the log. After a full disk the log goes on in the new file, at the latest with
   * the next append. Any other failure is the end of this log: what the disk did with pages of the
   * failed sync nobody knows, and it is not asked twice.
   */
  async #abandon(file: LogFile, cause: unknown): Promise<void> {
    this.#file = undefined;
    this.#counters.abandonedFiles++;
    // One more than the lost group: its number is never used twice.
    this.#groupNext++;
    await file.close().catch(() => undefined);
    if (!isDiskFull(cause)) this.#setPoison(cause);
    await this.#makeRoom(cause);
    await this.#startFile().catch(() => undefined);
    if (this.#poison === undefined) return;
    await (this.#file as LogFile | undefined)?.close().catch(() => undefined);
    this.#file = undefined;
  }

  /** On a full disk a spare file is given up: the next try has its room. */
  async #makeRoom(error: unknown): Promise<void> {
    if (isDiskFull(error)) await this.#spares.release().catch(() => undefined);
  }

  #requireSound(): void {
    if (this.#poison !== undefined) throw this.#poison;
  }

  #setPoison(cause: unknown): InsulaError {
    this.#poison ??= poisoned(cause);
    return this.#poison;
  }

  /** Of a finished file; one that cannot be cut off counts as long as it is. */
  async #cutOff(file: number, bytes: number): Promise<void> {
    const { fileSystem, folder } = this.#options;
    const isCut = await fileSystem.truncate(logFilePath(folder, file), bytes).then(
      () => true,
      () => false,
    );
    if (isCut) this.#sizes.set(file, bytes);
  }

  /**
   * Finishes the current file in the background. A footer that fails is not missed, see readFooter;
   * but a disk that fails is not trusted with the next group.
   */
  #seal(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    const number = file.header.file;
    this.#sealing = this.#sealing.then(async () => {
      try {
        const { used, all } = await file.seal();
        this.#sizes.set(number, all);
        if (used < all) await this.#cutOff(number, used);
      } catch (error) {
        if (!isDiskFull(error)) this.#setPoison(error);
        await file.close().catch(() => undefined);
      }
    });
  }

  #setMark(): void {
    if (!this.#isUnmarked || this.#isClosing || this.#file === undefined) return;
    this.#mark?.cancel();
    this.#mark = this.#options.clock.after(LOG_COMMIT_MARK_MS, () => {
      if (this.#pump !== undefined || !this.#isUnmarked || this.#isClosing) return;
      this.#isMarkDue = true;
      this.#startPump();
    });
  }

  /** The end of a file's groups as the file after it says; undefined when none does. */
  async #findCut(file: number): Promise<number | undefined> {
    for (const number of [...this.#sizes.keys()].sort((a, b) => a - b)) {
      if (number <= file) continue;
      const header = await this.#reader.readHeader(number);
      if (header?.previous.file === file) return header.previous.offset;
    }
    return undefined;
  }

  async #unlink(file: number): Promise<void> {
    await this.#reader.forget(file);
    await this.#options.fileSystem.unlink(logFilePath(this.#options.folder, file));
    this.#sizes.delete(file);
    this.#ends.delete(file);
  }
}

function poisoned(cause: unknown): InsulaError {
  const reason = "a write or sync of it failed; nothing is written until the node is started again";
  return new InsulaError("log_poisoned", `Cannot write to the log: ${reason}.`, { cause });
}

function isDiskFull(error: unknown): boolean {
  return error instanceof InsulaError && error.code === "disk_full";
}
