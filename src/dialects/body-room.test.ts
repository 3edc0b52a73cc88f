import { expect, it } from "vitest";
import {
  BodyRoom,
  KEY_BODY_BYTES_MAX,
  LONG_BODY_BYTES_MIN,
  PLACE_UNPACKED_BYTES_MAX,
  UNPACKED_BYTES_MIN,
  type BodyHold,
} from "./body-room.ts";

/** Requests that begin when they are let in, and end when they are told to. */
class Requests {
  readonly room: BodyRoom = new BodyRoom();
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #all: Promise<void>[] = [];

  start(name: string, key: string, wait: (hold: BodyHold) => Promise<void>): void {
    this.#all.push(this.#run(name, key, wait));
  }

  async end(...names: string[]): Promise<void> {
    for (const name of names) this.#ends.get(name)?.();
    await new Promise(setImmediate);
  }

  async endAll(): Promise<void> {
    while (this.#ends.size > 0) await this.end(...this.#ends.keys());
    await Promise.all(this.#all);
  }

  async #run(name: string, key: string, wait: (hold: BodyHold) => Promise<void>): Promise<void> {
    const hold = this.room.hold(key, NEVER);
    await wait(hold);
    this.begun.push(name);
    await new Promise<void>((resolve) => this.#ends.set(name, resolve));
    this.#ends.delete(name);
    hold.leave();
  }
}

const NEVER = new AbortController().signal;
const announced = (bytes: number): Parameters<BodyHold["enter"]> => [
  { headers: { "content-length": String(bytes) }, httpVersion: "1.1" },
  Infinity,
];

it("KEY_BODY_BYTES_MAX: long bodies of a key wait beyond it, short ones and other keys do not", async () => {
  const requests = new Requests();
  const start = (name: string, key: string, bytes: number): void => {
    requests.start(name, key, (hold) => hold.enter(...announced(bytes)));
  };
  start("first", "a", KEY_BODY_BYTES_MAX / 2);
  start("second", "a", KEY_BODY_BYTES_MAX / 2);
  start("third", "a", LONG_BODY_BYTES_MIN);
  start("longest", "a", 3 * KEY_BODY_BYTES_MAX);
  start("short", "a", LONG_BODY_BYTES_MIN - 1);
  start("other", "b", 3 * KEY_BODY_BYTES_MAX);
  await requests.end();
  expect(new Set(requests.begun)).toEqual(new Set(["first", "second", "short", "other"]));
  await requests.end("first");
  expect(requests.begun.slice(4)).toEqual(["third"]);
  await requests.endAll();
  expect(requests.begun.slice(5)).toEqual(["longest"]);
  expect(requests.room.nameCount).toBe(0);
});

it("PLACE_UNPACKED_BYTES_MAX: long writes of a place wait beyond it, short ones, searches and others do not", async () => {
  const requests = new Requests();
  const start = (name: string, place: string, bytes: number): void => {
    requests.start(name, "key", (hold) => hold.unpack("write", place, bytes));
  };
  const eighth = PLACE_UNPACKED_BYTES_MAX / 8;
  for (let i = 0; i < 9; i++) start(`eighth ${String(i)}`, "a", eighth);
  start("longest", "a", 10 * PLACE_UNPACKED_BYTES_MAX);
  start("last", "a", UNPACKED_BYTES_MIN);
  start("short", "a", UNPACKED_BYTES_MIN - 1);
  start("other", "b", PLACE_UNPACKED_BYTES_MAX);
  requests.start("search", "key", (hold) => hold.unpack("query", "a", eighth));
  await requests.end();
  const first = Array.from({ length: 8 }, (_, i) => `eighth ${String(i)}`);
  expect(new Set(requests.begun)).toEqual(new Set([...first, "short", "other", "search"]));
  const { length } = requests.begun;
  await requests.end("eighth 0");
  expect(requests.begun.slice(length)).toEqual(["eighth 8"]);
  await requests.end("eighth 1", "eighth 2", "eighth 3");
  expect(requests.begun.slice(length + 1)).toEqual([]);
  await requests.end("eighth 4");
  // Half of the room is what the longest takes, which leaves nothing for the last.
  expect(requests.begun.slice(length + 1)).toEqual(["longest"]);
  await requests.endAll();
  expect(requests.begun.at(-1)).toBe("last");
  expect(requests.room.nameCount).toBe(0);
});

it("a call is counted once, and gives back what it holds with its answer", async () => {
  const room = new BodyRoom();
  const hold = room.hold("key", NEVER);
  for (let i = 0; i < 2; i++) {
    await hold.enter(...announced(KEY_BODY_BYTES_MAX));
    await hold.unpack("query", "place", PLACE_UNPACKED_BYTES_MAX);
  }
  expect(room.nameCount).toBe(2);
  hold.leave();
  expect(room.nameCount).toBe(0);
});

it("a request that is no longer waited for leaves the line, and holds nothing when it comes up", async () => {
  const room = new BodyRoom();
  const stop = new AbortController();
  const gone = new Error("no longer wanted");
  const [first, given, last] = [
    room.hold("a", NEVER),
    room.hold("a", stop.signal),
    room.hold("a", NEVER),
  ];
  await first.enter(...announced(KEY_BODY_BYTES_MAX));
  const entering = given.enter(...announced(KEY_BODY_BYTES_MAX));
  let isIn = false;
  const behind = last.enter(...announced(KEY_BODY_BYTES_MAX)).then(() => {
    isIn = true;
  });
  stop.abort(gone);
  await expect(entering).rejects.toBe(gone);
  given.leave();
  expect(isIn).toBe(false);
  first.leave();
  await behind;
  last.leave();
  await new Promise(setImmediate);
  expect(room.nameCount).toBe(0);
});
