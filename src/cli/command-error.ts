/**
 * How a command fails: what a script reads (the exit code) and what a person reads (the advice).
 */
import { isInsulaError, type ErrorKind } from "../base/errors.ts";

/** Exit codes of every command; documented in `insula --help` and docs/cli.md. */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unreachable: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** What each exit code means, for `insula help exit-codes` and docs/cli.md. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT_CODES.done, "done"],
  [EXIT_CODES.failed, "failed; for verify and doctor also: something is wrong"],
  [EXIT_CODES.usage, "wrong usage or input"],
  [EXIT_CODES.notFound, "not found"],
  [EXIT_CODES.refused, "refused: rights, or the state forbids it"],
  [EXIT_CODES.unreachable, "server or disk not reachable"],
  [EXIT_CODES.interrupted, "interrupted by Ctrl-C; the same command goes on where it stopped"],
];

const EXIT_BY_KIND: Partial<Record<ErrorKind, ExitCode>> = {
  invalid_argument: EXIT_CODES.usage,
  not_found: EXIT_CODES.notFound,
  unauthenticated: EXIT_CODES.refused,
  permission_denied: EXIT_CODES.refused,
  failed_precondition: EXIT_CODES.refused,
  already_exists: EXIT_CODES.refused,
  unavailable: EXIT_CODES.unreachable,
};

/** A failure of the command itself; what the engine and servers say stays an InsulaError. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;
  /** One sentence: what to do next. */
  readonly advice: string | undefined;

  constructor(exitCode: ExitCode, message: string, advice?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

export interface FailureReport {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly advice: string | undefined;
}

/** Next steps for codes of the engine that have one on the command line. */
const ADVICE: Readonly<Record<string, string>> = {
  database_not_found: "Create it with `insula db create NAME`, or add --create.",
  collection_not_found: "Create it with `insula collection create DATABASE NAME`, or add --create.",
  database_not_empty: "Remove its collections first, or add --force.",
  collection_disabled: "Enable it with `insula collection enable DATABASE NAME`.",
  credentials_unknown: "Check INSULA_ADMIN_SECRET, or run the command where the data folder is.",
  model_mismatch:
    "Configure the model the collection was filled with (--embedder, --embedder-model), or add --force-model.",
  embedder_unusable: "See --embedder, --embedder-url, --embedder-model and INSULA_EMBEDDER_KEY.",
  port_taken: "Choose another port, or stop the process that holds it.",
  data_folder_locked: "Stop the other process, or point --url at its server.",
};

export function toReport(error: unknown): FailureReport {
  if (error instanceof CommandError) {
    return {
      exitCode: error.exitCode,
      code: "command_failed",
      message: error.message,
      advice: error.advice,
    };
  }
  if (isInsulaError(error)) {
    return {
      exitCode: EXIT_BY_KIND[error.kind] ?? EXIT_CODES.failed,
      code: error.code,
      message: error.message,
      advice: ADVICE[error.code],
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: EXIT_CODES.failed, code: "unexpected", message, advice: undefined };
}
