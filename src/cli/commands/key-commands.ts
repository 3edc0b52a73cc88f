/** `insula keys`: access keys beside the admin secret. */
import type { Command } from "commander";
import { collectPages, pageAfter, withSession } from "../command.ts";
import { notes } from "../help.ts";
import { toDurationMs, toGrant } from "../option-values.ts";
import { printTable } from "../output.ts";

export function addKeyCommands(program: Command): void {
  const keys = program
    .command("keys")
    .description("access keys (id and secret) bound to databases");
  keys
    .command("ls")
    .alias("list")
    .description("list keys; secrets are never shown again")
    .addHelpText("after", notes(["insula keys ls"]))
    .action(async (_: unknown, command: Command) => {
      await withSession(command, false, async (session, output) => {
        const found = await collectPages(
          (after) => session.keys.listKeys(pageAfter(after)),
          ({ id }) => id,
        );
        output.result(found, () =>
          printTable(output, [
            ["KEY ID", "EXPIRES", "GRANTS"],
            ...found.map(({ id, expiresAtMs, grants }) => [
              id,
              expiresAtMs === undefined ? "never" : new Date(expiresAtMs).toISOString(),
              grants
                .map((grant) => `${grant.actions.join(",")}@${grant.databases.join(",")}`)
                .join(" "),
            ]),
          ]),
        );
      });
    });
  keys
    .command("create")
    .description("make a key; its secret is shown this once")
    .option("--grant <grant...>", "ACTIONS@DATABASES, patterns with *", ["vectors:*@*"])
    .option("--expires-in <duration>", "30m, 12h, 7d; without it until it is removed", toDurationMs)
    .addHelpText("after", notes(['insula keys create --grant "vectors:*@team-*" --expires-in 90d']))
    .action(async (options: { grant: string[]; expiresIn?: number }, command: Command) => {
      const grants = options.grant.map(toGrant);
      await withSession(command, true, async (session, output) => {
        const created = await session.keys.createKey({
          grants,
          ...(options.expiresIn !== undefined && { expiresAtMs: Date.now() + options.expiresIn }),
        });
        output.result(created, () =>
          [
            `export OSS_ACCESS_KEY_ID=${created.id}`,
            `export OSS_ACCESS_KEY_SECRET=${created.secret}`,
          ].join("\n"),
        );
        output.remark(`Account ${created.accountId}. The secret is not shown again.`);
      });
    });
  keys
    .command("rm <id>")
    .alias("delete")
    .description("revoke a key, at once")
    .addHelpText("after", notes(["insula keys rm INABCDEFGHIJKLMNOPQR"]))
    .action(async (id: string, _: unknown, command: Command) => {
      await withSession(command, false, async (session, output) => {
        await session.keys.revokeKey(id);
        output.result({ removed: id }, () => `Key ${id} revoked.`);
      });
    });
}
