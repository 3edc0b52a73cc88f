/** `insula tenant where`: each place on disk that holds bytes of a tenant. */
import type { Command } from "commander";
import type { LocatedPlace, ShardExtent } from "../../engine/api.ts";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { printBytes, printCounted, printTable, type Output } from "../output.ts";

export function addWhereCommand(tenant: Command): void {
  tenant
    .command("where <database> <collection> [tenant]")
    .description("every file, offset, length and key slot that holds bytes of the tenant")
    .addHelpText(
      "after",
      notes([
        "insula tenant where acme notes team-1",
        "insula tenant where acme people --json    # a collection without tenants",
      ]),
    )
    .action(async (...given: [string, string, string | undefined, unknown, Command]) => {
      const [database, collection, name, , command] = given;
      await withSession(command, false, async ({ catalog }, output) => {
        const place = { database, collection, ...(name !== undefined && { tenant: name }) };
        const located = await catalog.locate(place);
        output.result(located, () => printPlace(output, located));
      });
    });
}

function printPlace(output: Output, { shard, quarantine, extents }: LocatedPlace): string {
  const bytes = extents.reduce((sum, { length }) => sum + length, 0);
  const files = new Set(extents.map(({ file }) => file)).size;
  const sum = `${printCounted(extents.length, "extent")} in ${printCounted(files, "file")}, ${printBytes(bytes)}`;
  return [
    printTable(output, [
      ["FILE", "OFFSET", "LENGTH", "KEY SLOT", "WHAT"],
      ...extents.map((extent) => [
        extent.file,
        String(extent.offset),
        String(extent.length),
        extent.keySlot === 0 ? "-" : String(extent.keySlot),
        describe(extent),
      ]),
    ]),
    `Shard ${shard}: ${sum}.`,
    ...(quarantine === undefined ? [] : [`OUT OF SERVICE: ${quarantine}`]),
  ].join("\n");
}

function describe({ kind, isLive }: ShardExtent): string {
  const what = kind === "catalogue" ? "catalogue (rows of others, too)" : kind;
  return isLive ? what : `${what}, dead: removed later`;
}
