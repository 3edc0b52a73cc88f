/** `insula query`: text found, in one place or in many. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { rerankHits, type Reranker } from "../../embed/index.ts";
import {
  DEFAULT_VECTOR,
  type Filter,
  type Hit,
  type OriginHit,
  type Place,
  type Query,
} from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { example, withSession } from "../command.ts";
import { TEXT_PROPERTY } from "../ingest.ts";
import { toFilter, toWholeNumber } from "../option-values.ts";
import type { Output } from "../output.ts";
import { addPlacesOptions, findPlaces, nameOfPlace, type PlacesOptions } from "../place-options.ts";
import type { Session } from "../session.ts";
import { openTextCollection } from "../text-collection.ts";
import { addTextSettings, readTextSettings, type TextSettings } from "../text-settings.ts";
import { decodeText, fromStdin } from "../text-sources.ts";

interface QueryOptions extends PlacesOptions {
  readonly text?: string;
  readonly file?: string;
  readonly topK: number;
  readonly filter?: Filter;
  readonly forceModel?: true;
  readonly rerank?: true;
}

/** Hits a reranker chooses from, for each one that is asked for. */
const RERANK_FACTOR = 5;

export function addQueryCommand(program: Command): void {
  const command = addPlacesOptions(
    program.command("query").description("find the texts nearest to a text"),
  )
    .option("--force-model", "although the collection was filled by another embedding model")
    .option("--text <text>", "what to look for")
    .option("--file <path>", 'look for what resembles this file; "-" is standard input')
    .option("--top-k <n>", "how many at most", toWholeNumber, 5)
    .option("--filter <filter>", 'name=value, or JSON such as {"part": {"$lt": 3}}', toFilter)
    .option("--rerank", "let the configured reranker order five times as many hits");
  addTextSettings(command, true)
    .addHelpText(
      "after",
      `${example('insula query --collection handbook --text "how do I reset a password"')}

With several collections or tenants all are searched and the nearest of all are shown, each with
where it is from.`,
    )
    .action(async (options: QueryOptions, command: Command) => {
      const texts = readTextSettings({ ...options });
      const reranker = options.rerank === true ? requireReranker(texts.reranker) : undefined;
      const text = await findQueryText(options);
      await withSession(command, false, async (session, output) => {
        const places = await findPlaces(session, options);
        const asked = { session, output, options, places, texts, text, reranker };
        const query = await toQuery(asked);
        const [only] = places;
        if (places.length === 1 && only !== undefined) {
          const found = await session.records.query(only, query);
          const { hits } = await ranked(found, asked);
          output.result({ results: hits.map(toResult) }, () => printHits(output, hits));
          return;
        }
        await queryMany(asked, query);
      });
    });
}

interface AskedQuery {
  readonly session: Session;
  readonly output: Output;
  readonly options: QueryOptions;
  readonly places: readonly Place[];
  readonly texts: TextSettings;
  readonly text: string;
  readonly reranker: Reranker | undefined;
}

/** In the order of the reranker, when one is asked for. */
async function ranked<Result extends { readonly hits: readonly Hit[] }>(
  found: Result,
  { reranker, text, options }: AskedQuery,
): Promise<{ readonly hits: readonly Result["hits"][number][] }> {
  if (reranker === undefined) return found;
  return rerankHits(found, { query: text, reranker, topK: options.topK, textOf });
}

function requireReranker(reranker: Reranker | undefined): Reranker {
  if (reranker !== undefined) return reranker;
  throw new CommandError(
    EXIT_CODES.usage,
    "--rerank needs a reranker.",
    "Name one with --reranker and --reranker-model, or INSULA_RERANKER and INSULA_RERANKER_MODEL.",
  );
}

async function queryMany(asked: AskedQuery, query: Query): Promise<void> {
  const { session, output, places } = asked;
  const found = await session.records.queryMany(places, query);
  const { failures } = found;
  const { hits } = await ranked(found, asked);
  const failed = failures.map(({ place, error }) => ({ place, message: error.message }));
  const results = hits.map((hit) => ({ place: hit.place, ...toResult(hit) }));
  output.result({ results, failures: failed }, () => printHits(output, hits));
  for (const { place, message } of failed) output.remark(`${nameOfPlace(place)}: ${message}`);
  if (failed.length === 0) return;
  throw new CommandError(
    EXIT_CODES.failed,
    `${String(failed.length)} of ${String(places.length)} places could not be searched.`,
    "The results are those of the others.",
  );
}

function toResult(hit: Hit & { readonly relevance?: number }): object {
  const { key, distance, relevance, metadata } = hit;
  return { key, distance, ...(relevance !== undefined && { relevance }), metadata };
}

function textOf({ metadata }: Hit): string | undefined {
  const text = metadata?.[TEXT_PROPERTY];
  return typeof text === "string" ? text : undefined;
}

/** Every collection must be of the same model and dimension: else distances say nothing. */
async function toQuery(asked: AskedQuery): Promise<Query> {
  const { session, options, places, texts, text, reranker } = asked;
  let vector: Float32Array | undefined;
  const seen = new Set<string>();
  for (const { database, collection, tenant } of places) {
    if (seen.has(collection)) continue;
    seen.add(collection);
    const embedder = await openTextCollection(session, {
      database,
      collection,
      tenant,
      isCreating: false,
      dimension: undefined,
      isModelForced: options.forceModel === true,
      texts,
    });
    if (vector === undefined) [vector] = await embedder.embed([text]);
    else if (vector.length !== embedder.dimension) {
      throw new CommandError(
        EXIT_CODES.usage,
        `Collection ${collection} has another dimension than those before it.`,
        "Search it by itself.",
      );
    }
  }
  if (vector === undefined)
    throw new CommandError(EXIT_CODES.notFound, "There is no tenant to search.");
  return {
    field: DEFAULT_VECTOR,
    vector,
    topK: options.topK * (reranker === undefined ? 1 : RERANK_FACTOR),
    ...(options.filter !== undefined && { filter: options.filter }),
    include: { vectors: false, metadata: true },
  };
}

async function findQueryText(options: QueryOptions): Promise<string> {
  if ((options.text === undefined) === (options.file === undefined)) {
    throw new CommandError(EXIT_CODES.usage, "Expected either --text or --file.");
  }
  if (options.file === undefined) return options.text ?? "";
  const file = options.file;
  if (file === "-") {
    const content = await (await fromStdin(undefined)).read();
    return "text" in content ? content.text : "";
  }
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

function printHits(output: Output, hits: readonly (Hit | OriginHit)[]): string {
  if (hits.length === 0) return "Nothing found.";
  return hits
    .map((hit, i) => {
      const { key, distance } = hit;
      const width = Math.min(SNIPPET_LENGTH, output.columns - 4);
      const snippet = (textOf(hit) ?? "").replace(/\s+/g, " ").slice(0, width);
      const place = String(i + 1).padStart(2);
      const origin = "place" in hit ? `  ${output.dim(nameOfPlace(hit.place))}` : "";
      const heading = `${place}  ${distance.toFixed(4)}  ${output.bold(key)}${origin}`;
      return `${heading}\n    ${output.dim(snippet)}`;
    })
    .join("\n");
}
