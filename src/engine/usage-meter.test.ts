import { expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { ManualClock } from "../io/index.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { USAGE_FLUSH_MS, USAGE_MONTHS_KEPT } from "./limits.ts";
import { UsageMeter } from "./usage-meter.ts";
import { decodeUsage, noCounters } from "./usage-row.ts";

const SHARD = toShardUid(new Uint8Array(16));

/** A catalogue of usage rows, which can be made to fail. */
class Ledger {
  readonly rows = new Map<string, Uint8Array>();
  readonly faults: unknown[] = [];
  readonly clock = new ManualClock();
  isBroken = false;
  hasRoom = true;
  readonly meter: UsageMeter;

  constructor(placesMax: number) {
    this.meter = new UsageMeter({
      catalog: {
        get: (key) => Promise.resolve(this.rows.get(key)),
        scan: ({ start, limit }) => {
          const sorted = [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1));
          return Promise.resolve(sorted.filter(([key]) => key > start).slice(0, limit));
        },
        commit: (changes) => this.#commit(changes),
        readShard: () => Promise.resolve(undefined),
      },
      clock: this.clock,
      hasRoom: () => this.hasRoom,
      onFault: (error) => this.faults.push(error),
      placesMax,
    });
  }

  #commit(changes: readonly CatalogChange[]): Promise<void> {
    if (this.isBroken) return Promise.reject(new InsulaError("io_failed", "Cannot write."));
    for (const change of changes) {
      if (change.kind === "put") this.rows.set(change.key, change.value);
      if (change.kind === "delete") this.rows.delete(change.key);
    }
    return Promise.resolve();
  }

  write(tenant: string): void {
    this.meter.add({ database: "d", collection: "c", tenant }, SHARD, {
      ...noCounters(),
      writes: 1,
    });
  }

  get writes(): number {
    const entries = [...this.rows.values()].flatMap(decodeUsage);
    return entries.reduce((sum, { counters }) => sum + counters.writes, 0);
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await this.clock.yield();
  }
}

it("has nothing in memory of a place once it is written", async () => {
  const ledger = new Ledger(1_000);
  for (let i = 0; i < 600; i++) ledger.write(`t${String(i)}`);
  expect(ledger.meter.pendingCount).toBe(600);
  await ledger.meter.flush();
  expect([ledger.meter.pendingCount, ledger.rows.size, ledger.writes]).toEqual([0, 600, 600]);
});

it("writes before its time when it is full, and makes calls wait at twice as many", async () => {
  const ledger = new Ledger(4);
  for (let i = 0; i < 4; i++) ledger.write(`t${String(i)}`);
  await ledger.settle();
  expect(ledger.writes).toBe(0);
  ledger.write("t4");
  await ledger.settle();
  expect(ledger.writes).toBe(4);
  for (let i = 0; i < 8; i++) ledger.write(`u${String(i)}`);
  await ledger.meter.room();
  expect(ledger.meter.pendingCount).toBeLessThan(8);
  await ledger.meter.flush();
  expect([ledger.writes, ledger.meter.lostCalls]).toEqual([13, 0]);
});

it("keeps what it cannot write, tells it, and counts what it has no room for", async () => {
  const ledger = new Ledger(2);
  ledger.isBroken = true;
  for (let i = 0; i < 6; i++) {
    await ledger.meter.room();
    ledger.write(`t${String(i)}`);
    await ledger.settle();
  }
  expect([ledger.meter.pendingCount, ledger.meter.lostCalls]).toEqual([4, 2]);
  expect(ledger.faults.length).toBeGreaterThan(0);
  await expect(ledger.meter.flush()).rejects.toMatchObject({ code: "io_failed" });
  ledger.isBroken = false;
  ledger.write("t0");
  ledger.clock.advance(USAGE_FLUSH_MS);
  await ledger.settle();
  expect([ledger.writes, ledger.meter.pendingCount]).toEqual([5, 0]);
});

it("does not write while the disk has no room, and does when it has", async () => {
  const ledger = new Ledger(10);
  ledger.hasRoom = false;
  ledger.write("t");
  for (let i = 0; i < 3; i++) {
    ledger.clock.advance(USAGE_FLUSH_MS);
    await ledger.settle();
  }
  expect(ledger.writes).toBe(0);
  ledger.hasRoom = true;
  ledger.clock.advance(USAGE_FLUSH_MS);
  await ledger.settle();
  expect(ledger.writes).toBe(1);
});

it("forgets places that did nothing for all the months that are kept, a few with each flush", async () => {
  const ledger = new Ledger(1_000);
  for (let i = 0; i < 100; i++) ledger.write(`t${String(i)}`);
  await ledger.meter.flush();
  ledger.clock.advance(USAGE_MONTHS_KEPT * 31 * 86_400_000);
  const left: number[] = [];
  for (let i = 0; i < 3; i++) {
    ledger.write("awake");
    await ledger.meter.flush();
    left.push(ledger.rows.size);
  }
  // The flush before had come to the 64th row.
  expect(left).toEqual([65, 2, 1]);
});
