/** `insula inspect` and `insula verify`: the files of a data folder, looked at and checked. */
import type { Command } from "commander";
import { isInsulaError } from "../../base/errors.ts";
import {
  inspectFile,
  listFolderFiles,
  verifyFolder,
  type FolderReport,
  type InspectedFile,
  type ShardOwner,
  type VerifiedShard,
} from "../../engine/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { type GlobalOptions } from "../command.ts";
import { notes } from "../help.ts";
import { requireFolder } from "../data-folder.ts";
import { openReadDoors, type FolderDoors } from "../folder-engine.ts";
import { toCount } from "../option-values.ts";
import {
  createOutput,
  printBytes,
  printCount,
  printCounted,
  printTable,
  type Output,
} from "../output.ts";
import { createRateProgress } from "../rate-progress.ts";

interface OpenedFolder {
  readonly output: Output;
  readonly doors: Awaited<ReturnType<typeof openReadDoors>>;
}

/** Rows of one part that are printed. */
const ROWS_DEFAULT = 20;

interface InspectCommandOptions {
  readonly rows: number;
  readonly records?: true;
}

export function addInspectCommand(program: Command): void {
  program
    .command("inspect [file]")
    .description("show what is in the files of a data folder; nothing is changed")
    .option("--rows <n>", "rows of each table at most", toCount, ROWS_DEFAULT)
    .option("--records", "also the keys and metadata of a segment")
    .addHelpText(
      "after",
      notes(
        ["insula inspect", "insula inspect log/0000000001.log --rows 5"],
        `Without a file all files are listed. Beside a running server a file may grow while it is read.`,
      ),
    )
    .action(async (file: string | undefined, options: InspectCommandOptions, command: Command) => {
      const { output, doors } = await openFolder(command);
      if (file === undefined) {
        const files = await listFolderFiles(doors.files);
        output.result(files, () => printFiles(output, files));
        return;
      }
      const inspected = await inspectFile(file.replace(/^\.\//, ""), {
        ...doors,
        rowsMax: options.rows,
        isWithRecords: options.records === true,
      });
      output.result(inspected, () => printFile(output, inspected));
    });
}

async function openFolder(command: Command): Promise<OpenedFolder> {
  const { dataDir, json } = command.optsWithGlobals<GlobalOptions>();
  requireFolder(dataDir);
  return { output: createOutput(json === true), doors: await openReadDoors(dataDir) };
}

function printFiles(
  output: Output,
  files: readonly { readonly file: string; readonly bytes: number }[],
): string {
  return printTable(output, [
    ["FILE", "SIZE"],
    ...files.map(({ file, bytes }) => [file, printBytes(bytes)]),
  ]);
}

function printFile(output: Output, { file, kind, facts, parts }: InspectedFile): string {
  const width = Math.max(0, ...Object.keys(facts).map(({ length }) => length));
  const lines = [
    `${output.bold(file)}  ${kind}`,
    ...Object.entries(facts).map(([name, value]) => `${name.padEnd(width)}  ${String(value)}`),
  ];
  for (const { title, rows, isCut } of parts) {
    lines.push("", output.bold(title));
    const [first] = rows;
    if (first === undefined) lines.push("none");
    else {
      const columns = Object.keys(first);
      const cells = rows.map((row) => columns.map((column) => String(row[column] ?? "")));
      lines.push(printTable(output, [columns.map((name) => name.toUpperCase()), ...cells]));
    }
    if (isCut) lines.push(`… and more: --rows ${String(rows.length * 10)} shows them.`);
  }
  return lines.join("\n");
}

export function addVerifyCommand(program: Command): void {
  program
    .command("verify")
    .description("compare every byte of the data folder with its checksum, tenant by tenant")
    .option("--all", "list also what is sound")
    .addHelpText(
      "after",
      notes(
        ["insula verify", "insula verify --all --data-dir ./insula-data.backup"],
        `Reads log, catalogue, segments and packs whole and changes nothing. Ends with 1 when anything
does not match. A folder that a server has open is refused: stop it, or verify a copy.`,
      ),
    )
    .action(async (options: { all?: true }, command: Command) => {
      const { output, doors } = await openFolder(command);
      const shards: VerifiedShard[] = [];
      const progress = createRateProgress(output, undefined);
      let records = 0;
      const report = await withLock(doors, () =>
        verifyFolder({
          ...doors,
          onShard: (shard) => {
            if (options.all === true || shard.damages > 0) shards.push(shard);
            records += shard.records;
            progress.update(records, 0);
          },
        }),
      ).finally(() => {
        progress.stop();
      });
      output.result({ ...report, listed: shards }, () => printReport(output, report, shards));
      if (report.damages.length === 0) return;
      throw new CommandError(
        EXIT_CODES.failed,
        `${printCount(report.damages.length)} places do not match their checksums.`,
        "docs/operations.md says what to do about damage.",
      );
    });
}

/** A folder that cannot be written to, a backup for example, is in nobody's hands. */
async function withLock<Result>(doors: FolderDoors, work: () => Promise<Result>): Promise<Result> {
  let release: () => Promise<void> = () => Promise.resolve();
  try {
    const lock = await doors.files.lock("");
    release = () => lock.release();
  } catch (error) {
    if (!isInsulaError(error)) throw error;
    if (error.code === "data_folder_locked") {
      throw new CommandError(
        EXIT_CODES.refused,
        "A server or another command has the data folder.",
        "Stop it, or verify a copy of the folder with --data-dir.",
        error,
      );
    }
    if (error.code !== "io_failed") throw error;
  }
  try {
    return await work();
  } finally {
    await release();
  }
}

function printReport(
  output: Output,
  report: FolderReport,
  shards: readonly VerifiedShard[],
): string {
  const { catalogue, log, segments, packs, damages } = report;
  const cut = log.cutBytes === 0 ? "" : `, ${printBytes(log.cutBytes)} torn off at the end`;
  const lines = [
    `catalogue  ${printCounted(catalogue.tables, "table")}, ${printCounted(catalogue.rows, "row")}, ${printBytes(catalogue.bytes)}`,
    `log        ${printCounted(log.files, "file")}, ${printCounted(log.frames, "frame")}, ${printBytes(log.bytes)}${cut}`,
    `packs      ${printCounted(packs.files, "file")}, ${packs.entries === 1 ? "1 entry" : `${printCount(packs.entries)} entries`}, ${printBytes(packs.bytes)}`,
    `segments   ${printCounted(segments.count, "segment")}, ${printBytes(segments.bytes)}`,
    `tenants    ${printCount(report.shards)} read`,
  ];
  if (shards.length > 0) {
    const rows = shards.map((shard) => [
      nameOf(shard),
      printCount(shard.records),
      printCount(shard.segments),
      printBytes(shard.bytes),
      shard.damages === 0 ? "sound" : `${printCount(shard.damages)} DAMAGED`,
    ]);
    lines.push(
      "",
      printTable(output, [["TENANT", "RECORDS", "SEGMENTS", "SIZE", "STATE"], ...rows]),
    );
  }
  for (const { owner, message } of damages) {
    const whose = owner === undefined ? "" : `${nameOf(owner)}: `;
    lines.push(`${output.bold("DAMAGED")}  ${whose}${message}`);
  }
  if (damages.length === 0) lines.push("Everything matches its checksum.");
  return lines.join("\n");
}

function nameOf({ database, collection, tenant }: ShardOwner): string {
  return [database, collection, ...(tenant === undefined ? [] : [tenant])].join("/");
}
