import { expect, test } from "vitest";
import { BlockCache } from "./block-cache.ts";

test("a block that was not used goes first, and the bound holds", () => {
  const cache = new BlockCache(1_000);
  const [a, b] = [cache.shelf("a"), cache.shelf("b")];
  a.set(1, new Uint8Array(100));
  b.set(1, new Uint8Array(100));
  a.set(2, new Uint8Array(100));
  a.get(1);
  b.set(2, new Uint8Array(100));
  const kept = [a.get(1), b.get(1), a.get(2), b.get(2)].map((block) => block !== undefined);
  expect(kept).toEqual([true, false, true, true]);
  expect(cache.bytes).toBeLessThanOrEqual(1_000);
  expect(cache.count).toBe(3);
});

test("what was used once goes when it is not used again", () => {
  const cache = new BlockCache(1_000);
  const shelf = cache.shelf("a");
  shelf.set(0, new Uint8Array(100));
  shelf.get(0);
  for (let number = 1; number <= 6; number++) shelf.set(number, new Uint8Array(100));
  expect(shelf.get(0)).toBeUndefined();
  expect(shelf.get(6)).toBeDefined();
});

test("a block larger than the cache is not kept, and a replaced one is counted once", () => {
  const cache = new BlockCache(1_000);
  const shelf = cache.shelf("a");
  shelf.set(1, new Uint8Array(2_000));
  expect(cache.count).toBe(0);
  shelf.set(1, new Uint8Array(10));
  const { bytes } = cache;
  shelf.set(1, new Uint8Array(10));
  expect(cache.bytes).toBe(bytes);
  cache.clear();
  expect([cache.bytes, cache.count, shelf.get(1)]).toEqual([0, 0, undefined]);
});

test("a shelf opened again has what was put on it, and another one does not", () => {
  const cache = new BlockCache(1_000);
  cache.shelf("a").set(1, Uint8Array.of(7));
  expect(cache.shelf("a").get(1)).toEqual(Uint8Array.of(7));
  expect(cache.shelf("b").get(1)).toBeUndefined();
  expect(cache.shelf("a").get(2)).toBeUndefined();
});
