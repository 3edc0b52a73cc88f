/** What signals of the system do: stop the server, change what it logs, renew its certificate. */
import type { Clock } from "../io/index.ts";
import type { Log } from "./log.ts";
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

/**
 * SIGUSR2 switches the log to `debug`, and the next one back to what it was. SIGUSR1 belongs to
 * Node's inspector.
 */
export function debugOnSignal(options: {
  readonly log: Pick<Log, "level" | "info">;
  readonly process: { on(signal: "SIGUSR2", listener: () => void): unknown };
}): void {
  const { log, process } = options;
  let before: string | undefined;
  process.on("SIGUSR2", () => {
    const isDebug = log.level === "debug";
    const level = isDebug ? (before ?? "info") : "debug";
    before = isDebug ? undefined : log.level;
    log.level = level;
    log.info({ logLevel: level }, "The log level was changed by a signal.");
  });
}

/**
 * SIGHUP reads certificate and key anew. For servers that speak TLS: without this listener the
 * signal ends the process, as it does when a terminal closes.
 */
export function renewOnSignal(options: {
  readonly server: Pick<RunningServer, "reloadCertificate">;
  readonly process: { on(signal: "SIGHUP", listener: () => void): unknown };
}): void {
  options.process.on("SIGHUP", () => {
    options.server.reloadCertificate();
  });
}
