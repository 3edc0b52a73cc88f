/** Frames that wait for their group, in the order of their appends. */
import { assert, InsulaError } from "../base/errors.ts";
import { LOG_SHARD_BYTES, type LogExtent } from "./log-entry.ts";
import { LOG_GROUP_FRAMES_MAX, type LogFrame } from "./log-group.ts";

/** Payload of one group, unless a single frame is larger: what a disk takes in about 10 ms. */
export const LOG_GROUP_BYTES_MAX = 8_388_608;
/** Payload of one frame; a batch has at most 64 MiB, the rest is room for its encoding. */
export const LOG_FRAME_BYTES_MAX = 134_217_728;
/** Payload waiting for its group; beyond it appends are refused. */
export const LOG_WAITING_BYTES_MAX = 268_435_456;

export interface WaitingFrame {
  readonly frame: LogFrame;
  readonly payloadBytes: number;
  readonly resolve: (extent: LogExtent) => void;
  readonly reject: (error: unknown) => void;
}

export class LogQueue {
  #waiting: WaitingFrame[] = [];
  #bytes = 0;

  /** Frames that are in no group yet. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * @throws InsulaError `memory_exhausted` when too much waits.
   */
  add(frame: LogFrame, settle: Pick<WaitingFrame, "resolve" | "reject">): void {
    let payloadBytes = 0;
    for (const part of frame.parts) payloadBytes += part.length;
    checkFrame(frame, payloadBytes);
    if (this.#bytes > 0 && this.#bytes + payloadBytes > LOG_WAITING_BYTES_MAX) {
      throw new InsulaError(
        "memory_exhausted",
        `Cannot append to the log: ${String(this.#bytes)} bytes wait already: expected at most ` +
          `${String(LOG_WAITING_BYTES_MAX)}.`,
        { retryAfterMs: 100 },
      );
    }
    this.#waiting.push({ frame, payloadBytes, ...settle });
    this.#bytes += payloadBytes;
  }

  /** The first frames, as many as fit into a group; they count as waiting until `release`. */
  takeGroup(): readonly WaitingFrame[] {
    let count = 0;
    let payloadBytes = 0;
    for (const waiting of this.#waiting) {
      const isFull = payloadBytes + waiting.payloadBytes > LOG_GROUP_BYTES_MAX;
      if (count > 0 && (count === LOG_GROUP_FRAMES_MAX || isFull)) break;
      count++;
      payloadBytes += waiting.payloadBytes;
    }
    const group = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return group;
  }

  /** The frames of a group have been settled. */
  release(group: readonly WaitingFrame[]): void {
    this.#bytes -= payloadBytesOf(group);
  }
}

export function payloadBytesOf(group: readonly WaitingFrame[]): number {
  return group.reduce((sum, waiting) => sum + waiting.payloadBytes, 0);
}

function checkFrame(frame: LogFrame, payloadBytes: number): void {
  assert(frame.shard.length === LOG_SHARD_BYTES, "a log frame names its shard with 16 bytes");
  assert(Number.isInteger(frame.kind) && frame.kind >= 0 && frame.kind <= 255, "a kind is a byte");
  const { sequenceFirst, sequenceLast, netRows, netBytes } = frame;
  const isSafe = [sequenceFirst, sequenceLast, netRows, netBytes].every(Number.isSafeInteger);
  assert(isSafe, "sequences and net effects of a log frame are safe integers");
  assert(
    sequenceFirst >= 0 && sequenceLast >= sequenceFirst,
    "a log frame's sequences are ordered",
  );
  assert(payloadBytes <= LOG_FRAME_BYTES_MAX, "a log frame fits into its limit");
}
