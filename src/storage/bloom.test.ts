import fc from "fast-check";
import { expect, test } from "vitest";
import { BloomBuilder, BloomFilter } from "./bloom.ts";

test("a key that was added is never ruled out", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.nat({ max: 50 }),
      (keys, sizedFor) => {
        const builder = new BloomBuilder(sizedFor);
        for (const key of keys) builder.add(key);
        const filter = new BloomFilter(builder.finish());
        expect(keys.every((key) => filter.mayContain(key))).toBe(true);
      },
    ),
  );
});

test("about one absent key in a hundred passes, among keys that differ in a counter only", () => {
  const builder = new BloomBuilder(20_000);
  for (let i = 0; i < 20_000; i++) builder.add(Buffer.from(`tenant-${String(i)}`));
  const filter = new BloomFilter(builder.finish());
  let passed = 0;
  for (let i = 20_000; i < 60_000; i++) {
    if (filter.mayContain(Buffer.from(`tenant-${String(i)}`))) passed++;
  }
  expect(passed / 40_000).toBeLessThan(0.015);
});

test("bytes that are no filter are refused", () => {
  const bytes = new BloomBuilder(10).finish();
  for (const wrong of [bytes.subarray(0, 7), bytes.subarray(0, -1), new Uint8Array(64)]) {
    expect(() => new BloomFilter(wrong)).toThrow("Cannot decode a key filter");
  }
});
