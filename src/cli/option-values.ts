/** Values of command line options, checked where they are read. */
import { InvalidArgumentError } from "commander";
import { parseFilter } from "./filter-text.ts";
import type { Filter, Metadata } from "../model/index.ts";
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

/** `7d`, `12h`, `30m` as milliseconds. */
export function toDurationMs(text: string): number {
  const match = /^(\d{1,6})([dhm])$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected a duration such as 30m, 12h or 7d.");
  const factor = { d: 86_400_000, h: 3_600_000, m: 60_000 }[match[2] as "d" | "h" | "m"];
  return Number(match[1]) * factor;
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

/** `actions:databases`, both comma-separated, for example `vectors:*@team-*`. */
export function toGrant(text: string): { actions: string[]; databases: string[] } {
  const [actions = "", databases = "", ...rest] = text.split("@");
  if (actions === "" || databases === "" || rest.length > 0) {
    throw new CommandError(
      EXIT_CODES.usage,
      `--grant ${text}: expected ACTIONS@DATABASES, for example vectors:Query*@team-*.`,
    );
  }
  return { actions: actions.split(","), databases: databases.split(",") };
}
