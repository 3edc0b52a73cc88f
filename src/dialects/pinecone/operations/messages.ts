/**
 * Requests and answers of the data plane, whatever carries them: JSON over HTTP or protobuf over
 * gRPC. Names are those of the vendor's messages.
 *
 * What protobuf cannot tell from absent is absent here too: `""` for an id, a list without items
 * for a vector.
 */
import type { Metadata } from "../../../model/index.ts";
import type { JsonObject } from "../../../wire/index.ts";

/** Dimensions in any order, each once, a value for each. */
export interface SparseValues {
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** A record as a caller writes it; nothing of it has been looked at. */
export interface VectorToUpsert {
  readonly id: string;
  readonly values?: Float32Array;
  readonly sparseValues?: SparseValues;
  readonly metadata?: JsonObject;
}

/** A record as it is stored. */
export interface StoredVector {
  readonly id: string;
  /** Absent when nobody asked for values, and in an index of sparse vectors. */
  readonly values?: Float32Array;
  readonly sparseValues?: SparseValues;
  readonly metadata?: Metadata;
}

export interface ScoredVector extends StoredVector {
  /** As the vendor gives it: float32; for euclidean a squared distance, else greater is nearer. */
  readonly score: number;
}

export interface Usage {
  readonly readUnits: number;
}

/** Every request names one namespace; `""` and `__default__` are the same. */
export interface InNamespace {
  readonly namespace: string;
}

export interface UpsertRequest extends InNamespace {
  readonly vectors: readonly VectorToUpsert[];
}

export interface UpsertAnswer {
  readonly upsertedCount: number;
}

export interface QueryRequest extends InNamespace {
  readonly topK: number;
  readonly filter?: JsonObject;
  readonly includeValues: boolean;
  readonly includeMetadata: boolean;
  /** One of the vector and the id; a sparse vector beside the first, or alone. */
  readonly vector?: Float32Array;
  readonly id?: string;
  readonly sparseVector?: SparseValues;
}

export interface QueryAnswer extends InNamespace {
  /** Most similar first. */
  readonly matches: readonly ScoredVector[];
  readonly usage: Usage;
}

export interface FetchRequest extends InNamespace {
  readonly ids: readonly string[];
}

export interface FetchAnswer extends InNamespace {
  /** Those there are, in the order asked, each once. */
  readonly vectors: readonly StoredVector[];
  readonly usage: Usage;
}

export interface DeleteRequest extends InNamespace {
  /** One of the three. */
  readonly ids: readonly string[];
  readonly deleteAll: boolean;
  readonly filter?: JsonObject;
}

/** Nothing is told. */
export type DeleteAnswer = Readonly<Record<string, never>>;

export interface ListRequest extends InNamespace {
  readonly prefix?: string;
  readonly limit?: number;
  readonly paginationToken?: string;
}

export interface ListAnswer extends InNamespace {
  readonly ids: readonly string[];
  /** Token of the next page; absent: this was the last. */
  readonly next?: string;
  readonly usage: Usage;
}

export interface UpdateRequest extends InNamespace {
  /** One of the two. */
  readonly id?: string;
  readonly filter?: JsonObject;
  readonly values?: Float32Array;
  readonly sparseValues?: SparseValues;
  readonly setMetadata?: JsonObject;
  /** True: nothing is written, what passes the filter is counted. */
  readonly dryRun: boolean;
}

export interface UpdateAnswer {
  /** Of an update by filter. */
  readonly matchedRecords?: number;
}

export interface FetchByMetadataRequest extends InNamespace {
  readonly filter?: JsonObject;
  readonly limit?: number;
  readonly paginationToken?: string;
}

export interface FetchByMetadataAnswer extends FetchAnswer {
  /** Token of the next page; absent: this was the last. */
  readonly next?: string;
}

export interface ListNamespacesRequest {
  readonly prefix?: string;
  readonly limit?: number;
  readonly paginationToken?: string;
}

export interface NamespaceDescription {
  readonly name: string;
  readonly recordCount: number;
  readonly sizeBytes: number;
}

export interface ListNamespacesAnswer {
  readonly namespaces: readonly NamespaceDescription[];
  /** Of all with the prefix, not of the page. */
  readonly totalCount: number;
  /** Token of the next page; absent: this was the last. */
  readonly next?: string;
}

/** Every field can be filtered by, so a schema asks for nothing. */
export type CreateNamespaceRequest = InNamespace;

export interface StatsRequest {
  readonly filter?: JsonObject;
}

export interface StatsAnswer {
  /** The default namespace is `""`. */
  readonly namespaces: readonly { readonly name: string; readonly vectorCount: number }[];
  /** Absent for sparse vectors. */
  readonly dimension?: number;
  readonly indexFullness: number;
  readonly totalVectorCount: number;
  readonly metric: string;
  readonly vectorType: "dense" | "sparse";
}

export interface UpsertRecordsRequest extends InNamespace {
  /** Members as they were written. */
  readonly records: readonly JsonObject[];
}

export interface SearchRecordsRequest extends InNamespace {
  readonly topK: number;
  readonly filter?: JsonObject;
  /** One of the text, the id, and a vector, sparse or not. */
  readonly text?: string;
  readonly vector?: Float32Array;
  readonly sparseVector?: SparseValues;
  readonly id?: string;
  /** Names of what an answer has of a record; absent: all. */
  readonly fields?: readonly string[];
  readonly rerank?: RerankRequest;
}

export interface RerankRequest {
  readonly model: string;
  /** Fields whose texts are judged, one behind the other. */
  readonly fields: readonly string[];
  readonly topN?: number;
  /** Absent: the text that was searched for. */
  readonly query?: string;
}

export interface RecordHit {
  readonly id: string;
  /** The reranker's where there is one, else as in {@link ScoredVector}. */
  readonly score: number;
  readonly fields: Metadata;
}

export interface SearchRecordsAnswer {
  /** Best first. */
  readonly hits: readonly RecordHit[];
  readonly usage: Usage & {
    readonly embedTotalTokens?: number;
    readonly rerankUnits?: number;
  };
}
