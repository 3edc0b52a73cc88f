/** `insula tenant limit`: what tenants may do in a second, at once, and hold. */
import { InvalidArgumentError, type Command } from "commander";
import type { LimitsInfo, LimitsPatch, Place } from "../../model/index.ts";
import { collectPages, pageAfter, withSession } from "../command.ts";
import { toMatcher } from "../glob.ts";
import { notes } from "../help.ts";
import { printCount, printTable, type Output } from "../output.ts";
import type { Session } from "../session.ts";
import { unlessNone, type LimitValue } from "./key-limit-options.ts";

type LimitOptions = { readonly [Name in keyof LimitsPatch]?: LimitValue };

export function addLimitCommand(tenant: Command): void {
  tenant
    .command("limit <database> <collection> [tenant]")
    .description("show or set what tenants may do in a second, at once, and hold")
    .option("--queries-per-second <n>", "searches, or none", toLimit)
    .option("--writes-per-second <n>", "calls that write or delete, or none", toLimit)
    .option("--bytes-per-second <n>", "bytes in and out, or none", toLimit)
    .option("--work-units-per-second <n>", "work units, or none", toLimit)
    .option("--calls-in-flight <n>", "calls at once, or none", toLimit)
    .option("--stored-records <n>", "records that may be held, or none", toLimit)
    .option("--stored-bytes <n>", "bytes that may be held, or none", toLimit)
    .option("--weight <n>", "share in the turns, or none: 1", toLimit)
    .addHelpText(
      "after",
      notes(
        [
          "insula tenant limit acme notes --queries-per-second 50    # every tenant without its own",
          "insula tenant limit acme notes 'trial-*' --stored-records 1000",
          "insula tenant limit acme notes team-1 --queries-per-second none",
        ],
        "Without options the limits are shown. A name may have * and ?.",
      ),
    )
    .action(async (...given: [string, string, string | undefined, LimitOptions, Command]) => {
      const [database, collection, name, options, command] = given;
      const patch = toPatch(options);
      await withSession(command, false, async ({ catalog }, output) => {
        const places = await findPlaces(catalog, { database, collection }, name);
        const found: (LimitsInfo & { readonly place: Place })[] = [];
        for (const place of places) found.push({ place, ...(await apply(catalog, place, patch)) });
        output.result(found, () => printLimits(output, found));
      });
    });
}

function toPatch(options: LimitOptions): LimitsPatch {
  const given = Object.entries(options);
  return Object.fromEntries(given.map(([name, value]) => [name, unlessNone(value)]));
}

function apply(catalog: Session["catalog"], place: Place, patch: LimitsPatch): Promise<LimitsInfo> {
  return Object.keys(patch).length === 0
    ? catalog.getLimits(place)
    : catalog.setLimits(place, patch);
}

async function findPlaces(
  catalog: Session["catalog"],
  { database, collection }: Place,
  name: string | undefined,
): Promise<readonly Place[]> {
  if (name === undefined) return [{ database, collection }];
  if (!/[*?[{]/.test(name)) return [{ database, collection, tenant: name }];
  const matcher = toMatcher(name);
  const tenants = await collectPages(
    (after) => catalog.listTenants(database, collection, pageAfter(after)),
    (tenant) => tenant.name,
  );
  return tenants
    .filter((tenant) => matcher.test(tenant.name))
    .map((tenant) => ({ database, collection, tenant: tenant.name }));
}

const COLUMNS = [
  ["QUERIES/S", "queriesPerSecond"],
  ["WRITES/S", "writesPerSecond"],
  ["BYTES/S", "bytesPerSecond"],
  ["UNITS/S", "workUnitsPerSecond"],
  ["AT ONCE", "callsInFlight"],
  ["RECORDS", "storedRecords"],
  ["BYTES", "storedBytes"],
] as const;
/** Shown where somebody has one: few do, and the table has room for no more on most screens. */
const WEIGHT_COLUMN = ["WEIGHT", "weight"] as const;

function printLimits(
  output: Output,
  found: readonly (LimitsInfo & { readonly place: Place })[],
): string {
  if (found.length === 0) return "No tenant has such a name.";
  const hasWeights = found.some(({ effective }) => effective.weight !== undefined);
  const columns = hasWeights ? [...COLUMNS, WEIGHT_COLUMN] : COLUMNS;
  return printTable(output, [
    ["TENANT", ...columns.map(([heading]) => heading)],
    ...found.map(({ place, effective }) => [
      place.tenant ?? "(default)",
      ...columns.map(([, name]) => printLimit(effective[name])),
    ]),
  ]);
}

function printLimit(value: number | undefined): string {
  if (value === undefined) return "-";
  return Number.isInteger(value) ? printCount(value) : String(value);
}

/** `none` removes. The engine knows which numbers are possible. */
function toLimit(text: string): LimitValue {
  if (text === "none") return text;
  if (/^\d{1,15}(\.\d{1,3})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a number, or none.");
}
