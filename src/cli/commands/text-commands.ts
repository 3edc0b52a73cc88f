/** `insula put`: text in. */
import type { Command } from "commander";
import type { Metadata, Place } from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { ingest, type IngestReport } from "../ingest.ts";
import { watchInterrupts } from "../interrupt.ts";
import { toCount, toMetadata, toWholeNumber } from "../option-values.ts";
import { printCount, printCounted, type Output } from "../output.ts";
import { addPlacesOptions, findPlaces, nameOfPlace, type PlacesOptions } from "../place-options.ts";
import { createProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { CHUNK_OVERLAP_DEFAULT, CHUNK_SIZE_DEFAULT, checkChunkOptions } from "../text-chunks.ts";
import { openTextCollection } from "../text-collection.ts";
import { addTextSettings, readTextSettings, type TextSettings } from "../text-settings.ts";
import { addTextInputs, findInputs, type TextInputs } from "../text-inputs.ts";
import type { TextSource } from "../text-sources.ts";

interface PutOptions extends PlacesOptions, TextInputs {
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
  const put = addTextInputs(
    addPlacesOptions(
      program.command("put").description("write texts, files, folders or standard input"),
    ),
  )
    .option("--key <key>", "key of a single --text or of standard input")
    .option("--metadata <name=value>", "kept with every record; repeat for more", toMetadata)
    .option("--create", "make the database, collection and tenant when missing")
    .option("--dimension <n>", "of a collection that is made", toCount)
    .option("--chunk-size <n>", "characters of one record", toCount, CHUNK_SIZE_DEFAULT)
    .option(
      "--chunk-overlap <n>",
      "characters repeated in the next",
      toWholeNumber,
      CHUNK_OVERLAP_DEFAULT,
    )
    .option("--force", "write also what has not changed")
    .option("--force-model", "although the collection was filled by another embedding model");
  addTextSettings(put, false)
    .addHelpText(
      "after",
      notes(
        [
          "insula put --create --collection handbook --folder docs",
          "insula put --collection handbook --file 'docs/**/*.md' --metadata team=support",
          "insula put --create --text 'The bin is emptied on Tuesdays.' --key bins",
          "git log -5 | insula put --collection handbook --key last-commits",
        ],
        `Long texts are cut into overlapping chunks. A second run skips what has not changed; a changed
text replaces its old chunks. So does a run after Ctrl-C: it writes what is missing. With
several collections or tenants each gets all texts. Texts are embedded by insula-lexical-1
(shared words, not shared meaning) unless --embedder names a service or a local model; the
collection remembers which. The key of a file is its path as given, of a folder's file the folder's
name and the path in it; names that begin with a dot, node_modules and links are left out.`,
      ),
    )
    .action(async (options: PutOptions, command: Command) => {
      checkChunkOptions({ size: options.chunkSize, overlap: options.chunkOverlap });
      const texts = readTextSettings({ ...options });
      const sources = await findInputs(options, options.key);
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
  }
  const skipped = reports.flatMap(({ report }) => report.skipped);
  // The same for every place; said once.
  for (const line of new Set(skipped.map(({ source, reason }) => `${source}: ${reason}`)))
    output.remark(`left out: ${line}`);
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
    `${printCount(written)} of ${printCounted(texts, "text")} written as ${printCounted(records, "record")}`,
    `${printCount(unchanged)} unchanged`,
    ...(skipped.length === 0 ? [] : [`${printCount(skipped.length)} left out`]),
    ...(removed === 0 ? [] : [`${printCounted(removed, "old chunk")} removed`]),
  ];
  return `${parts.join(", ")}.`;
}
