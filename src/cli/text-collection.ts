/**
 * The collection a text command works on: found or made, and filled by one embedding model only.
 *
 * A collection remembers its model by name. One that was filled by the built-in model is served by
 * it whatever is configured: that model is always at hand.
 */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import {
  BUILT_IN_MODEL,
  createBuiltInEmbedder,
  openEmbedder,
  type Embedder,
  type EmbedderSettings,
} from "../embed/index.ts";
import type { CollectionInfo } from "../engine/api.ts";
import { DEFAULT_VECTOR } from "../model/index.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";
import { TEXT_PROPERTY } from "./ingest.ts";
import type { Session } from "./session.ts";
import type { TextSettings } from "./text-settings.ts";

export interface TextCollectionOptions {
  readonly database: string;
  readonly collection: string;
  readonly tenant: string | undefined;
  /** Makes what is missing. */
  readonly isCreating: boolean;
  /** Asked of the embedder of a collection that is made; undefined: its own. */
  readonly dimension: number | undefined;
  readonly isModelForced: boolean;
  readonly texts: Pick<TextSettings, "embedder" | "doors">;
}

/**
 * The embedder fits the collection's model and dimension.
 *
 * @throws InsulaError `model_mismatch`, `dimension_mismatch`, `embedder_unavailable`,
 *         `embedder_unusable`
 */
export async function openTextCollection(
  session: Session,
  options: TextCollectionOptions,
): Promise<Embedder> {
  const { info, embedder } = await findCollection(session, options);
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
  if (embedder !== undefined) return embedder;
  const fitting = await openFitting(info, options);
  if (!options.isModelForced) await checkModel(session, info, fitting.model);
  return fitting;
}

/** Of a found collection the embedder is still to be chosen. */
async function findCollection(
  session: Session,
  options: TextCollectionOptions,
): Promise<{ readonly info: CollectionInfo; readonly embedder?: Embedder }> {
  const { catalog } = session;
  const { database, collection } = options;
  const found = await catalog.getCollection(database, collection);
  if (found !== undefined) return { info: found };
  if (!options.isCreating) {
    throw new InsulaError(
      "collection_not_found",
      `There is no collection ${collection} in database ${database}.`,
    );
  }
  // Before anything is made: a service that cannot be reached should leave no empty collection.
  const embedder = await open(options, options.texts.embedder.dimension ?? options.dimension);
  if ((await catalog.getDatabase(database)) === undefined) await catalog.createDatabase(database);
  const info = await catalog.createCollection(database, collection, {
    schema: {
      vectors: [{ name: DEFAULT_VECTOR, dimension: embedder.dimension, metric: "cosine" }],
      identity: "key",
      unfilterable: [TEXT_PROPERTY],
    },
    tenancy: options.tenant === undefined ? "single" : "multi",
    embeddingModel: embedder.model,
  });
  return { info, embedder };
}

/** The collection's own model when it is the configured or the built-in one. */
async function openFitting(
  info: CollectionInfo,
  options: TextCollectionOptions,
): Promise<Embedder> {
  const settings = options.texts.embedder;
  const configured = modelOf(settings);
  const wanted = options.isModelForced ? configured : (info.embeddingModel ?? configured);
  const dimension = info.schema.vectors.find(({ name }) => name === DEFAULT_VECTOR)?.dimension;
  if (wanted === BUILT_IN_MODEL) {
    return createBuiltInEmbedder(dimension === undefined ? {} : { dimension });
  }
  if (wanted !== configured) throw mismatch(info, configured);
  const embedder = await open(options, settings.dimension);
  if (embedder.dimension === dimension) return embedder;
  // A model that can shorten its vectors has the collection's dimension when it is asked for it.
  const fitting = settings.dimension === undefined ? await open(options, dimension) : embedder;
  if (fitting.dimension === dimension) return fitting;
  throw new InsulaError(
    "dimension_mismatch",
    `Cannot use ${configured} with collection ${info.name}: expected ${String(dimension)} numbers, the embedder has ${String(fitting.dimension)}.`,
  );
}

function open({ texts }: TextCollectionOptions, dimension: number | undefined): Promise<Embedder> {
  return openEmbedder({ ...texts.embedder, dimension }, texts.doors);
}

function modelOf(settings: EmbedderSettings): string {
  return settings.kind === "built-in" ? BUILT_IN_MODEL : settings.model;
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
  throw mismatch(info, model);
}

function mismatch(info: CollectionInfo, model: string): InsulaError {
  const filler = info.embeddingModel ?? "an unknown model";
  return new InsulaError(
    "model_mismatch",
    `Cannot use ${model} with collection ${info.name}: its ${String(info.rowCount)} records were made with ${filler}.`,
  );
}
