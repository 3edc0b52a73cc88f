/** The jobs a worker knows, and how errors travel between threads. */
import type { ErrorCode } from "../base/errors.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";
import type { JobBody } from "./worker-pool.ts";

export interface JobRegistry {
  readonly jobs: Readonly<Record<string, JobBody>>;
  /** Called with each broadcast, before any job that was sent after it. */
  onBroadcast(topic: string, value: unknown): void;
}

/** An error as plain values: cloning between threads would lose its class, code and details. */
export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly retryAfterMs?: number;
  readonly stack?: string;
}

/**
 * Any other error becomes `internal` / `invariant_broken`: a job throws errors of the house only.
 */
export function encodeError(error: unknown): ErrorMessage {
  if (isInsulaError(error)) {
    return {
      code: error.code,
      message: error.message,
      details: { ...error.details },
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      ...(error.stack === undefined ? {} : { stack: error.stack }),
    };
  }
  const message = `A job failed unexpectedly: ${error instanceof Error ? error.message : String(error)}`;
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    code: "invariant_broken",
    message,
    details: {},
    ...(stack === undefined ? {} : { stack }),
  };
}

export function decodeError(message: ErrorMessage): InsulaError {
  const error = new InsulaError(message.code, message.message, {
    details: message.details,
    ...(message.retryAfterMs === undefined ? {} : { retryAfterMs: message.retryAfterMs }),
  });
  if (message.stack !== undefined) error.stack = message.stack;
  return error;
}

/** Looks the job up and runs it. */
export async function runJob(
  registry: JobRegistry,
  job: string,
  input: unknown,
): Promise<{ readonly result: unknown; readonly transfer?: readonly ArrayBuffer[] }> {
  const body = Object.hasOwn(registry.jobs, job) ? registry.jobs[job] : undefined;
  if (body === undefined) {
    throw new InsulaError(
      "invariant_broken",
      `Cannot run the job "${job}": no such job is registered.`,
    );
  }
  // The registry pairs each name with its body; the caller of `run` vouches for the input.
  return body(input as never);
}
