import { afterAll, describe, expect, it } from "vitest";
import { describeWorkerPool } from "../worker-pool.contract.ts";
import { ThreadPool } from "./thread-pool.ts";

const ENTRY = new URL("./pool-thread.contract.ts", import.meta.url);

describeWorkerPool("the pool of threads", () => new ThreadPool(ENTRY, 2));

describe("ThreadPool", () => {
  const pool = new ThreadPool(ENTRY, 1);
  afterAll(() => pool.close());

  it("fails the jobs of a thread that died and goes on with a new one that knows the broadcasts", async () => {
    pool.broadcast("arena", 1);
    const results = await Promise.allSettled([
      pool.run("die", undefined),
      pool.run("sleep", undefined),
    ]);
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "worker_lost" } });
    }
    expect(await pool.run("told", undefined)).toEqual(["arena=1"]);
  });

  it("gives up when threads die one after the other", async () => {
    const broken = new ThreadPool(new URL("./none.ts", import.meta.url), 1);
    for (let i = 0; i < 10; i++) {
      await expect(broken.run("add", { a: 1, b: 1 })).rejects.toMatchObject({
        code: "worker_lost",
      });
    }
    await broken.close();
  });

  it("refuses input that cannot be cloned and goes on", async () => {
    await expect(pool.run("add", () => 1)).rejects.toThrow();
    expect(await pool.run("add", { a: 1, b: 2 })).toBe(3);
  });
});
