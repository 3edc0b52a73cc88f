/** Memory is promised before it is taken: never too much, never for ever. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { LOAD_STALL_MS, LOAD_WAIT_MS, LOADS_WAITING_MAX } from "../base/limits.ts";
import { ManualClock } from "../io/index.ts";
import { LoadQueue, type LoadClass, type LoadRequest, type Reservation } from "./load-queue.ts";

const exhausted = { code: "memory_exhausted", kind: "resource_exhausted", retryAfterMs: 1_000 };

interface Bench {
  readonly clock: ManualClock;
  readonly queue: LoadQueue;
  /** In memory, and of that what nobody uses. */
  used: number;
  idle: number;
  /** Calls that are under way. */
  busy: number;
}

function benchOf(budgetBytes = 100): Bench {
  const clock = new ManualClock();
  const bench = { clock, used: 0, idle: 0, busy: 1 };
  const queue = new LoadQueue({
    clock,
    memoryUse: () => ({ usedBytes: bench.used, budgetBytes }),
    makeRoom: (bytes) => {
      const freed = Math.min(bench.idle, bytes);
      bench.idle -= freed;
      bench.used -= freed;
      return Promise.resolve();
    },
    isBusy: () => bench.busy > 0,
  });
  return Object.assign(bench, { queue });
}

const MIB = 2 ** 20;

let made = 0;
function request(bytes: number, kind: LoadClass = "query", id = String(++made)): LoadRequest {
  return { id, bytes, kind };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

describe("A load", () => {
  it("begins at once where there is room beside what others were promised", async () => {
    const { queue } = benchOf();
    expect(queue.tryReserve(request(60))).toBeDefined();
    expect(queue.tryReserve(request(41))).toBeUndefined();
    const second = queue.tryReserve(request(40));
    expect(queue.figures).toMatchObject({ waiting: 0, reservedBytes: 100 });
    second?.release();
    expect((await queue.reserve(request(40))).left).toBe(40);
  });

  it("is promised what its shard has not loaded yet, and one shard counts once", () => {
    const bench = benchOf();
    let left = 80;
    bench.queue.tryReserve(request(80, "query", "a"))?.follow(() => left);
    expect(bench.queue.tryReserve(request(80, "query", "a"))).toBeDefined();
    expect(bench.queue.tryReserve(request(30))).toBeUndefined();
    [left, bench.used] = [0, 80];
    expect(bench.queue.figures.reservedBytes).toBe(80);
  });

  it("that is small waits while few others are under way, whatever room there is", async () => {
    const { queue } = benchOf(100 * MIB);
    const promised = [1, 2, 3].map(() => queue.tryReserve(request(MIB)));
    expect(queue.tryReserve(request(MIB))).toBeUndefined();
    const [late, last] = [queue.reserve(request(MIB)), queue.reserve(request(MIB))];
    await settle();
    expect(queue.waitingCount).toBe(2);
    promised[1]?.release();
    const next = await late;
    await settle();
    expect(queue.waitingCount).toBe(1);
    next.release();
    (await last).release();
  });

  it("that has all in memory makes way for the next, long as its search may be", async () => {
    const { queue, clock } = benchOf(100 * MIB);
    const left = [1, 1, 1];
    for (const i of left.keys()) queue.tryReserve(request(MIB))?.follow(() => left[i] ?? 0);
    const late = queue.reserve(request(MIB));
    await settle();
    left[2] = 0;
    clock.advance(5);
    await late;
  });

  it("that takes long is not counted any more, and nobody is refused for it", async () => {
    const { queue, clock } = benchOf(100 * MIB);
    for (let i = 0; i < 3; i++) queue.tryReserve(request(MIB));
    const late = queue.reserve(request(MIB));
    await settle();
    for (let ms = 0; ms < 50; ms += 5) {
      expect(queue.waitingCount).toBe(1);
      clock.advance(5);
      await settle();
    }
    await late;
    expect(queue.figures.refused).toBe(0);
  });

  it("that is not counted goes past those that wait for a place", async () => {
    const { queue } = benchOf(100 * MIB);
    for (let i = 0; i < 3; i++) queue.tryReserve(request(MIB));
    const [small, large] = [queue.reserve(request(MIB)), queue.reserve(request(5 * MIB))];
    (await large).release();
    expect(queue.waitingCount).toBe(1);
    queue.close();
    await expect(small).rejects.toMatchObject({ code: "engine_closed" });
  });

  it("that is large, far away or of a shard that loads already is not counted", () => {
    const { queue } = benchOf(100 * MIB);
    for (const id of ["a", "b", "c"]) queue.tryReserve(request(MIB, "query", id));
    expect(queue.tryReserve(request(5 * MIB))).toBeDefined();
    expect(queue.tryReserve({ ...request(MIB), isFar: true })).toBeDefined();
    expect(queue.tryReserve(request(MIB, "query", "b"))).toBeDefined();
    expect(queue.tryReserve(request(MIB))).toBeUndefined();
  });

  it("takes the room of what nobody uses before it waits", async () => {
    const bench = benchOf();
    Object.assign(bench, { used: 90, idle: 60 });
    expect((await bench.queue.reserve(request(50))).left).toBe(50);
    expect(bench.used).toBe(50);
  });

  it("waits behind those of its class, and before those of a lower one", async () => {
    const { queue } = benchOf();
    const first = queue.tryReserve(request(100));
    const order: string[] = [];
    const wait = (name: string, kind: LoadClass): Promise<void> =>
      queue.reserve(request(100, kind)).then((reservation) => {
        order.push(name);
        reservation.release();
      });
    const all = [
      wait("background", "background"),
      wait("write", "write"),
      wait("query 1", "query"),
      wait("query 2", "query"),
    ];
    await settle();
    expect(queue.figures).toMatchObject({ waiting: 4, waited: 4 });
    expect(queue.tryReserve(request(0, "background"))).toBeUndefined();
    first?.release();
    await Promise.all(all);
    expect(order).toEqual(["query 1", "query 2", "write", "background"]);
  });

  it("that nothing becomes free for is refused in time, and told when to come again", async () => {
    const { queue, clock } = benchOf();
    queue.tryReserve(request(100));
    const late = queue.reserve(request(10));
    await settle();
    clock.advance(LOAD_STALL_MS - 1);
    await settle();
    expect(queue.waitingCount).toBe(1);
    clock.advance(1);
    await expect(late).rejects.toMatchObject(exhausted);
    expect(queue.figures).toMatchObject({ waiting: 0, refused: 1 });
  });

  it("waits on while others begin, but not for ever", async () => {
    const { queue, clock } = benchOf();
    let holder = queue.tryReserve(request(100));
    const late = queue.reserve(request(100, "background"));
    const outcome = expect(late).rejects.toMatchObject(exhausted);
    for (let ms = 0; ms < LOAD_WAIT_MS; ms += LOAD_STALL_MS / 2) {
      expect(queue.waitingCount).toBe(1);
      const next = queue.reserve(request(100));
      holder?.release();
      holder = await next;
      clock.advance(LOAD_STALL_MS / 2);
      await settle();
    }
    await outcome;
    expect(queue.figures).toMatchObject({ waiting: 0, refused: 1 });
  });

  it("of a shard that is used repeatedly goes first, but for one in eight", async () => {
    const { queue } = benchOf();
    const holder = queue.tryReserve(request(100));
    const order: string[] = [];
    const wait = async (name: string, isProven: boolean): Promise<void> => {
      const reservation = await queue.reserve({ ...request(100), isProven });
      order.push(name);
      reservation.release();
    };
    const all = [
      ...Array.from({ length: 3 }, () => wait("new", false)),
      ...Array.from({ length: 16 }, () => wait("hot", true)),
    ];
    holder?.release();
    await Promise.all(all);
    expect(order.map((name) => name[0]).join("")).toBe("hhhhhhhnhhhhhhhnhhn");
  });

  it("of one that has just woken takes from those used repeatedly only when no other loads", async () => {
    const clock = new ManualClock();
    const asked: boolean[] = [];
    const queue = new LoadQueue({
      clock,
      memoryUse: () => ({ usedBytes: 0, budgetBytes: 100 }),
      makeRoom: (_, ofProven) => Promise.resolve(void asked.push(ofProven)),
      isBusy: () => true,
    });
    const holder = queue.tryReserve(request(100));
    const late = queue.reserve(request(200));
    await settle();
    holder?.release();
    await settle();
    expect(asked).toEqual([false, true]);
    queue.close();
    await expect(late).rejects.toMatchObject({ code: "engine_closed" });
  });

  it("ends with its signal, and with the queue", async () => {
    const { queue } = benchOf();
    queue.tryReserve(request(100));
    const ending = new AbortController();
    const reason = new Error("gone");
    const aborted = queue.reserve({ ...request(10), signal: ending.signal });
    const closed = queue.reserve(request(10));
    ending.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    queue.close();
    await expect(closed).rejects.toMatchObject({ code: "engine_closed" });
    await expect(queue.reserve(request(1))).rejects.toMatchObject({ code: "engine_closed" });
  });

  it("larger than all there is begins alone: what refuses it then are the arenas", async () => {
    const bench = benchOf();
    const large = bench.queue.reserve(request(1_000));
    await settle();
    expect(bench.queue.waitingCount).toBe(1);
    bench.busy = 0;
    bench.queue.poke();
    const reservation = await large;
    expect(bench.queue.tryReserve(request(1))).toBeUndefined();
    reservation.release();
    expect(bench.queue.tryReserve(request(1))).toBeDefined();
  });

  it("is refused at once when LOADS_WAITING_MAX wait", async () => {
    const { queue, clock } = benchOf();
    // So many timers would cost the manual clock seconds.
    vi.spyOn(clock, "after").mockReturnValue({ cancel: () => undefined });
    queue.tryReserve(request(100));
    const waiting = Array.from({ length: LOADS_WAITING_MAX }, () => queue.reserve(request(1)));
    const outcomes = Promise.allSettled(waiting);
    await expect(queue.reserve(request(1))).rejects.toMatchObject(exhausted);
    expect(queue.waitingCount).toBe(LOADS_WAITING_MAX);
    queue.close();
    await outcomes;
  });
});

const CALL = fc.record({
  bytes: fc.integer({ min: 0, max: 130 }),
  kind: fc.constantFrom<LoadClass>("query", "write", "background"),
  id: fc.integer({ min: 0, max: 4 }),
  /** Turns until it begins, and that it is used. */
  delay: fc.integer({ min: 0, max: 12 }),
  turns: fc.integer({ min: 0, max: 6 }),
  aborts: fc.boolean(),
});

describe("Whatever comes", () => {
  it("never takes more than there is but alone, and each ends, granted, refused or aborted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(CALL, { maxLength: 24 }), async (calls) => {
        const bench = benchOf();
        bench.busy = 0;
        const held = new Map<Reservation, number>();
        let ended = 0;
        const run = async (call: (typeof calls)[number]): Promise<void> => {
          for (let turn = 0; turn < call.delay; turn++) await new Promise(setImmediate);
          const signal = call.aborts ? AbortSignal.abort(new Error("gone")) : undefined;
          try {
            const asked = { ...request(call.bytes, call.kind), signal };
            const reservation = await bench.queue.reserve(asked);
            held.set(reservation, call.bytes);
            const sum = [...held.values()].reduce((total, bytes) => total + bytes, 0);
            expect(sum <= 100 || held.size === 1).toBe(true);
            for (let turn = 0; turn < call.turns; turn++) await new Promise(setImmediate);
            held.delete(reservation);
            reservation.release();
          } catch (error) {
            if (!call.aborts) expect(error).toMatchObject(exhausted);
          }
          ended++;
        };
        const all = Promise.all(calls.map(run));
        for (let turn = 0; turn < 400 && ended < calls.length; turn++) {
          bench.clock.advance(1);
          await new Promise(setImmediate);
        }
        expect(ended).toBe(calls.length);
        await all;
        expect(bench.queue.figures).toMatchObject({ waiting: 0, reservedBytes: 0 });
      }),
      { numRuns: 60 },
    );
  });
});
