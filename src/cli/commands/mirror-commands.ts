/** `insula restore --latest` and `insula mirror ls`: a data folder out of its mirror. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { findMasterKey, restoreFolder, type RestoredMirror } from "../../engine/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { type GlobalOptions } from "../command.ts";
import { FOREIGN_VARIABLES } from "../environment.ts";
import { openDoors, openTarget, type FolderDoors } from "../folder-engine.ts";
import { notes } from "../help.ts";
import { createOutput, printBytes, printCount, printCounted, printTable } from "../output.ts";
import { createProgress } from "../progress.ts";

const MEBIBYTE = 1_048_576;
/** Where the engine looks for the master key when no setting names another. */
const MASTER_KEY_PATH = "master-key";

export interface MirrorRestoreOptions {
  readonly from: string;
  readonly at?: number;
  readonly mirror?: string;
  readonly whole?: true;
  readonly fromKeyFile?: string;
}

/** Makes the data folder; a server on it serves all tenants, asleep. */
export async function restoreLatest(
  options: MirrorRestoreOptions,
  command: Command,
): Promise<void> {
  const { dataDir, url, json } = command.optsWithGlobals<GlobalOptions>();
  if (url !== undefined) {
    throw new CommandError(
      EXIT_CODES.usage,
      "A mirror comes back into a data folder, not into a running server.",
      "Leave --url out, name an empty folder with --data-dir and start a server on it.",
    );
  }
  const output = createOutput(json === true);
  const doors = openDoors(dataDir);
  await doors.files.makeFolder("");
  const target = options.from.includes("://") ? options.from : resolve(options.from);
  const store = await openTarget(target, doors, false);
  const masterKey = await masterKeyOf(options, dataDir);
  const lock = await doors.files.lock("");
  let progress: ReturnType<typeof createProgress> | undefined;
  try {
    const restored = await restoreFolder({
      ...doors,
      store,
      target,
      ...(masterKey !== undefined && { masterKey }),
      ...(options.mirror !== undefined && { mirror: options.mirror }),
      ...(options.at !== undefined && { atMs: options.at }),
      isWhole: options.whole === true,
      onProgress: ({ bytes, bytesTotal }) => {
        progress ??= createProgress(output, Math.ceil(bytesTotal / MEBIBYTE), "MiB");
        progress.update(Math.floor(bytes / MEBIBYTE), "");
      },
    }).finally(() => {
      progress?.stop();
    });
    const isKeyKept = await keepMasterKey(options, doors, masterKey);
    output.result(restored, () => printRestored(restored, isKeyKept));
  } finally {
    await lock.release();
  }
}

export function addMirrorCommands(program: Command): void {
  const mirror = program.command("mirror").description("the second copy that a server keeps");
  mirror
    .command("ls <target>")
    .alias("list")
    .description("list the mirrors of a store and how far each reaches")
    .addHelpText(
      "after",
      notes(
        ["insula mirror ls /mnt/mirror", "insula mirror ls s3://my-bucket/insula"],
        `A server keeps a mirror when its setting mirrorTo names a store. It comes back with
\`insula restore --from TARGET --latest\`.`,
      ),
    )
    .action(async (target: string, _: unknown, command: Command) => {
      const { dataDir, json } = command.optsWithGlobals<GlobalOptions>();
      const output = createOutput(json === true);
      const { describeMirrors } = await import("../../engine/index.ts");
      const found = await describeMirrors(await openTarget(target, openDoors(dataDir), false));
      output.result(found, () =>
        printTable(output, [
          ["MIRROR", "POINT", "STATE OF", "REACHES BACK TO"],
          ...found.map(({ mirror: id, point, atMs, fromMs }) => [
            id,
            printCount(point),
            printTime(atMs),
            printTime(fromMs),
          ]),
        ]),
      );
    });
}

/** The key that was asked for, the file's that is in the folder already, or the settings'. */
async function masterKeyOf(
  { fromKeyFile }: MirrorRestoreOptions,
  dataDir: string,
): Promise<Uint8Array | undefined> {
  if (fromKeyFile !== undefined) return findMasterKey({ masterKeyFile: fromKeyFile });
  const { loadConfig } = await import("../../server/index.ts");
  const config = loadConfig({
    flags: { dataDir },
    environment: process.env,
    foreignVariables: FOREIGN_VARIABLES,
  });
  const given = await findMasterKey(config);
  const own = `${dataDir}/${MASTER_KEY_PATH}`;
  if (given !== undefined || !existsSync(own)) return given;
  return findMasterKey({ masterKeyFile: own });
}

/** A server would not find a key that was given to this command alone. */
async function keepMasterKey(
  { fromKeyFile }: MirrorRestoreOptions,
  { files }: FolderDoors,
  masterKey: Uint8Array | undefined,
): Promise<boolean> {
  if (fromKeyFile === undefined || masterKey === undefined) return false;
  const text = `${Buffer.from(masterKey).toString("hex")}\n`;
  await files.replaceWhole(MASTER_KEY_PATH, Buffer.from(text), { mode: 0o600 });
  return true;
}

function printRestored(restored: RestoredMirror, isKeyKept: boolean): string {
  const { mirror, point, atMs, files, bytes, remoteFiles, remoteBytes } = restored;
  return [
    `Restored from mirror ${mirror}, point ${printCount(point)}: the state of ${printTime(atMs)}.`,
    `${printCounted(files, "file")}, ${printBytes(bytes)}, are here.`,
    ...(remoteFiles === 0
      ? []
      : [
          `${printCounted(remoteFiles, "file")}, ${printBytes(remoteBytes)}, are fetched when they are needed, and by a server in the background.`,
        ]),
    ...(isKeyKept ? [`The master key lies in the folder now: ${MASTER_KEY_PATH}.`] : []),
  ].join("\n");
}

function printTime(ms: number): string {
  return ms === 0 ? "–" : new Date(ms).toISOString();
}
