/** Waiting through a clock of the caller's. This room does not see io, whose Clock fits. */

export interface WaitClock {
  /** Runs `task` once after `delayMs`. */
  after(delayMs: number, task: () => void): { cancel(): void };
}

/** @throws the signal's reason when it is aborted. */
export function pause(clock: WaitClock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}
