/** A body whose length nobody knows, sent at the pace at which its client reads. */
import type { Writable } from "node:stream";
import { isInsulaError } from "../../base/errors.ts";
import type { ListenerClock } from "./body.ts";
import { ANSWER_BYTES_PER_SECOND_MIN, ANSWER_PATIENCE_MS } from "./limits.ts";

export interface PourDoors {
  readonly clock: ListenerClock;
  /** Ends the exchange so that its client sees that the body is not whole. */
  readonly cut: () => void;
  /** A bug in what makes the pieces. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Holds one piece that the client has not taken, besides what the stream itself holds. The next is
 * asked for when there is room; a client that takes nothing for as long as it may take is cut off.
 * Settles when the stream has ended, however; never rejects.
 */
export async function pour(
  stream: Writable,
  pieces: AsyncIterable<Uint8Array>,
  doors: PourDoors,
): Promise<void> {
  const written = new Written(stream, doors);
  try {
    for await (const piece of pieces) {
      await written.add(piece);
      if (stream.destroyed) return;
    }
    stream.end();
    await written.finish();
  } catch (error) {
    if (!isInsulaError(error)) doors.onFault(error);
    // What it was given before reaches the client: it says why.
    await written.flush();
    if (!stream.destroyed) doors.cut();
  }
}

/** What the client has not taken. */
class Written {
  readonly #stream: Writable;
  readonly #doors: PourDoors;
  #waitingCount = 0;
  #onTaken: (() => void) | undefined;

  constructor(stream: Writable, doors: PourDoors) {
    this.#stream = stream;
    this.#doors = doors;
  }

  /** Waits when the stream is full. */
  async add(piece: Uint8Array): Promise<void> {
    if (this.#stream.destroyed) return;
    this.#waitingCount++;
    const hasRoom = this.#stream.write(piece, () => {
      if (--this.#waitingCount === 0) this.#onTaken?.();
    });
    if (!hasRoom) await this.flush(piece.length);
  }

  /** @param bytes of what is waited for: a long piece may take longer. */
  async flush(bytes = 0): Promise<void> {
    if (this.#waitingCount === 0) return;
    await this.#settled(bytes, (settle) => {
      this.#onTaken = settle;
    });
    this.#onTaken = undefined;
  }

  /** Behind the end. */
  async finish(): Promise<void> {
    if (this.#stream.writableFinished) return;
    await this.#settled(0, (settle) => this.#stream.once("finish", settle));
  }

  /** Or the stream is gone, or its client too slow. */
  #settled(bytes: number, listen: (settle: () => void) => void): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed) return Promise.resolve();
    const { clock, cut } = this.#doors;
    const patienceMs = ANSWER_PATIENCE_MS + (bytes / ANSWER_BYTES_PER_SECOND_MIN) * 1_000;
    return new Promise((resolve) => {
      const settle = (): void => {
        timer.cancel();
        stream.off("close", settle);
        resolve();
      };
      const timer = clock.after(patienceMs, () => {
        cut();
        settle();
      });
      stream.once("close", settle);
      listen(settle);
    });
  }
}
