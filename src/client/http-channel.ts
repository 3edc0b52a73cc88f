/** One request and its answer over `fetch`; refusals come back as the InsulaError they were. */
import { ERROR_KINDS, InsulaError, type ErrorCode } from "../base/errors.ts";
import type { CallOptions } from "./calls.ts";
import { cut, readLines } from "./line-reader.ts";

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
    const { signal } = sent;
    const response = await this.#ask(path, sent);
    const text = await untilEnd(() => response.text(), signal);
    const { status } = response;
    if (status < 300) return text === "" ? undefined : parse(text, status);
    throw toError(status, text, response.headers.get("retry-after"));
  }

  /**
   * An answer of JSON Lines, those that came together at once. It is read as it is asked for, and
   * the connection is given up with the iteration. One that does not come to its end is an error,
   * never a short answer.
   *
   * @throws InsulaError what the server says, at its beginning or in a last line; `io_failed` when
   *   it is cut; the reason of the signal.
   */
  async *lines(path: string, sent: Sent = {}): AsyncGenerator<readonly unknown[], void, void> {
    const { signal } = sent;
    const response = await this.#ask(path, sent);
    const { status, headers, body } = response;
    if (status >= 300 || body === null) {
      const text = await untilEnd(() => response.text(), signal);
      throw toError(status, text, headers.get("retry-after"));
    }
    const lines = readLines(body);
    try {
      for (;;) {
        const { done, value } = await untilEnd(() => lines.next(), signal);
        if (done === true) return;
        const parsed = value.map((line) => parse(line, status));
        const [last] = parsed.slice(-1);
        const problem = problemOf(last);
        yield problem === undefined ? parsed : parsed.slice(0, -1);
        if (problem !== undefined) throw fromProblem(problem) ?? cut("the server names no reason");
      }
    } finally {
      await lines.return().catch(() => undefined);
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  async #ask(path: string, { method = "GET", body, signal }: Sent): Promise<Response> {
    if (this.#isClosed) {
      throw new InsulaError("engine_closed", "Cannot use the connection: it is closed.");
    }
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
    return untilEnd(() => this.#fetch(this.#base + path, init), signal);
  }
}

/** @throws InsulaError `io_failed` for whatever the runtime says; the reason of the signal. */
async function untilEnd<Value>(
  read: () => Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  try {
    return await read();
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof InsulaError) throw cause;
    throw new InsulaError("io_failed", `Cannot reach the server: ${reasonOf(cause)}.`, { cause });
  }
}

/** The last line of an answer that failed on the way: `{"problem": …}`, which is no record. */
function problemOf(line: unknown): unknown {
  if (typeof line !== "object" || line === null) return undefined;
  const [name, ...others] = Object.keys(line);
  return name === "problem" && others.length === 0 ? Reflect.get(line, name) : undefined;
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
