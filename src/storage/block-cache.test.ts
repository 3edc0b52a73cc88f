import { expect, test } from "vitest";
import { BlockCache } from "./block-cache.ts";

test("the least recently used block goes first, and the bound holds", () => {
  const cache = new BlockCache(1_000);
  cache.set("a", new Uint8Array(100));
  cache.set("b", new Uint8Array(100));
  cache.set("c", new Uint8Array(100));
  cache.get("a");
  cache.set("d", new Uint8Array(100));
  expect(["a", "b", "c", "d"].filter((key) => cache.get(key) !== undefined)).toEqual([
    "a",
    "c",
    "d",
  ]);
  expect(cache.bytes).toBeLessThanOrEqual(1_000);
});

test("a block larger than the cache is not kept, and a replaced one is counted once", () => {
  const cache = new BlockCache(1_000);
  cache.set("a", new Uint8Array(2_000));
  expect(cache.count).toBe(0);
  cache.set("a", new Uint8Array(10));
  const { bytes } = cache;
  cache.set("a", new Uint8Array(10));
  expect(cache.bytes).toBe(bytes);
  cache.clear();
  expect([cache.bytes, cache.count]).toEqual([0, 0]);
});
