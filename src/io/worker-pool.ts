/**
 * The door to threads. A job is a name and a plain message; its body is looked up in a registry, so
 * that the same body runs on a worker thread or, for simulation and small machines, inline.
 */
export interface WorkerPool {
  /** Threads behind the door; 0 for the inline body. */
  readonly size: number;
  /**
   * Runs a job on the least loaded thread.
   *
   * @param input    structured-cloneable; shared buffers stay shared.
   * @param transfer buffers that change hands.
   * @throws the job's InsulaError, or `unavailable` / `worker_lost` when the thread died.
   */
  run(job: string, input: unknown, transfer?: readonly ArrayBuffer[]): Promise<unknown>;
  /** Tells every thread, present and future, about a value (a new arena), before any later job. */
  broadcast(topic: string, value: unknown): void;
  close(): Promise<void>;
}

/** Body of a job. Its result is structured-cloned back; `transfer` names buffers that move. */
export type JobBody = (
  input: never,
) => Promise<{ readonly result: unknown; readonly transfer?: readonly ArrayBuffer[] }>;
