/** Ctrl-C while a command writes: what is under way is finished, then the command ends. */
import { EXIT_CODES } from "./command-error.ts";

export interface Interruption extends Disposable {
  /** Aborted at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** A second signal ends the process at once: what was acknowledged stays. */
export function watchInterrupts(): Interruption {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_CODES.interrupted);
    controller.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
