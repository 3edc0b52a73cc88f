/** Runs jobs on the calling thread, in a later microtask: for simulation and for small machines. */
import { InsulaError } from "../base/errors.ts";
import { decodeError, encodeError, type JobRegistry, runJob } from "./job-registry.ts";
import type { WorkerPool } from "./worker-pool.ts";

/**
 * Jobs run one at a time in the order given, as on one thread. Inputs and results are handed over
 * as they are, not cloned; `transfer` is ignored.
 */
export class InlinePool implements WorkerPool {
  readonly size = 0;
  readonly #registry: JobRegistry;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(registry: JobRegistry) {
    this.#registry = registry;
  }

  async run(job: string, input: unknown): Promise<unknown> {
    if (this.#isClosed) throw closedError(job);
    const current = this.#last.then(() => this.#runNow(job, input));
    this.#last = current.catch(() => undefined);
    return current;
  }

  broadcast(topic: string, value: unknown): void {
    this.#registry.onBroadcast(topic, value);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }

  async #runNow(job: string, input: unknown): Promise<unknown> {
    try {
      return (await runJob(this.#registry, job, input)).result;
    } catch (error) {
      throw decodeError(encodeError(error));
    }
  }
}

/** The error of a pool that takes no more jobs. */
export function closedError(job: string): InsulaError {
  return new InsulaError("engine_closed", `Cannot run the job "${job}": the workers are closed.`);
}
