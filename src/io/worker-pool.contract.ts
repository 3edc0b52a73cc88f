/** What every worker pool does; `makeTestRegistry` holds the jobs. */
import { afterAll, describe, expect, it } from "vitest";
import type { WorkerPool } from "./worker-pool.ts";

export function describeWorkerPool(name: string, make: () => WorkerPool): void {
  describe(`${name} as a worker pool`, () => {
    const pool = make();
    afterAll(() => pool.close());

    it("runs jobs and gives back their results", async () => {
      const sums = Array.from({ length: 20 }, (_, i) => pool.run("add", { a: i, b: 1 }));
      expect(await Promise.all(sums)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    });

    it("moves buffers there and back", async () => {
      const input = new Float32Array([1, 2, 3]);
      expect(await pool.run("double", input, [input.buffer])).toEqual(new Float32Array([2, 4, 6]));
    });

    it("keeps code, message and details of an error", async () => {
      await expect(pool.run("refuse", undefined)).rejects.toMatchObject({
        name: "InsulaError",
        code: "disk_full",
        kind: "resource_exhausted",
        message: "Cannot do it.",
        details: { left: 3 },
        retryAfterMs: 7,
      });
    });

    it("turns any other error, and an unknown job, into a broken invariant", async () => {
      await expect(pool.run("trip", undefined)).rejects.toMatchObject({
        code: "invariant_broken",
        message: "A job failed unexpectedly: x is not a function",
      });
      for (const job of ["none", "toString"]) {
        await expect(pool.run(job, undefined)).rejects.toMatchObject({ code: "invariant_broken" });
      }
    });

    it("tells of a broadcast before any later job", async () => {
      pool.broadcast("arena", 1);
      pool.broadcast("arena", 2);
      const answers = await Promise.all([1, 2, 3, 4].map(() => pool.run("told", undefined)));
      for (const answer of answers) expect(answer).toEqual(["arena=1", "arena=2"]);
    });

    it("finishes what runs when it is closed, and takes no more", async () => {
      const other = make();
      const last = other.run("sleep", undefined);
      await other.close();
      expect(await last).toBe("awake");
      await expect(other.run("add", { a: 1, b: 1 })).rejects.toMatchObject({
        code: "engine_closed",
      });
      await other.close();
    });
  });
}
