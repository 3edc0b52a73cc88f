import { describe, expect, it } from "vitest";
import {
  MEMORY_SHARE_MIN,
  POLICY_DURATION_MS_MAX,
  POLICY_DURATION_MS_MIN,
} from "../base/limits.ts";
import { NO_POLICY, patchPolicy, toPolicy } from "./tenant-policy.ts";

const refused = { code: "argument_invalid" };

describe("a policy", () => {
  it("is told as it was said, in the largest unit that divides it", () => {
    const rules = patchPolicy(NO_POLICY, { inactiveAfter: "90m", offloadAfter: "48h" }, 7);
    expect(rules).toEqual({ setAtMs: 7, inactiveAfterMs: 5_400_000, offloadAfterMs: 172_800_000 });
    expect(toPolicy(rules)).toEqual({ inactiveAfter: "90m", offloadAfter: "2d" });
    expect(toPolicy(NO_POLICY)).toBeUndefined();
  });

  it("keeps what a patch does not name, and loses what it names null", () => {
    const both = patchPolicy(NO_POLICY, { inactiveAfter: "1h", offloadAfter: "1d" }, 1);
    expect(toPolicy(patchPolicy(both, { offloadAfter: "2d" }, 2))).toEqual({
      inactiveAfter: "1h",
      offloadAfter: "2d",
    });
    expect(toPolicy(patchPolicy(both, { inactiveAfter: null }, 2))).toEqual({
      offloadAfter: "1d",
    });
  });

  it("takes a minute and ten years, and nothing beyond", () => {
    const ms = (text: string): number | undefined =>
      patchPolicy(NO_POLICY, { inactiveAfter: text }, 1).inactiveAfterMs;
    expect(ms("1m")).toBe(POLICY_DURATION_MS_MIN);
    expect(ms("3650d")).toBe(POLICY_DURATION_MS_MAX);
    for (const text of ["0m", "3651d", "1", "m", "1.5h", "1h ", "90s", "-1h", ""]) {
      expect(() => ms(text), text).toThrow(expect.objectContaining(refused));
    }
  });

  it("takes a share of the memory from a thousandth to all of it", () => {
    const share = (memoryShare: number | null): unknown =>
      toPolicy(patchPolicy(NO_POLICY, { memoryShare }, 1));
    expect(share(MEMORY_SHARE_MIN)).toEqual({ memoryShare: MEMORY_SHARE_MIN });
    expect(share(1)).toEqual({ memoryShare: 1 });
    expect(share(null)).toBeUndefined();
    for (const bad of [0, MEMORY_SHARE_MIN / 2, 1.01, NaN, "0.5" as unknown as number]) {
      expect(() => share(bad), String(bad)).toThrow(expect.objectContaining(refused));
    }
  });

  it("counts as set anew only when a time is: pins say nothing of how uses were kept", () => {
    const timed = patchPolicy(NO_POLICY, { inactiveAfter: "1h" }, 7);
    const pinned = patchPolicy(timed, { alsoPin: ["a"], memoryShare: 0.5 }, 9);
    expect(pinned).toEqual({ ...timed, memoryShare: 0.5, pins: ["a"] });
    expect(toPolicy(pinned)).toEqual({ inactiveAfter: "1h", memoryShare: 0.5, pin: ["a"] });
    expect(patchPolicy(pinned, { unpin: ["a"], memoryShare: null }, 11)).toEqual(timed);
  });

  it("refuses to offload before it puts to rest", () => {
    const patch = { inactiveAfter: "2h", offloadAfter: "1h" };
    expect(() => patchPolicy(NO_POLICY, patch, 1)).toThrow(expect.objectContaining(refused));
  });

  it("refuses what a program in JavaScript can say", () => {
    const patch = { inactiveAfter: 60_000 as unknown as string };
    expect(() => patchPolicy(NO_POLICY, patch, 1)).toThrow(expect.objectContaining(refused));
  });
});
