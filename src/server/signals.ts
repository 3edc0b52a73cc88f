/** Stops a server when the system or the user asks for it. */
import type { Clock } from "../io/index.ts";
import type { RunningServer } from "./start-server.ts";

/**
 * From the signal to the end of the process, ms. Source: container runtimes kill after ten seconds.
 */
export const STOP_DEADLINE_MS = 10_000;

export interface SignalOptions {
  readonly server: Pick<RunningServer, "close">;
  readonly clock: Pick<Clock, "after">;
  /** The process, or a stand-in. */
  readonly process: {
    once(signal: "SIGTERM" | "SIGINT", listener: () => void): unknown;
  };
  /** Ends the process. Called once, with 0 after a clean stop. */
  exit(code: number): void;
}

/**
 * First signal: a graceful stop. A second one, a stop that fails, or ten seconds: the end with 1;
 * what was acknowledged is in the log and comes back at the next start.
 */
export function stopOnSignals(options: SignalOptions): void {
  const { server, clock, process } = options;
  let isStopping = false;
  let isOver = false;
  const end = (code: number): void => {
    if (isOver) return;
    isOver = true;
    options.exit(code);
  };
  const onSignal = (): void => {
    if (isStopping) {
      end(1);
      return;
    }
    isStopping = true;
    clock.after(STOP_DEADLINE_MS, () => {
      end(1);
    });
    server.close().then(
      () => {
        end(0);
      },
      () => {
        end(1);
      },
    );
  };
  // `once` each, and both lead to the same place: a second signal of the other sort counts as well.
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      onSignal();
      process.once(signal, onSignal);
    });
  }
}
