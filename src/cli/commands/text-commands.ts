/** `insula put` and `insula query`: text in, text found. */
import path from "node:path";
import { readFile, stat } from "node:fs/promises";
import type { Command } from "commander";
import { rerankHits, type Reranker } from "../../embed/index.ts";
import {
  DEFAULT_VECTOR,
  type Filter,
  type Hit,
  type Metadata,
  type Place,
} from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { example, withSession } from "../command.ts";
import { ingest, TEXT_PROPERTY, type IngestReport } from "../ingest.ts";
import { toFilter, toMetadata, toWholeNumber } from "../option-values.ts";
import type { Output } from "../output.ts";
import { createProgress } from "../progress.ts";
import { CHUNK_OVERLAP_DEFAULT, CHUNK_SIZE_DEFAULT, checkChunkOptions } from "../text-chunks.ts";
import { openTextCollection } from "../text-collection.ts";
import { addTextSettings, readTextSettings } from "../text-settings.ts";
import {
  decodeText,
  fromFile,
  fromFolder,
  fromStdin,
  fromText,
  type TextSource,
} from "../text-sources.ts";

/** Names taken when nobody gives any; legal in every protocol we speak. */
const DATABASE_DEFAULT = "main-database";
const COLLECTION_DEFAULT = "texts";

interface PlaceOptions {
  readonly database: string;
  readonly collection: string;
  readonly tenant?: string;
  readonly forceModel?: true;
}

interface PutOptions extends PlaceOptions {
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
}

export function addPutCommand(program: Command): void {
  const put = addPlaceOptions(
    program.command("put").description("write texts, files, folders or standard input"),
  )
    .option("--text <text...>", "a text in words")
    .option("--file <path...>", "a text file; its path as given is its key")
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
replaces its old chunks. Texts are embedded by insula-lexical-1 (shared words, not shared meaning)
unless --embedder names a service or a local model; the collection remembers which.`,
    )
    .action(async (options: PutOptions, command: Command) => {
      checkChunkOptions({ size: options.chunkSize, overlap: options.chunkOverlap });
      const texts = readTextSettings({ ...options });
      const sources = await findSources(options);
      await withSession(command, options.create === true, async (session, output) => {
        const embedder = await openTextCollection(session, {
          database: options.database,
          collection: options.collection,
          tenant: options.tenant,
          isCreating: options.create === true,
          dimension: options.dimension,
          isModelForced: options.forceModel === true,
          texts,
        });
        const progress = createProgress(output, sources.length, "texts");
        const report = await ingest(sources, {
          records: session.records,
          place: toPlace(options),
          embedder,
          chunks: { size: options.chunkSize, overlap: options.chunkOverlap },
          metadata: options.metadata ?? {},
          isForced: options.force === true,
          onSource: (done, name) => {
            progress.update(done, name);
          },
        }).finally(() => {
          progress.stop();
        });
        for (const { source, reason } of report.skipped)
          output.remark(`left out: ${source}: ${reason}`);
        output.result(report, () => printReport(report));
      });
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
  for (const file of files) sources.push(fromFile(file, options.key ?? toName(file)));
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

interface QueryOptions extends PlaceOptions {
  readonly text?: string;
  readonly file?: string;
  readonly topK: number;
  readonly filter?: Filter;
  readonly rerank?: true;
}

/** Hits a reranker chooses from, for each one that is asked for. */
const RERANK_FACTOR = 5;

export function addQueryCommand(program: Command): void {
  const query = addPlaceOptions(
    program.command("query").description("find the texts nearest to a text"),
  )
    .option("--text <text>", "what to look for")
    .option("--file <path>", "look for what resembles this file")
    .option("--top-k <n>", "how many at most", toWholeNumber, 5)
    .option("--filter <filter>", 'name=value, or JSON such as {"part": {"$lt": 3}}', toFilter)
    .option("--rerank", "let the configured reranker order five times as many hits");
  addTextSettings(query, true)
    .addHelpText(
      "after",
      example('insula query --collection handbook --text "how do I reset a password"'),
    )
    .action(async (options: QueryOptions, command: Command) => {
      const texts = readTextSettings({ ...options });
      const reranker = options.rerank === true ? requireReranker(texts.reranker) : undefined;
      const text = await findQueryText(options);
      await withSession(command, false, async (session, output) => {
        const embedder = await openTextCollection(session, {
          database: options.database,
          collection: options.collection,
          tenant: options.tenant,
          isCreating: false,
          dimension: undefined,
          isModelForced: options.forceModel === true,
          texts,
        });
        const [vector = new Float32Array()] = await embedder.embed([text]);
        const found = await session.records.query(toPlace(options), {
          field: DEFAULT_VECTOR,
          vector,
          topK: options.topK * (reranker === undefined ? 1 : RERANK_FACTOR),
          ...(options.filter !== undefined && { filter: options.filter }),
          include: { vectors: false, metadata: true },
        });
        const hits =
          reranker === undefined
            ? found.hits
            : (await rerankHits(found, { query: text, reranker, topK: options.topK, textOf })).hits;
        const results = hits.map(({ key, distance, metadata, ...rest }) => ({
          key,
          distance,
          ...("relevance" in rest && { relevance: rest.relevance }),
          metadata,
        }));
        output.result({ results }, () => printHits(output, hits));
      });
    });
}

function requireReranker(reranker: Reranker | undefined): Reranker {
  if (reranker !== undefined) return reranker;
  throw new CommandError(
    EXIT_CODES.usage,
    "--rerank needs a reranker.",
    "Name one with --reranker and --reranker-model, or INSULA_RERANKER and INSULA_RERANKER_MODEL.",
  );
}

function textOf({ metadata }: Hit): string | undefined {
  const text = metadata?.[TEXT_PROPERTY];
  return typeof text === "string" ? text : undefined;
}

async function findQueryText(options: QueryOptions): Promise<string> {
  if ((options.text === undefined) === (options.file === undefined)) {
    throw new CommandError(EXIT_CODES.usage, "Expected either --text or --file.");
  }
  if (options.file === undefined) return options.text ?? "";
  const file = options.file;
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new CommandError(
      EXIT_CODES.notFound,
      `Cannot read the file ${file}.`,
      "Check the path.",
      cause,
    );
  });
  const decoded = decodeText(bytes);
  if ("skipped" in decoded)
    throw new CommandError(EXIT_CODES.usage, `Cannot look for ${file}: ${decoded.skipped}.`);
  return decoded.text;
}

/** Characters of a found text that are printed. */
const SNIPPET_LENGTH = 160;

function printHits(output: Output, hits: readonly Hit[]): string {
  if (hits.length === 0) return "Nothing found.";
  return hits
    .map((hit, i) => {
      const { key, distance } = hit;
      const snippet = (textOf(hit) ?? "").replace(/\s+/g, " ").slice(0, SNIPPET_LENGTH);
      const place = String(i + 1).padStart(2);
      const heading = `${place}  ${distance.toFixed(4)}  ${output.bold(key)}`;
      return `${heading}\n    ${output.dim(snippet)}`;
    })
    .join("\n");
}

function addPlaceOptions(command: Command): Command {
  return command
    .option("--database <name>", "database", DATABASE_DEFAULT)
    .option("--collection <name>", "collection", COLLECTION_DEFAULT)
    .option("--tenant <name>", "tenant of a collection that has tenants")
    .option("--force-model", "although the collection was filled by another embedding model");
}

function toPlace({ database, collection, tenant }: PlaceOptions): Place {
  return { database, collection, ...(tenant !== undefined && { tenant }) };
}
