/** Values of command line options, checked where they are read. */
import { InvalidArgumentError } from "commander";
import { parseFilter } from "./filter-text.ts";
import type { Grant } from "../access/index.ts";
import {
  WEEKDAYS,
  type FieldMemory,
  type Filter,
  type Metadata,
  type Weekday,
} from "../model/index.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";

export function toWholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Expected a whole number.");
  return Number(text);
}

/** As {@link toWholeNumber}, and at least one. */
export function toCount(text: string): number {
  const count = toWholeNumber(text);
  if (count === 0) throw new InvalidArgumentError("Expected a number above 0.");
  return count;
}

export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new InvalidArgumentError("Expected a number.");
  }
  return value;
}

/** A share: the engine knows which are possible. */
export function toShare(text: string): number {
  if (!/^(0|1|0?\.\d{1,9})$/.test(text)) throw new InvalidArgumentError("Expected 0 to 1.");
  return Number(text);
}

export function toMemory(text: string): FieldMemory {
  if (text !== "small" && text !== "fast")
    throw new InvalidArgumentError("Expected small or fast.");
  return text;
}

/** `7d`, `12h`, `30m` as milliseconds. */
export function toDurationMs(text: string): number {
  const match = /^(\d{1,6})([dhm])$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected a duration such as 30m, 12h or 7d.");
  const factor = { d: 86_400_000, h: 3_600_000, m: 60_000 }[match[2] as "d" | "h" | "m"];
  return Number(match[1]) * factor;
}

/** `mon-fri`, `mon,wed,sat-sun`, `daily`; in the order of the week. */
export function toWeekdays(text: string): readonly Weekday[] {
  if (text === "daily") return WEEKDAYS;
  const days = text.toLowerCase().split(",").flatMap(toRange);
  if (days.length > 0 && !days.includes(undefined)) {
    return WEEKDAYS.filter((day) => days.includes(day));
  }
  throw new InvalidArgumentError("Expected days such as mon-fri, mon,wed,sat-sun or daily.");
}

/** Undefined among them: it is none. */
function toRange(text: string): readonly (Weekday | undefined)[] {
  const [from, to = from, more] = text.split("-");
  const first = WEEKDAYS.findIndex((day) => day === from);
  const last = WEEKDAYS.findIndex((day) => day === to);
  if (first < 0 || last < 0 || more !== undefined) return [undefined];
  const count = ((last - first + WEEKDAYS.length) % WEEKDAYS.length) + 1;
  return Array.from({ length: count }, (_, i) => WEEKDAYS[(first + i) % WEEKDAYS.length]);
}

export function toFilter(text: string): Filter {
  return parseFilter(text);
}

/** Collects repeated `name=value`; the value stays a string. */
export function toMetadata(text: string, before: Metadata = {}): Metadata {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("Expected name=value.");
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/**
 * `ACTIONS@PLACES`, both comma-separated; a place is `DATABASE`, `DATABASE/COLLECTION` or
 * `DATABASE/COLLECTION/TENANT`. What a name has of `/`, `,`, `@` and `%` is percent-encoded.
 */
export function toGrants(text: string): Grant[] {
  const [actions = "", places = "", ...rest] = text.split("@");
  if (actions === "" || places === "" || rest.length > 0) throw wrongGrant(text);
  return places.split(",").map((place) => {
    const names = place.split("/").map(decodeName);
    const [database = "", collection, tenant, ...more] = names;
    if (names.includes("") || more.length > 0) throw wrongGrant(text);
    return {
      actions: actions.split(","),
      databases: [database],
      ...(collection !== undefined && { collections: [collection] }),
      ...(tenant !== undefined && { tenants: [tenant] }),
    };
  });
}

/** As {@link toGrants} reads it; one grant may speak of several places. */
export function printGrant(grant: Grant): string {
  const { actions, databases, collections, tenants } = grant;
  const levels = [databases, collections, tenants].filter((names) => names !== undefined);
  const places = levels.reduce<readonly string[]>(
    (heads, names) =>
      heads.flatMap((head) => names.map((name) => `${head}${head && "/"}${encodeName(name)}`)),
    [""],
  );
  return `${actions.join(",")}@${places.join(",")}`;
}

function encodeName(name: string): string {
  return name.replaceAll(/[%/,@]/g, encodeURIComponent);
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new CommandError(
      EXIT_CODES.usage,
      `--grant: ${text}: a % in a name is written %25.`,
      undefined,
      cause,
    );
  }
}

function wrongGrant(text: string): CommandError {
  return new CommandError(
    EXIT_CODES.usage,
    `--grant ${text}: expected ACTIONS@PLACES, for example read,write@shop/docs/acme.`,
    "A place is DATABASE, DATABASE/COLLECTION or DATABASE/COLLECTION/TENANT, with * for any characters.",
  );
}

/** So many a second, also less than one. */
export function toRate(text: string): number {
  const rate = /^\d{1,15}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (rate === 0) throw new InvalidArgumentError("Expected a number above 0, such as 50 or 0.5.");
  return rate;
}

export function toYesOrNo(text: string): boolean {
  if (text !== "yes" && text !== "no") throw new InvalidArgumentError("Expected yes or no.");
  return text === "yes";
}
