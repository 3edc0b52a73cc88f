/** The description of an index, in the shape that the version of the request asks for. */
import type { HttpRequest } from "../../../wire/index.ts";
import type { PineconeSettings } from "../../dialect.ts";
import { hostOf } from "../hosts.ts";
import type { IndexView } from "../index-view.ts";
import { attributesOf } from "./attributes.ts";
import { toDeployment, type IndexSpec } from "./spec.ts";

/** From here on an index has a schema and a deployment. Versions are dates and compare as text. */
const SCHEMA_VERSION = "2026-07";

/** Nothing has to be made ready, and there are no nodes to be paid for. */
const STATUS = { ready: true, state: "Ready" } as const;
const READ_CAPACITY = { mode: "OnDemand", status: { state: "Ready" } } as const;

export function describe(
  index: IndexView,
  request: Pick<HttpRequest, "host" | "scheme" | "headers">,
  settings: PineconeSettings,
): object {
  const { name, database } = index.info;
  const { spec, tags, isProtected } = attributesOf(index.info);
  const common = {
    name,
    host: hostOf(settings, request, { project: database, name }),
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
      schema: { fields: fieldsOf(index) },
    };
  }
  return {
    ...common,
    ...(index.dimension === undefined ? {} : { dimension: index.dimension }),
    metric: index.metric,
    vector_type: index.vectorType,
    spec: shownSpec(spec),
  };
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
