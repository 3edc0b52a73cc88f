/** `insula query`: text found, in one place or in many. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { BUILT_IN_DIMENSION } from "../../embed/index.ts";
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
import { decodeText, fromStdin } from "../text-sources.ts";

interface QueryOptions extends PlacesOptions {
  readonly text?: string;
  readonly file?: string;
  readonly topK: number;
  readonly filter?: Filter;
  readonly forceModel?: true;
}

export function addQueryCommand(program: Command): void {
  addPlacesOptions(program.command("query").description("find the texts nearest to a text"))
    .option("--force-model", "although the collection was filled by another embedding model")
    .option("--text <text>", "what to look for")
    .option("--file <path>", 'look for what resembles this file; "-" is standard input')
    .option("--top-k <n>", "how many at most", toWholeNumber, 5)
    .option("--filter <filter>", 'name=value, or JSON such as {"part": {"$lt": 3}}', toFilter)
    .addHelpText(
      "after",
      `${example('insula query --collection handbook --text "how do I reset a password"')}

With several collections or tenants all are searched and the nearest of all are shown, each with
where it is from.`,
    )
    .action(async (options: QueryOptions, command: Command) => {
      const text = await findQueryText(options);
      await withSession(command, false, async (session, output) => {
        const places = await findPlaces(session, options);
        const query = await toQuery(text, { session, options, places });
        const [only] = places;
        if (places.length === 1 && only !== undefined) {
          const { hits } = await session.records.query(only, query);
          output.result({ results: hits.map(toResult) }, () => printHits(output, hits));
          return;
        }
        await queryMany(session, output, places, query);
      });
    });
}

async function queryMany(
  session: Session,
  output: Output,
  places: readonly Place[],
  query: Query,
): Promise<void> {
  const { hits, failures } = await session.records.queryMany(places, query);
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

function toResult({ key, distance, metadata }: Hit): object {
  return { key, distance, metadata };
}

interface QueryPlaces {
  readonly session: Session;
  readonly options: QueryOptions;
  readonly places: readonly Place[];
}

/** Every collection must be of the same model and dimension: else distances say nothing. */
async function toQuery(text: string, { session, options, places }: QueryPlaces): Promise<Query> {
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
      dimension: BUILT_IN_DIMENSION,
      isModelForced: options.forceModel === true,
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
    topK: options.topK,
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
      const { key, distance, metadata } = hit;
      const text = metadata?.[TEXT_PROPERTY];
      const width = Math.min(SNIPPET_LENGTH, output.columns - 4);
      const snippet = typeof text === "string" ? text.replace(/\s+/g, " ").slice(0, width) : "";
      const place = String(i + 1).padStart(2);
      const origin = "place" in hit ? `  ${output.dim(nameOfPlace(hit.place))}` : "";
      const heading = `${place}  ${distance.toFixed(4)}  ${output.bold(key)}${origin}`;
      return `${heading}\n    ${output.dim(snippet)}`;
    })
    .join("\n");
}
