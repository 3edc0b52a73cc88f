/** What a request for a new index asks, in the shapes of both generations of the interface. */
import { DIMENSION_MAX } from "../../../base/limits.ts";
import type { CollectionOptions } from "../../../engine/api.ts";
import { DEFAULT_VECTOR } from "../../../model/index.ts";
import type { JsonObject } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import { METRICS, SPARSE_FIELD, type PineconeMetric } from "../index-view.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import {
  asObject,
  member,
  readInteger,
  readObject,
  readText,
  requireText,
} from "../rest/members.ts";
import { printAttributes, readProtection, readTags, type IndexAttributes } from "./attributes.ts";
import { readDeployment, readSpec } from "./spec.ts";

export interface NewIndex {
  readonly name: string;
  readonly options: CollectionOptions;
}

interface Vectors {
  /** Absent for sparse vectors. */
  readonly dimension: number | undefined;
  readonly metric: PineconeMetric;
}

/** @throws InsulaError `argument_invalid` */
export function readNewIndex(body: JsonObject): NewIndex {
  const isNew = member(body, "schema") !== undefined || member(body, "deployment") !== undefined;
  const vectors = isNew ? readSchemaFields(body) : readClassicVectors(body);
  return toNewIndex(body, vectors, {
    spec: isNew ? readDeployment(readObject(body, "deployment") ?? {}) : readSpec(body),
  });
}

/** Any index; name, tags and protection stand at the same place in every shape. */
export function toNewIndex(
  body: JsonObject,
  { dimension, metric }: Vectors,
  more: Pick<IndexAttributes, "spec" | "embed">,
): NewIndex {
  const name = requireText(body, "name");
  checkIndexName(name);
  const dense = { name: DEFAULT_VECTOR, metric: METRICS[metric] };
  return {
    name,
    options: {
      schema: {
        vectors: dimension === undefined ? [] : [{ ...dense, dimension }],
        sparseVectors: [{ name: SPARSE_FIELD }],
        identity: "key",
        unfilterable: [],
      },
      tenancy: "multi",
      attributes: printAttributes({
        ...more,
        tags: readTags(readObject(body, "tags") ?? {}),
        isProtected: readProtection(body) ?? false,
      }),
    },
  };
}

/** @throws InsulaError `argument_invalid` */
export function checkIndexName(name: string): void {
  const { indexNameCharactersMax } = PINECONE_LIMITS;
  if (name.length > indexNameCharactersMax || !INDEX_NAME.test(name)) {
    throw refusal(
      `Name must be 1 to ${String(indexNameCharactersMax)} lower case letters, digits and '-', ` +
        "and start and end with a letter or digit",
    );
  }
}

const INDEX_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

function readClassicVectors(body: JsonObject): Vectors {
  const vectorType = readText(body, "vector_type") ?? "dense";
  const dimension = readInteger(body, "dimension");
  if (vectorType === "sparse") {
    const metric = readMetric(readText(body, "metric") ?? "dotproduct");
    if (dimension !== undefined) throw refusal("dimension is not allowed for sparse vectors");
    if (metric !== "dotproduct") throw refusal("Sparse vectors must have the metric dotproduct");
    return { dimension: undefined, metric };
  }
  if (vectorType !== "dense") throw refusal("vector_type must be dense or sparse");
  return {
    dimension: checkDimension(dimension),
    metric: readMetric(readText(body, "metric") ?? "cosine"),
  };
}

/** Fields of 2026-07; the names with which clients write what was an index before. */
function readSchemaFields(body: JsonObject): Vectors {
  const fields = readObject(readObject(body, "schema") ?? {}, "fields") ?? {};
  const { _values: dense, _sparse_values: sparse, ...others } = fields;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw refusal(
      `The field ${JSON.stringify(other.slice(0, 64))} is not supported: an index has _values, ` +
        "_sparse_values or both",
    );
  }
  if (dense === undefined) {
    if (sparse === undefined) throw refusal("schema.fields must have _values or _sparse_values");
    return { dimension: undefined, metric: "dotproduct" };
  }
  const field = asObject(dense, "_values");
  if (readText(field, "type") !== "dense_vector") throw refusal("_values must be a dense_vector");
  return {
    dimension: checkDimension(readInteger(field, "dimension")),
    metric: readMetric(readText(field, "metric") ?? "cosine"),
  };
}

function checkDimension(dimension: number | undefined): number {
  if (dimension !== undefined && dimension >= 1 && dimension <= DIMENSION_MAX) return dimension;
  throw refusal(`dimension must be a whole number from 1 to ${String(DIMENSION_MAX)}`);
}

function readMetric(text: string): PineconeMetric {
  if (text === "cosine" || text === "dotproduct" || text === "euclidean") return text;
  throw refusal("metric must be cosine, euclidean or dotproduct");
}
