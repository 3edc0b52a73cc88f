/**
 * Turns errors of the system into the errors of the house; the only place that knows errno names.
 */
import type { ErrorCode } from "../base/errors.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";

/** The medium or a quota is used up: a retry helps only after somebody has made room. */
const FULL_CODES: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Nothing is wrong with the file: the process or the machine has no handle left at the moment. */
const HANDLE_CODES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"]);
/** Handles are given back all the time: a retry soon has a chance. */
const HANDLE_RETRY_MS = 1_000;

/** The errno name of an error of the system, or undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** True when the error says that there is no such file, or that a folder on the way is missing. */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/**
 * The error to throw for a failed call.
 *
 * @param action what was tried, as it follows "Cannot": `write "log/0000000001.log"`.
 * @returns `disk_full` when the medium or a quota is used up, else `io_failed`; an error of the
 *   house
 *          as it is.
 */
export function toIoError(action: string, cause: unknown): InsulaError {
  if (isInsulaError(cause)) return cause;
  const systemName = systemCode(cause);
  const isFull = systemName !== undefined && FULL_CODES.has(systemName);
  const code: ErrorCode = isFull ? "disk_full" : "io_failed";
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isOutOfHandles = systemName !== undefined && HANDLE_CODES.has(systemName);
  const advice = isOutOfHandles
    ? " No file handle is left: raise the limit of open files (ulimit -n), or lower connectionsMax."
    : "";
  return new InsulaError(code, `Cannot ${action}: ${reason}.${advice}`, {
    cause,
    ...(isOutOfHandles ? { retryAfterMs: HANDLE_RETRY_MS } : {}),
    ...(systemName === undefined ? {} : { details: { systemCode: systemName } }),
  });
}

/** True for an error that says nothing about the file: no handle was left to open it with. */
export function isOutOfHandles(error: unknown): boolean {
  const code = isInsulaError(error) ? error.details["systemCode"] : undefined;
  return typeof code === "string" && HANDLE_CODES.has(code);
}

/** An error as the system would raise it; for bodies that are not the system. */
export function makeSystemError(code: string, reason: string): Error {
  return Object.assign(new Error(`${code}: ${reason}`), { code });
}
