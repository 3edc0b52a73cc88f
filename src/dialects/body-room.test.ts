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
