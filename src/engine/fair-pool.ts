/**
 * Jobs of searches on the workers, in turn by shard: as many are handed over as keep the threads
 * busy, the others wait here, where who comes late can still be next.
 */
import { FairQueue, type Flow } from "../base/fair-queue.ts";
import type { WorkerPool } from "../io/index.ts";

/** A thread that is through finds its next job there while this thread is busy elsewhere. */
const JOBS_AHEAD = 1;

type Start = () => void;

export class FairPool {
  readonly #workers: WorkerPool;
  readonly #weightOf: (name: string) => number;
  readonly #queue = new FairQueue<Start>();
  #running = 0;

  constructor(workers: WorkerPool, weightOf: (name: string) => number) {
    this.#workers = workers;
    this.#weightOf = weightOf;
  }

  /** Jobs that are not handed over yet. */
  get waitingCount(): number {
    return this.#queue.count;
  }

  /** The pool as one shard sees it. Jobs count as equal: they are slices of about 2 ms. */
  of(name: string): WorkerPool {
    const workers = this.#workers;
    // Inline jobs run on the control thread, whose turns are given elsewhere.
    if (workers.size === 0) return workers;
    return {
      size: workers.size,
      run: (job, input, transfer) => this.#run(name, () => workers.run(job, input, transfer)),
      broadcast: (topic, value) => {
        workers.broadcast(topic, value);
      },
      close: () => workers.close(),
    };
  }

  #run(name: string, work: () => Promise<unknown>): Promise<unknown> {
    const flow = this.#queue.flow(name, this.#weightOf(name));
    if (this.#running < this.#workers.size + JOBS_AHEAD) {
      this.#queue.begin(flow);
      return this.#start(flow, work);
    }
    return new Promise((resolve) => {
      this.#queue.push(flow, () => {
        resolve(this.#start(flow, work));
      });
    });
  }

  async #start(flow: Flow<Start>, work: () => Promise<unknown>): Promise<unknown> {
    this.#running++;
    this.#queue.pay(flow, 1);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#queue.shift()?.item();
      if (this.#running === 0) this.#queue.forget();
    }
  }
}
