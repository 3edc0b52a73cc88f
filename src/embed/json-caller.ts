/**
 * Posts JSON to one address of somebody else's service, and does not trust it.
 *
 * Every try has a time, every answer a size; no redirect is followed, since the key would go with
 * it; what may be cured by waiting is tried again with growing, random pauses, and never sooner
 * than the service asks for.
 */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import { judgeRefusal, toCallError, type TryFailure } from "./http-failure.ts";
import {
  ANSWER_BYTES_MAX,
  CALL_TIMEOUT_MS,
  CALL_TRIES_MAX,
  CALLS_AT_ONCE_MAX,
  CALLS_WAITING_MAX,
  REFUSAL_BYTES_MAX,
  RETRY_AFTER_MS_MAX,
  RETRY_PAUSE_MS_MAX,
  RETRY_PAUSE_MS_MIN,
} from "./limits.ts";
import { Lanes } from "./lanes.ts";
import { pause, type WaitClock } from "./pause.ts";

/** Time and chance; bodies: io's Clock and Random. */
export interface CallDoors {
  readonly clock: WaitClock & { wallMs(): number };
  readonly random: { bytes(count: number): Uint8Array };
}

/** Bounds of one caller; tests make them small. */
export interface CallLimits {
  readonly timeoutMs: number;
  readonly triesMax: number;
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
  readonly retryAfterMsMax: number;
  readonly answerBytesMax: number;
  readonly atOnceMax: number;
  readonly waitingMax: number;
}

const CALL_LIMITS: CallLimits = {
  timeoutMs: CALL_TIMEOUT_MS,
  triesMax: CALL_TRIES_MAX,
  pauseMsMin: RETRY_PAUSE_MS_MIN,
  pauseMsMax: RETRY_PAUSE_MS_MAX,
  retryAfterMsMax: RETRY_AFTER_MS_MAX,
  answerBytesMax: ANSWER_BYTES_MAX,
  atOnceMax: CALLS_AT_ONCE_MAX,
  waitingMax: CALLS_WAITING_MAX,
};

export interface CallerOptions {
  readonly endpoint: URL;
  /** Sent as a bearer token; visible ASCII, checked by whoever reads it. */
  readonly apiKey?: string | undefined;
  readonly doors: CallDoors;
  readonly limits?: Partial<CallLimits> | undefined;
}

type Outcome = { readonly json: unknown } | { readonly failure: TryFailure };

export class JsonCaller {
  readonly #options: CallerOptions;
  readonly #limits: CallLimits;
  readonly #lanes: Lanes;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#limits = { ...CALL_LIMITS, ...options.limits };
    this.#lanes = new Lanes(this.#limits.atOnceMax, this.#limits.waitingMax);
  }

  /** Calls that run at once; more wait for their turn. */
  get atOnceMax(): number {
    return this.#limits.atOnceMax;
  }

  /**
   * @returns the parsed body of a 2xx answer, from `unknown` to be decoded.
   * @throws InsulaError `embedder_unavailable` after the last try, `embedder_unusable` at once when
   *         no try can help; the signal's reason when it is aborted.
   */
  post(body: unknown, signal?: AbortSignal): Promise<unknown> {
    const text = JSON.stringify(body);
    return this.#lanes.run(() => this.#postUntilDone(text, signal), signal);
  }

  async #postUntilDone(text: string, signal: AbortSignal | undefined): Promise<unknown> {
    const { endpoint, doors } = this.#options;
    const { triesMax, retryAfterMsMax } = this.#limits;
    for (let triesDone = 1; ; triesDone++) {
      const outcome = await this.#try(text, signal);
      if ("json" in outcome) return outcome.json;
      const { failure } = outcome;
      const pauseMs = Math.max(failure.retryAfterMs ?? 0, this.#backoffMs(triesDone));
      if (!failure.isTemporary || triesDone >= triesMax || pauseMs > retryAfterMsMax) {
        throw toCallError(failure, { endpoint, triesDone, pauseMs });
      }
      await pause(doors.clock, pauseMs, signal);
    }
  }

  /**
   * Doubles with each try; half of it is left to chance, so that callers do not come back at once.
   */
  #backoffMs(triesDone: number): number {
    const { pauseMsMin, pauseMsMax } = this.#limits;
    const full = Math.min(pauseMsMax, pauseMsMin * 2 ** (triesDone - 1));
    const [a = 0, b = 0] = this.#options.doors.random.bytes(2);
    return full * (0.5 + (a * 256 + b) / 131_072);
  }

  async #try(text: string, signal: AbortSignal | undefined): Promise<Outcome> {
    signal?.throwIfAborted();
    const { clock } = this.#options.doors;
    const abort = new AbortController();
    const late = new AbortController();
    const timer = clock.after(this.#limits.timeoutMs, () => {
      late.abort();
      abort.abort();
    });
    const onAbort = (): void => {
      abort.abort();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await this.#exchange(text, abort.signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (isInsulaError(error)) throw error;
      const reason = late.signal.aborted
        ? "it did not answer in time"
        : `the connection failed${codeOf(error)}`;
      return { failure: { reason, isTemporary: true } };
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
      abort.abort(); // Lets go of a body that nobody reads to its end.
    }
  }

  async #exchange(text: string, signal: AbortSignal): Promise<Outcome> {
    const { endpoint, apiKey, doors } = this.#options;
    const response = await fetch(endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: text,
      redirect: "manual",
      signal,
    });
    if (response.ok) return this.#readJson(response);
    const nowMs = doors.clock.wallMs();
    const refusal = {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      location: response.headers.get("location"),
      text: (await readBounded(response, REFUSAL_BYTES_MAX))?.toString("utf8") ?? "",
    };
    return { failure: judgeRefusal(refusal, { endpoint, secret: apiKey, nowMs }) };
  }

  async #readJson(response: Response): Promise<Outcome> {
    const { answerBytesMax } = this.#limits;
    const bytes = await readBounded(response, answerBytesMax);
    if (bytes === undefined) {
      throw new InsulaError(
        "embedder_unusable",
        `Cannot use the model at ${this.#options.endpoint.origin}: its answer is longer than ${String(answerBytesMax)} bytes.`,
      );
    }
    try {
      return { json: JSON.parse(bytes.toString("utf8")) as unknown };
    } catch {
      // Most likely cut short by something between us: another try may bring it whole.
      return { failure: { reason: "its answer is no JSON", isTemporary: true } };
    }
  }
}

/** Undefined when there is more; then the rest is not read. */
async function readBounded(response: Response, bytesMax: number): Promise<Buffer | undefined> {
  if (Number(response.headers.get("content-length") ?? 0) > bytesMax) return undefined;
  if (response.body === null) return Buffer.alloc(0);
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    byteCount += part.length;
    if (byteCount > bytesMax) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** ` (ECONNREFUSED)`: the one part of a failed connection that is short and never a secret. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error) || !("code" in cause)) return "";
  return typeof cause.code === "string" && /^[A-Z][A-Z0-9_]{0,40}$/.test(cause.code)
    ? ` (${cause.code})`
    : "";
}
