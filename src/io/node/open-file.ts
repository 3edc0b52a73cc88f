/** Files of the real file system, opened for reading or for writing. */
import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { InsulaError } from "../../base/errors.ts";
import type { ReadableFile, WritableFile } from "../file-system.ts";
import { readFully, writeFully } from "../full-transfer.ts";
import { toIoError } from "../system-error.ts";

export class NodeReadableFile implements ReadableFile {
  readonly path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  async size(): Promise<number> {
    try {
      return (await this.#handle.stat()).size;
    } catch (error) {
      throw toIoError(`ask for the size of "${this.path}"`, error);
    }
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    const read = async (into: Uint8Array, offset: number, length: number, from: number) =>
      (await this.#handle.read(into, offset, length, from)).bytesRead;
    try {
      return await readFully(read, target, position);
    } catch (error) {
      throw toIoError(`read "${this.path}"`, error);
    }
  }

  readNow(position: number, target: Uint8Array): number {
    const descriptor = this.#handle.fd;
    let done = 0;
    try {
      while (done < target.length) {
        const count = readSync(descriptor, target, done, target.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw toIoError(`read "${this.path}"`, error);
    }
    return done;
  }

  async close(): Promise<void> {
    await closeHandle(this.path, this.#handle);
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
