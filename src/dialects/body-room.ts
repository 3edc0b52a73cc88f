/**
 * How many bytes of long bodies are under way at once for one key, from the first byte that is read
 * to the answer: more wait on their connections, so that one key cannot fill the process.
 */
import { unlessAborted } from "../base/unless-aborted.ts";
import { WeightedGate } from "../base/weighted-gate.ts";
import type { HttpRequest } from "../wire/index.ts";

/** Long bodies of one key under way at once, bytes; a longer one goes alone. */
export const KEY_BODY_BYTES_MAX = 33_554_432;
/** Shorter bodies are not counted: they never wait behind long ones of their key. */
export const LONG_BODY_BYTES_MIN = 262_144;

interface Room {
  readonly gate: WeightedGate;
  users: number;
}

export class BodyRoom {
  /** Of keys with long bodies under way or waiting. */
  readonly #rooms = new Map<string, Room>();

  /** Keys that are remembered. */
  get keyCount(): number {
    return this.#rooms.size;
  }

  /** Room for the body of one request of the key, to be asked for when it is read. */
  hold(key: string): BodyHold {
    return new BodyHold(this, key);
  }

  /** @param bytes of the body, or what it may have where nobody said how many. */
  async run<Value>(key: string, bytes: number, work: () => Promise<Value>): Promise<Value> {
    if (bytes < LONG_BODY_BYTES_MIN) return work();
    const room = this.#rooms.get(key) ?? { gate: new WeightedGate(KEY_BODY_BYTES_MAX), users: 0 };
    this.#rooms.set(key, room);
    room.users++;
    try {
      return await room.gate.run(bytes, work);
    } finally {
      if (--room.users === 0) this.#rooms.delete(key);
    }
  }
}

/** What one request holds of its key's room, from before its body is read until its answer. */
export class BodyHold {
  readonly #room: BodyRoom;
  readonly #key: string;
  #leave: (() => void) | undefined;
  #hasLeft = false;

  constructor(room: BodyRoom, key: string) {
    this.#room = room;
    this.#key = key;
  }

  /** Waits for room; once for a request. @throws the reason of the request's signal. */
  async enter(
    request: Pick<HttpRequest, "headers" | "httpVersion" | "signal">,
    bytesMax: number,
  ): Promise<void> {
    const bytes = announcedBytes(request, bytesMax);
    if (bytes < LONG_BODY_BYTES_MIN || this.#leave !== undefined) return;
    const entering = new Promise<void>((entered) => {
      const held = (): Promise<void> =>
        new Promise((leave) => {
          this.#leave = leave;
          // Its caller did not wait so long.
          if (this.#hasLeft) leave();
          entered();
        });
      void this.#room.run(this.#key, bytes, held);
    });
    await unlessAborted(request.signal, entering);
  }

  /** To be called when the request has its answer, whether or not it entered. */
  leave(): void {
    this.#hasLeft = true;
    this.#leave?.();
  }
}

/** Bytes of the body; where nobody says how many, as many as the call takes. */
export function announcedBytes(
  { headers, httpVersion }: Pick<HttpRequest, "headers" | "httpVersion">,
  bytesMax: number,
): number {
  const length = headers["content-length"];
  if (length !== undefined) return Math.min(Number(length), bytesMax);
  return httpVersion !== "2" && headers["transfer-encoding"] === undefined ? 0 : bytesMax;
}
