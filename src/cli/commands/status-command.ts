/** `insula status`: what is there and how it does. */
import type { Command } from "commander";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { printBytes } from "../output.ts";

export function addStatusCommand(program: Command): void {
  program
    .command("status")
    .description("what is stored, what is awake, how the log does")
    .addHelpText(
      "after",
      notes(["insula status", "insula --url http://127.0.0.1:8080 status --json"]),
    )
    .action(async (_: unknown, command: Command) => {
      await withSession(command, false, async (session, output) => {
        const status = await session.status();
        const { stats } = status;
        output.result(status, () =>
          [
            `${output.bold("Insula")} · ${status.origin} · account ${status.accountId}`,
            `databases    ${String(stats.databaseCount)}`,
            `collections  ${String(stats.collectionCount)}`,
            `awake        ${String(stats.shardsAwake)} shards, ${printBytes(stats.memtableBytes)} in memtables`,
            `arenas       ${printBytes(stats.arenaBytesUsed)} of ${printBytes(stats.arenaBytesCapacity)}`,
            `log          ${String(stats.log.groups)} groups, ${String(stats.log.syncs)} syncs, ${printBytes(stats.log.bytes)}`,
            `files        ${String(stats.openFiles)} open`,
            ...(stats.quarantinedShards > 0
              ? [`DAMAGED      ${String(stats.quarantinedShards)} shards are out of service`]
              : []),
          ].join("\n"),
        );
      });
    });
}
