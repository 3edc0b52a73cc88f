import { expect, test } from "vitest";
import { InsulaError } from "../base/errors.ts";
import type { WorkerPool } from "../io/index.ts";
import { FairPool } from "./fair-pool.ts";

/** Threads whose jobs end when told, the oldest first. */
class HeldPool implements WorkerPool {
  readonly size = 2;
  readonly started: string[] = [];
  #ends: (() => void)[] = [];

  run(job: string): Promise<unknown> {
    this.started.push(job);
    return new Promise((resolve, reject) => {
      this.#ends.push(() => {
        if (job === "broken") reject(new InsulaError("worker_lost", "Gone."));
        else resolve(job);
      });
    });
  }

  broadcast(): void {
    this.started.push("broadcast");
  }

  async close(): Promise<void> {
    while (this.#ends.length > 0) await this.end();
  }

  async end(): Promise<void> {
    this.#ends.shift()?.();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

test("hands over as many jobs as keep the threads busy, and then by turns", async () => {
  const held = new HeldPool();
  const pool = new FairPool(held, () => 1);
  const busy = pool.of("busy");
  const quiet = pool.of("quiet");
  const jobs = Array.from({ length: 100 }, (_, i) => busy.run(`busy ${String(i)}`, undefined));
  expect(held.started).toHaveLength(3);
  const late = [quiet.run("quiet 0", undefined), quiet.run("quiet 1", undefined)];
  for (let i = 0; i < 4; i++) await held.end();
  expect(held.started.slice(3)).toEqual(["quiet 0", "busy 3", "quiet 1", "busy 4"]);
  await held.close();
  expect(await Promise.all(late)).toEqual(["quiet 0", "quiet 1"]);
  expect(await Promise.all(jobs)).toHaveLength(100);
  expect(pool.waitingCount).toBe(0);
});

test("a shard of three times the weight gets three times the jobs", async () => {
  const held = new HeldPool();
  const pool = new FairPool(held, (name) => (name === "heavy" ? 3 : 1));
  const jobs = ["light", "heavy"].flatMap((name) =>
    Array.from({ length: 200 }, () => pool.of(name).run(name, undefined)),
  );
  for (let i = 0; i < 100; i++) await held.end();
  const heavy = held.started.filter((job) => job === "heavy").length;
  expect(heavy / (held.started.length - heavy)).toBeGreaterThan(2.5);
  await held.close();
  await Promise.all(jobs);
});

test("a job that fails makes room like any other", async () => {
  const held = new HeldPool();
  const shard = new FairPool(held, () => 1).of("shard");
  const broken = Array.from({ length: 3 }, () => shard.run("broken", undefined));
  const after = shard.run("after", undefined);
  for (const job of broken) job.catch(() => undefined);
  await held.close();
  await expect(Promise.all(broken)).rejects.toMatchObject({ code: "worker_lost" });
  expect(await after).toBe("after");
});
