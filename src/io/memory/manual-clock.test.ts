import { describe, expect, it } from "vitest";
import { sleep } from "../clock.ts";
import { ManualClock } from "./manual-clock.ts";

describe("ManualClock", () => {
  it("runs timers in order of their due time, then of setting, at their own time", () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    const note = (name: string) => () => ran.push(`${name}@${String(clock.monotonicMs())}`);
    clock.after(30, note("c"));
    clock.after(10, note("a"));
    clock.after(10, note("b"));
    clock.after(5, () => clock.after(1, note("nested")));
    clock.advance(29);
    expect(ran).toEqual(["nested@6", "a@10", "b@10"]);
    clock.advance(1);
    expect(ran.at(-1)).toBe("c@30");
    expect(clock.pendingCount).toBe(0);
  });

  it("does not run a timer that was cancelled, also by another one", () => {
    const clock = new ManualClock();
    const second = clock.after(2, () => expect.fail("cancelled"));
    clock.after(1, () => {
      second.cancel();
    });
    clock.advance(10);
  });

  it("moves both clocks, and the wall alone when it jumps", () => {
    const clock = new ManualClock(1000);
    clock.advance(5);
    clock.jumpWall(-100);
    expect([clock.wallMs(), clock.monotonicMs()]).toEqual([905, 5]);
  });

  it("lets a sleeper wake, or fail with the reason of its signal", async () => {
    const clock = new ManualClock();
    const awake = sleep(clock, 10);
    const abort = new AbortController();
    const aborted = sleep(clock, 10, abort.signal);
    abort.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await expect(sleep(clock, 10, abort.signal)).rejects.toThrow("enough");
    expect(clock.pendingCount).toBe(1);
    clock.advance(10);
    await awake;
  });
});
