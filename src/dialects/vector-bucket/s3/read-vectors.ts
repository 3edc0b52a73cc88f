/** GetVectors and ListVectors. */
import type { Include, RecordView } from "../../../model/index.ts";
import type { JsonObject } from "../../../wire/index.ts";
import { answerTextOf } from "../../answer-text.ts";
import { printPage, printVector } from "../print-vectors.ts";
import { openIndex, readJson } from "./call.ts";
import type { S3Answer, S3Call } from "./call.ts";
import { readFlag, readKeys, readOptionalInteger, readToken } from "./fields.ts";
import { violation } from "./errors.ts";
import { S3_LIMITS } from "./limits.ts";
import { GET_VECTORS_RIGHTS } from "./operations.ts";
import { readIndexReference } from "./references.ts";

/** In the order asked, each once; keys without a vector are left out. */
export async function getVectors(call: S3Call): Promise<S3Answer> {
  const body = await readJson(call);
  const reference = readIndexReference(body);
  const keys = readKeys(body, S3_LIMITS.getKeysMax);
  const include = readInclude(body);
  const { place } = await openIndex(call, reference);
  const views = await call.server.context.engine.get(place, keys, include);
  const shown = views.flatMap((view) => (view === undefined ? [] : [withMetadata(view, include)]));
  const text = answerTextOf(call.server.context, place).add('{"vectors":[');
  return (await text.list(shown, printVector)).add("]}").finish();
}

/**
 * A page of keys in the order of their bytes. With segments, those whose CRC-32 has the segment's
 * remainder: every key is in exactly one.
 */
export async function listVectors(call: S3Call): Promise<S3Answer> {
  const body = await readJson(call);
  const reference = readIndexReference(body);
  const range = { min: 1, max: S3_LIMITS.listVectorsMax };
  const limit = readOptionalInteger(body, "maxResults", range) ?? S3_LIMITS.listVectorsDefault;
  const part = readSegment(body);
  const include = readInclude(body);
  const token = readToken(body);
  const also = include.vectors || include.metadata ? GET_VECTORS_RIGHTS : undefined;
  const { place } = await openIndex(call, reference, also);
  const tokens = await call.server.pageTokens();
  const listing = [
    "ListVectors",
    call.principal.keyId,
    place.database,
    place.collection,
    `${String(part.index)}/${String(part.count)}`,
  ];
  const page = await call.server.context.engine.list(place, {
    limit,
    include,
    part,
    bytesMax: S3_LIMITS.listVectorsBytesMax,
    ...(token === undefined
      ? {}
      : { after: tokens.parse(listing, token, S3_LIMITS.pageTokenCharactersMax) }),
  });
  const views = page.items.map((view) => withMetadata(view, include));
  const text = answerTextOf(call.server.context, place).add('{"vectors":[');
  const { lastKey, isCut } = await printPage(text, views, S3_LIMITS.listVectorsBytesMax);
  const next =
    (isCut || page.hasMore) && lastKey !== undefined
      ? `,"nextToken":${JSON.stringify(tokens.print(listing, lastKey))}`
      : "";
  return text.add(`]${next}}`).finish();
}

/** A vector without metadata has empty ones, when they are asked for. */
export function withMetadata<View extends RecordView>(view: View, include: Include): View {
  return include.metadata ? { ...view, metadata: view.metadata ?? {} } : view;
}

function readInclude(body: JsonObject): Include {
  return { vectors: readFlag(body, "returnData"), metadata: readFlag(body, "returnMetadata") };
}

/** Both members or none. */
function readSegment(body: JsonObject): { readonly count: number; readonly index: number } {
  const max = S3_LIMITS.segmentCountMax;
  const count = readOptionalInteger(body, "segmentCount", { min: 1, max });
  const index = readOptionalInteger(body, "segmentIndex", { min: 0, max: max - 1 });
  if (count === undefined && index === undefined) return { count: 1, index: 0 };
  if (count === undefined) throw violation("/segmentCount", "Member must not be null");
  if (index === undefined) throw violation("/segmentIndex", "Member must not be null");
  if (index >= count) throw violation("/segmentIndex", "Member must be less than segmentCount");
  return { count, index };
}
