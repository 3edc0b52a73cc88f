/**
 * The collection a text command works on: found or made, and filled by one embedding model only.
 */
import { createBuiltInEmbedder, type Embedder } from "../embed/index.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";
import type { CollectionInfo } from "../engine/api.ts";
import { DEFAULT_VECTOR } from "../model/index.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";
import { TEXT_PROPERTY } from "./ingest.ts";
import type { Session } from "./session.ts";

export interface TextCollectionOptions {
  readonly database: string;
  readonly collection: string;
  readonly tenant: string | undefined;
  /** Makes what is missing. */
  readonly isCreating: boolean;
  /** Of a collection that is made. */
  readonly dimension: number;
  readonly isModelForced: boolean;
}

/** The embedder fits the collection's dimension. @throws InsulaError `model_mismatch` */
export async function openTextCollection(
  session: Session,
  options: TextCollectionOptions,
): Promise<Embedder> {
  const info = await findCollection(session, options);
  if (info.tenancy === "multi" && options.tenant === undefined) {
    throw new CommandError(
      EXIT_CODES.usage,
      `Collection ${info.name} has tenants.`,
      "Name one with --tenant.",
    );
  }
  if (info.tenancy === "single" && options.tenant !== undefined) {
    throw new CommandError(
      EXIT_CODES.usage,
      `Collection ${info.name} has no tenants.`,
      "Leave out --tenant.",
    );
  }
  if (options.tenant !== undefined && options.isCreating)
    await ensureTenant(session, options, options.tenant);
  const dimension = info.schema.vectors.find(({ name }) => name === DEFAULT_VECTOR)?.dimension;
  const embedder = createBuiltInEmbedder(dimension === undefined ? {} : { dimension });
  if (!options.isModelForced) await checkModel(session, info, embedder.model);
  return embedder;
}

async function findCollection(
  session: Session,
  options: TextCollectionOptions,
): Promise<CollectionInfo> {
  const { catalog } = session;
  const { database, collection } = options;
  const found = await catalog.getCollection(database, collection);
  if (found !== undefined) return found;
  if (!options.isCreating) {
    throw new InsulaError(
      "collection_not_found",
      `There is no collection ${collection} in database ${database}.`,
    );
  }
  if ((await catalog.getDatabase(database)) === undefined) await catalog.createDatabase(database);
  const embedder = createBuiltInEmbedder({ dimension: options.dimension });
  return catalog.createCollection(database, collection, {
    schema: {
      vectors: [{ name: DEFAULT_VECTOR, dimension: options.dimension, metric: "cosine" }],
      identity: "key",
      unfilterable: [TEXT_PROPERTY],
    },
    tenancy: options.tenant === undefined ? "single" : "multi",
    embeddingModel: embedder.model,
  });
}

async function ensureTenant(
  session: Session,
  { database, collection }: TextCollectionOptions,
  tenant: string,
): Promise<void> {
  try {
    await session.catalog.createTenant({ database, collection, tenant });
  } catch (error) {
    if (!isInsulaError(error) || error.code !== "tenant_exists") throw error;
  }
}

async function checkModel(session: Session, info: CollectionInfo, model: string): Promise<void> {
  if (info.embeddingModel === model) return;
  if (info.embeddingModel === undefined && info.rowCount === 0) {
    await session.catalog.updateCollection(info.database, info.name, { embeddingModel: model });
    return;
  }
  const filler = info.embeddingModel ?? "an unknown model";
  throw new InsulaError(
    "model_mismatch",
    `Cannot use ${model} with collection ${info.name}: its ${String(info.rowCount)} records were made with ${filler}.`,
  );
}
