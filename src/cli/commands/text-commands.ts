/** `insula put`: text in. */
import path from "node:path";
import { stat } from "node:fs/promises";
import type { Command } from "commander";
import type { Metadata, Place } from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { example, withSession } from "../command.ts";
import { fromPattern, isPattern } from "../glob.ts";
import { ingest, type IngestReport } from "../ingest.ts";
import { watchInterrupts } from "../interrupt.ts";
import { toMetadata, toWholeNumber } from "../option-values.ts";
import type { Output } from "../output.ts";
import { addPlacesOptions, findPlaces, nameOfPlace, type PlacesOptions } from "../place-options.ts";
import { createProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { CHUNK_OVERLAP_DEFAULT, CHUNK_SIZE_DEFAULT, checkChunkOptions } from "../text-chunks.ts";
import { openTextCollection } from "../text-collection.ts";
import { addTextSettings, readTextSettings, type TextSettings } from "../text-settings.ts";
import { fromFile, fromFolder, fromStdin, fromText, type TextSource } from "../text-sources.ts";

interface PutOptions extends PlacesOptions {
  readonly text?: readonly string[];
  readonly file?: readonly string[];
  readonly folder?: readonly string[];
  readonly key?: string;
  readonly metadata?: Metadata;
  readonly create?: true;
  readonly dimension?: number;
  readonly chunkSize: number;
  readonly chunkOverlap: number;
  readonly force?: true;
  readonly forceModel?: true;
}

export function addPutCommand(program: Command): void {
  const put = addPlacesOptions(
    program.command("put").description("write texts, files, folders or standard input"),
  )
    .option("--force-model", "although the collection was filled by another embedding model")
    .option("--text <text...>", "a text in words")
    .option("--file <path...>", "a text file or a pattern; its path as given is its key")
    .option("--folder <path...>", "every text file below")
    .option("--key <key>", "key of a single --text or of standard input")
    .option("--metadata <name=value>", "kept with every record; repeat for more", toMetadata)
    .option("--create", "make the database, collection and tenant when missing")
    .option("--dimension <n>", "of a collection that is made", toWholeNumber)
    .option("--chunk-size <n>", "characters of one record", toWholeNumber, CHUNK_SIZE_DEFAULT)
    .option(
      "--chunk-overlap <n>",
      "characters repeated in the next",
      toWholeNumber,
      CHUNK_OVERLAP_DEFAULT,
    )
    .option("--force", "write also what has not changed");
  addTextSettings(put, false)
    .addHelpText(
      "after",
      `${example("insula put --create --collection handbook --folder docs")}

Long texts are cut into overlapping chunks. A second run skips what has not changed; a changed text
replaces its old chunks. So does a run after Ctrl-C: it writes what is missing. With several
collections or tenants each gets all texts. Texts are embedded by insula-lexical-1 (shared words,
not shared meaning) unless --embedder names a service or a local model; the collection remembers
which.`,
    )
    .action(async (options: PutOptions, command: Command) => {
      checkChunkOptions({ size: options.chunkSize, overlap: options.chunkOverlap });
      const texts = readTextSettings({ ...options });
      const sources = await findSources(options);
      await withSession(command, options.create === true, async (session, output) => {
        await putAll(sources, { session, output, options, texts });
      });
    });
}

interface PutWork {
  readonly session: Session;
  readonly output: Output;
  readonly options: PutOptions;
  readonly texts: TextSettings;
}

async function putAll(sources: readonly TextSource[], work: PutWork): Promise<void> {
  const { session, output, options } = work;
  const places = await findPlaces(session, options);
  using interruption = watchInterrupts();
  const reports: { place: string; report: IngestReport }[] = [];
  for (const place of places) {
    if (interruption.signal.aborted) break;
    const report = await putInto(place, sources, { ...work, signal: interruption.signal });
    reports.push({ place: nameOfPlace(place), report });
    for (const { source, reason } of report.skipped)
      output.remark(`left out: ${source}: ${reason}`);
  }
  const [first] = reports;
  const isSingle = places.length === 1 && first !== undefined;
  output.result(
    isSingle ? first.report : reports.map(({ place, report }) => ({ place, ...report })),
    () =>
      reports
        .map(({ place, report }) => (isSingle ? "" : `${place}: `) + printReport(report))
        .join("\n"),
  );
  if (!interruption.signal.aborted) return;
  throw new CommandError(
    EXIT_CODES.interrupted,
    "Interrupted.",
    "The same command writes what is missing.",
  );
}

async function putInto(
  place: Place,
  sources: readonly TextSource[],
  { session, output, options, texts, signal }: PutWork & { readonly signal: AbortSignal },
): Promise<IngestReport> {
  const embedder = await openTextCollection(session, {
    database: place.database,
    collection: place.collection,
    tenant: place.tenant,
    isCreating: options.create === true,
    dimension: options.dimension,
    isModelForced: options.forceModel === true,
    texts,
  });
  const progress = createProgress(output, sources.length, "texts");
  return ingest(sources, {
    records: session.records,
    place,
    embedder,
    chunks: { size: options.chunkSize, overlap: options.chunkOverlap },
    metadata: options.metadata ?? {},
    isForced: options.force === true,
    signal,
    onSource: (done, name) => {
      progress.update(done, name);
    },
  }).finally(() => {
    progress.stop();
  });
}

function printReport({
  texts,
  written,
  records,
  unchanged,
  removed,
  skipped,
}: IngestReport): string {
  const parts = [
    `${String(written)} of ${String(texts)} texts written as ${String(records)} records`,
    `${String(unchanged)} unchanged`,
    ...(skipped.length === 0 ? [] : [`${String(skipped.length)} left out`]),
    ...(removed === 0 ? [] : [`${String(removed)} old chunks removed`]),
  ];
  return `${parts.join(", ")}.`;
}

async function findSources(options: PutOptions): Promise<readonly TextSource[]> {
  const texts = options.text ?? [];
  const files = options.file ?? [];
  const folders = options.folder ?? [];
  if (options.key !== undefined && texts.length + files.length + folders.length > 1) {
    throw new CommandError(EXIT_CODES.usage, "--key names one text, but several are given.");
  }
  if (texts.length + files.length + folders.length === 0) {
    if (process.stdin.isTTY) {
      throw new CommandError(
        EXIT_CODES.usage,
        "Nothing to put.",
        "Give --text, --file, --folder or standard input.",
      );
    }
    return [await fromStdin(options.key)];
  }
  const sources = texts.map((text) => fromText(text, options.key));
  for (const file of files) {
    if (isPattern(file)) sources.push(...(await fromPattern(file)));
    else sources.push(fromFile(file, options.key ?? toName(file)));
  }
  for (const folder of folders) {
    const info = await stat(folder).catch(() => undefined);
    if (info?.isDirectory() !== true) {
      throw new CommandError(
        EXIT_CODES.notFound,
        `There is no folder ${folder}.`,
        "Check the path; a single file goes with --file.",
      );
    }
    sources.push(...(await fromFolder(folder)));
  }
  return sources;
}

function toName(file: string): string {
  return path.normalize(file).split(path.sep).join("/");
}
