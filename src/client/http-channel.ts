/** One request and its answer over `fetch`; refusals come back as the InsulaError they were. */
import { ERROR_KINDS, InsulaError, type ErrorCode } from "../base/errors.ts";
import type { CallOptions } from "./calls.ts";

export interface ServerAddress {
  /** Of the server, `http://127.0.0.1:8080`; a path before ours is kept. */
  readonly url: string;
  /** The admin secret, or `<key id>.<secret>` of a key. */
  readonly secret: string;
  /** Default: the `fetch` of the runtime. */
  readonly fetch?: typeof fetch;
}

/** JSON text or its bytes, whole or in pieces. */
export type SentBody = string | Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;

export interface Sent extends CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: SentBody;
}

export class HttpChannel {
  readonly #base: string;
  readonly #secret: string;
  readonly #fetch: typeof fetch;
  #isClosed = false;

  /** @throws InsulaError `argument_invalid` for an address that is none. */
  constructor(address: ServerAddress) {
    this.#base = `${trimSlashes(address.url)}/insula/v1/`;
    if (!URL.canParse(this.#base)) {
      throw new InsulaError(
        "argument_invalid",
        "Cannot connect: url: expected http:// or https://.",
      );
    }
    this.#secret = address.secret;
    // Browsers want it called on their global object.
    this.#fetch = address.fetch ?? ((input, init) => fetch(input, init));
  }

  /** The parsed answer; undefined for one without a body. */
  async send(path: string, sent: Sent = {}): Promise<unknown> {
    if (this.#isClosed) {
      throw new InsulaError("engine_closed", "Cannot use the connection: it is closed.");
    }
    const { status, text, retryAfter } = await this.#exchange(path, sent);
    if (status < 300) return text === "" ? undefined : parse(text, status);
    throw toError(status, text, retryAfter);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #exchange(
    path: string,
    { method = "GET", body, signal }: Sent,
  ): Promise<{ status: number; text: string; retryAfter: string | null }> {
    const init: RequestInit & { duplex?: "half" } = {
      method,
      headers: {
        authorization: `Bearer ${this.#secret}`,
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      redirect: "error",
      ...(body === undefined ? {} : { body }),
      ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
      ...(signal === undefined ? {} : { signal }),
    };
    try {
      const response = await this.#fetch(this.#base + path, init);
      const text = await response.text();
      return { status: response.status, text, retryAfter: response.headers.get("retry-after") };
    } catch (cause) {
      signal?.throwIfAborted();
      throw new InsulaError("io_failed", `Cannot reach the server: ${reasonOf(cause)}.`, { cause });
    }
  }
}

function trimSlashes(url: string): string {
  let end = url.length;
  while (url[end - 1] === "/") end--;
  return url.slice(0, end);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notOurs(status, cause);
  }
}

/** A problem of RFC 9457 with our code; anything else was not said by our server. */
function toError(status: number, text: string, retryAfter: string | null): InsulaError {
  let problem: unknown;
  try {
    problem = JSON.parse(text);
  } catch (cause) {
    return notOurs(status, cause);
  }
  return fromProblem(problem, retryAfter) ?? notOurs(status);
}

/** undefined when it names no code of ours. */
export function fromProblem(problem: unknown, retryAfter?: string | null): InsulaError | undefined {
  if (typeof problem !== "object" || problem === null) return undefined;
  const { code, detail, details, retryAfterMs } = problem as Readonly<Record<string, unknown>>;
  if (typeof code !== "string" || !Object.hasOwn(ERROR_KINDS, code)) return undefined;
  const seconds = Number(retryAfter ?? Number.NaN);
  const waitMs = typeof retryAfterMs === "number" ? retryAfterMs : seconds * 1_000;
  return new InsulaError(code as ErrorCode, typeof detail === "string" ? detail : code, {
    ...(typeof details === "object" && details !== null
      ? { details: details as Readonly<Record<string, string | number | boolean>> }
      : {}),
    ...(Number.isFinite(waitMs) ? { retryAfterMs: waitMs } : {}),
  });
}

function notOurs(status: number, cause?: unknown): InsulaError {
  return new InsulaError(
    "io_failed",
    `Cannot read the answer: expected one of an Insula server, received status ${String(status)} and something else.`,
    { details: { status }, cause },
  );
}
