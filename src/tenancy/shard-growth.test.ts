import { expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import { ManualClock } from "../io/index.ts";
import type { ShardState } from "../shard/index.ts";
import { Reservation, type LoadRequest } from "./load-queue.ts";
import { ShardGrowth, type Growing } from "./shard-growth.ts";
import type { Standing } from "./standing.ts";

const uid = toShardUid(new Uint8Array(16));

/** Memory of 100 bytes, of which 60 are used, 20 of them by the collection. */
function benchOf(hasRoom = true) {
  const calls: string[] = [];
  const ends: (() => void)[] = [];
  const clock = new ManualClock();
  let looks = 0;
  const growth = new ShardGrowth({
    clock,
    memoryUse: () => ({ usedBytes: 60, budgetBytes: 100 }),
    memoryOf: () => {
      looks++;
      return { loadedBytes: 20 };
    },
    loads: {
      tryReserve: ({ bytes, kind }: LoadRequest): Reservation | undefined => {
        calls.push(`reserve ${String(bytes)} ${kind}`);
        const release = (): void => void calls.push("release");
        const place = { id: "", countedUntilMs: 0 };
        return hasRoom ? new Reservation(place, () => bytes, release) : undefined;
      },
    },
  });
  const grow = (wanted: number, memoryShare?: number): void => {
    const rules = memoryShare === undefined ? {} : { memoryShare };
    const standing = { group: 1, rules } as unknown as Standing;
    const shard: Growing = {
      state: { uid } as ShardState,
      wantedBytes: () => wanted,
      bringRows: (fields) => {
        calls.push(`bring ${fields.join()}`);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
    };
    growth.grow(shard, standing, ["v"]);
  };
  return { calls, clock, ends, grow, looks: () => looks };
}

it("asks for room first, behind everybody who waits for some, and gives the promise back", () => {
  const { calls, grow } = benchOf();
  grow(7);
  expect(calls).toEqual(["reserve 7 background", "bring v", "release"]);
});

it("does without where there is none, or nothing is wanted", () => {
  const { calls, grow } = benchOf(false);
  grow(0);
  grow(7);
  expect(calls).toEqual(["reserve 7 background"]);
});

it("takes nothing that others would have to give back, or others of its collection", () => {
  const { calls, clock, grow, looks } = benchOf();
  grow(26);
  for (let i = 0; i < 100; i++) grow(7, 0.3);
  expect(calls).toEqual([]);
  // Not with each search.
  expect(looks()).toBe(1);
  clock.advance(500);
  grow(25);
  grow(5, 0.3);
  expect(calls.filter((call) => call.startsWith("bring"))).toHaveLength(2);
});

it("brings the rows of few at once", async () => {
  const { calls, ends, grow } = benchOf();
  const brought = (): number => calls.filter((call) => call.startsWith("bring")).length;
  for (let i = 0; i < 5; i++) grow(1);
  expect(brought()).toBe(2);
  ends[0]?.();
  await new Promise(setImmediate);
  grow(1);
  grow(1);
  expect(brought()).toBe(3);
});
