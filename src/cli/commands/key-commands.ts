/** `insula keys`: access keys beside the admin secret. */
import type { Command } from "commander";
import {
  ADMIN_SECRET_PATH,
  resetAdminKey,
  type AccessKeyView,
  type CreatedAccessKey,
  type NewAccessKey,
} from "../../access/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { collectPages, pageAfter, withSession, type GlobalOptions } from "../command.ts";
import { requireFolder } from "../data-folder.ts";
import { notes } from "../help.ts";
import { printGrant, toDurationMs, toGrants, toRate } from "../option-values.ts";
import { createOutput, printTable, type Output } from "../output.ts";
import {
  addLimitOptions,
  printKeyLimits,
  toKeyPatch,
  toLimitOrNone,
  type LimitOptions,
} from "./key-limit-options.ts";

export function addKeyCommands(program: Command): void {
  const keys = program
    .command("keys")
    .description("keys bound to databases, collections or tenants");
  addList(keys);
  addCreate(keys);
  addLimit(keys);
  addRotate(keys);
  addRevoke(keys);
  addRotateMaster(keys);
  addResetAdmin(keys);
}

function addList(keys: Command): void {
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
            ["KEY ID", "EXPIRES", "RATE", "LIMITS", "GRANTS"],
            ...found.map(toRow),
          ]),
        );
      });
    });
}

function toRow(key: AccessKeyView): string[] {
  const { id, expiresAtMs, grants } = key;
  return [
    id,
    expiresAtMs === undefined ? "never" : new Date(expiresAtMs).toISOString(),
    printRate(key),
    printKeyLimits(key),
    grants.map(printGrant).join(" "),
  ];
}

function printRate({ requestsPerSecond }: AccessKeyView): string {
  return requestsPerSecond === undefined ? "any" : `${String(requestsPerSecond)}/s`;
}

function addCreate(keys: Command): void {
  const create = keys
    .command("create")
    .description("make a key; its secret is shown this once")
    .option("--grant <grant...>", "ACTIONS@PLACES, patterns with *", ["vectors:*@*"])
    .option(
      "--expires-in <duration>",
      "30m, 12h, 7d; without it until it is revoked",
      toDurationMs,
    );
  addLimitOptions(create, "; without it as many as come", toRate)
    .addHelpText(
      "after",
      notes(
        [
          "insula keys create --grant read,write@shop/docs/acme --rate 50 --queries-per-second 20",
          'insula keys create --grant "vectors:*@team-*" --expires-in 90d',
          'eval "$(insula keys create)"',
        ],
        `Actions are read, write, admin, * or <area>:<Operation>. A place is DATABASE,
DATABASE/COLLECTION or DATABASE/COLLECTION/TENANT. A key with one tenant means it wherever a call
names none.`,
      ),
    )
    .action(async ({ grant, expiresIn, ...limits }: CreateOptions, command: Command) => {
      const grants = grant.flatMap(toGrants);
      await withSession(command, true, async (session, output) => {
        const created = await session.keys.createKey({
          grants,
          ...(expiresIn !== undefined && { expiresAtMs: Date.now() + expiresIn }),
          ...(toKeyPatch(limits) as Pick<NewAccessKey, "requestsPerSecond" | "limits">),
        });
        show(output, created);
      });
    });
}

type CreateOptions = {
  readonly grant: readonly string[];
  readonly expiresIn?: number;
} & { readonly [Name in keyof LimitOptions]?: number };

function addLimit(keys: Command): void {
  const limit = keys
    .command("limit <id>")
    .description("set what a key may do in a second and at once");
  addLimitOptions(limit, ", or none", toLimitOrNone)
    .addHelpText(
      "after",
      notes(
        [
          "insula keys limit INABCDEFGHIJKLMNOPQR --queries-per-second 20 --calls-in-flight 4",
          "insula keys limit INABCDEFGHIJKLMNOPQR --rate none",
        ],
        "Holds for the next request. What is not named stays. Limits count calls about records, " +
          "at all places together; the rate counts requests of any kind.",
      ),
    )
    .action(async (id: string, options: LimitOptions, command: Command) => {
      const patch = toKeyPatch(options);
      if (patch === undefined) {
        throw new CommandError(
          EXIT_CODES.usage,
          "Nothing to change.",
          "`insula keys limit --help` shows what can be limited.",
        );
      }
      await withSession(command, false, async (session, output) => {
        const key = await session.keys.limitKey(id, patch);
        output.result(
          key,
          () => `Key ${id}: rate ${printRate(key)}, limits ${printKeyLimits(key)}.`,
        );
      });
    });
}

function addRotate(keys: Command): void {
  keys
    .command("rotate <id>")
    .description("give a key a new secret, shown this once")
    .option("--grace <duration>", "how long the old secret holds as well: 30m, 12h", toDurationMs)
    .addHelpText("after", notes(["insula keys rotate INABCDEFGHIJKLMNOPQR --grace 12h"]))
    .action(async (id: string, options: { grace?: number }, command: Command) => {
      await withSession(command, false, async (session, output) => {
        const { grace } = options;
        const rotated = await session.keys.rotateKey(
          id,
          grace === undefined ? {} : { graceMs: grace },
        );
        show(output, rotated);
        const end = rotated.previousUntilMs;
        output.remark(
          end === undefined
            ? "The old secret is refused from now on."
            : `The old secret holds until ${new Date(end).toISOString()}.`,
        );
      });
    });
}

/** Lines for a shell, with the names that clients of OSS and of AWS read. */
function show(output: Output, key: CreatedAccessKey): void {
  output.result(key, () =>
    [
      `export OSS_ACCESS_KEY_ID=${key.id}`,
      `export OSS_ACCESS_KEY_SECRET=${key.secret}`,
      `export AWS_ACCESS_KEY_ID=${key.id}`,
      `export AWS_SECRET_ACCESS_KEY=${key.secret}`,
    ].join("\n"),
  );
  output.remark(
    `Account ${key.accountId}. The secret is not shown again. As an API key: ID.SECRET`,
  );
}

function addRevoke(keys: Command): void {
  keys
    .command("revoke <id>")
    .aliases(["rm", "delete"])
    .description("revoke a key, at once")
    .addHelpText("after", notes(["insula keys revoke INABCDEFGHIJKLMNOPQR"]))
    .action(async (id: string, _: unknown, command: Command) => {
      await withSession(command, false, async (session, output) => {
        await session.keys.revokeKey(id);
        output.result({ removed: id }, () => `Key ${id} revoked.`);
      });
    });
}

function addRotateMaster(keys: Command): void {
  keys
    .command("rotate-master")
    .description("wrap the keys of all tenants with another master key, while everything goes on")
    .option("--new-key-file <file>", "the new key, where the master key comes from outside")
    .addHelpText(
      "after",
      notes(
        [
          "insula keys rotate-master",
          "openssl rand -hex 32 > master.new && insula keys rotate-master --new-key-file master.new",
        ],
        `Without a file a fresh key is made in the data folder. With one, old and new key open the
folder until its next start with the new one: change the server's masterKeyFile to it.`,
      ),
    )
    .action(async (options: { newKeyFile?: string }, command: Command) => {
      const { newKeyFile } = options;
      const { readSecretFile } = await import("../../io/index.ts");
      const key = newKeyFile === undefined ? undefined : await readSecretFile(newKeyFile);
      await withSession(command, false, async (session, output) => {
        const rotated = await session.rotateMasterKey(key?.trim());
        output.result(
          rotated,
          () => `The master key was changed, for the ${ordinal(rotated)} time.`,
        );
        if (rotated.isInFolder) return;
        output.remark(
          "Start the next server with the new key; from then on the old one is refused.",
        );
      });
    });
}

function ordinal({ rotations }: { readonly rotations: number }): string {
  const ends = ["th", "st", "nd", "rd"];
  const isTeen = Math.floor(rotations / 10) % 10 === 1;
  return `${String(rotations)}${isTeen ? "th" : (ends[rotations % 10] ?? "th")}`;
}

function addResetAdmin(keys: Command): void {
  keys
    .command("reset-admin")
    .description("make a new admin secret, while no server runs on the data folder")
    .addHelpText(
      "after",
      notes(
        ["insula keys reset-admin --data-dir ./insula-data"],
        "The old secret is refused from the next start on. Other keys stay as they are.",
      ),
    )
    .action(async (_: unknown, command: Command) => {
      const { dataDir, url, json } = command.optsWithGlobals<GlobalOptions>();
      if (url !== undefined) {
        throw new CommandError(
          EXIT_CODES.usage,
          "reset-admin works on a data folder, not through a server.",
          "Stop the server and name its folder with --data-dir.",
        );
      }
      const { openDoors } = await import("../folder-engine.ts");
      requireFolder(dataDir);
      const doors = openDoors(dataDir);
      // Held for the change: a server that starts meanwhile would go on with the old secret.
      const lock = await doors.files.lock("");
      try {
        const { id } = await resetAdminKey(doors);
        const output = createOutput(json === true);
        const file = `${dataDir}/${ADMIN_SECRET_PATH}`;
        output.result({ id, adminSecretPath: file }, () => `New admin secret: ${file}`);
        if (process.env["INSULA_ADMIN_SECRET"] === undefined) return;
        output.remark("INSULA_ADMIN_SECRET is set and wins over the file.");
      } finally {
        await lock.release();
      }
    });
}
