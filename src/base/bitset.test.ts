import fc from "fast-check";
import { expect, test } from "vitest";
import { Bitmap } from "./bitset.ts";

const rows = fc.integer({ min: 0, max: 400 }).chain((rowCount) =>
  fc.record({
    rowCount: fc.constant(rowCount),
    a: rowCount === 0 ? fc.constant<number[]>([]) : fc.uniqueArray(fc.nat({ max: rowCount - 1 })),
    b: rowCount === 0 ? fc.constant<number[]>([]) : fc.uniqueArray(fc.nat({ max: rowCount - 1 })),
  }),
);

function ascending(ids: Iterable<number>): number[] {
  return [...ids].sort((x, y) => x - y);
}

test("set operations agree with sets of numbers", () => {
  fc.assert(
    fc.property(rows, ({ rowCount, a, b }) => {
      const left = (): Bitmap => Bitmap.fromIds(rowCount, a);
      const right = Bitmap.fromIds(rowCount, b);
      const all = Array.from({ length: rowCount }, (_, i) => i);
      expect([...left().and(right).toIds()]).toEqual(ascending(a.filter((x) => b.includes(x))));
      expect([...left().or(right).toIds()]).toEqual(ascending(new Set([...a, ...b])));
      expect([...left().andNot(right).toIds()]).toEqual(ascending(a.filter((x) => !b.includes(x))));
      expect([...left().not().toIds()]).toEqual(all.filter((x) => !a.includes(x)));
      expect(left().count()).toBe(a.length);
      expect(left().isEmpty).toBe(a.length === 0);
      expect(all.every((x) => left().has(x) === a.includes(x))).toBe(true);
    }),
  );
});

test("bytes are one bit a row in whole groups of 16, and come back", () => {
  const bitmap = Bitmap.fromIds(130, [0, 9, 129]);
  expect(bitmap.bytes().length).toBe(32);
  expect([bitmap.bytes()[0], bitmap.bytes()[1], bitmap.bytes()[16]]).toEqual([1, 2, 2]);
  expect(Bitmap.fromBytes(130, bitmap.bytes()).equals(bitmap)).toBe(true);
});

test("bits past the last row are dropped", () => {
  const bitmap = Bitmap.fromBytes(3, Uint8Array.from([0xff, 0xff]));
  expect([...bitmap.toIds()]).toEqual([0, 1, 2]);
  expect(Bitmap.full(3).not().isEmpty).toBe(true);
  expect(Bitmap.full(256).count()).toBe(256);
});

test("a range is the rows from its start to before its end", () => {
  const bitmap = new Bitmap(200).addRange(30, 131);
  expect(bitmap.count()).toBe(101);
  expect([bitmap.has(29), bitmap.has(30), bitmap.has(130), bitmap.has(131)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test("rows outside and sizes that differ are broken invariants", () => {
  expect(() => new Bitmap(8).add(8)).toThrow("Invariant");
  expect(() => new Bitmap(8).remove(-1)).toThrow("Invariant");
  expect(() => new Bitmap(8).and(new Bitmap(9))).toThrow("Invariant");
});

test("a removed row is gone and a clone is apart", () => {
  const bitmap = Bitmap.fromIds(40, [1, 33]);
  const copy = bitmap.clone();
  bitmap.remove(33);
  expect([...bitmap.toIds()]).toEqual([1]);
  expect([...copy.toIds()]).toEqual([1, 33]);
});
