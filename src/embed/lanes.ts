/**
 * Lets a bounded number of tasks run at once; a bounded number of others waits, first come first.
 */
import { InsulaError } from "../base/errors.ts";

/** When a refused caller may come back, ms. */
const RETRY_AFTER_MS = 1_000;

export class Lanes {
  readonly #atOnceMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnceMax: number, waitingMax: number) {
    this.#atOnceMax = atOnceMax;
    this.#waitingMax = waitingMax;
  }

  /**
   * @throws InsulaError `embedder_unavailable` when too many wait; the signal's reason when it is
   *         aborted before the task began.
   */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running < this.#atOnceMax) this.#running++;
    else await this.#wait(signal);
    try {
      return await task();
    } finally {
      // The place goes to the next in line, or back.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#waitingMax) {
      return Promise.reject(
        new InsulaError(
          "embedder_unavailable",
          `Cannot reach the model: ${String(this.#waitingMax)} calls to it wait already.`,
          { retryAfterMs: RETRY_AFTER_MS },
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        const place = this.#waiting.indexOf(start);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(signal?.reason as Error);
      };
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      this.#waiting.push(start);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
