import { expect, test } from "vitest";
import { FairTurns, type Turn, type TurnRequest } from "./fair-turns.ts";
import { FLOW_WAITING_MAX } from "./limits.ts";

/** An event loop that goes round when told. */
class Loop {
  readonly turns = new FairTurns(
    () =>
      new Promise((resolve) => {
        this.#waiting.push(resolve);
      }),
  );
  readonly order: string[] = [];
  #waiting: (() => void)[] = [];

  async round(): Promise<void> {
    for (const resume of this.#waiting.splice(0)) resume();
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  async rounds(until: () => boolean): Promise<number> {
    let count = 0;
    for (; !until() && count < 100_000; count++) await this.round();
    return count;
  }

  /** A call that is through as soon as it has begun. */
  async call(name: string, units: number, request: TurnRequest = {}): Promise<void> {
    const mine = this.turns.enter(name, request);
    const turn: Turn = mine instanceof Promise ? await mine : mine;
    this.order.push(name);
    this.turns.leave(turn, units);
  }
}

test("a call begins at once while nobody waits and the round has room", async () => {
  const loop = new Loop();
  expect(loop.turns.enter("a", {})).not.toBeInstanceOf(Promise);
  await loop.round();
  expect(loop.turns.waitingCount).toBe(0);
});

test("a thousand calls of one that came before delay another by a round", async () => {
  const loop = new Loop();
  const crowd = Array.from({ length: 1_000 }, () => loop.call("busy", 1));
  // What the busy one costs is known by now.
  for (let i = 0; i < 5; i++) await loop.round();
  const before = loop.order.length;
  const quiet = loop.call("quiet", 1);
  await loop.rounds(() => loop.order.includes("quiet"));
  expect(loop.order.indexOf("quiet") - before).toBeLessThanOrEqual(3);
  await loop.rounds(() => loop.turns.waitingCount === 0);
  await Promise.all([...crowd, quiet]);
});

test("in one round not more begins than the round has room for, once the costs are known", async () => {
  const loop = new Loop();
  const crowd = Array.from({ length: 60 }, () => loop.call("busy", 20));
  await loop.round();
  await loop.round();
  const before = loop.order.length;
  await loop.round();
  expect(loop.order.length - before).toBe(1);
  await loop.rounds(() => loop.turns.waitingCount === 0);
  await Promise.all(crowd);
});

test("shares of places follow their weights", async () => {
  const loop = new Loop();
  const counts = { heavy: 0, light: 0 };
  const client = async (name: "heavy" | "light", weight: number): Promise<void> => {
    while (counts.heavy + counts.light < 4_000) {
      await loop.call(name, 3, { weight });
      counts[name]++;
    }
  };
  const clients = Array.from({ length: 20 }, () => [client("heavy", 3), client("light", 1)]).flat();
  await loop.rounds(() => counts.heavy + counts.light >= 4_000 && loop.turns.waitingCount === 0);
  await Promise.all(clients);
  expect(counts.heavy / counts.light).toBeGreaterThan(2.8);
  expect(counts.heavy / counts.light).toBeLessThan(3.2);
});

test("searches, writes and upkeep share 12 to 5 to 3 when all are busy, also within one place", async () => {
  const loop = new Loop();
  const counts = { query: 0, write: 0, background: 0 };
  const done = (): boolean => counts.query + counts.write + counts.background >= 40_000;
  const client = async (kind: "query" | "write"): Promise<void> => {
    while (!done()) {
      // Three units of a search at a time, thirty of a write.
      const units = kind === "query" ? 3 : 30;
      await loop.call("place", units, { kind });
      if (!done()) counts[kind] += units + 0.5;
    }
  };
  const upkeep = async (): Promise<void> => {
    while (!done()) {
      await loop.turns.next("place", "background");
      if (!done()) counts.background += 2.5;
    }
  };
  const clients = Array.from({ length: 10 }, () => [client("query"), client("write"), upkeep()]);
  await loop.rounds(() => done() && loop.turns.waitingCount === 0);
  await Promise.all(clients.flat());
  expect(counts.query / counts.write).toBeGreaterThan(2.1);
  expect(counts.query / counts.write).toBeLessThan(2.7);
  expect(counts.query / counts.background).toBeGreaterThan(3.6);
  expect(counts.query / counts.background).toBeLessThan(4.4);
});

test("nobody starves: upkeep that waits beside any number of searches gets its turn", async () => {
  const loop = new Loop();
  let isOver = false;
  const client = async (name: string): Promise<void> => {
    while (!isOver) await loop.call(name, 50);
  };
  const clients = Array.from({ length: 50 }, (_, i) => client(`t${String(i)}`));
  for (let i = 0; i < 100; i++) await loop.round();
  const before = loop.order.length;
  let hadTurn = false;
  const upkeep = loop.turns.next("u", "background").then(() => (hadTurn = true));
  await loop.rounds(() => hadTurn);
  expect(loop.order.length - before).toBeLessThanOrEqual(60);
  isOver = true;
  await loop.rounds(() => loop.turns.waitingCount === 0);
  await Promise.all([...clients, upkeep]);
});

test("what a call's slices are taken for is not paid twice", async () => {
  const loop = new Loop();
  const counts = { sliced: 0, whole: 0 };
  const done = (): boolean => counts.sliced + counts.whole >= 6_000;
  const sliced = async (): Promise<void> => {
    while (!done()) {
      const mine = loop.turns.enter("sliced", {});
      const turn = mine instanceof Promise ? await mine : mine;
      for (let i = 0; i < 3; i++) await loop.turns.next("sliced", "query");
      loop.turns.leave(turn, 40);
      counts.sliced += 40;
    }
  };
  const whole = async (): Promise<void> => {
    while (!done()) {
      await loop.call("whole", 40);
      counts.whole += 40;
    }
  };
  const clients = Array.from({ length: 10 }, () => [sliced(), whole()]).flat();
  await loop.rounds(() => done() && loop.turns.waitingCount === 0);
  await Promise.all(clients);
  expect(counts.sliced / counts.whole).toBeGreaterThan(0.8);
  expect(counts.sliced / counts.whole).toBeLessThan(1.25);
});

test("a call that is given up leaves the queue with the reason, and is not counted", async () => {
  const loop = new Loop();
  const crowd = Array.from({ length: 50 }, () => loop.call("busy", 1));
  const stop = new AbortController();
  const given = loop.call("quiet", 1, { signal: stop.signal });
  const before = loop.turns.waitingCount;
  stop.abort(new Error("gone"));
  await expect(given).rejects.toThrow("gone");
  expect(loop.turns.waitingCount).toBe(before - 1);
  const late = loop.call("quiet", 1, { signal: stop.signal });
  await expect(late).rejects.toThrow("gone");
  await loop.rounds(() => loop.turns.waitingCount === 0);
  await Promise.all(crowd);
  expect(loop.order).not.toContain("quiet");
});

test("beyond the calls that may wait of one place a call is refused, with a time", async () => {
  const loop = new Loop();
  const crowd: Promise<void>[] = [];
  while (loop.turns.waitingCount < FLOW_WAITING_MAX) crowd.push(loop.call("busy", 1));
  await expect(loop.call("busy", 1)).rejects.toMatchObject({
    code: "limit_exceeded",
    retryAfterMs: expect.any(Number) as number,
  });
  const other = loop.call("quiet", 1);
  await loop.rounds(() => loop.turns.waitingCount === 0);
  await Promise.all([...crowd, other]);
});

test("of one place so many units are under way, of each place, and at least four calls", async () => {
  const loop = new Loop();
  const counts = { small: 0, large: 0, most: { small: 0, large: 0 } };
  const begun = new Map<Turn, { name: "small" | "large"; units: number }>();
  const end = (turn: Turn): void => {
    const { name, units } = begun.get(turn) ?? { name: "small", units: 1 };
    begun.delete(turn);
    counts[name]--;
    loop.turns.leave(turn, units);
  };
  const call = async (name: "small" | "large", units: number): Promise<void> => {
    const mine = loop.turns.enter(name, {});
    begun.set(mine instanceof Promise ? await mine : mine, { name, units });
    counts.most[name] = Math.max(counts.most[name], ++counts[name]);
  };
  const calls: Promise<void>[] = [];
  for (let i = 0; i < 100; i++) calls.push(call("small", 1.5), call("large", 50));
  for (let pass = 0; loop.turns.waitingCount > 0 || begun.size > 0; pass++) {
    for (let i = 0; i < 200; i++) await loop.round();
    for (const turn of [...begun.keys()]) end(turn);
    // What they cost is known after the first.
    if (pass === 0) counts.most = { small: 0, large: 0 };
  }
  await Promise.all(calls);
  expect(counts.most).toEqual({ small: 16, large: 4 });
  await loop.round();
  expect(loop.turns.flowCount).toBe(0);
});

test("a call that is held and given up is not begun, and those behind it are", async () => {
  const loop = new Loop();
  const first = Array.from({ length: 32 }, () => loop.turns.enter("a", {}));
  await loop.rounds(() => loop.turns.waitingCount === 0);
  const stop = new AbortController();
  const given = loop.call("a", 1, { signal: stop.signal });
  const late = loop.call("a", 1);
  await loop.round();
  expect(loop.turns.waitingCount).toBe(2);
  stop.abort(new Error("gone"));
  await expect(given).rejects.toThrow("gone");
  expect(loop.turns.waitingCount).toBe(1);
  for (const mine of first.slice(0, 2)) loop.turns.leave(await mine, 1);
  await loop.rounds(() => loop.turns.waitingCount === 0);
  await late;
});

test("when nobody waits nothing is kept of anybody", async () => {
  const loop = new Loop();
  await loop.call("a", 100);
  const second = loop.call("b", 0);
  await loop.rounds(() => loop.turns.waitingCount === 0);
  await second;
  await loop.round();
  expect(loop.turns.flowCount).toBe(0);
});

test("slices go on at once while the round has room and nobody waits, and not beyond", async () => {
  const loop = new Loop();
  let slices = 0;
  const work = async (): Promise<void> => {
    for (; slices < 6; slices++) await loop.turns.next("a", "query");
  };
  const done = work();
  for (let i = 0; i < 20; i++) await Promise.resolve();
  expect(slices).toBe(2);
  await loop.rounds(() => slices === 6);
  await done;
});
