/** Whom the keeper looks at twice a second, and that nobody who is due is passed over. */
import { describe, expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import { ManualClock, SeededRandom } from "../io/index.ts";
import type { Shard } from "../shard/index.ts";
import { ShardKeeper } from "./shard-keeper.ts";
import type { Standing } from "./standing.ts";

const IDLE_MS = 5_250;
const ROUND_MS = 500;

/** A shard of which the test says when its upkeep is due. */
interface Fake {
  lastUsedMs: number;
  dueAtMs: number;
  isCalm: boolean;
  looks: number;
  upkeeps: number[];
  closes: number;
  isStuck: boolean;
  isMerging: boolean;
  users: number;
}

interface House {
  readonly keeper: ShardKeeper;
  readonly clock: ManualClock;
  readonly awake: Map<number, Fake>;
  readonly faults: unknown[];
  /** When the last round began. */
  roundAtMs(): number;
  /** Shards that were put to sleep though they were in use, or not idle for long enough. */
  tooSoon(): number;
}

function uidOf(n: number): ReturnType<typeof toShardUid> {
  return toShardUid(new Uint8Array(16).fill(n));
}

function houseOf(): House {
  const clock = new ManualClock();
  const awake = new Map<number, Fake>();
  const faults: unknown[] = [];
  let [roundAtMs, tooSoon] = [0, 0];
  // Asked by rounds alone.
  clock.wallMs = () => {
    roundAtMs = clock.monotonicMs();
    return roundAtMs;
  };
  const keeper = new ShardKeeper({
    clock,
    open: ([n = 0]) => {
      const fake: Fake = {
        ...{ lastUsedMs: 0, dueAtMs: Infinity, isCalm: true },
        ...{ looks: 0, upkeeps: [], closes: 0, isStuck: false, users: 0, isMerging: false },
      };
      awake.set(n, fake);
      const gone = (): void => {
        awake.delete(n);
        if (fake.users > 0 || clock.monotonicMs() - fake.lastUsedMs < IDLE_MS) tooSoon++;
      };
      return Promise.resolve(shardOf(fake, gone, clock));
    },
    closed: () => undefined,
    awakeMax: 1_000,
    idleMs: IDLE_MS,
    memoryUse: () => ({ usedBytes: 0, budgetBytes: 1_000 }),
    onFault: (error) => faults.push(error),
    onDamage: () => Promise.resolve(),
  });
  return { keeper, clock, awake, faults, roundAtMs: () => roundAtMs, tooSoon: () => tooSoon };
}

function shardOf(fake: Fake, gone: () => void, clock: ManualClock): Shard {
  const body = {
    loadedBytes: 0,
    get isMerging() {
      return fake.isMerging;
    },
    get lastUsedMs() {
      return fake.lastUsedMs;
    },
    set lastUsedMs(ms: number) {
      fake.lastUsedMs = ms;
    },
    isUpkeepDue: (nowMs: number) => {
      fake.looks++;
      return nowMs >= fake.dueAtMs;
    },
    isCalm: () => fake.isCalm && fake.dueAtMs === Infinity,
    maintain: () => {
      fake.upkeeps.push(clock.monotonicMs());
      fake.dueAtMs = Infinity;
      return Promise.resolve();
    },
    settle: () => Promise.resolve(),
    close: () => {
      fake.closes++;
      if (fake.isStuck) return Promise.reject(new Error("it cannot sleep"));
      gone();
      return Promise.resolve();
    },
  };
  return body as unknown as Shard;
}

async function turns(count = 30): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
  await new Promise(setImmediate);
}

async function rounds({ clock }: House, count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    clock.advance(ROUND_MS);
    await turns();
  }
}

function use({ keeper }: House, n: number, standing?: Standing): Promise<void> {
  const manner = standing === undefined ? {} : { standing };
  return keeper.use(uidOf(n), () => Promise.resolve(), undefined, manner);
}

function longUse({ keeper, awake }: House, n: number): { done: Promise<void>; end: () => void } {
  let end = (): void => undefined;
  const until = new Promise<void>((resolve) => {
    end = resolve;
  });
  const done = keeper.use(uidOf(n), async () => {
    const fake = awake.get(n);
    if (fake !== undefined) fake.users++;
    await until;
    if (fake !== undefined) fake.users--;
  });
  return { done, end };
}

describe("A round of tending", () => {
  it("looks once at who was used, and at nobody else until he is used again", async () => {
    const house = houseOf();
    for (let n = 1; n <= 50; n++) await use(house, n);
    await rounds(house, 1);
    expect([...house.awake.values()].map(({ looks }) => looks)).toEqual(Array(50).fill(1));
    await rounds(house, 6);
    await use(house, 7);
    await rounds(house, 2);
    const looked = [...house.awake].filter(([, { looks }]) => looks > 1);
    expect(looked.map(([n, { looks }]) => [n, looks])).toEqual([[7, 2]]);
    await house.keeper.close();
  });

  it("looks again and again at who is not calm", async () => {
    const house = houseOf();
    for (const n of [1, 2]) await use(house, n);
    const restless = house.awake.get(2);
    if (restless !== undefined) restless.isCalm = false;
    await rounds(house, 6);
    expect([...house.awake.values()].map(({ looks }) => looks)).toEqual([1, 6]);
    if (restless !== undefined) restless.dueAtMs = house.clock.monotonicMs() + ROUND_MS;
    await rounds(house, 2);
    expect(restless?.upkeeps).toEqual([house.clock.monotonicMs() - ROUND_MS]);
    await house.keeper.close();
  });

  it("tries again every time to put to sleep who cannot", async () => {
    const house = houseOf();
    await use(house, 1);
    const stuck = house.awake.get(1);
    if (stuck !== undefined) stuck.isStuck = true;
    await rounds(house, 10);
    expect(stuck?.closes).toBe(0);
    await rounds(house, 3);
    expect(stuck?.closes).toBe(3);
    expect(house.faults).toHaveLength(3);
    if (stuck !== undefined) stuck.isStuck = false;
    await rounds(house, 1);
    expect(house.keeper.awakeCount).toBe(0);
    await house.keeper.close();
  });

  it("lets a merge end before it puts to sleep", async () => {
    const house = houseOf();
    await use(house, 1);
    const merging = house.awake.get(1);
    if (merging !== undefined) Object.assign(merging, { isMerging: true, isCalm: false });
    await rounds(house, 3 * (IDLE_MS / ROUND_MS));
    expect(house.awake.has(1)).toBe(true);
    if (merging !== undefined) merging.isMerging = false;
    await rounds(house, 2);
    expect(house.awake.has(1)).toBe(false);
    await house.keeper.close();
  });

  it("puts to sleep who was pinned as soon as he is not", async () => {
    const house = houseOf();
    const rules = { setAtMs: 0, pins: ["a"] } as unknown as Standing["rules"];
    await use(house, 1, { group: 1, tenant: "a", rules });
    await use(house, 2, { group: 1, tenant: "b", rules });
    await rounds(house, 20);
    expect([...house.awake.keys()]).toEqual([1]);
    house.keeper.setRules(1, { setAtMs: 0 });
    await rounds(house, 1);
    expect(house.keeper.awakeCount).toBe(0);
    await house.keeper.close();
  });

  it("passes over nobody that a look at everybody would find, and takes nobody too soon", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new SeededRandom(seed);
      const house = houseOf();
      const { clock, awake, keeper } = house;
      let running: { readonly done: Promise<void>; readonly end: () => void }[] = [];
      for (let round = 0; round < 60; round++) {
        for (let i = random.below(4); i > 0; i--) {
          const n = 1 + random.below(12);
          const use = longUse(house, n);
          running.push(use);
          await turns(10);
          const fake = awake.get(n);
          if (fake !== undefined && random.below(3) === 0) {
            fake.dueAtMs = clock.monotonicMs() + random.below(4_000);
          }
          if (random.below(4) > 0) use.end();
          await turns(10);
          clock.advance(random.below(40));
          await turns(10);
        }
        await rounds(house, 1);
        if (random.below(3) > 0) continue;
        // A round may wait for one of them, who came while his shard was put to sleep.
        for (const { end } of running) end();
        await Promise.all(running.map(({ done }) => done));
        running = [];
        await rounds(house, 1);
        const atMs = house.roundAtMs();
        for (const { lastUsedMs, dueAtMs } of awake.values()) {
          expect(atMs - lastUsedMs, `seed ${String(seed)}`).toBeLessThan(IDLE_MS);
          expect(dueAtMs, `seed ${String(seed)}`).toBeGreaterThan(atMs);
        }
      }
      expect(house.tooSoon()).toBe(0);
      expect(keeper.evictions.idle).toBeGreaterThan(5);
      for (const { end } of running) end();
      await keeper.close();
    }
  });
});
