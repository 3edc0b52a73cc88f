/**
 * Whose merge runs, how fast, and how it ends: counted in bytes and turns, on a clock of our own.
 */
import { expect, it } from "vitest";
import { ManualClock } from "../io/index.ts";
import { MergePace, type MergeBlock } from "./merge-control.ts";
import {
  LARGE_MERGES_AT_ONCE_MAX,
  MERGES_AT_ONCE_MAX,
  MERGE_LARGE_BYTES,
  MERGE_LONG_BYTES,
  MergeQueue,
  type QueuedMerge,
} from "./merge-queue.ts";

const MIB = 1_048_576;
const RATE = 64 * MIB;
const STEP_MS = 20;

async function turns(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
}

class Node {
  readonly clock = new ManualClock();
  readonly queue = new MergeQueue({ clock: this.clock, bytesPerSecond: RATE });
  readonly begun: string[] = [];
  readonly ended: string[] = [];
  readonly done = new Map<string, number>();

  /** A merge that reads and writes `bytes` as fast as it may. */
  add(name: string, bytes: number, isCheating = false): QueuedMerge {
    return this.queue.add(isCheating ? MIB : bytes, async (block) => {
      this.begun.push(name);
      await this.#work(name, block, bytes);
      this.ended.push(name);
    });
  }

  async pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += STEP_MS) {
      this.clock.advance(STEP_MS);
      await turns();
    }
  }

  /** A merge that runs ends with an error, at its next read or write. */
  async stop(merge: QueuedMerge): Promise<void> {
    const ending = expect(merge.done).rejects.toMatchObject({ code: "engine_closed" });
    merge.stop();
    await this.pass(STEP_MS);
    await ending;
  }

  async #work(name: string, block: MergeBlock, bytes: number): Promise<void> {
    const pace = new MergePace(block, this.clock);
    for (let at = 0; at < bytes; at += MIB / 2) {
      await pace.read(MIB / 4);
      await pace.written(MIB / 4);
      this.done.set(name, (this.done.get(name) ?? 0) + MIB / 2);
    }
  }
}

it("merges read and write as many bytes as the rate allows, no more", async () => {
  const node = new Node();
  const merge = node.add("a", 1_024 * MIB);
  await turns();
  const before = node.done.get("a") ?? 0;
  // What is saved up while nothing runs is a quarter of a second.
  expect(before).toBeLessThanOrEqual(RATE / 4 + MIB);
  await node.pass(4_000);
  const taken = (node.done.get("a") ?? 0) - before;
  expect(taken).toBeGreaterThan(RATE * 4 * 0.95);
  expect(taken).toBeLessThan(RATE * 4 * 1.05);
  const { bytesRead, bytesWritten, running } = node.queue.counters;
  expect(running).toBe(1);
  expect(bytesRead + bytesWritten).toBeGreaterThanOrEqual(before + taken - MIB);
  await node.stop(merge);
});

it("two merges share the rate evenly, and a third takes what they leave", async () => {
  const node = new Node();
  node.add("a", 100 * MIB);
  node.add("b", 100 * MIB);
  await node.pass(1_000);
  const [a = 0, b = 0] = [node.done.get("a"), node.done.get("b")];
  expect(Math.abs(a - b)).toBeLessThan(RATE / 4 + 2 * MIB);
  await node.pass(4_000);
  expect(node.ended.sort()).toEqual(["a", "b"]);
});

it("small tenants are done while one large merge goes on", async () => {
  const node = new Node();
  const large = node.add("large", 4_096 * MIB);
  await node.pass(1_000);
  for (let i = 0; i < 20; i++) node.add(`small-${String(i)}`, 4 * MIB);
  await node.pass(3_000);
  expect(node.ended.sort()).toHaveLength(20);
  // Twenty small ones of 4 MiB are 80 of the 192 MiB of three seconds: the large one got the rest.
  expect(node.done.get("large") ?? 0).toBeGreaterThan(RATE);
  await node.stop(large);
});

it("large merges leave places for small ones", async () => {
  const node = new Node();
  for (let i = 0; i < 5; i++) node.add(`large-${String(i)}`, MERGE_LARGE_BYTES * 8);
  await turns();
  expect(node.begun).toHaveLength(LARGE_MERGES_AT_ONCE_MAX);
  for (let i = 0; i < 5; i++) node.add(`small-${String(i)}`, 64 * MIB);
  await turns();
  expect(node.begun).toHaveLength(MERGES_AT_ONCE_MAX);
  expect(node.queue.counters).toMatchObject({ running: MERGES_AT_ONCE_MAX, waiting: 6 });
});

it("a long merge leaves a place for the large ones that writers wait for", async () => {
  const node = new Node();
  for (const name of ["long-0", "long-1"]) node.add(name, MERGE_LONG_BYTES);
  node.add("large", MERGE_LONG_BYTES - 1);
  await turns();
  expect(node.begun).toEqual(["long-0", "large"]);
});

it("who asks first among tenants begins first", async () => {
  const node = new Node();
  const names = Array.from({ length: 12 }, (_, i) => `t${String(i)}`);
  for (const name of names) node.add(name, 2 * MIB);
  await node.pass(2_000);
  expect(node.begun).toEqual(names);
  expect(node.ended).toHaveLength(names.length);
  expect(node.queue.counters).toMatchObject({ started: 12, running: 0, waiting: 0 });
  expect(node.clock.pendingCount).toBe(0);
});

it("a merge that takes more than it said is slowed, not stuck", async () => {
  const node = new Node();
  node.add("liar", 128 * MIB, true);
  await node.pass(4_000);
  expect(node.ended).toEqual(["liar"]);
});

it("a merge that is stopped while it waits never begins", async () => {
  const node = new Node();
  for (let i = 0; i < MERGES_AT_ONCE_MAX; i++) node.add(`t${String(i)}`, 100 * MIB);
  const late = node.add("late", MIB);
  late.stop();
  await late.done;
  await node.pass(10_000);
  expect(node.begun).not.toContain("late");
  expect(node.ended).toHaveLength(MERGES_AT_ONCE_MAX);
});

it("a merge that fails gives its place to the next", async () => {
  const node = new Node();
  const failing = node.queue.add(MIB, () => Promise.reject(new Error("no disk")));
  const next = node.add("next", MIB);
  await expect(failing.done).rejects.toThrow("no disk");
  await next.done;
  expect(node.queue.counters).toMatchObject({ running: 0, waiting: 0 });
});
