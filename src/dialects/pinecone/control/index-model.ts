/** The description of an index, in the shape that the version of the request asks for. */
import type { HttpRequest } from "../../../wire/index.ts";
import type { PineconeSettings } from "../../dialect.ts";
import { hostOf } from "../hosts.ts";
import type { IndexView } from "../index-view.ts";
import { attributesOf } from "./attributes.ts";
import type { EmbedSettings } from "./embed-settings.ts";
import { toDeployment, type IndexSpec } from "./spec.ts";

/** From here on an index has a schema and a deployment. Versions are dates and compare as text. */
const SCHEMA_VERSION = "2026-07";

/** Nothing has to be made ready, and there are no nodes to be paid for. */
const STATUS = { ready: true, state: "Ready" } as const;
const READ_CAPACITY = { mode: "OnDemand", status: { state: "Ready" } } as const;

export function describe(
  index: IndexView,
  request: Pick<HttpRequest, "host" | "scheme" | "headers">,
  { settings, port }: { readonly settings: PineconeSettings; readonly port: number | undefined },
): object {
  const { name, database } = index.info;
  const { spec, tags, isProtected, embed } = attributesOf(index.info);
  const common = {
    name,
    host: hostOf(settings, request, { project: database, name, port }),
    status: STATUS,
    deletion_protection: isProtected ? "enabled" : "disabled",
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
  };
  const version = request.headers["x-pinecone-api-version"] ?? "";
  if (version >= SCHEMA_VERSION) {
    return {
      ...common,
      deployment: toDeployment(spec),
      read_capacity: {
        ...READ_CAPACITY,
        status: { state: "Ready", current_replicas: null, current_shards: null },
      },
      schema: { fields: embed === undefined ? fieldsOf(index) : textFieldOf(index, embed) },
    };
  }
  return {
    ...common,
    ...(index.dimension === undefined ? {} : { dimension: index.dimension }),
    metric: index.metric,
    vector_type: index.vectorType,
    spec: shownSpec(spec),
    ...(embed === undefined ? {} : { embed: shownEmbed(index, embed) }),
  };
}

function shownEmbed(index: IndexView, embed: EmbedSettings): object {
  const { metric, dimension, vectorType } = index;
  return {
    ...{ model: embed.model, metric, dimension, vector_type: vectorType },
    field_map: { text: embed.field },
    ...shownParameters(embed),
  };
}

/** Clients tell by the type of its one field that an index takes texts. */
function textFieldOf({ metric, dimension }: IndexView, embed: EmbedSettings): object {
  const shown = { type: "semantic_text", model: embed.model, dimension, metric };
  return { [embed.field]: { ...shown, ...shownParameters(embed) } };
}

function shownParameters({ readParameters, writeParameters }: EmbedSettings): object {
  return { read_parameters: readParameters, write_parameters: writeParameters };
}

function shownSpec(spec: IndexSpec): object {
  const { serverless } = spec;
  if (serverless === undefined) return spec;
  return { serverless: { ...serverless, read_capacity: READ_CAPACITY } };
}

/** Only dot products make one score of both, so only there a client is told of both. */
function fieldsOf({ dimension, metric, sparseField }: IndexView): object {
  const sparse = { _sparse_values: { type: "sparse_vector" } };
  if (dimension === undefined) return sparse;
  const dense = { _values: { type: "dense_vector", dimension, metric } };
  return metric === "dotproduct" && sparseField !== undefined ? { ...dense, ...sparse } : dense;
}
