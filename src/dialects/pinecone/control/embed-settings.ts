/** Which model fills an index from texts, and which field the texts stand in. */
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import { METRICS, type PineconeMetric } from "../index-view.ts";
import { readParameters } from "../inference/parameters.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import {
  asObject,
  isObject,
  member,
  readInteger,
  readObject,
  readText,
  requireText,
} from "../rest/members.ts";

/** As the index was asked for; the collection itself remembers whose vectors it holds. */
export interface EmbedSettings {
  /** Name by which the model was asked for. */
  readonly model: string;
  /** Field of a record that is embedded. */
  readonly field: string;
  readonly readParameters: JsonObject;
  readonly writeParameters: JsonObject;
}

/** What a request says of them; what it does not name is absent. */
export interface EmbedPatch {
  readonly model: string | undefined;
  readonly field: string | undefined;
  readonly dimension: number | undefined;
  readonly metric: PineconeMetric | undefined;
  readonly readParameters: JsonObject | undefined;
  readonly writeParameters: JsonObject | undefined;
}

/** `embed` in the shape before 2026-07. @throws InsulaError `argument_invalid` */
export function readEmbed(embed: JsonObject): EmbedPatch {
  const fieldMap = readObject(embed, "field_map");
  const others = Object.keys(fieldMap ?? {}).filter((name) => name !== "text");
  if (others.length > 0) throw refusal("embed.field_map must have text and nothing else");
  return {
    field: fieldMap === undefined ? undefined : checkField(requireText(fieldMap, "text")),
    ...readModel(embed),
  };
}

/** A field of 2026-07 with the type `semantic_text`; undefined when there is none. */
export function readSemanticField(fields: JsonObject): EmbedPatch | undefined {
  const found = Object.entries(fields).filter(([, field]) => isSemantic(field));
  const [first] = found;
  if (first === undefined) return undefined;
  if (found.length > 1 || Object.keys(fields).length > 1) {
    throw refusal("An index with a field of the type semantic_text has no other fields");
  }
  const [name, field] = first;
  return { field: checkField(name), ...readModel(asObject(field, "A field")) };
}

function isSemantic(field: JsonValue): boolean {
  return isObject(field) && field["type"] === "semantic_text";
}

function readModel(embed: JsonObject): Omit<EmbedPatch, "field"> {
  const metric = readText(embed, "metric");
  if (metric !== undefined && !Object.hasOwn(METRICS, metric)) {
    throw refusal("metric must be cosine, euclidean or dotproduct");
  }
  const writeParameters = readModelParameters(embed, "write_parameters");
  return {
    model: readText(embed, "model"),
    dimension: readInteger(embed, "dimension") ?? readInteger(writeParameters ?? {}, "dimension"),
    metric: metric as PineconeMetric | undefined,
    readParameters: readModelParameters(embed, "read_parameters"),
    writeParameters,
  };
}

function readModelParameters(embed: JsonObject, name: string): JsonObject | undefined {
  const parameters = readObject(embed, name);
  if (parameters !== undefined) readParameters(parameters);
  return parameters;
}

function checkField(name: string): string {
  const isUsable = name !== "" && !name.startsWith("$") && name !== "_id" && name !== "id";
  if (isUsable && name.length <= PINECONE_LIMITS.tagNameCharactersMax) return name;
  throw refusal(
    `The field of the texts must be a name of 1 to ${String(PINECONE_LIMITS.tagNameCharactersMax)} ` +
      "characters, not id or _id, that does not start with $",
  );
}

/** The settings of a new index, or of one that had none. @throws InsulaError */
export function toEmbedSettings(patch: EmbedPatch): EmbedSettings {
  if (patch.model === undefined) throw refusal("embed.model is required");
  if (patch.field === undefined) throw refusal("embed.field_map is required");
  return {
    model: patch.model,
    field: patch.field,
    readParameters: patch.readParameters ?? {},
    writeParameters: patch.writeParameters ?? {},
  };
}

/** The model stays: the vectors there are came from it. @throws InsulaError */
export function patchEmbed(kept: EmbedSettings, patch: EmbedPatch): EmbedSettings {
  if (patch.model !== undefined && patch.model !== kept.model) {
    throw refusal(`The model of the index is ${kept.model} and cannot be changed`);
  }
  return {
    model: kept.model,
    field: patch.field ?? kept.field,
    readParameters: patch.readParameters ?? kept.readParameters,
    writeParameters: patch.writeParameters ?? kept.writeParameters,
  };
}

/** As an attribute. ON DISK: members are never renamed. */
export function toEmbedJson(embed: EmbedSettings): JsonObject {
  return {
    ...{ model: embed.model, field: embed.field },
    ...{ read: embed.readParameters, write: embed.writeParameters },
  };
}

export function fromEmbedJson(json: JsonObject): EmbedSettings {
  return {
    model: requireText(json, "model"),
    field: requireText(json, "field"),
    readParameters: asObject(member(json, "read") ?? {}),
    writeParameters: asObject(member(json, "write") ?? {}),
  };
}
