/** One signed request to an S3-compatible store, tried again where that has a chance. */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import { sleep, type Clock, type Random } from "../io/index.ts";
import { AWS4_S3_VECTORS, signHeaders } from "../wire/index.ts";

const SCHEME = { ...AWS4_S3_VECTORS, service: "s3" };
/** Tries of one request. Source: with the waits below about 12 s, longer than most throttling. */
export const S3_TRIES_MAX = 8;
const WAIT_MS_FIRST = 100;
const WAIT_MS_MAX = 5_000;
/** A try that takes longer is given up; 8 MiB at 150 kB a second. */
const TRY_MS_MAX = 60_000;
/** Bytes of an answer that is no object. */
const MESSAGE_BYTES_MAX = 65_536;
/** Answers after which the same request may succeed. 409: two creators of one object. */
const PASSING: ReadonlySet<number> = new Set([408, 409, 429, 500, 502, 503, 504]);

export interface S3Settings {
  /** Scheme, host and port, without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly credentials: {
    readonly keyId: string;
    readonly secret: string;
    readonly securityToken?: string;
  };
}

export interface S3Doors {
  readonly clock: Clock;
  readonly random: Random;
}

export interface S3Body {
  readonly bytes: Uint8Array;
  /** Of the bytes, hexadecimal. */
  readonly sha256: string;
}

export interface S3Call {
  readonly method: "GET" | "PUT" | "HEAD" | "DELETE";
  /** Of the object; empty for the bucket. */
  readonly key: string;
  /** Encoded, sorted by name. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: S3Body;
  /** Ends the call with its reason, at once. */
  readonly signal?: AbortSignal | undefined;
  /** Answers that are no failure. */
  readonly accepts: readonly number[];
  /** Bytes of an accepted answer. */
  readonly bytesMax: number;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/**
 * @throws InsulaError `io_failed`: refused by the store, or no answer after {@link S3_TRIES_MAX}.
 */
export async function sendToS3(
  settings: S3Settings,
  { clock, random }: S3Doors,
  call: S3Call,
): Promise<S3Answer> {
  for (let count = 1; ; count++) {
    try {
      return await sendOnce(settings, clock, call);
    } catch (error) {
      call.signal?.throwIfAborted();
      const isPassing = !isInsulaError(error) || error.retryAfterMs !== undefined;
      if (!isPassing) throw error;
      if (count >= S3_TRIES_MAX) throw noAnswer(call, error);
    }
    const longest = Math.min(WAIT_MS_MAX, WAIT_MS_FIRST * 2 ** (count - 1));
    // Half of it by chance: those who were refused together do not come back together.
    const chance = (random.bytes(1)[0] ?? 0) / 255;
    await sleep(clock, longest * (0.5 + chance / 2), call.signal);
  }
}

async function sendOnce(settings: S3Settings, clock: Clock, call: S3Call): Promise<S3Answer> {
  const { endpoint, region, bucket, credentials } = settings;
  const { method, body, query = "" } = call;
  const path = `/${bucket}${call.key === "" ? "" : `/${encodeKey(call.key)}`}`;
  const url = new URL(`${endpoint}${path}${query === "" ? "" : `?${query}`}`);
  const signed = signHeaders({
    scheme: SCHEME,
    request: { method, path, query, headers: { ...call.headers, host: url.host } },
    credentials,
    region,
    canonicalUri: path,
    nowMs: clock.wallMs(),
    ...(body === undefined ? {} : { payloadHash: body.sha256 }),
  });
  // The client sets it itself, to the same.
  delete signed["host"];
  const giveUp = new AbortController();
  const abort = (): void => {
    giveUp.abort();
  };
  call.signal?.throwIfAborted();
  const timer = clock.after(TRY_MS_MAX, abort);
  call.signal?.addEventListener("abort", abort);
  try {
    const response = await fetch(url, {
      method,
      // Not compressed, or the lengths that are told would be those of other bytes. Unsigned: what
      // stands between may change it.
      headers: { ...signed, "accept-encoding": "identity" },
      // A store does not send us elsewhere: what is signed for one host goes to no other.
      redirect: "manual",
      signal: giveUp.signal,
      ...(body === undefined ? {} : { body: unshared(body.bytes) }),
    });
    return await readAnswer(response, call);
  } finally {
    timer.cancel();
    call.signal?.removeEventListener("abort", abort);
  }
}

async function readAnswer(response: Response, call: S3Call): Promise<S3Answer> {
  const { status, headers } = response;
  const isAccepted = call.accepts.includes(status);
  const bytesMax = isAccepted ? call.bytesMax : MESSAGE_BYTES_MAX;
  const body = call.method === "HEAD" ? new Uint8Array(0) : await readBody(response, bytesMax);
  if (isAccepted) return { status, headers, body };
  const code = /<Code>([^<]{1,100})<\/Code>/.exec(Buffer.from(body).toString("utf8"))?.[1];
  throw new InsulaError(
    "io_failed",
    `Cannot ${call.method} "${call.key}" in the object store: it answered ${String(status)}` +
      `${code === undefined ? "" : ` ${code}`}.`,
    PASSING.has(status) ? { retryAfterMs: WAIT_MS_FIRST } : {},
  );
}

async function readBody(response: Response, bytesMax: number): Promise<Uint8Array> {
  const stated = statedLength(response.headers);
  if (stated > bytesMax) throw tooLong(bytesMax);
  // Each part has its place when it comes: a long body put together at its end takes too long.
  const whole = Buffer.allocUnsafeSlow(Number.isSafeInteger(stated) ? stated : 0);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const stream: AsyncIterable<Uint8Array> = response.body ?? noParts();
  for await (const part of stream) {
    const start = bytes;
    bytes += part.length;
    if (bytes > bytesMax) throw tooLong(bytesMax);
    if (bytes <= whole.length) whole.set(part, start);
    else parts.push(part);
  }
  if (Number.isNaN(stated)) return Buffer.concat(parts);
  if (bytes === stated) return whole;
  throw new InsulaError("io_failed", "Cannot read from the object store: it was cut short.", {
    retryAfterMs: WAIT_MS_FIRST,
  });
}

/** Not a number where none is told of the bytes that are read. */
function statedLength(headers: Headers): number {
  const encoding = headers.get("content-encoding") ?? "identity";
  // Of a body that was compressed unasked the client gives the bytes, and leaves the header.
  if (encoding !== "identity") return Number.NaN;
  return Number(headers.get("content-length") ?? Number.NaN);
}

function tooLong(bytesMax: number): InsulaError {
  return new InsulaError(
    "io_failed",
    `Cannot read from the object store: expected at most ${String(bytesMax)} bytes.`,
  );
}

/** The same bytes where they are, as `fetch` takes them; a copy of those in shared memory. */
function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset, length);
  return Uint8Array.from(bytes);
}

/** As S3 signs it: each byte but the unreserved ones and "/" encoded, once. */
function encodeKey(key: string): string {
  if (key.split("/").some((part) => part === "." || part === "..")) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot use the object key "${key}": "." and ".." do not survive in an address.`,
    );
  }
  return encodeQueryPart(key).replaceAll("%2F", "/");
}

export function encodeQueryPart(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function noAnswer({ method, key }: S3Call, cause: unknown): InsulaError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new InsulaError(
    "io_failed",
    `Cannot ${method} "${key}" in the object store, tried ${String(S3_TRIES_MAX)} times: ${why}`,
    { cause, retryAfterMs: WAIT_MS_MAX },
  );
}

async function* noParts(): AsyncIterable<Uint8Array> {
  // An answer without a body.
}
