/** `insula tenant ls`: which tenants there are, of a pattern or a state, by name, size or use. */
import { Option, type Command } from "commander";
import type { TenantInfo, TenantPageRequest } from "../../engine/api.ts";
import { TENANT_STATES, type TenantState } from "../../model/index.ts";
import { LISTING_PAGE, withSession } from "../command.ts";
import { notes } from "../help.ts";
import { toCount } from "../option-values.ts";
import { printBytes, printTable } from "../output.ts";
import type { SessionCatalog } from "../session.ts";

interface ListOptions {
  readonly prefix?: string;
  readonly match?: string;
  readonly state?: TenantState;
  readonly order: "name" | "size" | "use";
  readonly limit?: number;
}

export function addTenantListing(tenant: Command): void {
  tenant
    .command("ls <database> <collection>")
    .alias("list")
    .description("list tenants with their exact sizes")
    .option("--prefix <text>", "only names that begin so")
    .option("--match <pattern>", "only names that match: * any text, ? one character")
    .addOption(new Option("--state <state>", "only those in this state").choices(TENANT_STATES))
    .addOption(
      new Option("--order <order>", "by name, the largest or the longest unused first")
        .choices(["name", "size", "use"])
        .default("name"),
    )
    .option("--limit <n>", "so many at most", toCount)
    .addHelpText(
      "after",
      notes(
        [
          "insula tenant ls acme notes --prefix team-",
          "insula tenant ls acme notes --state INACTIVE --match '*-eu'",
          "insula tenant ls acme notes --order size --limit 20",
        ],
        "Nobody is woken. By size or use the rows of all tenants are read for each page.",
      ),
    )
    .action(
      async (database: string, collection: string, options: ListOptions, command: Command) => {
        await withSession(command, false, async ({ catalog }, output) => {
          const tenants = await listAll(catalog, { database, collection }, options);
          output.result(tenants, () =>
            printTable(output, [
              ["TENANT", "STATE", "RECORDS", "SIZE"],
              ...tenants.map((info) => [
                info.name,
                info.state,
                String(info.rowCount),
                printBytes(info.byteCount),
              ]),
            ]),
          );
        });
      },
    );
}

async function listAll(
  catalog: SessionCatalog,
  { database, collection }: { readonly database: string; readonly collection: string },
  { prefix, match: pattern, state, order, limit = Infinity }: ListOptions,
): Promise<readonly TenantInfo[]> {
  const asked: Omit<TenantPageRequest, "limit"> = {
    order,
    ...(prefix === undefined ? {} : { prefix }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(state === undefined ? {} : { state }),
  };
  const tenants: TenantInfo[] = [];
  let after: string | undefined;
  do {
    const page = await catalog.listTenants(database, collection, {
      ...asked,
      limit: Math.min(LISTING_PAGE, limit - tenants.length),
      ...(after === undefined ? {} : { after }),
    });
    tenants.push(...page.items);
    after = page.next;
  } while (after !== undefined && tenants.length < limit);
  return tenants;
}
