/**
 * QueryVectors, in pages.
 *
 * Up to 100 hits are one page, and come with their metadata from one search. Beyond that the search
 * gives keys and distances; metadata are fetched for the hits of the page alone, so that ten
 * thousand hits with 40 KB each are never held at once.
 */
import { InsulaError } from "../../../base/errors.ts";
import { DEFAULT_VECTOR } from "../../../model/index.ts";
import type { Filter, Hit } from "../../../model/index.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { printJson } from "../../../wire/index.ts";
import { answerTextOf } from "../../answer-text.ts";
import { parseFilter } from "../filter.ts";
import { vectorFieldOf } from "../vector-index.ts";
import { checkOptionalMode, textSearchUnsupported } from "./index-modes.ts";
import { openIndex, readVectorBody } from "./call.ts";
import type { OpenedIndex, S3Answer, S3Call } from "./call.ts";
import { asObject, member, readFlag, readInteger, readObject, readToken } from "./fields.ts";
import { S3_LIMITS } from "./limits.ts";
import { GET_VECTORS_RIGHTS } from "./operations.ts";
import { checkVector, readNumbers } from "./put-vectors.ts";
import { QueryTokens } from "./query-token.ts";
import type { QueryPosition } from "./query-token.ts";
import { readIndexReference } from "./references.ts";

const NUMBERS = [["queryVector", "float32"]];

/** One query as the body asks for it. */
interface AskedQuery {
  readonly vector: Float32Array;
  readonly topK: number;
  readonly filterJson: JsonValue | undefined;
  readonly withDistance: boolean;
  readonly withMetadata: boolean;
  readonly token: string | undefined;
}

export async function queryVectors(call: S3Call): Promise<S3Answer> {
  const { context } = call.server;
  const parsed = await readVectorBody(call, NUMBERS);
  const body = asObject(parsed.json);
  const reference = readIndexReference(body);
  refuseText(body);
  checkOptionalMode(body, "queryMode");
  const asked: AskedQuery = {
    topK: readInteger(body, "topK", { min: 1, max: S3_LIMITS.topKMax }),
    vector: readNumbers(parsed, readObject(body, "queryVector"), "/queryVector"),
    filterJson: member(body, "filter"),
    withDistance: readFlag(body, "returnDistance"),
    withMetadata: readFlag(body, "returnMetadata"),
    token: readToken(body),
  };
  const needsMore = asked.filterJson !== undefined || asked.withMetadata;
  const also = needsMore ? GET_VECTORS_RIGHTS : undefined;
  const index = await openIndex(call, reference, also);
  const field = vectorFieldOf(index.info);
  checkVector(
    asked.vector,
    field,
    (code, reason) => new InsulaError(code, `Invalid query vector: ${reason}`),
  );
  const filter = readFilter(asked.filterJson, index.info.schema.unfilterable);
  const startMs = context.clock.monotonicMs();
  const { texts, next } = await runPage(call, index, { asked, filter });
  context.endPhase("search", startMs);
  const more = next === undefined ? "" : `,"nextToken":${JSON.stringify(next)}`;
  const text = answerTextOf(context, index.place).add('{"vectors":[');
  await text.list(texts, (printed) => printed);
  return text.add(`],"distanceMetric":${JSON.stringify(field.metric)}${more}}`).finish();
}

async function runPage(
  call: S3Call,
  index: OpenedIndex,
  query: { readonly asked: AskedQuery; readonly filter: Filter | undefined },
): Promise<{ readonly texts: Iterable<string>; readonly next: string | undefined }> {
  const { engine, clock } = call.server.context;
  const { asked, filter } = query;
  const { topK, vector } = asked;
  const isOnePage = topK <= S3_LIMITS.queryPageMin;
  const tokens = new QueryTokens(
    await call.server.pageTokens(),
    {
      keyId: call.principal.keyId,
      place: index.place,
      vector,
      topK,
      filter: asked.filterJson === undefined ? "" : printJson(asked.filterJson),
    },
    clock.wallMs(),
  );
  const position = asked.token === undefined ? undefined : tokens.parse(asked.token);
  const { hits } = await engine.query(index.place, {
    field: DEFAULT_VECTOR,
    vector,
    topK,
    include: { vectors: false, metadata: asked.withMetadata && isOnePage },
    signal: call.request.signal,
    ...(filter === undefined ? {} : { filter }),
  });
  const rest = restOf(hits, position, topK);
  const page = rest.slice(0, S3_LIMITS.queryPageMax);
  const printed =
    isOnePage || !asked.withMetadata
      ? { texts: printHits(page, asked), count: page.length }
      : await printWithMetadata(call, index, { hits: page, asked });
  const last = page[printed.count - 1];
  if (printed.count === rest.length || last === undefined) {
    return { texts: printed.texts, next: undefined };
  }
  const count = (position?.count ?? 0) + printed.count;
  return { texts: printed.texts, next: tokens.print({ count, ...last }) };
}

/** The hits behind a position, and no more than are still owed. */
function restOf(
  hits: readonly Hit[],
  position: QueryPosition | undefined,
  topK: number,
): readonly Hit[] {
  if (position === undefined) return hits;
  const key = Buffer.from(position.key);
  const first = hits.findIndex(
    (hit) =>
      hit.distance > position.distance ||
      (hit.distance === position.distance && Buffer.compare(Buffer.from(hit.key), key) > 0),
  );
  return first < 0 ? [] : hits.slice(first, first + Math.max(0, topK - position.count));
}

/** Ends with the hit that makes the page long enough; vectors deleted meanwhile are left out. */
async function printWithMetadata(
  call: S3Call,
  index: OpenedIndex,
  page: { readonly hits: readonly Hit[]; readonly asked: AskedQuery },
): Promise<{ readonly texts: readonly string[]; readonly count: number }> {
  const { engine } = call.server.context;
  const texts: string[] = [];
  let characters = 0;
  let count = 0;
  while (count < page.hits.length && characters <= S3_LIMITS.queryPageCharactersMax) {
    const hits = page.hits.slice(count, count + S3_LIMITS.queryPageMin);
    const keys = hits.map(({ key }) => key);
    const views = await engine.get(index.place, keys, { vectors: false, metadata: true });
    for (const [i, hit] of hits.entries()) {
      const view = views[i];
      if (view === undefined) continue;
      const text = printHit({ ...view, distance: hit.distance }, page.asked);
      texts.push(text);
      characters += text.length;
    }
    count += hits.length;
  }
  return { texts, count };
}

/** Each when it is asked for. */
function* printHits(hits: readonly Hit[], asked: AskedQuery): Iterable<string> {
  for (const hit of hits) yield printHit(hit, asked);
}

function printHit({ key, distance, metadata }: Hit, asked: AskedQuery): string {
  let text = `{"key":${JSON.stringify(key)}`;
  if (asked.withDistance) text += `,"distance":${String(distance)}`;
  if (asked.withMetadata)
    text += `,"metadata":${metadata === undefined ? "{}" : printJson(metadata)}`;
  return `${text}}`;
}

function readFilter(
  json: JsonValue | undefined,
  unfilterable: readonly string[],
): Filter | undefined {
  if (json === undefined) return undefined;
  return parseFilter(json, {
    bytesMax: S3_LIMITS.filterBytesMax,
    itemsMax: S3_LIMITS.filterItemsMax,
    depthMax: S3_LIMITS.filterDepthMax,
    unfilterable,
  });
}

/** Later versions of the service search texts too. */
function refuseText(body: JsonObject): void {
  for (const name of ["queryText", "queryTexts"]) {
    if (member(body, name) !== undefined) throw textSearchUnsupported();
  }
}
