/** Model ids the vendor's tools send, and how many components a caller expects of each. */
import { BUILT_IN_MODEL, EMBED_DIMENSION_MAX } from "../../embed/index.ts";

export interface ServedModel {
  /** Which of the two endpoints serves it. */
  readonly endpoint: "text" | "multimodal";
  /** The one dimension of the vendor's model; absent when the caller chooses. */
  readonly dimension?: number;
}

/**
 * All of them are answered by the embedder of the configuration under the vendor's name; by the
 * built-in one also in the vendor's dimension.
 * Source: model table of oss-vectors-embed-cli 0.1.1.
 */
export const SERVED_MODELS: ReadonlyMap<string, ServedModel> = new Map<string, ServedModel>([
  [BUILT_IN_MODEL, { endpoint: "text" }],
  ["text-embedding-v1", { endpoint: "text", dimension: 1_536 }],
  ["text-embedding-v2", { endpoint: "text", dimension: 1_536 }],
  ["text-embedding-v3", { endpoint: "text" }],
  ["text-embedding-v4", { endpoint: "text" }],
  ["multimodal-embedding-v1", { endpoint: "multimodal", dimension: 1_024 }],
  ["tongyi-embedding-vision-flash", { endpoint: "multimodal", dimension: 768 }],
  ["tongyi-embedding-vision-plus", { endpoint: "multimodal", dimension: 1_152 }],
  ["qwen2.5-vl-embedding", { endpoint: "multimodal" }],
]);

export const DIMENSION_MAX: number = EMBED_DIMENSION_MAX;
