import { expect, it } from "vitest";
import { BodyRoom, KEY_BODY_BYTES_MAX, LONG_BODY_BYTES_MIN } from "./body-room.ts";

it("KEY_BODY_BYTES_MAX: long bodies of a key wait beyond it, short ones and other keys do not", async () => {
  const room = new BodyRoom();
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const start = (name: string, key: string, bytes: number): Promise<void> =>
    room.run(key, bytes, () => {
      begun.push(name);
      return new Promise((resolve) => ends.push(resolve));
    });
  const half = KEY_BODY_BYTES_MAX / 2;
  const all = [
    start("first", "a", half),
    start("second", "a", half),
    start("third", "a", LONG_BODY_BYTES_MIN),
    start("longest", "a", 3 * KEY_BODY_BYTES_MAX),
    start("short", "a", LONG_BODY_BYTES_MIN - 1),
    start("other", "b", 3 * KEY_BODY_BYTES_MAX),
  ];
  await new Promise(setImmediate);
  expect(begun).toEqual(["first", "second", "short", "other"]);
  ends[0]?.();
  await new Promise(setImmediate);
  expect(begun.slice(4)).toEqual(["third"]);
  while (ends.length > 0) {
    for (const end of ends.splice(0)) end();
    await new Promise(setImmediate);
  }
  await Promise.all(all);
  expect(begun.slice(5)).toEqual(["longest"]);
  expect(room.keyCount).toBe(0);
});

it("a request that is no longer waited for leaves the line, and holds nothing when it comes up", async () => {
  const room = new BodyRoom();
  const stop = new AbortController();
  const gone = new Error("no longer wanted");
  const request = (signal: AbortSignal) => ({
    ...{ headers: { "content-length": String(KEY_BODY_BYTES_MAX) }, httpVersion: "1.1" as const },
    signal,
  });
  const never = new AbortController().signal;
  const [first, given, last] = [room.hold("a"), room.hold("a"), room.hold("a")];
  await first.enter(request(never), KEY_BODY_BYTES_MAX);
  const entering = given.enter(request(stop.signal), KEY_BODY_BYTES_MAX);
  let isIn = false;
  const behind = last.enter(request(never), KEY_BODY_BYTES_MAX).then(() => {
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
  expect(room.keyCount).toBe(0);
});
