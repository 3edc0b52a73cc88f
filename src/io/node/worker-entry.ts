/** The thread's side of the pool: an entry file calls this once with the jobs it knows. */
import { parentPort } from "node:worker_threads";
import { assert } from "../../base/errors.ts";
import { encodeError, type JobRegistry, runJob } from "../job-registry.ts";
import type { PoolMessage, ThreadMessage } from "./worker-message.ts";

/**
 * Answers jobs and hands on broadcasts until the thread ends. Jobs start in the order sent; one
 * that waits lets the next one start.
 */
export function runWorkerEntry(registry: JobRegistry): void {
  const port = parentPort;
  assert(port !== null, "a worker entry runs on a worker thread");
  const answer = async (id: number, job: string, input: unknown): Promise<void> => {
    try {
      const { result, transfer } = await runJob(registry, job, input);
      port.postMessage({ kind: "result", id, result } satisfies ThreadMessage, [
        ...(transfer ?? []),
      ]);
    } catch (error) {
      port.postMessage({ kind: "failure", id, error: encodeError(error) } satisfies ThreadMessage);
    }
  };
  port.on("message", (message: PoolMessage) => {
    if (message.kind === "broadcast") registry.onBroadcast(message.topic, message.value);
    else void answer(message.id, message.job, message.input);
  });
}
