/** `insula tenant copy`, `insula tenant adopt`: a tenant made of the records of another. */
import type { Command } from "commander";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { printCounted } from "../output.ts";
import { splitInto } from "../place-options.ts";

export function addTenantCopyCommand(tenant: Command): void {
  tenant
    .command("copy <database> <collection> <tenant> <copy>")
    .description("make a second tenant with the records the first has now")
    .option("--into <database/collection>", "where the copy goes; default beside the first")
    .addHelpText(
      "after",
      notes([
        "insula tenant copy acme notes team-1 team-1-test",
        "insula tenant copy acme notes team-1 team-1 --into test/notes",
      ]),
    )
    .action(
      async (...given: [string, string, string, string, { readonly into?: string }, Command]) => {
        const [database, collection, name, copy, options, command] = given;
        const [toDatabase = database, toCollection = collection] = splitInto(options.into);
        await withSession(command, false, async ({ copies }, output) => {
          const info = await copies.copyTenant(
            { database, collection, tenant: name },
            { database: toDatabase, collection: toCollection, tenant: copy },
          );
          output.result(
            info,
            () => `Tenant ${name} copied to ${copy}: ${printCounted(info.rowCount, "record")}.`,
          );
        });
      },
    );
}

export function addTenantAdoptCommand(tenant: Command): void {
  tenant
    .command("adopt <database> <collection> <tenant>")
    .description("bring a tenant here that another data folder has offloaded")
    .requiredOption("--object <name>", "one of its objects, as `tenant where` shows them there")
    .addHelpText(
      "after",
      notes(
        ["insula tenant adopt acme notes team-1 --object tenants/1f…/07…/"],
        `Both folders offload to the same store and have the same master key; the collection is there, with
the same schema. The tenant of the other folder stays what it was: erase it there when this one
answers.`,
      ),
    )
    .action(async (...given: [string, string, string, { readonly object: string }, Command]) => {
      const [database, collection, name, { object }, command] = given;
      await withSession(command, false, async ({ copies }, output) => {
        const info = await copies.adoptTenant(object, { database, collection, tenant: name });
        output.result(
          info,
          () => `Tenant ${name} adopted: ${printCounted(info.rowCount, "record")}.`,
        );
      });
    });
}
