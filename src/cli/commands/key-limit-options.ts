/** What a key may do in a second and at once, as options of commands and as one word. */
import type { Command } from "commander";
import type { AccessKeyPatch, AccessKeyView } from "../../access/index.ts";
import { KEY_LIMIT_NAMES, type KeyLimits, type KeyLimitsPatch } from "../../model/index.ts";
import { toRate } from "../option-values.ts";
import { printCount } from "../output.ts";

type Limit = keyof KeyLimits;

/** `none` takes a limit away: an option cannot be null, it would be an empty text. */
export type LimitValue = number | "none";

export type LimitOptions = { readonly [Name in Limit | "rate"]?: LimitValue };

const OPTIONS: readonly (readonly [flags: string, what: string])[] = [
  ["--rate <n>", "requests a second"],
  ["--queries-per-second <n>", "searches"],
  ["--writes-per-second <n>", "calls that write or delete"],
  ["--bytes-per-second <n>", "bytes in and out"],
  ["--work-units-per-second <n>", "work units"],
  ["--calls-in-flight <n>", "calls at once"],
];

/** @param rest what is said of each: what there is without it. */
export function addLimitOptions(
  command: Command,
  rest: string,
  read: (text: string) => LimitValue,
): Command {
  return OPTIONS.reduce((made, [flags, what]) => made.option(flags, what + rest, read), command);
}

/** Access knows which numbers are possible. */
export function toLimitOrNone(text: string): LimitValue {
  return text === "none" ? "none" : toRate(text);
}

export function unlessNone(value: LimitValue): number | null {
  return value === "none" ? null : value;
}

/** Undefined when nothing is said. */
export function toKeyPatch({ rate, ...given }: LimitOptions): AccessKeyPatch | undefined {
  const limits: KeyLimitsPatch = Object.fromEntries(
    KEY_LIMIT_NAMES.flatMap((name) => {
      const value = given[name];
      return value === undefined ? [] : [[name, unlessNone(value)]];
    }),
  );
  const isLimited = Object.keys(limits).length > 0;
  if (rate === undefined && !isLimited) return undefined;
  return {
    ...(rate === undefined ? {} : { requestsPerSecond: unlessNone(rate) }),
    ...(isLimited && { limits }),
  };
}

const SHORT: Readonly<Record<Limit, string>> = {
  queriesPerSecond: "queries/s",
  writesPerSecond: "writes/s",
  bytesPerSecond: "bytes/s",
  workUnitsPerSecond: "units/s",
  callsInFlight: "at once",
};

/** `none` where a key has none besides its rate. */
export function printKeyLimits({ limits }: Pick<AccessKeyView, "limits">): string {
  const all = KEY_LIMIT_NAMES.flatMap((name) => {
    const value = limits?.[name];
    if (value === undefined) return [];
    return [`${Number.isInteger(value) ? printCount(value) : String(value)} ${SHORT[name]}`];
  });
  return all.length === 0 ? "none" : all.join(", ");
}
