/** Indexes that take texts: what is asked for, held against the models there are. */
import type { JsonObject } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import type { IndexView } from "../index-view.ts";
import { findEmbedder, openModel } from "../inference/models.ts";
import { readObject } from "../rest/members.ts";
import { attributesOf } from "./attributes.ts";
import type { ControlCall } from "./call.ts";
import {
  patchEmbed,
  readEmbed,
  readSemanticField,
  toEmbedSettings,
  type EmbedPatch,
  type EmbedSettings,
} from "./embed-settings.ts";
import { toNewIndex, type NewIndex } from "./new-index.ts";
import type { IndexSpec } from "./spec.ts";

/**
 * A new index for the vectors of a model.
 *
 * @throws InsulaError `argument_invalid`, the fault `MODEL_NOT_FOUND`, and what opening the model
 *   throws.
 */
export async function readNewTextIndex(
  { server }: Pick<ControlCall, "server">,
  body: JsonObject,
  { spec, text }: { readonly spec: IndexSpec; readonly text: EmbedPatch },
): Promise<NewIndex> {
  const embed = toEmbedSettings(text);
  const model = await findEmbedder(server.context, embed.model);
  const { dimension } = await openModel(server.context, model, text.dimension);
  const vectors = { dimension, metric: text.metric ?? "cosine" } as const;
  const { name, options } = toNewIndex(body, vectors, { spec, embed });
  return { name, options: { ...options, embeddingModel: model.answeredBy } };
}

/** How an index will take texts from now on. */
export interface TextPatch {
  readonly embed: EmbedSettings;
  /** Model whose vectors it holds. */
  readonly answeredBy: string;
}

/**
 * What a configuration changes; undefined when it says nothing of texts. An index that took none
 * takes them from now on: its dimension must be one of the model, and the records that it has are
 * found among the new ones as what their vectors are.
 *
 * @throws InsulaError `argument_invalid`, and as {@link readNewTextIndex}.
 */
export async function readTextPatch(
  { server }: Pick<ControlCall, "server">,
  index: IndexView,
  body: JsonObject,
): Promise<TextPatch | undefined> {
  const embed = readObject(body, "embed");
  const fields = readObject(readObject(body, "schema") ?? {}, "fields");
  if (embed === undefined && fields === undefined) return undefined;
  const patch = embed === undefined ? readSemanticField(fields ?? {}) : readEmbed(embed);
  if (patch === undefined) throw refusal("Of the schema only a field semantic_text can change");
  const kept = attributesOf(index.info).embed;
  const own = index.info.embeddingModel;
  if (kept !== undefined && own !== undefined) {
    return { embed: patchEmbed(kept, patch), answeredBy: own };
  }
  const settings = toEmbedSettings(patch);
  if (index.dimension === undefined) throw refusal("An index of sparse vectors takes no texts");
  if (patch.metric !== undefined && patch.metric !== index.metric) {
    throw refusal(`The metric of the index is ${index.metric} and cannot be changed`);
  }
  const model = await findEmbedder(server.context, settings.model);
  await openModel(server.context, model, index.dimension);
  if (own !== undefined && own !== model.answeredBy) {
    throw refusal(`The index holds vectors of ${own}, not of ${model.answeredBy}`);
  }
  return { embed: settings, answeredBy: model.answeredBy };
}
