/** The door to time. Nothing in the house reads a clock or sets a timer in another way. */
export interface Clock {
  /** Milliseconds since 1970, UTC; may jump. For stamps and signatures only. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start, with fractions; never goes back. For durations. */
  monotonicMs(): number;
  /** Runs `task` once after `delayMs`; never keeps the process alive. */
  after(delayMs: number, task: () => void): Timer;
  /** Gives the thread back and goes on in a later turn of the event loop. */
  yield(): Promise<void>;
}

export interface Timer {
  cancel(): void;
}

/** Waits; rejects with the signal's reason when it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      if (signal !== undefined) reject(abortReason(signal));
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted");
}
