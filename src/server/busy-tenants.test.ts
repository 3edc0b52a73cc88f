import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BusyTenants } from "./busy-tenants.ts";

function countOf(tenants: BusyTenants, name: string): number | undefined {
  return tenants.read().shown.find(([shown]) => shown === name)?.[1];
}

describe("calls of the busiest tenants", () => {
  test("are exact while there are few names", () => {
    const tenants = new BusyTenants(2);
    for (const name of ["a", "b", "a"]) tenants.count(name);
    expect(tenants.read()).toEqual({
      shown: [
        ["a", 2],
        ["b", 1],
      ],
      otherCalls: 0,
    });
  });

  test("a name that becomes much busier takes the place of the idlest and starts at nothing", () => {
    const tenants = new BusyTenants(2);
    for (const name of ["a", "a", "b"]) tenants.count(name);
    for (let i = 0; i < 3; i++) tenants.count("c");
    expect(countOf(tenants, "b")).toBeUndefined();
    expect(countOf(tenants, "c")).toBe(0);
    tenants.count("c");
    expect(countOf(tenants, "c")).toBe(1);
    expect(tenants.read().otherCalls).toBe(3);
  });

  test("a tenant that is busy among very many that call once is found, and the names stay few", () => {
    const tenants = new BusyTenants(3);
    for (let i = 0; i < 20_000; i++) {
      tenants.count(`once-${String(i)}`);
      if (i % 10 === 0) tenants.count("busy");
    }
    expect(tenants.read().shown).toHaveLength(3);
    expect(countOf(tenants, "busy")).toBeGreaterThan(1_000);
  });

  test("no number ever falls while it is shown, and no call is lost from the sum of what was", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 800 }), (calls) => {
        const tenants = new BusyTenants(2);
        let before = tenants.read();
        for (const call of calls) {
          // Skewed, so that names rise and fall.
          tenants.count(`t${String(Math.floor(call / (1 + (call % 7))))}`);
          const now = tenants.read();
          expect(now.otherCalls).toBeGreaterThanOrEqual(before.otherCalls);
          expect(now.shown.length).toBeLessThanOrEqual(2);
          const old = new Map(before.shown);
          for (const [name, count] of now.shown) {
            if (old.has(name)) expect(count).toBeGreaterThanOrEqual(old.get(name) ?? 0);
          }
          before = now;
        }
      }),
    );
  });
});
