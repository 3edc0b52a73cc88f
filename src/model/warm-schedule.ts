/** When tenants are woken before anybody needs them: named schedules of a collection. */
import { InsulaError } from "../base/errors.ts";
import {
  NAME_BYTES_MAX,
  WARM_SCHEDULES_MAX,
  WARM_SCHEDULE_BYTES_MAX,
  WARM_SCHEDULE_TENANTS_MAX,
} from "../base/limits.ts";
import { isTenantPattern } from "./tenant-pins.ts";
import { isTimeZone } from "./time-zone.ts";

/** As schedules name them; the order is that of the week. */
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export type Weekday = (typeof WEEKDAYS)[number];

/**
 * A window that opens on each of its days: its tenants are woken then, and left awake and ACTIVE by
 * those who look for idle ones until it ends.
 */
export interface WarmSchedule {
  /** Names, or patterns as of pins. */
  readonly tenants: readonly string[];
  /** On which the window opens; in the time zone. */
  readonly days: readonly Weekday[];
  /** Time of day, `HH:MM`, 00:00 to 23:59. */
  readonly from: string;
  /** The same, and 24:00; at or before `from` it is of the next day. */
  readonly to: string;
  /** Of the IANA data base: `Europe/Berlin`, `UTC`. */
  readonly zone: string;
}

/** By name: of 1 to 64 letters, digits, `.`, `_` and `-`, the first a letter or digit. */
export type WarmSchedules = Readonly<Record<string, WarmSchedule>>;

/** Those named change; null takes one away, or all. */
export type WarmSchedulesPatch = Readonly<Record<string, WarmSchedule | null>> | null;

/** A schedule as it is kept. */
export interface NamedWarmSchedule extends WarmSchedule {
  readonly name: string;
}

/** @throws InsulaError `argument_invalid`; the schedules stay what they were. */
export function patchSchedules(
  before: readonly NamedWarmSchedule[],
  patch: WarmSchedulesPatch | undefined,
): readonly NamedWarmSchedule[] {
  if (patch === undefined) return before;
  if (patch === null) return [];
  if (typeof patch !== "object" || Array.isArray(patch)) {
    throw refusal("expected schedules by their names");
  }
  const byName = new Map(before.map((each) => [each.name, each]));
  for (const [name, schedule] of Object.entries(patch)) {
    if (schedule === null) byName.delete(name);
    else byName.set(name, checked(name, schedule));
  }
  const all = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (all.length > WARM_SCHEDULES_MAX) {
    const [most, count] = [String(WARM_SCHEDULES_MAX), String(all.length)];
    throw refusal(`expected at most ${most}, received ${count}`);
  }
  const bytes = all.flatMap(({ tenants }) => tenants.map((text) => Buffer.byteLength(text)));
  const sum = bytes.reduce((total, each) => total + each, 0);
  if (sum > WARM_SCHEDULE_BYTES_MAX) {
    throw refusal(
      `expected tenants of at most ${String(WARM_SCHEDULE_BYTES_MAX)} bytes in all of them, ` +
        `received ${String(sum)}; a pattern names many`,
    );
  }
  return all;
}

/** As callers say them; undefined when there are none. */
export function toSchedules(
  all: readonly NamedWarmSchedule[] | undefined,
): WarmSchedules | undefined {
  if (all === undefined) return undefined;
  return Object.fromEntries(all.map(({ name, ...schedule }) => [name, schedule]));
}

/** Minutes after midnight of a time of day. Of a schedule that was checked. */
export function toMinutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function checked(name: string, given: unknown): NamedWarmSchedule {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw refusal("a name: expected 1 to 64 letters, digits, '.', '_' and '-', a letter first");
  }
  // A program in JavaScript can give anything.
  if (typeof given !== "object" || given === null) {
    throw refusal(`${name}: expected tenants, days, from, to and zone`);
  }
  const { tenants, days, from, to, zone } = given as Partial<Record<keyof WarmSchedule, unknown>>;
  const schedule = {
    name,
    tenants: checkedTenants(name, tenants),
    days: checkedDays(name, days),
    from: checkedTime(`${name}: from`, from, /^([01]\d|2[0-3]):[0-5]\d$/, "00:00 to 23:59"),
    to: checkedTime(`${name}: to`, to, /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, "00:00 to 24:00"),
    zone: checkedZone(name, zone),
  };
  if (schedule.from !== schedule.to) return schedule;
  throw refusal(`${name}: to: expected another time than from; a whole day is 00:00 to 24:00`);
}

function checkedTenants(name: string, given: unknown): readonly string[] {
  const most = String(WARM_SCHEDULE_TENANTS_MAX);
  if (Array.isArray(given) && given.length > 0 && given.length <= WARM_SCHEDULE_TENANTS_MAX) {
    const all: readonly unknown[] = given;
    const tenants = all.filter(isTenantPattern);
    if (tenants.length === all.length) return [...new Set(tenants)].sort();
  }
  throw refusal(
    `${name}: tenants: expected 1 to ${most} names or patterns of ` +
      `1 to ${String(NAME_BYTES_MAX)} bytes`,
  );
}

function checkedDays(name: string, given: unknown): readonly Weekday[] {
  const all: readonly unknown[] = Array.isArray(given) ? given : [];
  const days = WEEKDAYS.filter((day) => all.includes(day));
  if (days.length > 0 && new Set(all).size === days.length) return days;
  throw refusal(`${name}: days: expected some of ${WEEKDAYS.join(", ")}`);
}

function checkedTime(at: string, given: unknown, form: RegExp, range: string): string {
  if (typeof given === "string" && form.test(given)) return given;
  throw refusal(`${at}: expected a time of day as HH:MM, ${range}`);
}

function checkedZone(name: string, given: unknown): string {
  if (typeof given === "string" && isTimeZone(given)) return given;
  throw refusal(
    `${name}: zone: expected a time zone of the IANA data base, such as Europe/Berlin or UTC`,
  );
}

function refusal(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot set warm schedules: ${reason}.`);
}
