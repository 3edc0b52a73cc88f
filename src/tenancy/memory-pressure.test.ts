import { describe, expect, it } from "vitest";
import { MemoryPressure } from "./memory-pressure.ts";

const MINUTE = 60_000;
const budgetBytes = 1_000;

describe("giving back", () => {
  it("begins above the high mark and goes on to the low one", () => {
    const pressure = new MemoryPressure();
    const excessAt = (usedBytes: number): number => pressure.excessOf({ usedBytes, budgetBytes });
    expect(excessAt(900)).toBe(0);
    expect(excessAt(901)).toBe(51);
    expect(excessAt(860)).toBe(10);
    expect(excessAt(850)).toBe(0);
    expect(excessAt(899)).toBe(0);
  });

  it("spares who was woken in the last half minute, unless all but two percent are in use", () => {
    const pressure = new MemoryPressure();
    expect(pressure.residenceMs({ usedBytes: 980, budgetBytes }, 0)).toBe(30_000);
    expect(pressure.residenceMs({ usedBytes: 981, budgetBytes }, 0)).toBe(0);
  });
});

describe("thrashing", () => {
  function wake(pressure: MemoryPressure, count: number, returns: number, nowMs: number): void {
    for (let i = 0; i < count; i++) {
      if (i < returns) pressure.slept(String(i), nowMs - 1);
      pressure.woke(String(i), nowMs);
    }
  }

  it("is more than a tenth of wakings within a minute of being put to sleep", () => {
    const some = new MemoryPressure();
    wake(some, 30, 3, 5);
    expect(some.isThrashing(6)).toBe(false);
    const many = new MemoryPressure();
    wake(many, 30, 4, 5);
    expect(many.isThrashing(6)).toBe(true);
    expect(many.returnCount).toBe(4);
    expect(many.residenceMs({ usedBytes: 950, budgetBytes }, 6)).toBe(120_000);
  });

  it("is nothing that a few wakings tell", () => {
    const pressure = new MemoryPressure();
    wake(pressure, 19, 19, 5);
    expect(pressure.isThrashing(6)).toBe(false);
  });

  it("ends when two minutes have passed without it", () => {
    const pressure = new MemoryPressure();
    wake(pressure, 30, 30, 5);
    expect(pressure.isThrashing(MINUTE + 1)).toBe(true);
    expect(pressure.isThrashing(2 * MINUTE + 2)).toBe(false);
  });

  it("does not count who comes back later", () => {
    const pressure = new MemoryPressure();
    pressure.slept("a", 0);
    pressure.woke("a", MINUTE);
    expect(pressure.returnCount).toBe(0);
  });
});
