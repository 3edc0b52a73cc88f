/** GET /models and GET /models/NAME: what there is to embed and to rerank with. */
import { RERANK_DOCUMENTS_MAX } from "../../../embed/index.ts";
import type { ControlAnswer, ControlCall } from "../control/call.ts";
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { QueryValues } from "../rest/members.ts";

import {
  listEmbedders,
  listRerankers,
  modelMissing,
  type EmbeddingModel,
  type RerankModel,
} from "./models.ts";
import { PARAMETER_VALUES } from "./parameters.ts";

export async function listModels(call: ControlCall): Promise<ControlAnswer> {
  const values = new QueryValues(call.request.query);
  const type = oneOf("type", values.text("type"), ["embed", "rerank"]);
  const vectorType = oneOf("vector_type", values.text("vector_type"), ["dense", "sparse"]);
  const models = (await describeAll(call)).filter(
    (model) =>
      (type === undefined || model.type === type) &&
      (vectorType === undefined || model.vector_type === vectorType),
  );
  return { status: 200, json: { models } };
}

export async function describeModel(call: ControlCall): Promise<ControlAnswer> {
  const models = await describeAll(call);
  const found = models.find(({ model }) => model === call.name);
  if (found !== undefined) return { status: 200, json: found };
  throw modelMissing(
    call.name,
    models.map(({ model }) => ({ name: model })),
  );
}

interface ModelDescription extends Readonly<Record<string, unknown>> {
  readonly model: string;
  readonly type: "embed" | "rerank";
  readonly vector_type?: "dense";
}

async function describeAll({ server }: ControlCall): Promise<readonly ModelDescription[]> {
  const embedders = await listEmbedders(server.context);
  return [
    ...embedders.map(describeEmbedder),
    ...listRerankers(server.context).map(describeReranker),
  ];
}

function describeEmbedder(model: EmbeddingModel): ModelDescription {
  const { name, answeredBy, dimension, dimensions } = model;
  const choices = Object.entries(PARAMETER_VALUES).map(([parameter, allowed]) => ({
    ...{ parameter, type: "one_of", value_type: "string", required: false },
    allowed_values: allowed,
  }));
  return {
    ...{ model: name, type: "embed", vector_type: "dense", modality: "text" },
    ...{ short_description: shortDescription(name, answeredBy, "Texts to vectors") },
    ...{ provider_name: "Insula", default_dimension: dimension, supported_dimensions: dimensions },
    supported_metrics: ["cosine", "euclidean", "dotproduct"],
    max_batch_size: PINECONE_LIMITS.textsMax,
    supported_parameters: [
      ...choices,
      {
        ...{ parameter: "dimension", type: "one_of", value_type: "integer", required: false },
        ...{ default: dimension, allowed_values: dimensions },
      },
    ],
  };
}

function describeReranker({ name, answeredBy }: RerankModel): ModelDescription {
  return {
    ...{ model: name, type: "rerank", modality: "text", provider_name: "Insula" },
    ...{ short_description: shortDescription(name, answeredBy, "Documents by their relevance") },
    ...{ max_batch_size: RERANK_DOCUMENTS_MAX, supported_parameters: [] },
  };
}

/** The vendor's name alone would promise the vendor's model. */
function shortDescription(name: string, answeredBy: string, what: string): string {
  return name === answeredBy ? `${what}.` : `${what}, answered by ${answeredBy}.`;
}

function oneOf(
  name: string,
  value: string | undefined,
  allowed: readonly string[],
): string | undefined {
  if (value === undefined || allowed.includes(value)) return value;
  throw refusal(`${name} must be one of ${allowed.join(", ")}`);
}
