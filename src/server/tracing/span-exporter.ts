/**
 * Sends spans to a collector in batches, in the background. A queue with a bound stands between it
 * and the requests: what does not fit is dropped and counted, nobody waits.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Clock, Timer } from "../../io/index.ts";
import type { Log } from "../log.ts";
import type { TraceSettings } from "../trace-settings.ts";
import { encodeSpans, type Span } from "./span.ts";

export interface ExporterOptions {
  readonly settings: TraceSettings;
  readonly clock: Pick<Clock, "after" | "monotonicMs">;
  readonly log: Pick<Log, "warn">;
  readonly version: string;
  /** Told what became of spans. */
  readonly count: (outcome: "sent" | "dropped", spans: number) => void;
}

/** Tries of one batch, and the pause before the second, ms; it doubles. */
const TRIES_MAX = 3;
const PAUSE_MS = 500;
/** A stop waits so long for what is queued, ms. */
const CLOSE_MS = 2_000;
/** One line about a failing collector in so long, ms. */
const WARNING_INTERVAL_MS = 60_000;
/** Statuses after which a batch is sent again. Source: OTLP/HTTP, "Retryable Response Codes". */
const RETRYABLE = new Set([429, 502, 503, 504]);

const gzipAsync = promisify(gzip);

export class SpanExporter {
  readonly #options: ExporterOptions;
  #queue: Span[] = [];
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #isClosing = false;
  /** Ends a pause between two tries. */
  #hurry: (() => void) | undefined;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /** All or none: half a trace misleads. */
  add(spans: readonly Span[]): void {
    const { settings, count } = this.#options;
    if (this.#isClosing || this.#queue.length + spans.length > settings.queueSpansMax) {
      count("dropped", spans.length);
      return;
    }
    this.#queue.push(...spans);
    if (this.#queue.length >= settings.batchSpansMax) this.#start();
    else this.#schedule();
  }

  /** Sends what is queued, once, for at most two seconds. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#timer?.cancel();
    this.#hurry?.();
    this.#start();
    const { clock, count } = this.#options;
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = clock.after(CLOSE_MS, resolve);
    });
    await Promise.race([this.#sending, late]);
    timer?.cancel();
    if (this.#queue.length > 0) count("dropped", this.#queue.length);
    this.#queue = [];
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#sending !== undefined) return;
    this.#timer = this.#options.clock.after(this.#options.settings.delayMs, () => {
      this.#start();
    });
  }

  #start(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0 && !this.#isClosing) this.#schedule();
    });
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    const { settings, count } = this.#options;
    do {
      const batch = this.#queue.splice(0, settings.batchSpansMax);
      if (batch.length === 0) return;
      count((await this.#deliver(batch)) ? "sent" : "dropped", batch.length);
    } while (this.#queue.length >= settings.batchSpansMax || this.#isClosing);
  }

  async #deliver(batch: readonly Span[]): Promise<boolean> {
    const { settings, version } = this.#options;
    const text = encodeSpans(batch, settings.resource, version);
    for (let tries = 1; ; tries++) {
      const problem = await this.#post(text);
      if (problem === undefined) return true;
      this.#warn(problem.reason);
      if (!problem.isPassing || tries === TRIES_MAX || this.#isClosing) return false;
      await this.#pause(PAUSE_MS * 2 ** (tries - 1));
    }
  }

  /** Undefined when the collector took the batch. */
  async #post(
    text: string,
  ): Promise<{ readonly reason: string; readonly isPassing: boolean } | undefined> {
    const { url, headers, timeoutMs, isGzip } = this.#options.settings;
    try {
      const answer = await fetch(url, {
        method: "POST",
        redirect: "error",
        signal: AbortSignal.timeout(this.#isClosing ? Math.min(timeoutMs, CLOSE_MS) : timeoutMs),
        headers: {
          ...headers,
          "content-type": "application/json",
          ...(isGzip ? { "content-encoding": "gzip" } : {}),
        },
        body: isGzip ? await gzipAsync(text) : text,
      });
      await answer.body?.cancel();
      if (answer.ok) return undefined;
      const isPassing = RETRYABLE.has(answer.status);
      return { reason: `it answers with status ${String(answer.status)}`, isPassing };
    } catch {
      // The error may name the address, which may hold a secret.
      return { reason: "it cannot be reached or does not answer in time", isPassing: true };
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(delayMs, resolve);
      this.#hurry = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #warn(reason: string): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#warnedAtMs < WARNING_INTERVAL_MS) return;
    this.#warnedAtMs = nowMs;
    this.#options.log.warn({ reason }, "Spans cannot be delivered to the collector.");
  }
}
