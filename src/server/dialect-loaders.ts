/** How each dialect is found: its code is read when its first request arrives, not at the start. */
import type { Dialect, DialectContext } from "../dialects/index.ts";
import type { DialectRoute } from "./front.ts";

export const DIALECT_LOADERS: Readonly<
  Record<DialectRoute, (context: DialectContext) => Promise<Dialect>>
> = {
  oss: async (context) => {
    const room = await import("../dialects/vector-bucket/oss/index.ts");
    return room.createOssDialect(context);
  },
  s3: async (context) => {
    const room = await import("../dialects/vector-bucket/s3/index.ts");
    return room.createS3Dialect(context);
  },
  native: async (context) => {
    const room = await import("../dialects/native/index.ts");
    return room.createNativeDialect(context);
  },
  pinecone: async (context) => {
    const room = await import("../dialects/pinecone/index.ts");
    return room.createPineconeDialect(context);
  },
  embedding: async (context) => {
    const room = await import("../dialects/embedding/index.ts");
    return room.createEmbeddingDialect(context);
  },
};
