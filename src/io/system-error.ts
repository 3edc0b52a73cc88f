/**
 * Turns errors of the system into the errors of the house; the only place that knows errno names.
 */
import type { ErrorCode } from "../base/errors.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";

/** The medium or a quota is used up: a retry helps only after somebody has made room. */
const FULL_CODES: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

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
  return new InsulaError(code, `Cannot ${action}: ${reason}.`, {
    cause,
    ...(systemName === undefined ? {} : { details: { systemCode: systemName } }),
  });
}

/** An error as the system would raise it; for bodies that are not the system. */
export function makeSystemError(code: string, reason: string): Error {
  return Object.assign(new Error(`${code}: ${reason}`), { code });
}
