import { describe, expect, it } from "vitest";
import { findMemoryBudget } from "./memory-budget.ts";

const GIB = 1024 ** 3;

describe("the memory budget", () => {
  it("is what was given, then half the container, then half the machine", () => {
    expect(findMemoryBudget(3 * GIB, 2 * GIB, 64 * GIB)).toEqual({
      bytes: 3 * GIB,
      source: "given",
    });
    expect(findMemoryBudget(undefined, 2 * GIB, 64 * GIB)).toEqual({
      bytes: GIB,
      source: "container",
    });
    expect(findMemoryBudget(undefined, 0, 8 * GIB)).toEqual({ bytes: 4 * GIB, source: "machine" });
    // Without a limit, Linux names a number above everything.
    expect(findMemoryBudget(undefined, 2 ** 63, 8 * GIB).source).toBe("machine");
  });

  it("is never less than the arenas need to begin with", () => {
    expect(findMemoryBudget(1, 0, GIB).bytes).toBe(GIB / 4);
    expect(findMemoryBudget(undefined, GIB / 8, GIB).bytes).toBe(GIB / 4);
  });
});
