/**
 * The models that inference and indexes with text know: the embedder and the reranker of the
 * configuration, the built-in ones, and under the vendor's names whichever of these answers.
 */
import type { InsulaError } from "../../../base/errors.ts";
import {
  BUILT_IN_DIMENSION,
  BUILT_IN_MODEL,
  createBuiltInEmbedder,
  createSimilarityReranker,
  EMBED_DIMENSION_MAX,
  SIMILARITY_RERANKER,
  type Embedder,
  type Reranker,
} from "../../../embed/index.ts";
import type { DialectContext } from "../../dialect.ts";
import { pineconeFault, refusal } from "../errors.ts";

type ModelDoors = Pick<DialectContext, "openEmbedder" | "reranker" | "clock">;

/** An embedder under the name that was asked for. */
export interface EmbeddingModel {
  readonly name: string;
  /** Model whose vectors they are. */
  readonly answeredBy: string;
  readonly dimension: number;
  /** In ascending order; all of them can be asked for, of the built-in model others too. */
  readonly dimensions: readonly number[];
}

export interface RerankModel {
  readonly name: string;
  readonly answeredBy: string;
}

/** The vendor's names, and the dimensions clients expect behind them, the usual one first. */
const VENDOR_EMBEDDERS: ReadonlyMap<string, readonly number[]> = new Map([
  ["multilingual-e5-large", [1_024]],
  ["llama-text-embed-v2", [1_024, 384, 512, 768, 2_048]],
]);
const VENDOR_RERANKERS: readonly string[] = [
  "bge-reranker-v2-m3",
  "cohere-rerank-3.5",
  "pinecone-rerank-v0",
];
/** Of the built-in one, which takes every number; a list has to end somewhere. */
const BUILT_IN_DIMENSIONS = [256, 384, 512, 768, 1_024, 1_536, 2_048, 3_072, EMBED_DIMENSION_MAX];

/** @throws InsulaError `embedder_unavailable`, `embedder_unusable` */
export async function listEmbedders(doors: ModelDoors): Promise<readonly EmbeddingModel[]> {
  const configured = await doors.openEmbedder?.();
  const usual = configured?.model === BUILT_IN_MODEL ? configured.dimension : BUILT_IN_DIMENSION;
  const builtIn: EmbeddingModel = {
    ...{ name: BUILT_IN_MODEL, answeredBy: BUILT_IN_MODEL },
    ...{ dimension: usual, dimensions: BUILT_IN_DIMENSIONS },
  };
  const isService = configured !== undefined && configured.model !== BUILT_IN_MODEL;
  const own = isService ? [ofService(configured.model, configured)] : [];
  const vendors = [...VENDOR_EMBEDDERS].map(([name, dimensions]) =>
    isService ? ofService(name, configured) : ofBuiltIn(name, dimensions),
  );
  return [...own, builtIn, ...vendors];
}

/** A model of a service has the dimension it has. */
function ofService(name: string, { model, dimension }: Embedder): EmbeddingModel {
  return { name, answeredBy: model, dimension, dimensions: [dimension] };
}

function ofBuiltIn(name: string, dimensions: readonly number[]): EmbeddingModel {
  return {
    ...{ name, answeredBy: BUILT_IN_MODEL, dimension: dimensions[0] ?? BUILT_IN_DIMENSION },
    dimensions: dimensions.toSorted((a, b) => a - b),
  };
}

/** @throws InsulaError the fault `MODEL_NOT_FOUND`, and as {@link listEmbedders}. */
export async function findEmbedder(doors: ModelDoors, name: string): Promise<EmbeddingModel> {
  const known = await listEmbedders(doors);
  const found = known.find((model) => model.name === name);
  if (found !== undefined) return found;
  throw modelMissing(name, known);
}

/**
 * @param dimension  asked for; absent: the model's own.
 * @throws InsulaError `argument_invalid` for a dimension that the model has not.
 */
export async function openModel(
  doors: ModelDoors,
  { name, answeredBy, dimension: usual, dimensions }: EmbeddingModel,
  dimension: number = usual,
): Promise<Embedder> {
  const isAnySize = name === BUILT_IN_MODEL && dimension >= 1 && dimension <= EMBED_DIMENSION_MAX;
  if (!isAnySize && !dimensions.includes(dimension)) {
    throw refusal(
      `dimension must be one of ${dimensions.join(", ")} for the model ${name}, ` +
        `received ${String(dimension)}`,
    );
  }
  const configured = await doors.openEmbedder?.();
  if (configured?.model === answeredBy && configured.dimension === dimension) return configured;
  const { clock } = doors;
  return createBuiltInEmbedder({
    dimension,
    rest: () => clock.yield?.() ?? Promise.resolve(),
  });
}

export function listRerankers({ reranker }: ModelDoors): readonly RerankModel[] {
  const own = reranker === undefined ? [] : [{ name: reranker.model, answeredBy: reranker.model }];
  const similarity = { name: SIMILARITY_RERANKER, answeredBy: SIMILARITY_RERANKER };
  const answeredBy = reranker?.model ?? SIMILARITY_RERANKER;
  return [...own, similarity, ...VENDOR_RERANKERS.map((name) => ({ name, answeredBy }))];
}

/** @throws InsulaError the fault `MODEL_NOT_FOUND`. */
export function findReranker(doors: ModelDoors, name: string): Reranker {
  const known = listRerankers(doors);
  const found = known.find((model) => model.name === name);
  if (found === undefined) throw modelMissing(name, known);
  const { reranker } = doors;
  if (reranker !== undefined && found.answeredBy === reranker.model) return reranker;
  return createSimilarityReranker(async () => {
    const configured = await doors.openEmbedder?.();
    return configured ?? createBuiltInEmbedder();
  });
}

/** A model that nobody here is, with the names of those there are. */
export function modelMissing(
  name: string,
  known: readonly { readonly name: string }[],
): InsulaError {
  const names = known.map((model) => model.name).join(", ");
  return pineconeFault(
    "MODEL_NOT_FOUND",
    `Model ${JSON.stringify(name.slice(0, 64))} not found: this server has ${names}`,
  );
}
