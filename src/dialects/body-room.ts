/**
 * How many bytes of long bodies are under way at once for one key, from the first byte that is read
 * to the answer: more wait on their connections, so that one key cannot fill the process.
 */
import { WeightedGate } from "../base/weighted-gate.ts";

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
