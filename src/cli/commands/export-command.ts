/** `insula export`: what a collection holds, into a file. */
import type { Command } from "commander";
import type { CollectionInfo } from "../../engine/api.ts";
import { DEFAULT_VECTOR, type Place, type RecordView } from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { watchInterrupts } from "../interrupt.ts";
import { printCounted, type Output } from "../output.ts";
import {
  addPlaceOptions,
  allTenants,
  findCollection,
  type PlaceOptions,
} from "../place-options.ts";
import { createRateProgress, printDuration } from "../rate-progress.ts";
import type { Session, SessionListPage } from "../session.ts";
import { ContentHash } from "../transfer/content-hash.ts";
import { openJsonlSink } from "../transfer/jsonl-sink.ts";
import { keysPathOf } from "../transfer/key-lines.ts";
import { openMatrixSink } from "../transfer/matrix-sink.ts";
import { formatOf } from "../transfer/open-source.ts";
import { openParquetSink } from "../transfer/parquet-sink.ts";
import type { RecordSink } from "../transfer/record-sink.ts";

export const EXPORT_FORMATS = ["jsonl", "parquet", "npy", "fvecs"] as const;
type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Records of one page. */
const PAGE_RECORDS = 1_000;

interface ExportOptions extends PlaceOptions {
  readonly format?: string;
  readonly vector?: string;
  readonly hashOnly?: true;
}

interface ExportReport {
  records: number;
  tenants: number;
  contentHash: string;
  isComplete: boolean;
}

export function addExportCommand(program: Command): void {
  addPlaceOptions(
    program
      .command("export [file]")
      .description(
        "write the records of a collection into a JSON Lines, Parquet, npy or fvecs file",
      ),
  )
    .option("--format <format>", `${EXPORT_FORMATS.join(", ")}; default by the ending`)
    .option("--vector <field>", "the vector of npy and fvecs files; default the one without a name")
    .option("--hash-only", "write nothing: count the records and hash their content")
    .addHelpText(
      "after",
      notes(
        [
          "insula export --collection notes notes.parquet",
          "insula export --collection notes - | head -1",
          "insula export --collection notes --hash-only",
        ],
        `Without --tenant all tenants of a collection are written, each record with its tenant. The
content hash is equal for equal records, wherever they lie. "-" is standard output as JSON
Lines. npy and fvecs have no metadata; their keys go into FILE.keys.`,
      ),
    )
    .action(async (file: string | undefined, options: ExportOptions, command: Command) => {
      if ((file === undefined) !== (options.hashOnly === true))
        throw new CommandError(EXIT_CODES.usage, "Expected either a file or --hash-only.");
      const format =
        file === undefined ? undefined : toFormat(options.format ?? formatOf(file, EXPORT_FORMATS));
      await withSession(command, false, async (session, output) => {
        const info = await findCollection(session, options.database, options.collection);
        const sink = await openSink(file, format, { options, info });
        await exportRecords({ session, output, options, info, file, sink });
      });
    });
}

function toFormat(text: string): ExportFormat {
  const format = EXPORT_FORMATS.find((known) => known === text);
  if (format !== undefined) return format;
  throw new CommandError(EXIT_CODES.usage, `--format: expected ${EXPORT_FORMATS.join(", ")}.`);
}

async function openSink(
  file: string | undefined,
  format: ExportFormat | undefined,
  { options, info }: { readonly options: ExportOptions; readonly info: CollectionInfo },
): Promise<RecordSink> {
  if (file === undefined || format === undefined) return NOWHERE;
  if (format === "jsonl") return openJsonlSink(file);
  if (file === "-")
    throw new CommandError(EXIT_CODES.usage, "Standard output takes JSON Lines only.");
  const hasTenants = hasManyTenants(options, info);
  const { vectors, sparseVectors } = info.schema;
  if (format === "parquet") {
    const [field] = vectors;
    if (sparseVectors !== undefined) throw notFor(format, "sparse vectors");
    if (vectors.length > 1 || field?.name !== DEFAULT_VECTOR)
      throw notFor(format, "vectors with names");
    return openParquetSink(file, { hasTenants, dimension: field.dimension });
  }
  if (hasTenants) throw notFor(format, "the tenants of records");
  const wanted = options.vector ?? DEFAULT_VECTOR;
  const field = vectors.find(({ name }) => name === wanted);
  if (field === undefined) {
    throw new CommandError(
      EXIT_CODES.notFound,
      `Collection ${info.name} has no vector ${JSON.stringify(wanted)}.`,
    );
  }
  return openMatrixSink(file, { format, field: field.name, dimension: field.dimension });
}

const NOWHERE: RecordSink = {
  write: () => Promise.resolve(),
  finish: () => Promise.resolve(),
  discard: () => Promise.resolve(),
};

function notFor(format: ExportFormat, what: string): CommandError {
  return new CommandError(
    EXIT_CODES.usage,
    `Cannot write ${format}: it has no place for ${what}.`,
    "Export as jsonl.",
  );
}

function hasManyTenants(options: ExportOptions, info: CollectionInfo): boolean {
  return info.tenancy === "multi" && options.tenant === undefined;
}

interface ExportWork {
  readonly session: Session;
  readonly output: Output;
  readonly options: ExportOptions;
  readonly info: CollectionInfo;
  readonly file: string | undefined;
  readonly sink: RecordSink;
}

async function exportRecords(work: ExportWork): Promise<void> {
  const { output, file, sink, info, options } = work;
  const startedAtMs = performance.now();
  let report: ExportReport;
  try {
    report = await writeAll(work);
    if (report.isComplete) await sink.finish();
    else await sink.discard();
  } catch (error) {
    await sink.discard().catch(() => undefined);
    throw error;
  }
  if (!report.isComplete)
    throw new CommandError(EXIT_CODES.interrupted, "Interrupted.", "No file was written.");
  const seconds = Number(((performance.now() - startedAtMs) / 1_000).toFixed(3));
  const print = (): string => {
    const where = file === undefined ? "hashed" : `written to ${nameOf(file)}`;
    const tenants = hasManyTenants(options, info)
      ? ` of ${printCounted(report.tenants, "tenant")}`
      : "";
    return (
      `${printCounted(report.records, "record")}${tenants} ${where} in ${printDuration(seconds)}.\n` +
      `Content hash ${report.contentHash}`
    );
  };
  // The records are the output then.
  if (file === "-") output.remark(print());
  else output.result({ ...report, ...(file !== undefined && { file }), seconds }, print);
  if (file?.endsWith(".npy") === true || file?.endsWith(".fvecs") === true)
    output.remark(`Keys are in ${keysPathOf(file)}; metadata is left out.`);
}

function nameOf(file: string): string {
  return file === "-" ? "standard output" : file;
}

/** Records in the order of keys; the next page is asked for while one is written. */
export async function* pagesOf(
  session: Session,
  place: Place,
): AsyncIterable<readonly RecordView[]> {
  const ask = (cursor?: string): Promise<SessionListPage> => {
    const page = session.records.list(place, {
      limit: PAGE_RECORDS,
      include: { vectors: true, metadata: true },
      ...(cursor !== undefined && { cursor }),
    });
    // Whoever awaits it hears of a failure; nobody may, when the writing fails first.
    page.catch(() => undefined);
    return page;
  };
  for (let next: Promise<SessionListPage> | undefined = ask(); next !== undefined;) {
    const { items, cursor }: SessionListPage = await next;
    next = cursor === undefined ? undefined : ask(cursor);
    yield items;
  }
}

async function writeAll({
  session,
  output,
  options,
  info,
  file,
  sink,
}: ExportWork): Promise<ExportReport> {
  const { database, collection } = options;
  const tenants =
    options.tenant === undefined
      ? await allTenants(session, database, collection)
      : [options.tenant];
  const isMany = hasManyTenants(options, info);
  const hash = new ContentHash();
  const report = { records: 0, tenants: 0, contentHash: "", isComplete: true };
  const progress = createRateProgress(
    // A bar would be drawn into the records.
    { ...output, isInteractive: output.isInteractive && file !== "-" },
    options.tenant === undefined ? info.rowCount : undefined,
  );
  using interruption = watchInterrupts();
  try {
    for (const tenant of tenants) {
      const place: Place = { database, collection, ...(tenant !== undefined && { tenant }) };
      const named = isMany ? tenant : undefined;
      for await (const items of pagesOf(session, place)) {
        if (interruption.signal.aborted) return { ...report, isComplete: false };
        for (const record of items) hash.add(named, record);
        await sink.write(items.map((record) => ({ tenant: named, record })));
        report.records += items.length;
        progress.update(report.records, report.records);
      }
      report.tenants++;
    }
  } finally {
    progress.stop();
  }
  return { ...report, contentHash: hash.finish() };
}
