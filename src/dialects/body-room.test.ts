import { expect, it } from "vitest";
import {
  BodyRoom,
  FLOW_UNPACKED_MAX,
  HEAVY_BYTES_MIN,
  KEY_BODY_BYTES_MAX,
  LONG_BODY_BYTES_MIN,
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
    const hold = this.room.hold(key);
    await wait(hold);
    this.begun.push(name);
    await new Promise<void>((resolve) => this.#ends.set(name, resolve));
    this.#ends.delete(name);
    hold.leave();
  }
}

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

it("FLOW_UNPACKED_MAX: long calls of a flow wait beyond it as bytes, short ones and others do not", async () => {
  const requests = new Requests();
  const start = (name: string, flow: string, bytes: number): void => {
    requests.start(name, "key", (hold) => hold.unpack(flow, bytes));
  };
  for (let i = 0; i <= FLOW_UNPACKED_MAX; i++) start(`long ${String(i)}`, "a", UNPACKED_BYTES_MIN);
  start("heavy", "a", HEAVY_BYTES_MIN);
  start("last", "a", UNPACKED_BYTES_MIN);
  start("short", "a", UNPACKED_BYTES_MIN - 1);
  start("other", "b", HEAVY_BYTES_MIN);
  await requests.end();
  const first = Array.from({ length: FLOW_UNPACKED_MAX }, (_, i) => `long ${String(i)}`);
  expect(new Set(requests.begun)).toEqual(new Set([...first, "short", "other"]));
  const count = requests.begun.length;
  await requests.end("long 0", "long 1");
  // A heavy one counts twice: behind the one that waited there is room for half of it.
  expect(requests.begun.slice(count)).toEqual([`long ${String(FLOW_UNPACKED_MAX)}`]);
  await requests.end("long 2");
  expect(requests.begun.slice(count + 1)).toEqual(["heavy"]);
  await requests.endAll();
  expect(requests.begun.at(-1)).toBe("last");
  expect(requests.room.nameCount).toBe(0);
});

it("a call is counted once, and gives back what it holds with its answer", async () => {
  const room = new BodyRoom();
  const hold = room.hold("key");
  for (let i = 0; i < 2; i++) {
    await hold.enter(...announced(KEY_BODY_BYTES_MAX));
    await hold.unpack("flow", HEAVY_BYTES_MIN);
  }
  expect(room.nameCount).toBe(2);
  hold.leave();
  expect(room.nameCount).toBe(0);
});
