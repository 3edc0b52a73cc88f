/** The model of an index that takes texts. */
import { InsulaError } from "../../../base/errors.ts";
import { BUILT_IN_MODEL, createBuiltInEmbedder, type Embedder } from "../../../embed/index.ts";
import { attributesOf } from "../control/attributes.ts";
import { refusal } from "../errors.ts";
import type { DataCall } from "../operations/call.ts";

export interface IndexModel {
  /** Field of a record that is embedded. */
  readonly field: string;
  /**
   * By the model that the collection remembers, so that an index keeps its vectors comparable when
   * the server is given another embedder.
   * @throws InsulaError `model_mismatch`, `embedder_unavailable`, `embedder_unusable`
   */
  readonly open: () => Promise<Embedder>;
}

/** @throws InsulaError `argument_invalid` for an index without a model. */
export function openIndexModel({ server, index }: DataCall): IndexModel {
  const { embed } = attributesOf(index.info);
  const { dimension, info } = index;
  const own = info.embeddingModel;
  if (embed === undefined || own === undefined || dimension === undefined) {
    throw refusal("The index has no model: texts need an index with integrated embedding");
  }
  const { openEmbedder, clock } = server.context;
  return {
    field: embed.field,
    open: async () => {
      if (own === BUILT_IN_MODEL) {
        return createBuiltInEmbedder({
          dimension,
          rest: () => clock.yield?.() ?? Promise.resolve(),
        });
      }
      const configured = await openEmbedder?.();
      if (configured?.model === own && configured.dimension === dimension) return configured;
      throw new InsulaError(
        "model_mismatch",
        `Cannot embed: the index holds vectors of ${own} with ${String(dimension)} dimensions, ` +
          `the server has ${configured?.model ?? BUILT_IN_MODEL} now`,
      );
    },
  };
}
