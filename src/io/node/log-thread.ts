/**
 * The control thread's side of the log thread: one thread for all synced files of a file system,
 * started with the first, ended with the last.
 */
import type { Worker } from "node:worker_threads";
import { InsulaError } from "../../base/errors.ts";
import type { SyncedFile } from "../file-system.ts";
import { makeSystemError, toIoError } from "../system-error.ts";
import { startThread } from "./entry-thread.ts";
import type { LogThreadAnswer, LogThreadRequest } from "./log-thread-message.ts";
import { findProgramFile } from "./program-file.ts";

const ENTRY_FILE = {
  beside: new URL("./log-thread-entry.js", import.meta.url),
  place: "io/node/log-thread-entry.js",
};

/** Shared buffers kept for reuse: touching fresh memory costs more than the copy into it. */
const SPARE_BUFFERS_MAX = 2;
const SPARE_BUFFER_BYTES_MAX = 16 * 1024 * 1024;
const STAGING_BYTES_MIN = 64 * 1024;

type Unnumbered = LogThreadRequest extends infer R
  ? R extends { id: number }
    ? Omit<R, "id">
    : never
  : never;

interface Waiter {
  readonly resolve: (answer: LogThreadAnswer) => void;
  readonly reject: (error: unknown) => void;
}

export class LogThread {
  #worker: Worker | undefined;
  #nextId = 1;
  #openCount = 0;
  readonly #waiters = new Map<number, Waiter>();
  readonly #spare: SharedArrayBuffer[] = [];

  /** Opens for writing; creates the file when there is none and keeps what is in it. */
  async open(path: string, systemPath: string, mode: number): Promise<SyncedFile> {
    this.#openCount++;
    try {
      const answer = await this.#ask({ kind: "open", path: systemPath, mode });
      const worker = this.#worker;
      if (answer.descriptor === undefined || worker === undefined) {
        throw new InsulaError("io_failed", `Cannot open "${path}": the log thread is gone.`);
      }
      return new ThreadFile(this, path, answer.descriptor, worker);
    } catch (error) {
      await this.#leave();
      throw toIoError(`open "${path}"`, error);
    }
  }

  /** Copies the parts once, into shared memory, so that the caller's blocks never change hands. */
  async write(
    worker: Worker,
    descriptor: number,
    position: number,
    parts: readonly Uint8Array[],
  ): Promise<void> {
    this.#assertSame(worker);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const staging = this.#takeStaging(length);
    const bytes = new Uint8Array(staging);
    let offset = 0;
    for (const part of parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    try {
      await this.#ask({ kind: "write", descriptor, position, staging, length });
    } finally {
      this.#giveBack(staging);
    }
  }

  async close(worker: Worker, descriptor: number): Promise<void> {
    try {
      if (this.#worker === worker) await this.#ask({ kind: "close", descriptor });
    } finally {
      await this.#leave();
    }
  }

  /** A descriptor means nothing to a thread that replaced the one which opened it. */
  #assertSame(worker: Worker): void {
    if (this.#worker !== worker) {
      throw makeSystemError("EIO", "the log thread that held the file has ended");
    }
  }

  async #leave(): Promise<void> {
    this.#openCount--;
    if (this.#openCount > 0) return;
    const worker = this.#worker;
    this.#worker = undefined;
    this.#spare.length = 0;
    await worker?.terminate();
  }

  #ask(request: Unnumbered): Promise<LogThreadAnswer> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject });
      // Work under way keeps the process alive; an idle thread must not.
      worker.ref();
      worker.postMessage({ ...request, id });
    });
  }

  #start(): Worker {
    const worker = startThread(findProgramFile(ENTRY_FILE));
    worker.unref();
    worker.on("message", (answer: LogThreadAnswer) => {
      this.#settle(worker, answer);
    });
    worker.on("error", (error) => {
      this.#fail(worker, error);
    });
    worker.on("exit", () => {
      this.#fail(worker, makeSystemError("EIO", "the log thread has ended"));
    });
    return worker;
  }

  #settle(worker: Worker, answer: LogThreadAnswer): void {
    const waiter = this.#waiters.get(answer.id);
    this.#waiters.delete(answer.id);
    if (this.#waiters.size === 0) worker.unref();
    if (answer.failure === undefined) waiter?.resolve(answer);
    else waiter?.reject(makeSystemError(answer.failure.systemCode, answer.failure.reason));
  }

  #fail(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
  }

  #takeStaging(length: number): SharedArrayBuffer {
    const found = this.#spare.findIndex((buffer) => buffer.byteLength >= length);
    const [buffer] = found < 0 ? [] : this.#spare.splice(found, 1);
    if (buffer !== undefined) return buffer;
    let capacity = STAGING_BYTES_MIN;
    while (capacity < length) capacity *= 2;
    return new SharedArrayBuffer(capacity);
  }

  #giveBack(buffer: SharedArrayBuffer): void {
    if (buffer.byteLength > SPARE_BUFFER_BYTES_MAX) return;
    if (this.#spare.length >= SPARE_BUFFERS_MAX) this.#spare.shift();
    this.#spare.push(buffer);
  }
}

class ThreadFile implements SyncedFile {
  readonly path: string;
  readonly #thread: LogThread;
  readonly #descriptor: number;
  readonly #worker: Worker;
  #failure: InsulaError | undefined;
  #isClosed = false;

  constructor(thread: LogThread, path: string, descriptor: number, worker: Worker) {
    this.#thread = thread;
    this.path = path;
    this.#descriptor = descriptor;
    this.#worker = worker;
  }

  async writeAndSync(position: number, parts: readonly Uint8Array[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) {
      throw new InsulaError("io_failed", `Cannot write "${this.path}": the file is closed.`);
    }
    try {
      await this.#thread.write(this.#worker, this.#descriptor, position, parts);
    } catch (error) {
      this.#failure = toIoError(`write and sync "${this.path}"`, error);
      throw this.#failure;
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.#thread.close(this.#worker, this.#descriptor);
    } catch (error) {
      throw toIoError(`close "${this.path}"`, error);
    }
  }
}
