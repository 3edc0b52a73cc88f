/** Warm schedules as `insula tenant warm` sets, lists and removes them. */
import { InsulaError } from "../../base/errors.ts";
import type { WarmSchedule, WarmWindow, Weekday } from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { printTable } from "../output.ts";
import { findCollection } from "../place-options.ts";
import type { Work } from "./tenant-state-commands.ts";
import { printMoment } from "./tenant-why-command.ts";

/** When a window is open. */
export interface Timing {
  readonly days?: readonly Weekday[];
  readonly from?: string;
  readonly to?: string;
  readonly zone?: string;
}

/** @throws CommandError when something is missing. */
export function scheduleOf(tenants: readonly string[], timing: Timing): WarmSchedule {
  const { days, from, to, zone } = timing;
  if (days !== undefined && from !== undefined && to !== undefined && zone !== undefined) {
    if (tenants.length > 0) return { tenants, days, from, to, zone };
    throw missing(["names or patterns of tenants"]);
  }
  const needed = ["days", "from", "to", "zone"] as const;
  throw missing(needed.filter((name) => timing[name] === undefined).map((name) => `--${name}`));
}

export async function setSchedule(
  { session, output, place }: Work,
  name: string,
  schedule: WarmSchedule,
): Promise<void> {
  const { database, collection } = place;
  const patch = { policy: { warm: { [name]: schedule } } };
  const info = await session.catalog.updateCollection(database, collection, patch);
  const windows = await windowsOf({ session, output, place }, name);
  output.result({ schedule: name, ...info.policy?.warm?.[name], windows }, () => {
    const [next] = windows;
    const lines = next === undefined ? [] : [`Its next window: ${printWindow(next)}.`];
    return [`Schedule ${name} of ${database}/${collection} is set.`, ...lines].join("\n");
  });
}

/** @throws InsulaError `argument_invalid` when there is none of that name. */
export async function removeSchedule(
  { session, output, place }: Work,
  name: string,
): Promise<void> {
  const { database, collection } = place;
  const { policy } = await findCollection(session, database, collection);
  if (policy?.warm?.[name] === undefined) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot remove: ${database}/${collection} has no warm schedule "${name}".`,
    );
  }
  const patch = { policy: { warm: { [name]: null } } };
  await session.catalog.updateCollection(database, collection, patch);
  output.result({ schedule: name, isRemoved: true }, () => `Schedule ${name} is gone.`);
}

export async function listSchedules(work: Work): Promise<void> {
  const { session, output, place } = work;
  const { database, collection } = place;
  const { policy } = await findCollection(session, database, collection);
  const all: (WarmSchedule & {
    readonly schedule: string;
    readonly windows: readonly WarmWindow[];
  })[] = [];
  for (const [schedule, given] of Object.entries(policy?.warm ?? {})) {
    all.push({ schedule, ...given, windows: await windowsOf(work, schedule) });
  }
  output.result({ schedules: all }, () => {
    if (all.length === 0) return `${database}/${collection} has no warm schedule.`;
    const head = ["SCHEDULE", "TENANTS", "DAYS", "FROM", "TO", "ZONE", "NEXT WINDOW"];
    const rows = all.map(({ schedule, tenants, days, from, to, zone, windows: [next] }) => [
      ...[schedule, printTenants(tenants), days.join(","), from, to, zone],
      next === undefined ? "-" : printWindow(next),
    ]);
    return printTable(output, [head, ...rows]);
  });
}

export function printWindow({ fromMs, toMs }: WarmWindow): string {
  return `${printMoment(fromMs)} to ${printMoment(toMs)}`;
}

function printTenants(tenants: readonly string[]): string {
  const [first = "", ...others] = tenants;
  return others.length === 0 ? first : `${first} and ${String(others.length)} more`;
}

/** As the node knows them: it may know other zones than this machine. */
async function windowsOf(
  { session, place: { database, collection } }: Work,
  schedule: string,
): Promise<readonly WarmWindow[]> {
  const request = { schedule, isDryRun: true, limit: 1 };
  return (await session.catalog.warmTenants(database, collection, request)).windows ?? [];
}

function missing(what: readonly string[]): CommandError {
  return new CommandError(
    EXIT_CODES.usage,
    `A warm schedule needs ${what.join(", ")}.`,
    "`insula tenant warm --help` shows an example.",
  );
}
