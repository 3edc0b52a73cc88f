/** The port through which the engine tells how long the steps of its work took. */

/**
 * `log_sync`: one write and sync of the log, for all who wait. `activation`: a sleeping shard was
 * woken. `plan`: a filter became candidates, of one segment. `scan`: all parts of one shard were
 * searched, plans included. `fetch`: the nearest were read. `commit`: one write became durable and
 * visible, the wait for its group included. `build`: a segment was built, the wait for a worker
 * included.
 */
export type WorkStep = "log_sync" | "activation" | "plan" | "scan" | "fetch" | "commit" | "build";

export interface WorkObserver {
  /**
   * A step is over, well or not. Called in the asynchronous context of whoever did the work; must
   * be cheap and never throw. Times are `monotonicMs` of the engine's clock.
   */
  endStep(step: WorkStep, startMs: number, endMs: number): void;
}

/** Where nobody watches. */
export const UNOBSERVED: WorkObserver = { endStep: () => undefined };
