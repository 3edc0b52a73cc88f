/** `insula tenant pin` and `unpin`: tenants that stay awake however long nobody uses them. */
import type { Command } from "commander";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";

const NOTE =
  "* is any text of a name, ? one character, \\ stands before one that is meant itself. " +
  "Pinned tenants are spared in half of the memory at most; those used last come first.";

const COMMANDS = [
  { verb: "pin", field: "alsoPin", description: "keep tenants awake and active, used or not" },
  { verb: "unpin", field: "unpin", description: "take pins away, as they were set" },
] as const;

export function addTenantPins(tenant: Command): void {
  for (const { verb, field, description } of COMMANDS) {
    tenant
      .command(`${verb} <database> <collection> <tenant...>`)
      .description(description)
      .addHelpText("after", notes([`insula tenant ${verb} acme notes team-1 'vip-*'`], NOTE))
      .action(async (...given: [string, string, readonly string[], unknown, Command]) => {
        const [database, collection, names, , command] = given;
        await withSession(command, false, async ({ catalog }, output) => {
          const patch = { policy: { [field]: names } };
          const info = await catalog.updateCollection(database, collection, patch);
          const pin = info.policy?.pin ?? [];
          output.result({ pin }, () => printPins(`${database}/${collection}`, pin));
        });
      });
  }
}

function printPins(place: string, pins: readonly string[]): string {
  return pins.length === 0
    ? `No tenant of ${place} is pinned.`
    : `Pinned in ${place}: ${pins.join(", ")}.`;
}
