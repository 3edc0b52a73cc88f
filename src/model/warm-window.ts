/** When the windows of warm schedules are open, and whom they keep. */
import { isNamePattern, toNamePattern } from "../base/name-pattern.ts";
import { toLocalMs, toMoment } from "./time-zone.ts";
import { WEEKDAYS, toMinutes, type NamedWarmSchedule, type WarmSchedule } from "./warm-schedule.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Days looked at for the next window: in a week there is one, if no clock is set past it. */
const DAYS_AHEAD = 15;
/** 1970 began on a Thursday. */
const FIRST_WEEKDAY = 3;

/** Milliseconds since 1970; `toMs` is not part of it. */
export interface WarmWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A schedule and its window of now. */
export interface OpenSchedule {
  readonly schedule: NamedWarmSchedule;
  readonly window: WarmWindow;
}

/**
 * Windows of a schedule that are not over, in order; the first may be open. An hour that clocks
 * show twice counts both times; a window that they are set past is left out.
 *
 * Cost: some dozens of conversions of times.
 */
export function windowsOf(
  schedule: WarmSchedule,
  nowMs: number,
  countMax: number,
): readonly WarmWindow[] {
  const today = Math.floor(toLocalMs(schedule.zone, nowMs) / DAY_MS);
  const windows: WarmWindow[] = [];
  for (let day = today - 1; day < today + DAYS_AHEAD && windows.length < countMax; day++) {
    const window = windowOn(schedule, day);
    if (window !== undefined && window.toMs > nowMs) windows.push(window);
  }
  return windows;
}

/** Those that are open now. Cost: a comparison between two openings or closings. */
export function openSchedules(
  schedules: readonly NamedWarmSchedule[] | undefined,
  nowMs: number,
): readonly OpenSchedule[] {
  if (schedules === undefined) return NONE;
  const last = known.get(schedules);
  if (last !== undefined && nowMs >= last.fromMs && nowMs < last.toMs) return last.open;
  const open: OpenSchedule[] = [];
  let toMs = nowMs + DAY_MS;
  for (const schedule of schedules) {
    const windows = windowsOf(schedule, nowMs, 2);
    // Two at once where clocks are set back between them: then the later one counts.
    const current = windows.findLast(({ fromMs }) => fromMs <= nowMs);
    if (current !== undefined) open.push({ schedule, window: current });
    for (const window of windows) {
      toMs = Math.min(toMs, window.fromMs <= nowMs ? window.toMs : window.fromMs);
    }
  }
  known.set(schedules, { fromMs: nowMs, toMs, open });
  return open;
}

/** The open schedule that keeps the tenant warm; of several the one that does for the longest. */
export function keptWarmBy(
  open: readonly OpenSchedule[],
  tenant: string,
): OpenSchedule | undefined {
  let found: OpenSchedule | undefined;
  for (const each of open) {
    if (found !== undefined && found.window.toMs >= each.window.toMs) continue;
    const { names, patterns } = readTenants(each.schedule);
    if (names.has(tenant) || patterns.some(({ matches }) => matches(tenant))) found = each;
  }
  return found;
}

/** Whom a schedule means. */
export interface ReadTenants {
  readonly names: ReadonlySet<string>;
  readonly patterns: readonly {
    readonly text: string;
    readonly matches: (name: string) => boolean;
  }[];
}

/** Cost: read once. */
export function readTenants(schedule: WarmSchedule): ReadTenants {
  let tenants = read.get(schedule);
  if (tenants === undefined) {
    const texts = schedule.tenants.filter(isNamePattern);
    const names = schedule.tenants.filter((text) => !isNamePattern(text));
    tenants = {
      // Without a sign that stands for others the pattern begins with all of the name.
      names: new Set(names.map((text) => toNamePattern(text).prefix)),
      patterns: texts.map((text) => ({ text, matches: toNamePattern(text).matches })),
    };
    read.set(schedule, tenants);
  }
  return tenants;
}

const NONE: readonly OpenSchedule[] = [];
/** As long as the policy they are of is known. */
const known = new WeakMap<
  readonly NamedWarmSchedule[],
  WarmWindow & { readonly open: readonly OpenSchedule[] }
>();
const read = new WeakMap<WarmSchedule, ReadTenants>();

/** @param day since 1970, of the zone. */
function windowOn({ days, from, to, zone }: WarmSchedule, day: number): WarmWindow | undefined {
  const weekday = WEEKDAYS[(day + FIRST_WEEKDAY) % WEEKDAYS.length];
  if (weekday === undefined || !days.includes(weekday)) return undefined;
  const [first, last] = [toMinutes(from), toMinutes(to)];
  const midnight = day * DAY_MS;
  const end = midnight + last * MINUTE_MS + (last <= first ? DAY_MS : 0);
  const fromMs = toMoment(zone, midnight + first * MINUTE_MS, "first");
  const toMs = toMoment(zone, end, "last");
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}
