/** Who sleeps first when memory is short, and whom policies spare. */
import { describe, expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import { ManualClock } from "../io/index.ts";
import type { PolicyRules } from "../model/index.ts";
import type { Shard } from "../shard/index.ts";
import { ShardKeeper } from "./shard-keeper.ts";
import type { Standing } from "./standing.ts";

interface Bench {
  readonly keeper: ShardKeeper;
  readonly clock: ManualClock;
  readonly awake: Map<number, Shard>;
  /** Bytes of each that come again from segments; taken by what is given back. */
  readonly sections: Map<number, number>;
  used(): number;
}

function uidOf(n: number): ReturnType<typeof toShardUid> {
  const uid = new Uint8Array(16);
  new DataView(uid.buffer).setUint32(0, n, true);
  return toShardUid(uid);
}

/** Shards of a hundred bytes, and what keeps them. */
function benchOf(budgetBytes = 1_000, idleMs = 1e9, awakeMax = 100): Bench {
  const clock = new ManualClock();
  const awake = new Map<number, Shard>();
  const sections = new Map<number, number>();
  const used = (): number =>
    awake.size * 100 + [...sections.values()].reduce((sum, bytes) => sum + bytes, 0);
  const keeper = new ShardKeeper({
    clock,
    open: (uid) => {
      const n = new DataView(uid.buffer, uid.byteOffset).getUint32(0, true);
      const shard = {
        ...{ memtableBytes: 0, isMerging: false, lastUsedMs: 0 },
        get loadedBytes() {
          return 100 + (sections.get(n) ?? 0);
        },
        isUpkeepDue: () => false,
        isCalm: () => true,
        shed: () => {
          const bytes = sections.get(n) ?? 0;
          sections.delete(n);
          return bytes;
        },
        close: () => {
          awake.delete(n);
          sections.delete(n);
          return Promise.resolve();
        },
      } as unknown as Shard;
      awake.set(n, shard);
      return Promise.resolve(shard);
    },
    closed: () => undefined,
    awakeMax,
    idleMs,
    memoryUse: () => ({ usedBytes: used(), budgetBytes }),
    onFault: () => undefined,
    onDamage: () => Promise.resolve(),
  });
  return { keeper, clock, awake, sections, used };
}

async function use(bench: Bench, n: number, standing?: Standing): Promise<void> {
  const { keeper, clock } = bench;
  const manner = standing === undefined ? {} : { standing };
  await keeper.use(uidOf(n), () => Promise.resolve(), undefined, manner);
  clock.advance(1);
}

/** Time for the keeper to look once more. */
async function look({ clock }: Bench, ms = 500): Promise<void> {
  clock.advance(ms);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

describe("Memory that is short", () => {
  it("is given back down to the low mark, the longest idle first, and no further", async () => {
    const bench = benchOf();
    for (let n = 1; n <= 9; n++) await use(bench, n);
    await look(bench, 60_000);
    expect(bench.used()).toBe(900);
    await use(bench, 10);
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(bench.keeper.evictions).toEqual({
      idle: 0,
      surplus: 0,
      memory: 2,
      share: 0,
      sections: 0,
    });
    await look(bench, 60_000);
    expect(bench.used()).toBe(800);
    await bench.keeper.close();
  });

  it("spares who woke in the last half minute while some of it is free", async () => {
    const bench = benchOf(1_050);
    for (let n = 1; n <= 10; n++) await use(bench, n);
    await look(bench);
    expect(bench.used()).toBe(1_000);
    await look(bench, 30_000);
    expect(bench.used()).toBe(800);
    await bench.keeper.close();
  });

  it("counts who comes back within a minute", async () => {
    const bench = benchOf();
    for (let n = 1; n <= 10; n++) await use(bench, n);
    await look(bench);
    expect(bench.keeper.returnCount).toBe(0);
    await use(bench, 1);
    expect(bench.keeper.returnCount).toBe(1);
    await look(bench, 90_000);
    await use(bench, 2);
    expect(bench.keeper.returnCount).toBe(1);
    await bench.keeper.close();
  });
});

describe("Very many that are used once", () => {
  it("push out none of those that are used all the time, but one another", async () => {
    const bench = benchOf(3_000);
    const hot = Array.from({ length: 10 }, (_, n) => n + 1);
    for (let round = 0; round < 2; round++) {
      for (const n of hot) await use(bench, n);
      bench.clock.advance(1_000);
    }
    for (let n = 100; n < 1_100; n++) {
      await use(bench, n);
      // The hot ones are idle for longer than anybody who has just come.
      if (n % 10 === 0) await look(bench);
      if (n % 100 === 0) for (const each of hot) await use(bench, each);
    }
    expect(hot.filter((n) => !bench.awake.has(n))).toEqual([]);
    expect(bench.keeper.evictions.memory).toBeGreaterThan(900);
    expect(bench.awake.has(1_099)).toBe(true);
    await bench.keeper.close();
  });

  it("push them out when nobody has used them for a minute", async () => {
    const bench = benchOf(3_000);
    for (const n of [1, 2, 1, 2]) {
      await use(bench, n);
      bench.clock.advance(1_000);
    }
    bench.clock.advance(60_000);
    for (let n = 100; n < 130; n++) await use(bench, n);
    await look(bench);
    expect([1, 2].some((n) => bench.awake.has(n))).toBe(false);
    await bench.keeper.close();
  });
});

describe("Sections of segments", () => {
  it("are given back before anybody is put to sleep, no more than are lacking", async () => {
    const bench = benchOf(2_000);
    for (let n = 1; n <= 5; n++) {
      await use(bench, n);
      bench.sections.set(n, 280);
    }
    await look(bench, 60_000);
    await look(bench);
    expect(bench.awake.size).toBe(5);
    expect([...bench.sections.keys()]).toEqual([2, 3, 4, 5]);
    expect(bench.keeper.evictions).toMatchObject({ memory: 0, sections: 1 });
    await bench.keeper.close();
  });

  it("are not enough where little is left: then who holds most and is idle longest sleeps", async () => {
    const bench = benchOf(600, 1e9);
    for (let n = 1; n <= 6; n++) await use(bench, n);
    bench.sections.set(6, 50);
    await look(bench);
    expect(bench.sections.size).toBe(0);
    expect([...bench.awake.keys()]).toEqual([2, 3, 4, 5, 6]);
    await bench.keeper.close();
  });

  it("of a pinned tenant stay", async () => {
    const bench = benchOf(1_000);
    const rules: PolicyRules = { setAtMs: 0, pins: ["a"] };
    await use(bench, 1, { group: 1, tenant: "a", rules });
    bench.sections.set(1, 300);
    await use(bench, 2);
    bench.sections.set(2, 490);
    await look(bench);
    expect([...bench.sections.keys()]).toEqual([1]);
    await bench.keeper.close();
  });
});

describe("A collection with a share of the memory", () => {
  const rules: PolicyRules = { setAtMs: 0, memoryShare: 0.3 };
  const of = (n: number): Standing => ({ group: 7, tenant: `t${String(n)}`, rules });

  it("gives back its own when it holds more, and nobody else does", async () => {
    const bench = benchOf();
    for (const n of [1, 2]) await use(bench, n);
    for (const n of [3, 4, 5]) await use(bench, n, of(n));
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([1, 2, 3, 4, 5]);
    expect(bench.keeper.memoryOf(7)).toEqual({ loadedBytes: 300, budgetBytes: 1_000 });
    for (const n of [6, 7]) await use(bench, n, of(n));
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([1, 2, 6, 7]);
    expect(bench.keeper.evictions).toEqual({
      idle: 0,
      surplus: 0,
      memory: 0,
      share: 3,
      sections: 0,
    });
    await bench.keeper.close();
  });

  it("is held to another share as soon as it has one", async () => {
    const bench = benchOf();
    for (const n of [1, 2, 3]) await use(bench, n, of(n));
    bench.keeper.setRules(7, { setAtMs: 0, memoryShare: 0.1 });
    await look(bench);
    expect(bench.used()).toBe(0);
    await bench.keeper.close();
  });

  it("keeps who is used, whatever it holds", async () => {
    const bench = benchOf();
    let leave = (): void => undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const users = [1, 2, 3, 4].map((n) =>
      bench.keeper.use(uidOf(n), () => left, undefined, { standing: of(n) }),
    );
    await look(bench);
    expect(bench.used()).toBe(400);
    leave();
    await Promise.all(users);
    await look(bench);
    expect(bench.used()).toBe(200);
    await bench.keeper.close();
  });
});

describe("Pinned tenants", () => {
  const pinned: PolicyRules = { setAtMs: 0, pins: ["vip-*"] };
  const vip = (n: number, rules = pinned): Standing => ({
    group: 1,
    tenant: `vip-${String(n)}`,
    rules,
  });

  it("stay awake when memory is short and however long nobody uses them", async () => {
    const bench = benchOf(1_000, 10_000);
    for (const n of [1, 2]) await use(bench, n, vip(n));
    await use(bench, 3, { ...vip(3), tenant: "other" });
    for (let n = 4; n <= 10; n++) await use(bench, n);
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([1, 2, 5, 6, 7, 8, 9, 10]);
    await look(bench, 60_000);
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([1, 2]);
    bench.keeper.setRules(1, { setAtMs: 0 });
    await look(bench);
    expect(bench.used()).toBe(0);
    await bench.keeper.close();
  });

  it("are spared in half of the memory, those used last, so that others find room", async () => {
    const bench = benchOf(1_000, 10_000);
    for (let n = 1; n <= 8; n++) await use(bench, n, vip(n));
    await look(bench, 60_000);
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([4, 5, 6, 7, 8]);
    await bench.keeper.close();
  });

  it("are spared in the share of their collection and no further", async () => {
    const bench = benchOf(1_000, 10_000);
    const rules = { ...pinned, memoryShare: 0.2 };
    for (let n = 1; n <= 4; n++) await use(bench, n, vip(n, rules));
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([3, 4]);
    await bench.keeper.close();
  });

  it("are spared in half of the places for shards that are awake", async () => {
    const bench = benchOf(1e9, 10_000, 4);
    for (let n = 1; n <= 6; n++) await use(bench, n, vip(n));
    await look(bench, 60_000);
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([5, 6]);
    await bench.keeper.close();
  });
});
