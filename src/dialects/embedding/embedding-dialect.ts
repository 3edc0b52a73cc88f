import type { Principal } from "../../access/index.ts";
import { InsulaError, type ErrorKind } from "../../base/errors.ts";
import {
  BUILT_IN_MODEL,
  createBuiltInEmbedder,
  estimateTokens,
  type Embedder,
} from "../../embed/index.ts";
import type { HttpAnswer, HttpRequest } from "../../wire/index.ts";
import { AccessTrail } from "../access-trail.ts";
import type { Dialect, DialectContext } from "../dialect.ts";
import { decodeEmbeddingRequest, type EmbeddingRequest } from "./embedding-request.ts";
import { toAnswer, toFailure } from "./errors.ts";
import { CALL_BODY_BYTES_MAX } from "./limits.ts";
import type { ServedModel } from "./models.ts";

/** Path endings, whatever base path the client was given (`/api/v1` is the vendor's). */
export const EMBEDDING_PATHS: ReadonlyMap<string, ServedModel["endpoint"]> = new Map([
  ["/services/embeddings/text-embedding/text-embedding", "text"],
  ["/services/embeddings/multimodal-embedding/multimodal-embedding", "multimodal"],
]);

/** Which endpoint a path means; undefined when it is none of ours. */
export function matchEmbeddingPath(path: string): ServedModel["endpoint"] | undefined {
  for (const [ending, endpoint] of EMBEDDING_PATHS) if (path.endsWith(ending)) return endpoint;
  return undefined;
}

/**
 * Answers the embedding calls of the vendor's tools: with the embedder the server is configured
 * with, else with the built-in lexical one, so that they work without network.
 *
 * Any key that is known may embed: no database is read or written. The key comes as
 * `Authorization: Bearer <admin secret>` or `Bearer <key id>.<secret>`.
 */
export function createEmbeddingDialect(context: DialectContext): Dialect {
  return { name: "embedding", handle: (request) => handle(context, request) };
}

async function handle(context: DialectContext, request: HttpRequest): Promise<HttpAnswer> {
  const startedAtMs = context.clock.monotonicMs();
  let outcome: "ok" | ErrorKind = "ok";
  const trail = new AccessTrail();
  trail.operation = "Embed";
  try {
    trail.identify(await authenticate(context, request));
    const answered = await answer(context, request);
    trail.end(context, request);
    return answered;
  } catch (error) {
    trail.end(context, request, error);
    const failure = toFailure(error, request.id);
    outcome = failure.kind;
    return failure.answer;
  } finally {
    context.observe("Embed", outcome, context.clock.monotonicMs() - startedAtMs);
  }
}

async function answer(context: DialectContext, request: HttpRequest): Promise<HttpAnswer> {
  const endpoint = matchEmbeddingPath(request.path);
  if (endpoint === undefined || request.method !== "POST") {
    throw new InsulaError(
      "route_not_found",
      `Cannot answer ${request.method} here: expected POST to one of ${[...EMBEDDING_PATHS.keys()].join(", ")}.`,
    );
  }
  const body = await request.readBody(CALL_BODY_BYTES_MAX);
  const configured = await context.openEmbedder?.();
  const asked = decodeEmbeddingRequest(body, endpoint, configured?.model);
  const { texts } = asked;
  const vectors = await chooseEmbedder(asked, configured).embed(texts, request.signal);
  const embeddings = vectors.map((vector, i) => toEmbedding(vector, i, endpoint));
  const usage = { total_tokens: texts.reduce((sum, text) => sum + estimateTokens(text), 0) };
  return toAnswer(200, { output: { embeddings }, usage, request_id: request.id }, request.id);
}

/** A model of a service has the dimension it has: another one is refused instead of made up. */
function chooseEmbedder(
  { model, dimension }: EmbeddingRequest,
  configured: Embedder | undefined,
): Embedder {
  if (configured === undefined || configured.model === BUILT_IN_MODEL || model === BUILT_IN_MODEL) {
    const usual = configured?.model === BUILT_IN_MODEL ? configured.dimension : undefined;
    const wanted = dimension ?? usual;
    return createBuiltInEmbedder(wanted === undefined ? {} : { dimension: wanted });
  }
  if (dimension === undefined || dimension === configured.dimension) return configured;
  throw new InsulaError(
    "argument_invalid",
    `Cannot embed: ${model} is answered by ${configured.model}, which has ${String(configured.dimension)} dimensions here, received ${String(dimension)}.`,
  );
}

async function authenticate(context: DialectContext, request: HttpRequest): Promise<Principal> {
  const token = /^Bearer +(\S+) *$/i.exec(request.headers["authorization"] ?? "")?.[1];
  if (token === undefined) {
    throw new InsulaError(
      "credentials_missing",
      "Cannot embed: no API key: expected Authorization: Bearer with the admin secret or <key id>.<secret>.",
    );
  }
  const principal = await context.access.findToken(token);
  if (principal !== undefined) return principal;
  throw new InsulaError("credentials_unknown", "Cannot embed: invalid API key.");
}

/**
 * `embedding` stands first: the vendor's command line takes the first member it finds for the
 * vector.
 */
function toEmbedding(vector: Float32Array, i: number, endpoint: ServedModel["endpoint"]): object {
  const embedding = Array.from(vector, (value) => Number(value.toPrecision(FLOAT32_DIGITS)));
  return endpoint === "text" ? { embedding, text_index: i } : { embedding, index: i, type: "text" };
}

/** Decimal digits that bring every float32 back. */
const FLOAT32_DIGITS = 9;
