import { describe, expect, it } from "vitest";
import type { NamedWarmSchedule, WarmSchedule } from "./warm-schedule.ts";
import { keptWarmBy, openSchedules, windowsOf } from "./warm-window.ts";

const HOUR = 3_600_000;
const OFFICE: WarmSchedule = {
  tenants: ["team-*"],
  days: ["mon", "tue", "wed", "thu", "fri"],
  from: "08:00",
  to: "18:00",
  zone: "Europe/Berlin",
};
const DAILY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

function at(text: string): number {
  return Date.parse(text);
}

/** Windows that are not over at that time, as moments. */
function told(schedule: Partial<WarmSchedule>, now: string, count = 2): readonly string[] {
  return windowsOf({ ...OFFICE, ...schedule }, at(now), count).map(({ fromMs, toMs }) =>
    [fromMs, toMs].map((ms) => new Date(ms).toISOString().slice(0, 16)).join(" "),
  );
}

describe("windows of a warm schedule", () => {
  it("open and close by the clocks of their zone, on their days", () => {
    // A Friday, in summer.
    expect(told({}, "2026-07-03T05:59:59Z")).toEqual([
      "2026-07-03T06:00 2026-07-03T16:00",
      "2026-07-06T06:00 2026-07-06T16:00",
    ]);
    expect(told({}, "2026-07-03T15:59:59Z", 1)).toEqual(["2026-07-03T06:00 2026-07-03T16:00"]);
    expect(told({}, "2026-07-03T16:00:00Z", 1)).toEqual(["2026-07-06T06:00 2026-07-06T16:00"]);
    expect(told({}, "2026-01-15T00:00:00Z", 1)).toEqual(["2026-01-15T07:00 2026-01-15T17:00"]);
  });

  it("end on the next day when they end before they begin", () => {
    const night = { days: ["fri"], from: "22:00", to: "06:00", zone: "UTC" } as const;
    expect(told(night, "2026-07-04T05:00:00Z")).toEqual([
      "2026-07-03T22:00 2026-07-04T06:00",
      "2026-07-10T22:00 2026-07-11T06:00",
    ]);
    const whole = { days: ["fri", "sat"], from: "00:00", to: "24:00", zone: "UTC" } as const;
    expect(told(whole, "2026-07-03T12:00:00Z")).toEqual([
      "2026-07-03T00:00 2026-07-04T00:00",
      "2026-07-04T00:00 2026-07-05T00:00",
    ]);
  });

  it("keep their times of day when clocks are set between them", () => {
    // Set forward on 29 March 2026, back on 25 October.
    expect(told({ days: DAILY }, "2026-03-28T00:00:00Z")).toEqual([
      "2026-03-28T07:00 2026-03-28T17:00",
      "2026-03-29T06:00 2026-03-29T16:00",
    ]);
    expect(told({ days: DAILY }, "2026-10-24T00:00:00Z")).toEqual([
      "2026-10-24T06:00 2026-10-24T16:00",
      "2026-10-25T07:00 2026-10-25T17:00",
    ]);
    const night = { days: DAILY, from: "22:00", to: "06:00" };
    expect(told(night, "2026-03-28T20:00:00Z", 2)).toEqual([
      "2026-03-28T21:00 2026-03-29T04:00",
      "2026-03-29T20:00 2026-03-30T04:00",
    ]);
  });

  it("count an hour twice that clocks show twice", () => {
    const early = { days: DAILY, from: "02:15", to: "02:45" };
    expect(told(early, "2026-10-25T00:00:00Z", 1)).toEqual(["2026-10-25T00:15 2026-10-25T01:45"]);
  });

  it("begin or end when clocks are set past that time, and are none when past all of it", () => {
    const half = { days: ["sun"], from: "02:30", to: "05:00" } as const;
    expect(told(half, "2026-03-29T00:00:00Z", 1)).toEqual(["2026-03-29T01:00 2026-03-29T03:00"]);
    const ends = { days: ["sun"], from: "01:00", to: "02:30" } as const;
    expect(told(ends, "2026-03-29T00:00:00Z", 1)).toEqual(["2026-03-29T00:00 2026-03-29T01:00"]);
    const within = { days: ["sun"], from: "02:10", to: "02:50" } as const;
    expect(told(within, "2026-03-28T00:00:00Z", 1)).toEqual(["2026-04-05T00:10 2026-04-05T00:50"]);
  });

  it("know zones whose midnight, half hour or whole day was set past", () => {
    const day = { days: DAILY, from: "00:00", to: "01:30" };
    expect(told({ ...day, zone: "America/Sao_Paulo" }, "2018-11-04T02:00:00Z", 1)).toEqual([
      "2018-11-04T03:00 2018-11-04T03:30",
    ]);
    expect(told({ ...day, zone: "Australia/Lord_Howe" }, "2026-04-04T13:00:00Z", 1)).toEqual([
      "2026-04-04T13:00 2026-04-04T15:00",
    ]);
    expect(told({ ...day, zone: "Asia/Kathmandu" }, "2026-04-04T00:00:00Z", 1)).toEqual([
      "2026-04-04T18:15 2026-04-04T19:45",
    ]);
    // There was no 30 December 2011: the 29th is followed by the 31st.
    const apia = { ...day, zone: "Pacific/Apia", from: "09:00", to: "10:00" };
    expect(told(apia, "2011-12-29T18:00:00Z", 2)).toEqual([
      "2011-12-29T19:00 2011-12-29T20:00",
      "2011-12-30T19:00 2011-12-30T20:00",
    ]);
  });
});

describe("open schedules", () => {
  const office: NamedWarmSchedule = { ...OFFICE, name: "office" };
  const late: NamedWarmSchedule = { ...OFFICE, name: "late", to: "20:00", tenants: ["team-1"] };
  const all = [late, office];
  const names = (now: string): readonly string[] =>
    openSchedules(all, at(now)).map(({ schedule }) => schedule.name);

  it("are those whose window is open, also when the clock goes back", () => {
    expect(names("2026-07-03T05:59:59Z")).toEqual([]);
    expect(names("2026-07-03T06:00:00Z")).toEqual(["late", "office"]);
    expect(names("2026-07-03T16:00:00Z")).toEqual(["late"]);
    expect(names("2026-07-03T15:00:00Z")).toEqual(["late", "office"]);
    expect(names("2026-07-03T18:00:00Z")).toEqual([]);
    expect(names("2026-07-06T06:00:00Z")).toEqual(["late", "office"]);
    expect(openSchedules(undefined, 0)).toEqual([]);
  });

  it("keep the tenants they name, by the one that is open longest", () => {
    const open = openSchedules(all, at("2026-07-03T06:00:00Z"));
    expect(keptWarmBy(open, "team-1")?.schedule.name).toBe("late");
    expect(keptWarmBy(open, "team-2")?.schedule.name).toBe("office");
    expect(keptWarmBy(open, "other")).toBeUndefined();
  });

  it("count the later of two that clocks set back made one", () => {
    const round = { ...office, days: DAILY, from: "02:30", to: "02:20" };
    const [open, more] = openSchedules([round], at("2026-10-25T01:00:00Z"));
    expect(open?.window.fromMs).toBe(at("2026-10-25T00:30:00Z"));
    expect((open?.window.toMs ?? 0) - (open?.window.fromMs ?? 0)).toBe(24 * HOUR + 50 * 60_000);
    expect(more).toBeUndefined();
  });
});
