import { describe, expect, it } from "vitest";
import {
  NAME_BYTES_MAX,
  WARM_SCHEDULES_MAX,
  WARM_SCHEDULE_BYTES_MAX,
  WARM_SCHEDULE_TENANTS_MAX,
} from "../base/limits.ts";
import { NO_POLICY, patchPolicy, toPolicy } from "./tenant-policy.ts";
import {
  patchSchedules,
  type WarmSchedule,
  type WarmSchedulesPatch,
  toSchedules,
} from "./warm-schedule.ts";

const OFFICE: WarmSchedule = {
  tenants: ["team-*", "acme"],
  days: ["fri", "mon"],
  from: "08:00",
  to: "18:00",
  zone: "Europe/Berlin",
};
const KEPT = { ...OFFICE, tenants: ["acme", "team-*"], days: ["mon", "fri"] };

function refusalOf(patch: unknown): unknown {
  try {
    patchSchedules([], patch as WarmSchedulesPatch);
    return "";
  } catch (error) {
    expect(error).toMatchObject({ code: "argument_invalid" });
    return error instanceof Error ? error.message : error;
  }
}

describe("warm schedules", () => {
  it("are set, replaced and taken away by their names, each whole", () => {
    const one = patchSchedules([], { office: OFFICE });
    expect(toSchedules(one)).toEqual({ office: KEPT });
    const two = patchSchedules(one, { early: { ...OFFICE, from: "06:00" } });
    expect(two.map(({ name }) => name)).toEqual(["early", "office"]);
    const changed = patchSchedules(two, { office: { ...OFFICE, to: "24:00" }, early: null });
    expect(toSchedules(changed)).toEqual({ office: { ...KEPT, to: "24:00" } });
    expect(patchSchedules(two, { nobody: null })).toEqual(two);
    expect(patchSchedules(two, null)).toEqual([]);
    expect(patchSchedules(two, undefined)).toBe(two);
  });

  it("are part of a policy beside the rest of it", () => {
    const rules = patchPolicy(NO_POLICY, { warm: { office: OFFICE } }, 5);
    expect(rules.setAtMs).toBe(0);
    const more = patchPolicy(rules, { inactiveAfter: "12h" }, 5);
    expect(toPolicy(more)).toEqual({ inactiveAfter: "12h", warm: { office: KEPT } });
    expect(toPolicy(patchPolicy(more, { warm: { office: null } }, 5))).toEqual({
      inactiveAfter: "12h",
    });
    expect(toPolicy(patchPolicy(NO_POLICY, { warm: {} }, 5))).toBeUndefined();
  });

  it.each([
    ["a day", { days: ["monday"] }, "days: expected some of mon, tue, wed, thu, fri, sat, sun"],
    ["no day", { days: [] }, "days: expected some"],
    ["days that are no list", { days: "mon" }, "days: expected some"],
    ["an hour", { from: "24:00" }, "from: expected a time of day as HH:MM, 00:00 to 23:59"],
    ["a minute", { to: "18:60" }, "to: expected a time of day as HH:MM, 00:00 to 24:00"],
    ["a short hour", { from: "8:00" }, "from: expected a time of day"],
    ["an end", { to: "08:00" }, "to: expected another time than from"],
    ["a zone", { zone: "Europe/Nowhere" }, "zone: expected a time zone of the IANA data base"],
    ["an offset", { zone: "+02:00" }, "zone: expected a time zone"],
    ["no zone", { zone: undefined }, "zone: expected a time zone"],
    ["no tenants", { tenants: [] }, "tenants: expected 1 to 256 names or patterns"],
    ["an empty name", { tenants: [""] }, "tenants: expected"],
    ["a number", { tenants: [1] }, "tenants: expected"],
  ])("are refused with %s that is none, and told why", (_, wrong, reason) => {
    const message = refusalOf({ office: { ...OFFICE, ...wrong } });
    expect(message).toContain(`Cannot set warm schedules: office: ${reason}`);
  });

  it("are refused when they are no schedules, or have no name that can be said", () => {
    for (const name of ["", "-a", "a b", "__proto__", "é", "a".repeat(65)]) {
      expect(refusalOf(Object.fromEntries([[name, OFFICE]]))).toContain("a name: expected");
    }
    expect(refusalOf({ office: "daily" })).toContain("office: expected tenants, days");
    expect(refusalOf([OFFICE])).toContain("expected schedules by their names");
    expect(refusalOf("daily")).toContain("expected schedules by their names");
    expect(refusalOf(Object.fromEntries([["a".repeat(64), OFFICE]]))).toBe("");
  });

  it("are WARM_SCHEDULES_MAX of WARM_SCHEDULE_TENANTS_MAX, and so many bytes together", () => {
    const many = (count: number): WarmSchedulesPatch =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${String(i)}`, OFFICE]));
    expect(refusalOf(many(WARM_SCHEDULES_MAX))).toBe("");
    expect(refusalOf(many(WARM_SCHEDULES_MAX + 1))).toContain("expected at most 16, received 17");
    const of = (count: number, length: number): object => ({
      ...OFFICE,
      tenants: Array.from({ length: count }, (_, i) => String(i).padStart(length, "0")),
    });
    expect(refusalOf({ a: of(WARM_SCHEDULE_TENANTS_MAX, 3) })).toBe("");
    expect(refusalOf({ a: of(WARM_SCHEDULE_TENANTS_MAX + 1, 3) })).toContain("a: tenants");
    const half = WARM_SCHEDULE_BYTES_MAX / 2 / NAME_BYTES_MAX;
    const full = { a: of(half, NAME_BYTES_MAX), b: of(half, NAME_BYTES_MAX) };
    expect(refusalOf(full)).toBe("");
    expect(refusalOf({ ...full, c: of(1, 1) })).toContain("bytes in all of them");
  });
});
