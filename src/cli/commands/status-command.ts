/** `insula status`: what is there and how it does. */
import type { Command } from "commander";
import type { EngineStats } from "../../engine/api.ts";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { printBytes, printCount, printCounted } from "../output.ts";

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
            `databases    ${printCount(stats.databaseCount)}`,
            `collections  ${printCount(stats.collectionCount)}`,
            `awake        ${printCounted(stats.shardsAwake, "shard")}, ${printBytes(stats.memtableBytes)} in memtables`,
            `arenas       ${printBytes(stats.arenaBytesUsed)} of ${printBytes(stats.arenaBytesCapacity)}`,
            `log          ${printCounted(stats.log.groups, "group")}, ${printCounted(stats.log.syncs, "sync")}, ${printBytes(stats.log.bytes)}`,
            `files        ${printCount(stats.openFiles)} open`,
            ...(stats.mirror === undefined ? [] : [`mirror       ${printMirror(stats.mirror)}`]),
            ...(stats.log.isPoisoned ? ["READ-ONLY    a sync of the log failed"] : []),
            ...(stats.quarantinedShards > 0
              ? [`DAMAGED      ${printCounted(stats.quarantinedShards, "shard")} out of service`]
              : []),
          ].join("\n"),
        );
      });
    });
}

function printMirror({
  point,
  ageMs,
  failures,
  isTaken,
}: NonNullable<EngineStats["mirror"]>): string {
  if (isTaken) return "TAKEN by another machine: nothing is copied any more";
  const failed = failures === 0 ? "" : `, ${printCounted(failures, "failure")}`;
  if (ageMs === undefined) return `not reached yet${failed}`;
  return `${(ageMs / 1_000).toFixed(1)} s behind, point ${printCount(point)}${failed}`;
}
