import { describe, expect, it } from "vitest";
import { SeededRandom } from "./memory/seeded-random.ts";
import { NodeRandom } from "./node/random.ts";
import type { Random } from "./random.ts";

describe.each<[string, () => Random]>([
  ["SeededRandom", () => new SeededRandom(1)],
  ["NodeRandom", () => new NodeRandom()],
])("%s", (_name, make) => {
  it("gives as many bytes as asked for, owned by the caller, never the same", () => {
    const random = make();
    const seen = new Set<string>();
    for (let i = 0; i < 3000; i++) {
      const bytes = random.bytes(16);
      expect(bytes).toHaveLength(16);
      seen.add(Buffer.from(bytes).toString("hex"));
      bytes.fill(0);
    }
    expect(seen.size).toBe(3000);
    for (const count of [0, 1, 13, 5000, 100_000]) expect(random.bytes(count)).toHaveLength(count);
  });

  it("gives each value of a byte about as often", () => {
    const counts = new Uint32Array(256);
    for (const byte of make().bytes(256_000)) counts[byte] = (counts[byte] ?? 0) + 1;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(250);
  });
});

describe("SeededRandom", () => {
  it("repeats a run from its seed, and differs by seed", () => {
    expect(new SeededRandom(7).bytes(99)).toEqual(new SeededRandom(7).bytes(99));
    expect(new SeededRandom(7).bytes(99)).not.toEqual(new SeededRandom(8).bytes(99));
  });

  it("stays below the limit and reaches every value", () => {
    const random = new SeededRandom(3);
    const seen = new Set(Array.from({ length: 300 }, () => random.below(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});
