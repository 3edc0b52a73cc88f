/** `insula backup`, `insula restore`. */
import { InvalidArgumentError, type Command } from "commander";
import type { BackupInfo, BackupScope, RestoreOptions } from "../../engine/api.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { withSession, type GlobalOptions } from "../command.ts";
import { notes } from "../help.ts";
import {
  createOutput,
  printBytes,
  printCount,
  printCounted,
  printTable,
  type Output,
} from "../output.ts";
import { createRateProgress } from "../rate-progress.ts";
import { listOf } from "../session-copies.ts";
import { openDoors } from "../folder-engine.ts";
import { splitInto } from "../place-options.ts";
import { restoreLatest, type MirrorRestoreOptions } from "./mirror-commands.ts";
import { findMasterKey } from "../../engine/index.ts";

interface ScopeOptions {
  readonly database?: string;
  readonly collection?: string;
  readonly tenant?: string;
}

export function addBackupCommands(program: Command): void {
  const backup = program
    .command("backup")
    .description("copy everything, or a part, to a folder or an S3 store");
  backup
    .command("create <target>", { isDefault: true })
    .description("make a backup; what an earlier one has is not sent again")
    .option("--database <name>", "only this database")
    .option("--collection <name>", "only this collection of it")
    .option("--tenant <name>", "only this tenant of that")
    .addHelpText(
      "after",
      notes(
        [
          "insula backup /mnt/backups",
          "insula backup create s3://my-bucket/insula",
          "insula backup /mnt/backups --database shop --collection notes --tenant team-1",
        ],
        `Nothing stops meanwhile and no sleeping tenant is woken. A backup is sealed with the keys of its data
folder: keep the master key, it opens nothing without. An S3 store is found by AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION and, elsewhere than at Amazon, AWS_ENDPOINT_URL. A server takes
only the target of its setting backupStore. What was erased stays in the backups made before.`,
      ),
    )
    .action(async (target: string, options: ScopeOptions, command: Command) => {
      await withSession(command, false, async ({ copies }, output) => {
        const progress = createRateProgress(output, undefined);
        const info = await copies
          .backup(target, scopeOf(options), ({ tenants }) => {
            progress.update(tenants, 0);
          })
          .finally(() => {
            progress.stop();
          });
        output.result(info, () => printBackup(info));
        if (info.damaged === 0) return;
        throw new CommandError(
          EXIT_CODES.failed,
          `${printCounted(info.damaged, "tenant")} out of service: not in the backup.`,
          "`insula verify` names what is damaged.",
        );
      });
    });
  backup
    .command("ls <target>")
    .alias("list")
    .description("list the backups of a store, oldest first")
    .addHelpText("after", notes(["insula backup ls /mnt/backups"]))
    .action(async (target: string, _: unknown, command: Command) => {
      const { url, dataDir, json } = command.optsWithGlobals<GlobalOptions>();
      if (url === undefined) {
        // No data folder is needed to look into a store.
        const output = createOutput(json === true);
        const found = await listOf(target, openDoors(dataDir));
        output.result(found, () => printBackups(output, found));
        return;
      }
      await withSession(command, false, async ({ copies }, output) => {
        const found = await copies.listBackups(target);
        output.result(found, () => printBackups(output, found));
      });
    });
}

interface RestoreCommandOptions extends ScopeOptions, MirrorRestoreOptions {
  readonly backup?: string;
  readonly as?: string;
  readonly into?: string;
  readonly latest?: true;
}

export function addRestoreCommand(program: Command): void {
  program
    .command("restore")
    .description("bring back everything, or a part, from a backup")
    .requiredOption("--from <target>", "a folder, or s3://BUCKET/PREFIX")
    .option("--backup <id>", "of `insula backup ls`; default the newest")
    .option("--at <time>", "the newest backup begun by then, as 2026-02-17T09:30:00Z", toTime)
    .option("--database <name>", "only this database")
    .option("--collection <name>", "only this collection of it")
    .option("--tenant <name>", "only this tenant of that")
    .option("--as <name>", "another name for what is named last")
    .option("--into <database/collection>", "another place for the collection or the tenant")
    .option("--from-key-file <file>", "master key of the folder that was backed up, if another")
    .option("--latest", "the whole folder, from the mirror in the target; with --at as of then")
    .option("--mirror <id>", "with --latest: of `insula mirror ls`, when there are several")
    .option("--whole", "with --latest: fetch everything now, not when it is needed")
    .addHelpText(
      "after",
      notes(
        [
          "insula restore --from /mnt/backups --data-dir ./new-data",
          "insula restore --from s3://my-bucket/insula --latest --data-dir ./new-data",
          "insula restore --from s3://my-bucket/insula --database shop --as shop-of-monday",
          "insula restore --from /mnt/backups --database shop --collection notes --tenant team-1 --as team-1-old",
        ],
        `Names that are taken are refused: nothing is replaced. What comes back appears at once when all
of it is there, or not at all. Access keys come back only into an empty data folder.`,
      ),
    )
    .action(async (options: RestoreCommandOptions, command: Command) => {
      requireOneKind(options);
      if (options.latest === true) {
        await restoreLatest(options, command);
        return;
      }
      const masterKey =
        options.fromKeyFile === undefined
          ? undefined
          : await findMasterKey({ masterKeyFile: options.fromKeyFile });
      await withSession(command, true, async ({ copies }, output) => {
        const progress = createRateProgress(output, undefined);
        const summary = await copies
          .restore(options.from, {
            ...restoreOptions(options),
            ...(masterKey === undefined ? {} : { masterKey }),
            onProgress: ({ tenants }) => {
              progress.update(tenants, 0);
            },
          })
          .finally(() => {
            progress.stop();
          });
        output.result(summary, () => {
          const { backup, tenants, records, bytes } = summary;
          return `Restored from ${backup}: ${printCounted(tenants, "tenant")}, ${printCounted(records, "record")}, ${printBytes(bytes)}.`;
        });
      });
    });
}

/** A mirror is a whole folder, a backup has parts. */
function requireOneKind(options: RestoreCommandOptions): void {
  const { latest, mirror, whole, backup, database, collection, tenant, as, into } = options;
  const ofBackup = [backup, database, collection, tenant, as, into];
  const ofMirror = [mirror, whole];
  const isMixed = (latest === true ? ofBackup : ofMirror).some((value) => value !== undefined);
  if (!isMixed) return;
  throw new CommandError(
    EXIT_CODES.usage,
    latest === true
      ? "A mirror comes back as a whole: --latest goes with --at, --mirror and --whole only."
      : "--mirror and --whole are of a mirror: they go with --latest.",
    "`insula restore --help` shows both kinds.",
  );
}

function restoreOptions(options: RestoreCommandOptions): RestoreOptions {
  const { backup, at, as, into } = options;
  const [database, collection] = splitInto(into);
  const last =
    options.tenant !== undefined
      ? "tenant"
      : options.collection !== undefined
        ? "collection"
        : "database";
  const names = {
    ...(database === undefined ? {} : { database }),
    ...(collection === undefined ? {} : { collection }),
    ...(as === undefined ? {} : { [last]: as }),
  };
  return {
    ...scopeOf(options),
    ...(backup === undefined ? {} : { backup }),
    ...(at === undefined ? {} : { atMs: at }),
    ...(Object.keys(names).length === 0 ? {} : { as: names }),
  };
}

function scopeOf({ database, collection, tenant }: ScopeOptions): BackupScope {
  return {
    ...(database === undefined ? {} : { database }),
    ...(collection === undefined ? {} : { collection }),
    ...(tenant === undefined ? {} : { tenant }),
  };
}

/** @throws InvalidArgumentError for what is no moment. */
function toTime(text: string): number {
  const atMs = Date.parse(text);
  if (Number.isFinite(atMs)) return atMs;
  throw new InvalidArgumentError("Expected a time, as 2026-02-17T09:30:00Z.");
}

function printBackup({ id, tenants, records, bytes, bytesSent }: BackupInfo): string {
  return (
    `Backup ${id}: ${printCounted(tenants, "tenant")}, ${printCounted(records, "record")}, ` +
    `${printBytes(bytes)}, ${printBytes(bytesSent)} sent.`
  );
}

function printBackups(output: Output, found: readonly BackupInfo[]): string {
  return printTable(output, [
    ["BACKUP", "DATABASES", "COLLECTIONS", "TENANTS", "RECORDS", "SIZE", "SENT"],
    ...found.map((info) => [
      info.id,
      printCount(info.databases),
      printCount(info.collections),
      printCount(info.tenants),
      printCount(info.records),
      printBytes(info.bytes),
      printBytes(info.bytesSent),
    ]),
  ]);
}
