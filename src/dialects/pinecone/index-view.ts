/** What of the engine is an index of Pinecone, and what the vendor calls its parts. */
import { InsulaError } from "../../base/errors.ts";
import type { CollectionInfo, Engine } from "../../engine/api.ts";
import { DEFAULT_VECTOR, type Metric, type Schema } from "../../model/index.ts";

/** The sparse field of the indexes we make. ON DISK: never renamed. */
export const SPARSE_FIELD = "sparse";

export type PineconeMetric = "cosine" | "dotproduct" | "euclidean";

/** The vendor's metrics in the words of the engine. */
export const METRICS: Readonly<Record<PineconeMetric, Metric>> = {
  cosine: "cosine",
  dotproduct: "dot",
  euclidean: "euclidean",
};

/** A collection seen as an index. */
export interface IndexView {
  readonly info: CollectionInfo;
  readonly metric: PineconeMetric;
  readonly vectorType: "dense" | "sparse";
  /** Of dense vectors. */
  readonly dimension: number | undefined;
  /** Name of the field of sparse vectors; undefined: it holds none. */
  readonly sparseField: string | undefined;
  /** False: it has the default namespace and no other. */
  readonly hasNamespaces: boolean;
}

/**
 * Undefined for collections that have no picture here: several named vectors, a metric that the
 * vendor does not know, rows without keys.
 */
export function toIndexView(info: CollectionInfo): IndexView | undefined {
  const { schema, tenancy } = info;
  const [dense, ...others] = schema.vectors;
  const metric = dense === undefined ? "dotproduct" : metricOf(dense.metric);
  const isPlain =
    schema.identity === "key" &&
    others.length === 0 &&
    (dense === undefined || dense.name === DEFAULT_VECTOR);
  const sparseField = sparseFieldOf(schema);
  if (!isPlain || metric === undefined) return undefined;
  if (dense === undefined && sparseField === undefined) return undefined;
  return {
    info,
    metric,
    vectorType: dense === undefined ? "sparse" : "dense",
    dimension: dense?.dimension,
    sparseField,
    hasNamespaces: tenancy === "multi",
  };
}

/** The only one, or of several the one that has our name. */
function sparseFieldOf({ sparseVectors = [] }: Schema): string | undefined {
  if (sparseVectors.length === 1) return sparseVectors[0]?.name;
  return sparseVectors.find(({ name }) => name === SPARSE_FIELD)?.name;
}

function metricOf(metric: Metric): PineconeMetric | undefined {
  const names: readonly PineconeMetric[] = ["cosine", "dotproduct", "euclidean"];
  return names.find((name) => METRICS[name] === metric);
}

/** @throws InsulaError `collection_not_found`, also for collections that are no index. */
export async function findIndex(
  engine: Pick<Engine, "getCollection">,
  project: string,
  name: string,
): Promise<IndexView> {
  const info = await engine.getCollection(project, name);
  const view = info === undefined ? undefined : toIndexView(info);
  if (view !== undefined) return view;
  throw new InsulaError("collection_not_found", `Resource ${name.slice(0, 64)} not found`);
}
