/** Takes the body of one request into one buffer, within bounds of size and of patience. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { InsulaError } from "../../base/errors.ts";
import { BODY_BYTES_PER_WINDOW_MIN, BODY_WINDOW_MS, SWEEP_INTERVAL_MS } from "./limits.ts";

/** The part of io's Clock that a listener needs. */
export interface ListenerClock {
  monotonicMs(): number;
  after(delayMs: number, task: () => void): { cancel(): void };
}

/** Bytes announced by Content-Length; -1 when the body is chunked, 0 when there is none. */
export function announcedBytes(message: IncomingMessage): number {
  const length = message.headers["content-length"];
  if (length !== undefined) return Number(length);
  return message.headers["transfer-encoding"] === undefined ? 0 : -1;
}

export interface BodyReadOptions {
  /** Bytes; -1 when nobody said how many. */
  readonly announced: number;
  readonly bytesMax: number;
  /** Asked at the end of the stream: whether that is not the end of the body. */
  readonly isCut?: () => boolean;
}

/**
 * One body on its way in. With a known length one buffer is made and filled, or the only chunk is
 * handed on as it is; a chunked body is collected and joined.
 */
export class BodyRead {
  readonly done: Promise<Buffer>;
  readonly #message: Readable;
  readonly #isCut: (() => boolean) | undefined;
  readonly #bytesMax: number;
  readonly #announced: number;
  #chunks: Buffer[] | undefined;
  #target: Buffer | undefined;
  #received = 0;
  #settle: { resolve(body: Buffer): void; reject(error: InsulaError): void } | undefined;
  /** Called once, when the read is over in whatever way. */
  onSettled: ((read: BodyRead) => void) | undefined;
  /** Start of the present window of patience, and what had arrived by then. */
  windowStartMs = 0;
  windowStartBytes = 0;

  constructor(message: Readable, options: BodyReadOptions) {
    this.#message = message;
    this.#announced = options.announced;
    this.#bytesMax = options.bytesMax;
    this.#isCut = options.isCut;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    message.on("data", this.#onData);
    message.on("end", this.#onEnd);
    // A connection that ends early destroys the message with an error; it also comes when nobody
    // reads.
    message.on("error", this.#onGone);
  }

  get received(): number {
    return this.#received;
  }

  /** Ends the read; later bytes of the body are left on the connection. */
  fail(error: InsulaError): void {
    const settle = this.#detach();
    if (settle === undefined) return;
    this.#message.off("data", this.#onData);
    this.#message.pause();
    settle.reject(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length;
    if (this.#received > this.#bytesMax) {
      this.fail(tooLarge(this.#bytesMax));
    } else if (this.#announced < 0) {
      (this.#chunks ??= []).push(chunk);
    } else if (chunk.length === this.#announced) {
      this.#target = chunk;
    } else {
      this.#target ??= Buffer.allocUnsafeSlow(this.#announced);
      chunk.copy(this.#target, this.#received - chunk.length);
    }
  };

  readonly #onEnd = (): void => {
    if (this.#isCut?.() === true) {
      this.#onGone();
      return;
    }
    const settle = this.#detach();
    settle?.resolve(this.#target ?? Buffer.concat(this.#chunks ?? [], this.#received));
  };

  readonly #onGone = (): void => {
    this.#detach()?.reject(connectionEnded());
  };

  /** The listeners stay: after the end they are never called, and taking them off costs 1 µs. */
  #detach(): { resolve(body: Buffer): void; reject(error: InsulaError): void } | undefined {
    const settle = this.#settle;
    this.#settle = undefined;
    if (settle !== undefined) this.onSettled?.(this);
    return settle;
  }
}

export function connectionEnded(): InsulaError {
  return new InsulaError(
    "body_malformed",
    "Cannot read the body: the connection ended before the body.",
  );
}

export function tooLarge(bytesMax: number): InsulaError {
  return new InsulaError(
    "body_too_large",
    `Cannot read the body: expected at most ${String(bytesMax)} bytes, received more.`,
    { details: { bytesMax } },
  );
}

/** Fails bodies that trickle. One timer for all of them, none while nobody waits. */
export class BodyWatch {
  readonly #clock: ListenerClock;
  readonly #reads = new Set<BodyRead>();
  #timer: { cancel(): void } | undefined;

  constructor(clock: ListenerClock) {
    this.#clock = clock;
  }

  watch(read: BodyRead): Promise<Buffer> {
    read.windowStartMs = this.#clock.monotonicMs();
    this.#reads.add(read);
    read.onSettled = this.#forget;
    this.#timer ??= this.#clock.after(SWEEP_INTERVAL_MS, this.#sweep);
    return read.done;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #forget = (read: BodyRead): void => {
    this.#reads.delete(read);
  };

  readonly #sweep = (): void => {
    const nowMs = this.#clock.monotonicMs();
    for (const read of this.#reads) {
      if (nowMs - read.windowStartMs < BODY_WINDOW_MS) continue;
      if (read.received - read.windowStartBytes < BODY_BYTES_PER_WINDOW_MIN) {
        read.fail(tooSlow());
      } else {
        read.windowStartMs = nowMs;
        read.windowStartBytes = read.received;
      }
    }
    const isIdle = this.#reads.size === 0;
    this.#timer = isIdle ? undefined : this.#clock.after(SWEEP_INTERVAL_MS, this.#sweep);
  };
}

export function tooSlow(): InsulaError {
  return new InsulaError("deadline_exceeded", "Cannot read the body: it arrives too slowly.");
}
