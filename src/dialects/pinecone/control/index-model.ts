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

const READY = { ready: true, state: "Ready" } as const;
const RESTORING = { ready: false, state: "Initializing" } as const;
/** There are no nodes to be paid for. */
const READ_CAPACITY = { mode: "OnDemand", status: { state: "Ready" } } as const;

/** What a description is made of. */
export interface DescribedIndex extends Omit<IndexView, "info" | "hasNamespaces"> {
  readonly info: Pick<IndexView["info"], "name" | "database" | "attributes">;
  /** Absent: the index is ready; nothing else has to be waited for but a restore. */
  readonly isRestoring?: boolean;
}

export function describe(
  index: DescribedIndex,
  request: Pick<HttpRequest, "host" | "scheme" | "headers">,
  { settings, port }: { readonly settings: PineconeSettings; readonly port: number | undefined },
): object {
  const { name, database } = index.info;
  const { spec, tags, isProtected, embed } = attributesOf(index.info);
  const common = {
    name,
    host: hostOf(settings, request, { project: database, name, port }),
    status: index.isRestoring === true ? RESTORING : READY,
    deletion_protection: isProtected ? "enabled" : "disabled",
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
  };
  if (wantsSchema(request)) {
    return {
      ...common,
      deployment: toDeployment(spec),
      read_capacity: {
        ...READ_CAPACITY,
        status: { state: "Ready", current_replicas: null, current_shards: null },
      },
      schema: schemaOf(index),
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

/** Whether a request speaks of indexes with a schema. */
export function wantsSchema({ headers }: Pick<HttpRequest, "headers">): boolean {
  return (headers["x-pinecone-api-version"] ?? "") >= SCHEMA_VERSION;
}

export function schemaOf(index: DescribedIndex): { readonly fields: object } {
  const { embed } = attributesOf(index.info);
  return { fields: embed === undefined ? fieldsOf(index) : textFieldOf(index, embed) };
}

function shownEmbed(index: DescribedIndex, embed: EmbedSettings): object {
  const { metric, dimension, vectorType } = index;
  return {
    ...{ model: embed.model, metric, dimension, vector_type: vectorType },
    field_map: { text: embed.field },
    ...shownParameters(embed),
  };
}

/** Clients tell by the type of its one field that an index takes texts. */
function textFieldOf({ metric, dimension }: DescribedIndex, embed: EmbedSettings): object {
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
function fieldsOf({ dimension, metric, sparseField }: DescribedIndex): object {
  const sparse = { _sparse_values: { type: "sparse_vector" } };
  if (dimension === undefined) return sparse;
  const dense = { _values: { type: "dense_vector", dimension, metric } };
  return metric === "dotproduct" && sparseField !== undefined ? { ...dense, ...sparse } : dense;
}
