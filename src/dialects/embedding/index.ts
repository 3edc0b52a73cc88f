/**
 * The embedding endpoint that the vendors' command lines call, in the shape of DashScope.
 *
 * For: `oss-vectors-embed` with `DASHSCOPE_HTTP_BASE_URL` at this server. Every served model name
 * is answered by the embedder of the configuration; without one by the built-in lexical embedder,
 * in the dimension that name promises. Not for: images and videos; they are refused in words.
 *
 * A request lives from body to vectors in one call and leaves nothing behind.
 * Source: oss-vectors-embed-cli 0.1.1 and the DashScope client it uses, observed on the wire.
 */
export {
  createEmbeddingDialect,
  EMBEDDING_PATHS,
  matchEmbeddingPath,
} from "./embedding-dialect.ts";
