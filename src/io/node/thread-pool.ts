/** Jobs on worker threads. */
import type { Transferable, Worker } from "node:worker_threads";
import { InsulaError } from "../../base/errors.ts";
import { closedError } from "../inline-pool.ts";
import { decodeError } from "../job-registry.ts";
import type { WorkerPool } from "../worker-pool.ts";
import { startThread } from "./entry-thread.ts";
import type { PoolMessage, ThreadMessage } from "./worker-message.ts";

/** Broadcasts kept for threads that start later. Source: one per arena, far fewer than this. */
const BROADCASTS_MAX = 65_536;
/** Threads that die one after the other without a single result mean that the entry is broken. */
const LOST_IN_ROW_MAX = 8;

interface Waiter {
  readonly job: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiters: Map<number, Waiter>;
}

/**
 * Starts its threads with the first job or broadcast. A thread that dies fails its jobs with
 * `worker_lost` and is replaced; the new one is told all broadcasts first. Threads at rest do not
 * keep the process alive, threads at work do.
 */
export class ThreadPool implements WorkerPool {
  readonly size: number;
  readonly #entryUrl: URL;
  #threads: Thread[] = [];
  #nextId = 1;
  #lostInRow = 0;
  #isClosed = false;
  readonly #broadcasts: PoolMessage[] = [];

  /** @param entryUrl file that calls `runWorkerEntry`; `.ts` runs through a loader. */
  constructor(entryUrl: URL, size: number) {
    this.#entryUrl = entryUrl;
    this.size = size;
  }

  run(job: string, input: unknown, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw closedError(job);
      const thread = this.#leastLoaded(job);
      const id = this.#nextId++;
      const message: PoolMessage = { kind: "job", id, job, input };
      const moved: Transferable[] = [...transfer];
      thread.worker.postMessage(message, moved);
      thread.waiters.set(id, { job, resolve, reject });
      thread.worker.ref();
    });
  }

  broadcast(topic: string, value: unknown): void {
    if (this.#broadcasts.length >= BROADCASTS_MAX) {
      throw new InsulaError(
        "memory_exhausted",
        `Cannot tell the workers about "${topic}": expected at most ${String(BROADCASTS_MAX)} broadcasts.`,
      );
    }
    const message: PoolMessage = { kind: "broadcast", topic, value };
    this.#broadcasts.push(message);
    for (const thread of this.#threads) thread.worker.postMessage(message);
  }

  /** Waits for the jobs under way, then ends the threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const threads = this.#threads;
    await Promise.all(threads.map(waitUntilIdle));
    this.#threads = [];
    await Promise.all(threads.map((thread) => thread.worker.terminate()));
  }

  #leastLoaded(job: string): Thread {
    if (this.#lostInRow >= LOST_IN_ROW_MAX) {
      throw new InsulaError("worker_lost", `Cannot run the job "${job}": the workers keep dying.`);
    }
    while (this.#threads.length < this.size) this.#threads.push(this.#start());
    let best = this.#threads[0];
    for (const thread of this.#threads) {
      if (best === undefined || thread.waiters.size < best.waiters.size) best = thread;
    }
    if (best === undefined) {
      throw new InsulaError(
        "invariant_broken",
        `Cannot run the job "${job}": the pool has no threads.`,
      );
    }
    return best;
  }

  #start(): Thread {
    const worker = startThread(this.#entryUrl);
    const thread: Thread = { worker, waiters: new Map() };
    worker.unref();
    worker.on("message", (message: ThreadMessage) => {
      this.#settle(thread, message);
    });
    worker.on("messageerror", (error) => {
      this.#lose(thread, error);
    });
    worker.on("error", (error) => {
      this.#lose(thread, error);
    });
    worker.on("exit", () => {
      this.#lose(thread, undefined);
    });
    for (const message of this.#broadcasts) worker.postMessage(message);
    return thread;
  }

  #settle(thread: Thread, message: ThreadMessage): void {
    const waiter = thread.waiters.get(message.id);
    thread.waiters.delete(message.id);
    if (thread.waiters.size === 0) thread.worker.unref();
    this.#lostInRow = 0;
    if (message.kind === "result") waiter?.resolve(message.result);
    else waiter?.reject(decodeError(message.error));
  }

  #lose(thread: Thread, cause: unknown): void {
    if (!this.#threads.includes(thread) && thread.waiters.size === 0) return;
    this.#threads = this.#threads.filter((other) => other !== thread);
    const waiters = [...thread.waiters.values()];
    thread.waiters.clear();
    this.#lostInRow++;
    void thread.worker.terminate();
    const reason = cause instanceof Error ? cause.message : "it ended";
    for (const waiter of waiters) {
      waiter.reject(
        new InsulaError(
          "worker_lost",
          `Cannot finish the job "${waiter.job}": its thread died: ${reason}.`,
          {
            cause,
          },
        ),
      );
    }
  }
}

async function waitUntilIdle(thread: Thread): Promise<void> {
  if (thread.waiters.size === 0) return;
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (thread.waiters.size === 0) resolve();
    };
    thread.worker.on("message", look);
    thread.worker.on("exit", look);
  });
}
