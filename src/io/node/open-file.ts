/** Files of the real file system, opened for reading or for writing. */
import { close, fstat, open, read, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import type { InsulaError } from "../../base/errors.ts";
import type { FilePiece, ReadableFile, WritableFile } from "../file-system.ts";
import { readFully, writeFully, type ReadCall } from "../full-transfer.ts";
import { makeSystemError, toIoError } from "../system-error.ts";

const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);
const statDescriptor = promisify(fstat);

/**
 * By descriptor and callback: a handle with promises costs twice as much of the thread for each
 * read, and reads of a few kibibytes are what most searches wait for.
 */
export class NodeReadableFile implements ReadableFile {
  readonly path: string;
  readonly #descriptor: number;
  #users = 0;
  #closing: Promise<void> | undefined;
  #whenUnused: (() => void) | undefined;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  /**
   * @param path as it is told of in errors.
   * @throws the error of the system.
   */
  static async open(path: string, location: string): Promise<NodeReadableFile> {
    return new NodeReadableFile(path, await openDescriptor(location, "r"));
  }

  async size(): Promise<number> {
    this.#begin("ask for the size of");
    try {
      return (await statDescriptor(this.#descriptor)).size;
    } catch (error) {
      throw toIoError(`ask for the size of "${this.path}"`, error);
    } finally {
      this.#end();
    }
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    return this.readMany([{ position, target }]);
  }

  /** One promise for all of them. */
  async readMany(pieces: readonly FilePiece[]): Promise<number> {
    if (pieces.length === 0) return 0;
    this.#begin("read");
    return new Promise((resolve, reject) => {
      let left = pieces.length;
      let sum = 0;
      let failure: unknown;
      const done = (error: unknown, count: number): void => {
        failure ??= error;
        sum += count;
        left--;
        if (left > 0) return;
        this.#end();
        if (failure === null || failure === undefined) resolve(sum);
        else reject(toIoError(`read "${this.path}"`, failure));
      };
      for (const { position, target } of pieces) {
        readFully(this.#readSome, target, position, done);
      }
    });
  }

  readNow(position: number, target: Uint8Array): number {
    let done = 0;
    try {
      this.#check();
      while (done < target.length) {
        const [left, from] = [target.length - done, position + done];
        const count = readSync(this.#descriptor, target, done, left, from);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw toIoError(`read "${this.path}"`, error);
    }
    return done;
  }

  /** Reads under way end first: the descriptor may be another file's as soon as it is closed. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#whenUnused = resolve;
      });
    }
    try {
      await closeDescriptor(this.#descriptor);
    } catch (error) {
      throw toIoError(`close "${this.path}"`, error);
    }
  }

  readonly #readSome: ReadCall = (target, position, done) => {
    try {
      read(this.#descriptor, target, 0, target.length, position, done);
    } catch (error) {
      // As any other failure: when the reads beside it have ended.
      process.nextTick(done, error, 0);
    }
  };

  /** To be followed by {@link NodeReadableFile.#end}. */
  #begin(verb: string): void {
    try {
      this.#check();
    } catch (error) {
      throw toIoError(`${verb} "${this.path}"`, error);
    }
    this.#users++;
  }

  #end(): void {
    this.#users--;
    if (this.#users === 0) this.#whenUnused?.();
  }

  #check(): void {
    if (this.#closing !== undefined) throw makeSystemError("EBADF", "the file is closed");
  }
}

export class NodeWritableFile implements WritableFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #failure: InsulaError | undefined;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  async write(position: number, source: Uint8Array): Promise<void> {
    const write = async (from: Uint8Array, offset: number, length: number, at: number) =>
      (await this.#handle.write(from, offset, length, at)).bytesWritten;
    await this.#run("write", () => writeFully(write, source, position));
  }

  async sync(): Promise<void> {
    await this.#run("sync", () => this.#handle.datasync());
  }

  async close(): Promise<void> {
    await closeHandle(this.path, this.#handle);
  }

  async #run(verb: string, task: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await task();
    } catch (error) {
      // The page cache may hold pages that will never be written: nothing here can be trusted
      // again.
      this.#failure = toIoError(`${verb} "${this.path}"`, error);
      throw this.#failure;
    }
  }
}

async function closeHandle(path: string, handle: FileHandle): Promise<void> {
  try {
    await handle.close();
  } catch (error) {
    throw toIoError(`close "${path}"`, error);
  }
}
