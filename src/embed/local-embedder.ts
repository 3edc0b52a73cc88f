/**
 * A model that runs in this process, through a package the user installs.
 *
 * `@huggingface/transformers` is an optional peer dependency: it brings a native runtime and
 * downloads models, which is a choice nobody should make for others. It is loaded with the first
 * use and described here only as far as it is used.
 */
import { InsulaError } from "../base/errors.ts";
import { checkTexts, toUnitVector, unusable, type Embedder } from "./embedder.ts";
import { LOCAL_TEXTS_MAX } from "./limits.ts";

/** What has to be installed beside us. */
export const LOCAL_MODEL_PACKAGE = "@huggingface/transformers";

export interface LocalEmbedderSettings {
  readonly kind: "local";
  /** A model of the hub or a folder, for example `Xenova/all-MiniLM-L6-v2`. */
  readonly model: string;
  /** Checked against the model's own; undefined: any. */
  readonly dimension?: number | undefined;
}

interface Tensor {
  readonly data: Float32Array;
  /** `[texts, dimension]` */
  readonly dims: readonly number[];
}

type Extractor = (
  texts: readonly string[],
  options: { readonly pooling: "mean"; readonly normalize: true },
) => Promise<Tensor>;

interface TransformersModule {
  pipeline(task: "feature-extraction", model: string): Promise<Extractor>;
}

/**
 * Loads package and model; both stay in memory as long as the embedder.
 *
 * @param load  default: the package from node_modules.
 * @throws InsulaError `embedder_unusable` when the package is missing, the model cannot be loaded
 *         or has another dimension.
 */
export async function openLocalEmbedder(
  settings: LocalEmbedderSettings,
  load: () => Promise<unknown> = loadPackage,
): Promise<Embedder> {
  const { model } = settings;
  const extract = await openExtractor(model, load);
  const [probe] = await run(extract, ["insula"], model);
  const dimension = probe?.length ?? 0;
  if (settings.dimension !== undefined && settings.dimension !== dimension) {
    throw new InsulaError(
      "embedder_unusable",
      `Cannot embed with ${model}: expected vectors of ${String(settings.dimension)} numbers, the model has ${String(dimension)}.`,
    );
  }
  return {
    model,
    dimension,
    embed: async (texts, signal) => {
      checkTexts(texts);
      const vectors: Float32Array[] = [];
      for (let start = 0; start < texts.length; start += LOCAL_TEXTS_MAX) {
        signal?.throwIfAborted();
        const rows = await run(extract, texts.slice(start, start + LOCAL_TEXTS_MAX), model);
        for (const row of rows) vectors.push(toUnitVector(row, dimension, model));
      }
      return vectors;
    },
  };
}

async function openExtractor(model: string, load: () => Promise<unknown>): Promise<Extractor> {
  let module: unknown;
  try {
    module = await load();
  } catch (cause) {
    throw new InsulaError(
      "embedder_unusable",
      `Cannot embed with the local model ${model}: the package ${LOCAL_MODEL_PACKAGE} cannot be loaded: ` +
        `run npm install ${LOCAL_MODEL_PACKAGE} beside insula-db, or choose another embedder.`,
      { cause },
    );
  }
  try {
    return await (module as TransformersModule).pipeline("feature-extraction", model);
  } catch (cause) {
    throw new InsulaError(
      "embedder_unusable",
      `Cannot embed with the local model ${model}: it cannot be loaded: expected the name of a ` +
        "feature-extraction model, or a folder that holds one.",
      { cause },
    );
  }
}

async function run(
  extract: Extractor,
  texts: readonly string[],
  model: string,
): Promise<Float32Array[]> {
  const { data, dims } = await extract(texts, { pooling: "mean", normalize: true });
  const [rows = 0, dimension = 0] = dims;
  if (rows !== texts.length || dimension < 1 || data.length !== rows * dimension) {
    throw unusable(model, "its result is not one vector for each text");
  }
  return texts.map((_, i) => data.subarray(i * dimension, (i + 1) * dimension));
}

/**
 * The name is no literal: compilers and bundlers must not look for a package that may be missing.
 */
function loadPackage(): Promise<unknown> {
  const name: string = LOCAL_MODEL_PACKAGE;
  return import(name);
}
