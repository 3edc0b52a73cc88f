/**
 * How a command fails: what a script reads (the exit code) and what a person reads (the advice).
 */
import { CommanderError } from "commander";
import { isInsulaError, type ErrorCode, type ErrorKind } from "../base/errors.ts";

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
const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  database_not_found:
    "`insula db ls` lists what is there; `insula db create NAME` or --create makes it.",
  database_exists: "`insula db ls` lists what is there.",
  database_not_empty: "Remove its collections first, or add --force.",
  collection_not_found:
    "`insula collection ls DATABASE` lists what is there; --create of put and import makes it.",
  collection_exists: "`insula collection ls DATABASE` lists what is there.",
  collection_disabled: "Enable it with `insula collection enable DATABASE NAME`.",
  tenant_not_found:
    "`insula tenant ls DATABASE COLLECTION` lists what is there; `insula tenant create` makes it.",
  tenant_not_active:
    "`insula tenant activate DATABASE COLLECTION TENANT`, or `insula collection update DATABASE COLLECTION --activates-tenants yes`.",
  customer_suspended: "`insula customer resume DATABASE CUSTOMER`, unless it is being erased.",
  tenant_exists: "`insula tenant ls DATABASE COLLECTION` lists what is there.",
  access_key_not_found: "`insula keys ls` lists what is there.",
  backup_not_found: "`insula backup ls TARGET` and `insula mirror ls TARGET` list what is there.",
  filter_invalid: "`insula query --help` shows the words of a filter.",
  setting_invalid: "`insula config` lists every setting with what it takes.",
  credentials_unknown: "Check INSULA_ADMIN_SECRET, or run the command where the data folder is.",
  signature_mismatch: "Check INSULA_ADMIN_SECRET, or run the command where the data folder is.",
  permission_denied: "Use the admin secret, or a key with the right: `insula keys create --help`.",
  model_mismatch:
    "Configure the model the collection was filled with (--embedder, --embedder-model), or add --force-model.",
  embedder_unavailable: "Check --embedder-url, and that the service is running; then run it again.",
  embedder_unusable: "See --embedder, --embedder-url, --embedder-model and INSULA_EMBEDDER_KEY.",
  port_taken: "Choose another port, or stop the process that holds it.",
  data_folder_locked: "Stop the other process, or point --url at its server.",
  data_damaged: "`insula verify` names what is damaged.",
};

/** @returns undefined for what is no failure: help that was asked for. */
export function toReport(error: unknown): FailureReport | undefined {
  if (error instanceof CommanderError) return fromCommander(error);
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

/** The library says wrong usage in its own shape: "error: …", at times with a second line. */
function fromCommander(error: CommanderError): FailureReport | undefined {
  if (error.exitCode === 0) return undefined;
  const usage = { exitCode: EXIT_CODES.usage, code: "usage" };
  // A command of commands alone: its help was printed.
  if (error.code === "commander.help") return { ...usage, message: "", advice: undefined };
  const [first = "", hint] = error.message.replace(/^error: /, "").split("\n");
  const message = `${first.slice(0, 1).toUpperCase()}${first.slice(1)}`;
  const advice =
    hint?.replace(/^\((.*)\)$/, "$1") ??
    "`insula --help` lists the commands, `insula COMMAND --help` the options.";
  return { ...usage, message: /[.?]$/.test(message) ? message : `${message}.`, advice };
}
