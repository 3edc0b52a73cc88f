/** `insula tenant usage`: what tenants did, by period, for bills and for curiosity. */
import { InvalidArgumentError, type Command } from "commander";
import { printUsageCsv, type Place, type UsageItem, type UsagePeriod } from "../../model/index.ts";
import { withSession } from "../command.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { toMatcher } from "../glob.ts";
import { notes } from "../help.ts";
import { printBytes, printCount, printTable, type Output } from "../output.ts";
import type { Session } from "../session.ts";

/** Places asked for at once. */
const PAGE_PLACES = 500;

interface UsageOptions {
  readonly database?: string;
  readonly collection?: string;
  readonly by: UsagePeriod;
  readonly from?: number;
  readonly to?: number;
  readonly csv?: true;
}

export function addUsageCommand(tenant: Command): void {
  tenant
    .command("usage [tenant]")
    .description("what tenants did by hour, day or month: calls, work units, bytes")
    .option("--database <name>", "only in this database")
    .option("--collection <name>", "only in this collection of it")
    .option("--by <period>", "hour, day or month", toPeriod, "day")
    .option("--from <time>", "periods that end after it, such as 2030-01-31", toTime)
    .option("--to <time>", "periods that begin before it", toTime)
    .option("--csv", "print CSV, for bills")
    .addHelpText(
      "after",
      notes(
        [
          "insula tenant usage acme --by month --csv    # one customer, in every collection",
          "insula tenant usage 'team-*' --from 2030-01-01 --to 2030-02-01",
        ],
        "Without a name: every tenant, and collections without tenants. Names may have * and ?.",
      ),
    )
    .action(async (...given: [string | undefined, UsageOptions, Command]) => {
      const [name, options, command] = given;
      if (options.csv === true && command.optsWithGlobals()["json"] === true) {
        throw new CommandError(EXIT_CODES.usage, "Expected either --csv or --json.");
      }
      await withSession(command, false, async ({ catalog }, output) => {
        const items = await collectUsage(catalog, name, options);
        output.result(items, () =>
          options.csv === true ? printUsageCsv(items).trimEnd() : printItems(output, items),
        );
      });
    });
}

async function collectUsage(
  catalog: Session["catalog"],
  name: string | undefined,
  { database, collection, by, from, to }: UsageOptions,
): Promise<readonly UsageItem[]> {
  const isPattern = name !== undefined && /[*?[{]/.test(name);
  const matcher = isPattern ? toMatcher(name) : undefined;
  const asked = {
    ...(database !== undefined && { database }),
    ...(collection !== undefined && { collection }),
    ...(name !== undefined && !isPattern && { tenant: name }),
    ...(from !== undefined && { fromMs: from }),
    ...(to !== undefined && { toMs: to }),
    period: by,
    limit: PAGE_PLACES,
  };
  const found: UsageItem[] = [];
  for (let after: Place | undefined; ;) {
    const { items, hasMore, last } = await catalog.usage({ ...asked, ...(after && { after }) });
    found.push(...items.filter(({ tenant = "" }) => matcher?.test(tenant) ?? true));
    if (!hasMore || last === undefined) return found;
    after = last;
  }
}

export function printItems(output: Output, items: readonly UsageItem[]): string {
  if (items.length === 0) return "Nothing was done.";
  return printTable(output, [
    ["TENANT", "PLACE", "FROM", "QUERIES", "READS", "WRITES", "UNITS", "IN", "OUT", "STORED"],
    ...items.map((item) => [
      item.tenant ?? "-",
      `${item.database}/${item.collection}`,
      printStart(item),
      printCount(item.queries),
      printCount(item.reads),
      printCount(item.writes),
      printCount(item.queryUnits + item.readUnits + item.writeUnits),
      printBytes(item.bytesIn),
      printBytes(item.bytesOut),
      printBytes(item.storedBytes),
    ]),
  ]);
}

/** As much of the time as the period has. */
function printStart({ period, startMs }: UsageItem): string {
  const text = new Date(startMs).toISOString();
  return period === "hour"
    ? text.slice(0, 16).replace("T", " ")
    : text.slice(0, period === "day" ? 10 : 7);
}

export function toPeriod(text: string): UsagePeriod {
  if (text === "hour" || text === "day" || text === "month") return text;
  throw new InvalidArgumentError("Expected hour, day or month.");
}

export function toTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new InvalidArgumentError("Expected a time such as 2030-01-31 or 2030-01-31T12:00Z.");
}
