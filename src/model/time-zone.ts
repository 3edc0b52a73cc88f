/**
 * Times of day in a time zone, and the moments they are. What is known of zones comes with the
 * runtime: `Intl` (ECMA-402), over the IANA data base.
 *
 * A local time is a number: milliseconds since 1970 as if the zone were UTC.
 */
import { LruMap } from "../base/lru-map.ts";

const DAY_MS = 86_400_000;
/** A format costs some ten kilobytes. */
const ZONES_KNOWN_MAX = 64;

const formats = new LruMap<string, Intl.DateTimeFormat>(ZONES_KNOWN_MAX);

/** Names only: a number of hours such as `+02:00` has no summer. */
export function isTimeZone(zone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9._+/-]{0,63}$/.test(zone)) return false;
  try {
    formatOf(zone);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** What a clock in the zone shows at that moment; whole seconds. */
export function toLocalMs(zone: string, atMs: number): number {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return Date.UTC(
    ...([part("year"), part("month") - 1, part("day")] as const),
    ...([part("hour"), part("minute"), part("second")] as const),
  );
}

/**
 * The moment a clock in the zone shows that time. Where it shows it twice, because it is set back,
 * the first or the last of both; where it never does, because it is set forward past it, the moment
 * it is set.
 */
export function toMoment(zone: string, localMs: number, which: "first" | "last"): number {
  // Before and after any change nearby: clocks are not set twice in two days.
  const before = offsetAt(zone, localMs - DAY_MS);
  const after = offsetAt(zone, localMs + DAY_MS);
  const shown = [localMs - before, localMs - after].filter(
    (atMs) => toLocalMs(zone, atMs) === localMs,
  );
  if (shown.length > 0) return which === "first" ? Math.min(...shown) : Math.max(...shown);
  return momentSet(zone, [localMs - after, localMs - before], localMs);
}

/** Halves the time between both until the moment from which clocks show `localMs` or later. */
function momentSet(
  zone: string,
  [fromMs, toMs]: readonly [fromMs: number, toMs: number],
  localMs: number,
): number {
  let [early, late] = [Math.floor(fromMs / 1_000), Math.ceil(toMs / 1_000)];
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (toLocalMs(zone, middle * 1_000) < localMs) early = middle;
    else late = middle;
  }
  return late * 1_000;
}

function offsetAt(zone: string, atMs: number): number {
  return toLocalMs(zone, atMs) - Math.floor(atMs / 1_000) * 1_000;
}

/** @throws RangeError of a zone that nobody knows. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    ...{ timeZone, hourCycle: "h23", calendar: "iso8601", numberingSystem: "latn" },
    ...{ year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric", second: "numeric" },
  });
  formats.set(timeZone, format);
  return format;
}
