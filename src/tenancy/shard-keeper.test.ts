import { describe, expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { ManualClock } from "../io/index.ts";
import type { Shard } from "../shard/index.ts";
import { ShardKeeper } from "./shard-keeper.ts";

const UID = toShardUid(new Uint8Array(16).fill(1));

/** A keeper whose shard fails to open when the test says so. */
function failingKeeper(): { readonly keeper: ShardKeeper; readonly fail: () => void } {
  let fail = (): void => undefined;
  const keeper = new ShardKeeper({
    clock: new ManualClock(),
    open: () =>
      new Promise<Shard>((_, reject) => {
        fail = () => {
          reject(new InsulaError("io_failed", "Cannot read: the disk says no."));
        };
      }),
    closed: () => undefined,
    awakeMax: 1,
    idleMs: 1_000,
    memoryUse: () => ({ usedBytes: 0, budgetBytes: 1 }),
    onFault: () => undefined,
    onDamage: () => Promise.resolve(),
  });
  return {
    keeper,
    fail: () => {
      fail();
    },
  };
}

describe("A shard that fails to open", () => {
  it("does not hold up its removal, and nobody else opens it meanwhile", async () => {
    const { keeper, fail } = failingKeeper();
    const used = keeper.use(UID, () => Promise.resolve());
    let finish = (): void => undefined;
    const committed = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const dropped = keeper.drop([UID], () => committed);
    fail();
    await expect(used).rejects.toMatchObject({ code: "io_failed" });
    let isServed = false;
    const late = keeper
      .use(UID, () => Promise.resolve())
      .catch(() => {
        isServed = true;
      });
    await new Promise(setImmediate);
    expect(isServed).toBe(false);
    finish();
    await dropped;
    await new Promise(setImmediate);
    fail();
    await late;
    expect(isServed).toBe(true);
    await keeper.close();
  });

  it("does not hold up putting it to sleep, and is tried again by the next use", async () => {
    const { keeper, fail } = failingKeeper();
    for (let i = 0; i < 2; i++) {
      const used = keeper.use(UID, () => Promise.resolve());
      const asleep = keeper.sleep(UID);
      fail();
      await expect(used).rejects.toMatchObject({ code: "io_failed" });
      await asleep;
      expect(keeper.awakeCount).toBe(0);
    }
    await keeper.close();
  });
});

describe("A shard that is suspended", () => {
  /** Answers to opening and closing, in place of a shard with data. */
  function keeperOf(close: () => Promise<void>): { keeper: ShardKeeper; opened: () => number } {
    let opened = 0;
    const shard = { close, settle: () => Promise.resolve(), lastUsedMs: 0 };
    const keeper = new ShardKeeper({
      clock: new ManualClock(),
      open: () => {
        opened++;
        return Promise.resolve(shard as unknown as Shard);
      },
      closed: () => undefined,
      awakeMax: 1,
      idleMs: 1_000,
      memoryUse: () => ({ usedBytes: 0, budgetBytes: 1 }),
      onFault: () => undefined,
      onDamage: () => Promise.resolve(),
    });
    return { keeper, opened: () => opened };
  }
  const refuse = (): Promise<void> =>
    Promise.reject(new InsulaError("tenant_not_active", "Cannot use it: it rests."));

  it("waits for its user, and whoever comes meanwhile is asked for admission after it", async () => {
    const { keeper, opened } = keeperOf(() => Promise.resolve());
    const seen: string[] = [];
    let finish = (): void => undefined;
    let mayEnter = true;
    const admit = (): Promise<void> => (mayEnter ? Promise.resolve() : refuse());
    const first = keeper.use(
      UID,
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
      admit,
    );
    while (opened() === 0) await Promise.resolve();
    const suspended = keeper.suspend(UID, () => {
      seen.push("committed");
      mayEnter = false;
      return Promise.resolve();
    });
    const second = keeper.use(UID, () => Promise.resolve(), admit);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(seen).toEqual([]);
    finish();
    await Promise.all([first, suspended]);
    expect(seen).toEqual(["committed"]);
    await expect(second).rejects.toMatchObject({ code: "tenant_not_active" });
    expect(opened()).toBe(1);
    expect(keeper.awakeCount).toBe(0);
    await keeper.close();
  });

  it("stays awake, and nothing is committed, when it cannot sleep", async () => {
    let isBroken = true;
    const { keeper, opened } = keeperOf(() =>
      isBroken
        ? Promise.reject(new InsulaError("io_failed", "Cannot write: the disk says no."))
        : Promise.resolve(),
    );
    await keeper.use(UID, () => Promise.resolve());
    let committed = 0;
    const commit = (): Promise<void> => {
      committed++;
      return Promise.resolve();
    };
    await expect(keeper.suspend(UID, commit)).rejects.toMatchObject({ code: "io_failed" });
    expect(committed).toBe(0);
    await keeper.use(UID, () => Promise.resolve());
    expect(opened()).toBe(1);
    isBroken = false;
    await keeper.suspend(UID, commit);
    expect([committed, keeper.awakeCount]).toEqual([1, 0]);
    await keeper.close();
  });

  it("that slept is not woken, and is refused behind the commit", async () => {
    const { keeper, opened } = keeperOf(() => Promise.resolve());
    await keeper.suspend(UID, () => Promise.resolve());
    await expect(keeper.use(UID, () => Promise.resolve(), refuse)).rejects.toMatchObject({
      code: "tenant_not_active",
    });
    expect([opened(), keeper.awakeCount]).toEqual([0, 0]);
    await keeper.close();
  });
});

describe("Memory that is short", () => {
  interface Bench {
    readonly keeper: ShardKeeper;
    readonly clock: ManualClock;
    readonly awake: Map<number, Shard>;
    used(): number;
  }

  function uidOf(n: number): ReturnType<typeof toShardUid> {
    return toShardUid(new Uint8Array(16).fill(n));
  }

  /** Shards of a hundred bytes, and what keeps them. */
  function benchOf(budgetBytes = 1_000): Bench {
    const clock = new ManualClock();
    const awake = new Map<number, Shard>();
    const used = (): number => awake.size * 100;
    const keeper = new ShardKeeper({
      clock,
      open: (uid) => {
        const [n = 0] = uid;
        const shard = {
          ...{ loadedBytes: 100, memtableBytes: 0, isMerging: false, lastUsedMs: 0 },
          isUpkeepDue: () => false,
          close: () => {
            awake.delete(n);
            return Promise.resolve();
          },
        } as unknown as Shard;
        awake.set(n, shard);
        return Promise.resolve(shard);
      },
      closed: () => undefined,
      awakeMax: 100,
      idleMs: 1e9,
      memoryUse: () => ({ usedBytes: used(), budgetBytes }),
      onFault: () => undefined,
      onDamage: () => Promise.resolve(),
    });
    return { keeper, clock, awake, used };
  }

  async function use({ keeper, clock }: Bench, n: number): Promise<void> {
    await keeper.use(uidOf(n), () => Promise.resolve());
    clock.advance(1);
  }

  /** Time for the keeper to look once more. */
  async function look({ clock }: Bench, ms = 500): Promise<void> {
    clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  }

  it("is given back down to the low mark, the longest idle first, and no further", async () => {
    const bench = benchOf();
    for (let n = 1; n <= 9; n++) await use(bench, n);
    await look(bench, 60_000);
    expect(bench.used()).toBe(900);
    await use(bench, 10);
    await look(bench);
    expect([...bench.awake.keys()]).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(bench.keeper.evictions).toEqual({ idle: 0, surplus: 0, memory: 2 });
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
