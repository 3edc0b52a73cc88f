import { expect, it } from "vitest";
import { USES_WAITING_MAX } from "../base/limits.ts";
import { ManualClock } from "../io/index.ts";
import { NO_POLICY } from "../model/index.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import type { TenantUse } from "./tenant-directory.ts";
import { TenantUses } from "./tenant-uses.ts";

const COLLECTION = { row: { number: 1, policy: NO_POLICY } } as CollectionEntry;

it("holds so many that wait, and takes others when there is room again", async () => {
  const clock = new ManualClock();
  const frames: number[] = [];
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const markUsed = async (uses: readonly TenantUse[]): Promise<void> => {
    await held;
    frames.push(uses.length);
  };
  const faults: unknown[] = [];
  const onFault = (error: unknown): void => void faults.push(error);
  const uses = new TenantUses({ clock, tenants: { markUsed }, onFault });
  for (let i = 0; i <= USES_WAITING_MAX; i++) uses.note(COLLECTION, `t${String(i)}`, 0);
  expect(uses.waitingOf(COLLECTION, `t${String(USES_WAITING_MAX - 1)}`)).toBe(clock.wallMs());
  expect(uses.waitingOf(COLLECTION, `t${String(USES_WAITING_MAX)}`)).toBeUndefined();
  release();
  await uses.close();
  expect(frames.reduce((sum, count) => sum + count, 0)).toBe(USES_WAITING_MAX);
  expect(Math.max(...frames)).toBeLessThanOrEqual(500);
  uses.note(COLLECTION, `t${String(USES_WAITING_MAX)}`, 0);
  expect(uses.waitingOf(COLLECTION, `t${String(USES_WAITING_MAX)}`)).toBe(clock.wallMs());
  expect(faults).toEqual([]);
});

it("tells a fault once and notes the next use again", async () => {
  const clock = new ManualClock();
  const faults: unknown[] = [];
  const markUsed = (): Promise<void> => Promise.reject(new RangeError("full"));
  const onFault = (error: unknown): void => void faults.push(error);
  const uses = new TenantUses({ clock, tenants: { markUsed }, onFault });
  uses.note(COLLECTION, "a", 0);
  clock.advance(10_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(faults).toHaveLength(1);
  expect(uses.waitingOf(COLLECTION, "a")).toBeUndefined();
  await uses.close();
});
