/** Texts to vectors, and texts in the order of their relevance. */
import { InsulaError } from "../../base/errors.ts";
import {
  BUILT_IN_MODEL,
  createBuiltInEmbedder,
  type Embedder,
  type RankedDocument,
} from "../../embed/index.ts";
import { printFloat32Array } from "../../wire/index.ts";
import { EMBED_ANSWER, RERANK_ANSWER } from "./answers.ts";
import { EMBED_BODY, RERANK_BODY, type EmbedBody, type RerankBody } from "./bodies.ts";
import type { DialectContext } from "../dialect.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { JsonText } from "./records-json.ts";
import { withBody, type Call, type Route } from "./route.ts";

async function embed({ context, request }: Call, body: EmbedBody): Promise<JsonText> {
  const embedder = await findEmbedder(context, body);
  const vectors = await embedder.embed(body.texts, request.signal);
  const head = { model: embedder.model, dimension: embedder.dimension };
  const printed = vectors.map(printFloat32Array).join();
  return new JsonText(`${JSON.stringify(head).slice(0, -1)},"vectors":[${printed}]}`);
}

/**
 * The built-in one where it is named, in any dimension; else the one the server is configured with.
 *
 * @throws InsulaError `argument_invalid` for a model or dimension that is not here.
 */
async function findEmbedder(
  context: DialectContext,
  { model, dimension }: EmbedBody,
): Promise<Embedder> {
  const configured = model === BUILT_IN_MODEL ? undefined : await context.openEmbedder?.();
  const isBuiltIn = (configured?.model ?? BUILT_IN_MODEL) === BUILT_IN_MODEL;
  if (model !== undefined && model !== (configured?.model ?? BUILT_IN_MODEL)) {
    throw unknownModel(model, configured);
  }
  if (!isBuiltIn && dimension !== undefined && dimension !== configured?.dimension) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot embed: dimension: expected ${String(configured?.dimension)}, received ${String(dimension)}.`,
    );
  }
  if (configured !== undefined && (!isBuiltIn || dimension === undefined)) return configured;
  const { clock } = context;
  return createBuiltInEmbedder({
    ...(dimension === undefined ? {} : { dimension }),
    rest: () => clock.yield?.() ?? Promise.resolve(),
  });
}

function unknownModel(model: string, configured: Embedder | undefined): InsulaError {
  const known = [...new Set([configured?.model ?? BUILT_IN_MODEL, BUILT_IN_MODEL])].join(" or ");
  return new InsulaError(
    "argument_invalid",
    `Cannot embed: unknown model: expected ${known}, received ${JSON.stringify(model.slice(0, 64))}.`,
  );
}

async function rerank(
  { context, request }: Call,
  { query, documents, topN }: RerankBody,
): Promise<{ readonly model: string; readonly results: readonly RankedDocument[] }> {
  const { reranker } = context;
  if (reranker === undefined) {
    throw new InsulaError(
      "operation_unsupported",
      "Cannot rerank: this server has no reranker: expected the setting reranker.",
    );
  }
  const results = await reranker.rerank(query, documents, {
    ...(topN === undefined ? {} : { topN }),
    signal: request.signal,
  });
  return { model: reranker.model, results };
}

export const EMBED_ROUTES: readonly Route[] = [
  withBody({
    method: "POST",
    pattern: "embed",
    operation: "Embed",
    area: "open", // no data is read or written
    status: 200,
    summary: "One vector of length 1 per text.",
    takes: { schema: EMBED_BODY, bytesMax: NATIVE_LIMITS.embedBodyBytesMax },
    answers: EMBED_ANSWER,
    run: embed,
  }),
  withBody({
    method: "POST",
    pattern: "rerank",
    operation: "Rerank",
    area: "open", // as embed
    status: 200,
    summary: "Documents in the order of their relevance to a query, by the configured reranker.",
    takes: { schema: RERANK_BODY, bytesMax: NATIVE_LIMITS.rerankBodyBytesMax },
    answers: RERANK_ANSWER,
    run: rerank,
  }),
];
