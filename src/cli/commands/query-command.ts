/** `insula query`: text found, by one text or many, in one place or in many. */
import type { Command } from "commander";
import { rerankHits, type Embedder, type Reranker } from "../../embed/index.ts";
import {
  DEFAULT_VECTOR,
  type Filter,
  type Place,
  type Query,
  type SearchedPlace,
  type SparseQuery,
} from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { withSession } from "../command.ts";
import { printExplanations } from "../explanations.ts";
import { notes } from "../help.ts";
import { printHits, textOf, toResult, type FoundHit } from "../hits.ts";
import { toCount, toFilter, toNumber, toShare } from "../option-values.ts";
import type { Output } from "../output.ts";
import { addPlacesOptions, findPlaces, nameOfPlace, type PlacesOptions } from "../place-options.ts";
import type { Session } from "../session.ts";
import { toSparseQuery } from "../sparse-option.ts";
import { openTextCollection } from "../text-collection.ts";
import { addTextInputs, findInputs, type TextInputs } from "../text-inputs.ts";
import { addTextSettings, readTextSettings, type TextSettings } from "../text-settings.ts";
import type { TextSource } from "../text-sources.ts";

interface QueryOptions extends PlacesOptions, TextInputs {
  readonly like?: string;
  readonly topK: number;
  readonly filter?: Filter;
  readonly sparse?: SparseQuery;
  readonly forceModel?: true;
  readonly rerank?: true;
  readonly exact?: true;
  readonly recall?: number;
  readonly maxDistance?: number;
  readonly diverse?: number;
  readonly explain?: true;
}

/** Hits a reranker chooses from, for each one that is asked for. */
const RERANK_FACTOR = 5;
/** Texts embedded in one call. */
const EMBED_TEXTS = 64;

export function addQueryCommand(program: Command): void {
  const command = addTextInputs(
    addPlacesOptions(program.command("query").description("find the texts nearest to a text")),
  )
    .option("--like <key>", "in place of a text: what is near the text of this key, without it")
    .option("--top-k <n>", "how many at most", toCount, 5)
    .option("--filter <filter>", 'name=value, or JSON such as {"part": {"$lt": 3}}', toFilter)
    .option(
      "--sparse <field=vector>",
      "a sparse vector such as terms=4:2,9:1, alone or in one score with a text",
      toSparseQuery,
    )
    .option("--exact", "compare every text that passes the filter, without codes or graphs")
    .option("--recall <share>", "of the true nearest, to aim at, 0.5 to 0.999", toShare)
    .option("--max-distance <distance>", "nothing farther away than this", toNumber)
    .option("--diverse <lambda>", "texts that differ: 1 by distance alone, down to 0", toShare)
    .option("--explain", "show how each search was done and what it cost")
    .option("--rerank", "let the configured reranker order five times as many hits")
    .option("--force-model", "although the collection was filled by another embedding model");
  addTextSettings(command, true)
    .addHelpText(
      "after",
      notes(
        [
          "insula query --collection handbook --text 'how do I reset a password'",
          "insula query --file letter.txt --top-k 3 --filter team=support",
          "insula query --collection handbook notes --text 'leave' 'sick days'",
          "insula query --like docs/leave.md --diverse 0.5",
          "insula query --collection pages --sparse terms=4:2,9:1",
          "echo 'bins' | insula query --json",
        ],
        `With several collections or tenants all are searched and the nearest of all are shown, each with
where it is from. With several texts each is looked for by itself.`,
        `Distances are the collection's: 0 is the same, smaller is nearer. A filter is JSON with $eq, $ne,
$in, $nin, $gt, $gte, $lt, $lte, $exists, $and, $or and $not.`,
      ),
    )
    .action(async (options: QueryOptions, command: Command) => {
      const { like } = options;
      if (options.sparse !== undefined && like === undefined && !hasTexts(options)) {
        await querySparse(options, options.sparse, command);
        return;
      }
      const texts = readTextSettings({ ...options });
      const reranker = options.rerank === true ? requireReranker(texts.reranker) : undefined;
      if (like !== undefined) requireNoText(options);
      const sources = like === undefined ? await findInputs(options) : [];
      await withSession(command, false, async (session, output) => {
        const places = await findPlaces(session, options);
        requireOnePlace(places, options);
        if (like !== undefined) {
          const work = { session, output, options, places, reranker };
          const found = await answer(
            { name: like, text: "" },
            { like: { key: like, isLeftOut: true } },
            work,
          );
          tell([found], work);
          return;
        }
        const questions = await readQuestions(sources, output);
        const embedder = await openEmbedderOf(places, { session, options, texts });
        const work = { session, output, options, places, reranker };
        tell(await answerAll(questions, embedder, work), work);
      });
    });
}

interface QueryWork {
  readonly session: Session;
  readonly output: Output;
  readonly options: QueryOptions;
  readonly places: readonly Place[];
  readonly reranker: Reranker | undefined;
}

/** What is searched for besides a sparse vector. */
type Sought = Pick<Query, "vector" | "like">;

interface Question {
  /** Name of its file, or the text itself. */
  readonly name: string;
  readonly text: string;
}

interface Answer {
  readonly question: Question;
  readonly hits: readonly FoundHit[];
  readonly failures: readonly { readonly place: Place; readonly message: string }[];
  readonly searched: readonly SearchedPlace[];
}

/** No text, so nothing is embedded and nothing reranked; standard input is not read. */
async function querySparse(
  options: QueryOptions,
  { field }: SparseQuery,
  command: Command,
): Promise<void> {
  if (options.rerank === true) {
    throw new CommandError(
      EXIT_CODES.usage,
      "--rerank needs a text to compare with.",
      "Give --text beside --sparse, or leave --rerank out.",
    );
  }
  await withSession(command, false, async (session, output) => {
    const places = await findPlaces(session, options);
    requireOnePlace(places, options);
    const work = { session, output, options, places, reranker: undefined };
    tell([await answer({ name: field, text: "" }, {}, work)], work);
  });
}

function hasTexts({ text = [], file = [], folder = [] }: TextInputs): boolean {
  return text.length + file.length + folder.length > 0;
}

function requireReranker(reranker: Reranker | undefined): Reranker {
  if (reranker !== undefined) return reranker;
  throw new CommandError(
    EXIT_CODES.usage,
    "--rerank needs a reranker.",
    "Name one with --reranker and --reranker-model, or INSULA_RERANKER and INSULA_RERANKER_MODEL.",
  );
}

function requireNoText({ text, file, folder, rerank }: QueryOptions): void {
  if ((text ?? file ?? folder) === undefined && rerank !== true) return;
  throw new CommandError(
    EXIT_CODES.usage,
    "--like takes the place of a text.",
    "Leave out --text, --file, --folder and --rerank.",
  );
}

function requireOnePlace(places: readonly Place[], { like, diverse }: QueryOptions): void {
  if (places.length <= 1 || (like ?? diverse) === undefined) return;
  throw new CommandError(
    EXIT_CODES.usage,
    `${like === undefined ? "--diverse" : "--like"} searches one place, but several are given.`,
    "Name one collection and one tenant.",
  );
}

/** What is no text is left out with a remark, unless nothing else is there. */
async function readQuestions(
  sources: readonly TextSource[],
  output: Output,
): Promise<readonly Question[]> {
  const questions: Question[] = [];
  for (const source of sources) {
    const content = await source.read();
    const name = source.source ?? source.key;
    if ("text" in content) {
      questions.push({ name: source.source ?? content.text, text: content.text });
    } else if (sources.length > 1) output.remark(`left out: ${name}: ${content.skipped}`);
    else {
      throw new CommandError(
        EXIT_CODES.usage,
        `Cannot look for ${name}: ${content.skipped}.`,
        "Give another text.",
      );
    }
  }
  if (questions.length > 0) return questions;
  throw new CommandError(EXIT_CODES.usage, "There is no text to look for.", "Name another folder.");
}

/** Every collection must be of the same model and dimension: else distances say nothing. */
async function openEmbedderOf(
  places: readonly Place[],
  { session, options, texts }: Pick<QueryWork, "session" | "options"> & { texts: TextSettings },
): Promise<Embedder> {
  let first: Embedder | undefined;
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
    first ??= embedder;
    if (first.dimension === embedder.dimension) continue;
    throw new CommandError(
      EXIT_CODES.usage,
      `Collection ${collection} has another dimension than those before it.`,
      "Search it by itself.",
    );
  }
  if (first !== undefined) return first;
  throw new CommandError(
    EXIT_CODES.notFound,
    "There is no tenant to search.",
    "Create one with `insula tenant create`, or with put --create --tenant NAME.",
  );
}

async function answerAll(
  questions: readonly Question[],
  embedder: Embedder,
  work: QueryWork,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < questions.length; start += EMBED_TEXTS) {
    const group = questions.slice(start, start + EMBED_TEXTS);
    const vectors = await embedder.embed(group.map(({ text }) => text));
    for (const [i, question] of group.entries()) {
      const vector = vectors[i];
      if (vector !== undefined) answers.push(await answer(question, { vector }, work));
    }
  }
  return answers;
}

function tell(answers: readonly Answer[], { output, places }: QueryWork): void {
  output.result(toDocument(answers, places), () => printAnswers(output, answers));
  const failures = answers.flatMap((each) => each.failures);
  for (const { place, message } of failures) output.remark(`${nameOfPlace(place)}: ${message}`);
  if (failures.length === 0) return;
  const failed = new Set(failures.map(({ place }) => nameOfPlace(place))).size;
  throw new CommandError(
    EXIT_CODES.failed,
    `${String(failed)} of ${String(places.length)} places could not be searched.`,
    "The results are those of the others.",
  );
}

async function answer(question: Question, sought: Sought, work: QueryWork): Promise<Answer> {
  const { session, options, places, reranker } = work;
  const topK = options.topK * (reranker === undefined ? 1 : RERANK_FACTOR);
  const found = await search(session, places, toQuery({ ...options, topK }, sought));
  const { hits } =
    reranker === undefined
      ? found
      : await rerankHits(found, { query: question.text, reranker, topK: options.topK, textOf });
  const failures = found.failures.map(({ place, error }) => ({
    place,
    message: error.message,
  }));
  return { question, hits, failures, searched: found.searched };
}

function toQuery(options: QueryOptions, sought: Sought): Query {
  const { topK, filter, sparse, exact, recall, maxDistance, diverse, explain } = options;
  return {
    field: DEFAULT_VECTOR,
    ...sought,
    topK,
    ...(sparse !== undefined && { sparse }),
    ...(filter !== undefined && { filter }),
    ...(exact === true && { isExact: true }),
    ...(recall !== undefined && { recall }),
    ...(maxDistance !== undefined && { maxDistance }),
    ...(diverse !== undefined && { mmr: { lambda: diverse } }),
    ...(explain === true && { isExplained: true }),
    include: { vectors: false, metadata: true },
  };
}

interface Found {
  readonly hits: readonly FoundHit[];
  readonly searched: readonly SearchedPlace[];
  readonly failures: readonly { readonly place: Place; readonly error: Error }[];
}

async function search(
  { records }: Session,
  places: readonly Place[],
  query: Query,
): Promise<Found> {
  const [only] = places;
  if (places.length !== 1 || only === undefined) return records.queryMany(places, query);
  const { hits, ...report } = await records.query(only, query);
  return { hits, searched: [{ place: only, ...report }], failures: [] };
}

/** One text: its results. Several: a list with the name of each. */
function toDocument(answers: readonly Answer[], places: readonly Place[]): object {
  const documents = answers.map(({ question, hits, failures, searched }) => ({
    query: question.name,
    results: hits.map(toResult),
    ...(places.length > 1 && { failures }),
    ...explanationsOf(searched),
  }));
  const [first] = documents;
  if (documents.length > 1 || first === undefined) return { queries: documents };
  const { query: _, ...only } = first;
  return only;
}

/** Present with --explain. */
function explanationsOf(searched: readonly SearchedPlace[]): object {
  const explained = searched.filter(({ explanation }) => explanation !== undefined);
  if (explained.length === 0) return {};
  return {
    explanations: explained.map(({ place, plan, explanation }) => ({ place, plan, explanation })),
  };
}

function printAnswers(output: Output, answers: readonly Answer[]): string {
  const [first] = answers;
  if (answers.length === 1 && first !== undefined) return printAnswer(output, first);
  return answers
    .map((each) => {
      const name = each.question.name.replace(/\s+/g, " ").slice(0, Math.min(100, output.columns));
      return `${output.bold(name)}\n${printAnswer(output, each)}`;
    })
    .join("\n\n");
}

function printAnswer(output: Output, { hits, searched }: Answer): string {
  const explained = printExplanations(output, searched);
  return explained === "" ? printHits(output, hits) : `${printHits(output, hits)}\n\n${explained}`;
}
