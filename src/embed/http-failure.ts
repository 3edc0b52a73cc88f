/**
 * What became of one try of a call, in words that hold neither the key nor a text.
 *
 * A service's own message is never repeated: some repeat a part of the key or of the input. Its
 * short code is, when it looks like one.
 */
import { InsulaError } from "../base/errors.ts";

/** Why a try failed, and whether another one may help. */
export interface TryFailure {
  readonly reason: string;
  readonly isTemporary: boolean;
  /** As the service asked. */
  readonly retryAfterMs?: number;
}

/** The answer's status and what it says besides. */
export interface RefusedAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly location: string | null;
  /** Body as far as it was read; maybe not JSON. */
  readonly text: string;
}

/** Statuses that a later try may not meet. */
function isTemporaryStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Judges an answer that is not a success. */
export function judgeRefusal(
  answer: RefusedAnswer,
  surroundings: { readonly endpoint: URL; readonly secret: string | undefined; nowMs: number },
): TryFailure {
  const { status } = answer;
  if (status >= 300 && status < 400) {
    return {
      reason: `it answers with a redirect to ${originOf(answer.location, surroundings.endpoint)}, which is not followed: configure the final address`,
      isTemporary: false,
    };
  }
  const code = codeOf(answer.text, surroundings.secret);
  const said = `status ${String(status)}${code === undefined ? "" : ` (${code})`}`;
  if (isTemporaryStatus(status)) {
    const retryAfterMs = parseRetryAfter(answer.retryAfter, surroundings.nowMs);
    return {
      reason: `it answers with ${said}`,
      isTemporary: true,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }
  return { reason: `${ADVICE[status] ?? "it refuses the call"}: ${said}`, isTemporary: false };
}

const ADVICE: Readonly<Record<number, string>> = {
  401: "it does not accept the key",
  403: "the key may not use it",
  404: "it has no such model or path",
};

/**
 * Seconds or an HTTP date (RFC 9110, section 10.2.3), as ms from now; undefined for anything else.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  if (!/^[A-Za-z]{3,9}, /.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** The error of a call that was given up. */
export function toCallError(
  failure: TryFailure,
  call: { readonly endpoint: URL; readonly triesDone: number; readonly pauseMs: number },
): InsulaError {
  const place = `${call.endpoint.origin}${call.endpoint.pathname}`;
  if (!failure.isTemporary) {
    return new InsulaError(
      "embedder_unusable",
      `Cannot use the model at ${place}: ${failure.reason}.`,
    );
  }
  return new InsulaError(
    "embedder_unavailable",
    `Cannot reach the model at ${place}: ${failure.reason}; ${String(call.triesDone)} tries.`,
    { retryAfterMs: Math.ceil(call.pauseMs) },
  );
}

/** Both vendors put a short code into the body: `code`, or `error.code`, or `error.type`. */
function codeOf(text: string, secret: string | undefined): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const outer = membersOf(value);
  const inner = membersOf(outer["error"]);
  const code = [outer["code"], inner["code"], inner["type"]].find(
    (candidate): candidate is string => typeof candidate === "string" && CODE.test(candidate),
  );
  const isSecret = code !== undefined && secret?.includes(code) === true;
  return isSecret || (secret !== undefined && code?.includes(secret) === true) ? undefined : code;
}

const CODE = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function originOf(location: string | null, endpoint: URL): string {
  if (location === null || !URL.canParse(location, endpoint.href)) return "nowhere";
  return new URL(location, endpoint).origin;
}
