/** The one log file that is being written. */
import type { SyncedFile } from "../io/index.ts";
import type { LogFrameHeader, LogPosition } from "./log-entry.ts";
import {
  encodeLogFileHeader,
  LOG_FILE_HEADER_BYTES,
  type LogFileHeader,
} from "./log-file-header.ts";
import { LogFooterBuilder } from "./log-footer.ts";
import { encodeLogGroup, type LogFrame } from "./log-group.ts";

/** Of a finished file. */
export interface SealedBytes {
  /** To the end of its footer: what it can be cut off to. */
  readonly used: number;
  /** With what is left of a former life behind it. */
  readonly all: number;
}

export class LogFile {
  readonly header: LogFileHeader;
  readonly #file: SyncedFile;
  readonly #footer = new LogFooterBuilder();
  #end = LOG_FILE_HEADER_BYTES;
  #groupNext: number;

  private constructor(header: LogFileHeader, file: SyncedFile) {
    this.header = header;
    this.#file = file;
    this.#groupNext = header.groupFirst;
  }

  /**
   * Writes the header of a file just opened, closes it when that fails. With its header the file
   * exists, also by name, when the promise resolves.
   *
   * @param syncName makes the name durable.
   */
  static async begin(
    file: SyncedFile,
    header: LogFileHeader,
    syncName: () => Promise<void>,
  ): Promise<LogFile> {
    try {
      await file.writeAndSync(0, [encodeLogFileHeader(header)]);
      await syncName();
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    return new LogFile(header, file);
  }

  /** End of the last durable group. */
  get end(): LogPosition {
    return { file: this.header.file, offset: this.#end };
  }

  get groupNext(): number {
    return this.#groupNext;
  }

  get entryCount(): number {
    return this.#footer.count;
  }

  get isEmpty(): boolean {
    return this.#end === LOG_FILE_HEADER_BYTES;
  }

  /** Writes and syncs one group; the file must not be written to again after a failure. */
  async append(frames: readonly LogFrame[]): Promise<readonly LogFrameHeader[]> {
    const group = encodeLogGroup(
      {
        generation: this.header.generation,
        group: this.#groupNext,
        position: this.end,
        durable: this.isEmpty ? this.header.previous : this.end,
      },
      frames,
    );
    await this.#file.writeAndSync(this.#end, group.parts);
    this.#end += group.byteLength;
    this.#groupNext++;
    this.#footer.add(group.directory);
    return group.entries;
  }

  /** Bytes of the file, those of a former life included. */
  get bytes(): number {
    return Math.max(this.#end, this.header.reusedBytes);
  }

  /** Frames of a shard in this file so far. */
  framesOf(shard: Uint8Array): readonly LogFrameHeader[] {
    return this.#footer.entriesOf(shard, this.header.file);
  }

  /** Writes the footer and closes. */
  async seal(): Promise<SealedBytes> {
    const { file, generation } = this.header;
    try {
      const parts = this.#footer.finish({ file, generation, groupsEnd: this.#end }).encode();
      await this.#file.writeAndSync(this.#end, parts);
      const end = parts.reduce((sum, part) => sum + part.length, this.#end);
      const trailer = parts.at(-1);
      if (end >= this.header.reusedBytes || trailer === undefined) return { used: end, all: end };
      // The trailer is looked for at the end of the file, where that of the former life stands: it
      // is behind the footer once the rest is cut off, and here until then.
      const at = Math.max(end, this.header.reusedBytes - trailer.length);
      await this.#file.writeAndSync(at, [trailer]);
      return { used: end, all: at + trailer.length };
    } finally {
      await this.#file.close();
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
