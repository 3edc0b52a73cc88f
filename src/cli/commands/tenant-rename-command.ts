/** `insula tenant rename`. */
import type { Command } from "commander";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";

export function addTenantRename(tenant: Command): void {
  tenant
    .command("rename <database> <collection> <tenant> <name>")
    .description("give a tenant another name")
    .addHelpText(
      "after",
      notes(
        ["insula tenant rename acme notes team-1 team-one"],
        "Keys bound to the old name stay bound to it; so does what was counted under it.",
      ),
    )
    .action(async (...given: [string, string, string, string, unknown, Command]) => {
      const [database, collection, old, name, , command] = given;
      await withSession(command, false, async ({ catalog }, output) => {
        const info = await catalog.renameTenant({ database, collection, tenant: old }, name);
        output.result(info, () => `Tenant ${old} is now ${name}.`);
      });
    });
}
