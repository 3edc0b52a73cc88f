/** Decodes both request bodies into one plain request. */
import { InsulaError } from "../../base/errors.ts";
import { CALL_TEXT_LENGTH_MAX, CALL_TEXTS_MAX } from "./limits.ts";
import { DIMENSION_MAX, SERVED_MODELS, type ServedModel } from "./models.ts";

export interface EmbeddingRequest {
  readonly model: string;
  /** Of the vendor's model, or as the caller chose; undefined: left to us. */
  readonly dimension: number | undefined;
  readonly texts: readonly string[];
}

type Members = Readonly<Record<string, unknown>>;

/**
 * @param body  UTF-8 JSON as received.
 * @param ownModel  name of the configured model, served beside the vendor's.
 * @throws InsulaError `body_malformed`, `argument_invalid`, `operation_unsupported` for images and
 *   videos.
 */
export function decodeEmbeddingRequest(
  body: Uint8Array,
  endpoint: ServedModel["endpoint"],
  ownModel?: string,
): EmbeddingRequest {
  const members = parseObject(body);
  const model = decodeModel(members["model"], endpoint, ownModel);
  const input = toMembers(members["input"], "input");
  const parameters =
    members["parameters"] === undefined ? {} : toMembers(members["parameters"], "parameters");
  const texts =
    endpoint === "text" ? decodeTexts(input["texts"]) : decodeContents(input["contents"]);
  return { model: model.id, dimension: decodeDimension(parameters, model), texts };
}

function parseObject(body: Uint8Array): Members {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new InsulaError(
      "body_malformed",
      "Cannot read the request: body: expected JSON in UTF-8.",
      {
        cause,
      },
    );
  }
  return toMembers(value, "body");
}

function toMembers(value: unknown, name: string): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusal(`${name}: expected an object, received ${nameType(value)}`);
  }
  return value as Members;
}

interface NamedModel extends ServedModel {
  readonly id: string;
}

function decodeModel(
  value: unknown,
  endpoint: ServedModel["endpoint"],
  ownModel: string | undefined,
): NamedModel {
  const isOwn = value === ownModel && endpoint === "text";
  if (typeof value === "string" && isOwn) return { id: value, endpoint };
  const served = typeof value === "string" ? SERVED_MODELS.get(value) : undefined;
  if (typeof value === "string" && served?.endpoint === endpoint) return { id: value, ...served };
  const known = [...SERVED_MODELS].filter(([, model]) => model.endpoint === endpoint);
  const names = known.map(([name]) => name).join(", ");
  throw refusal(`model: this endpoint serves ${names}`);
}

function decodeTexts(value: unknown): readonly string[] {
  const texts: unknown = typeof value === "string" ? [value] : value;
  if (!Array.isArray(texts))
    throw refusal(`input.texts: expected a list, received ${nameType(value)}`);
  checkCount(texts.length, "input.texts");
  return texts.map((text, i) => decodeText(text, `input.texts[${String(i)}]`));
}

function decodeContents(value: unknown): readonly string[] {
  if (!Array.isArray(value))
    throw refusal(`input.contents: expected a list, received ${nameType(value)}`);
  checkCount(value.length, "input.contents");
  return value.map((content: unknown, i) => {
    const name = `input.contents[${String(i)}]`;
    const members = toMembers(content, name);
    for (const medium of ["image", "video", "multi_images"]) {
      if (members[medium] === undefined) continue;
      throw new InsulaError(
        "operation_unsupported",
        `Cannot embed: ${name}: the built-in embedder reads text only: expected {"text"}, received {"${medium}"}. ` +
          "Embed it with a vision model and write the vector instead.",
      );
    }
    return decodeText(members["text"], `${name}.text`);
  });
}

function checkCount(count: number, name: string): void {
  if (count >= 1 && count <= CALL_TEXTS_MAX) return;
  throw refusal(
    `${name}: expected 1 to ${String(CALL_TEXTS_MAX)} items, received ${String(count)}`,
  );
}

function decodeText(value: unknown, name: string): string {
  if (typeof value !== "string")
    throw refusal(`${name}: expected a string, received ${nameType(value)}`);
  if (value.length > CALL_TEXT_LENGTH_MAX) {
    throw refusal(
      `${name}: expected at most ${String(CALL_TEXT_LENGTH_MAX)} characters, received ${String(value.length)}`,
    );
  }
  if (value.trim() === "") throw refusal(`${name}: expected a text, received a blank one`);
  return value;
}

/**
 * The service documents `dimension`, its own command line sends `dimensions`, either as number or
 * string.
 */
function decodeDimension(parameters: Members, model: NamedModel): number | undefined {
  const name = parameters["dimension"] === undefined ? "dimensions" : "dimension";
  const value = parameters[name];
  if (value === undefined) return model.dimension;
  const dimension = typeof value === "string" && /^\d{1,6}$/.test(value) ? Number(value) : value;
  if (
    typeof dimension !== "number" ||
    !Number.isInteger(dimension) ||
    dimension < 1 ||
    dimension > DIMENSION_MAX
  ) {
    throw refusal(`parameters.${name}: expected a whole number from 1 to ${String(DIMENSION_MAX)}`);
  }
  if (model.dimension !== undefined && dimension !== model.dimension) {
    throw refusal(
      `parameters.${name}: ${model.id} has ${String(model.dimension)} dimensions, received ${String(dimension)}: ` +
        "take an index of that dimension, or text-embedding-v4",
    );
  }
  return dimension;
}

function refusal(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot embed: ${reason}.`);
}

function nameType(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
