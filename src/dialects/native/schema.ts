/**
 * What a body may be, said once: each schema reads a value into our words, and describes itself as
 * JSON Schema for the OpenAPI document. What it does not name it refuses, so that a misspelt member
 * is never a silent default.
 */
import { InsulaError } from "../../base/errors.ts";
import type { JsonObject, JsonValue } from "../../wire/index.ts";

/** A JSON Schema (2020-12), as OpenAPI 3.1 embeds it. */
export interface JsonSchema {
  readonly [name: string]: unknown;
}

/** Lists of numbers that were taken out of the body. */
export type TakenLists = readonly Float32Array[];

export interface Schema<Value> {
  readonly json: JsonSchema;
  /** True for a member that may be missing. */
  readonly isOptional?: boolean;
  /**
   * @param at  where the value stands, for the message: `records[3].key`.
   * @throws InsulaError `argument_invalid` unless the schema says another code.
   */
  read(value: JsonValue | undefined, at: string, lists: TakenLists): Value;
  /** The same in pieces, each of which says its steps before; absent where little is to do. */
  pieces?(value: JsonValue | undefined, at: string, lists: TakenLists): Pieces<Value>;
}

export type Pieces<Value> = Generator<number, Value, void>;

/** Elements of a list that are read as one piece, and what one costs: a record, about. */
const PIECE_ITEMS = 32;
const ITEM_STEPS = 300;

type Members = Readonly<Record<string, Schema<unknown>>>;
type Read<M extends Members> = {
  readonly [Name in keyof M]: M[Name] extends Schema<infer Value> ? Value : never;
};

export function text(description: string): Schema<string> {
  return {
    json: { type: "string", description },
    read: (value, at) => {
      if (typeof value === "string") return value;
      throw refusal(at, "expected text");
    },
  };
}

export function integer(min: number, max: number, description: string): Schema<number> {
  return {
    json: { type: "integer", minimum: min, maximum: max, description },
    read: (value, at) => {
      if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
        return value;
      }
      throw refusal(at, `expected a whole number from ${String(min)} to ${String(max)}`);
    },
  };
}

/** A count or a stamp: a whole number from 0. */
export function count(description: string): Schema<number> {
  const whole = integer(0, Number.MAX_SAFE_INTEGER, description);
  return { ...whole, json: { type: "integer", minimum: 0, description } };
}

export function number(description: string): Schema<number> {
  return {
    json: { type: "number", description },
    read: (value, at) => {
      if (typeof value === "number" && Number.isFinite(value)) return value;
      throw refusal(at, "expected a number");
    },
  };
}

/** A number from `min` to `max`, fractions too. */
export function numberIn(min: number, max: number, description: string): Schema<number> {
  return {
    json: { type: "number", minimum: min, maximum: max, description },
    read: (value, at) => {
      if (typeof value === "number" && value >= min && value <= max) return value;
      throw refusal(at, `expected a number from ${String(min)} to ${String(max)}`);
    },
  };
}

export function flag(description: string): Schema<boolean> {
  return {
    json: { type: "boolean", description },
    read: (value, at) => {
      if (typeof value === "boolean") return value;
      throw refusal(at, "expected true or false");
    },
  };
}

export function choice<const Word extends string>(
  words: readonly Word[],
  description: string,
): Schema<Word> {
  return {
    json: { enum: words, description },
    read: (value, at) => {
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      throw refusal(at, `expected one of ${words.join(", ")}`);
    },
  };
}

export function list<Item>(
  item: Schema<Item>,
  countMax: number,
  description: string,
): Schema<readonly Item[]> {
  return {
    json: {
      type: "array",
      items: item.json,
      ...(countMax === Number.MAX_SAFE_INTEGER ? {} : { maxItems: countMax }),
      description,
    },
    read: (value, at, lists) =>
      listed(value, countMax, at).map((element, i) =>
        item.read(element, `${at}[${String(i)}]`, lists),
      ),
    *pieces(value, at, lists) {
      const read: Item[] = [];
      for (const [i, element] of listed(value, countMax, at).entries()) {
        if (i % PIECE_ITEMS === 0) yield PIECE_ITEMS * ITEM_STEPS;
        read.push(item.read(element, `${at}[${String(i)}]`, lists));
      }
      return read;
    },
  };
}

function listed(value: JsonValue | undefined, countMax: number, at: string): readonly JsonValue[] {
  if (!Array.isArray(value)) throw refusal(at, "expected a list");
  if (value.length <= countMax) return value;
  throw refusal(at, `expected at most ${String(countMax)} items, received ${String(value.length)}`);
}

export function object<M extends Members>(members: M, description: string): Schema<Read<M>> {
  const entries = Object.entries(members);
  const required = entries.filter(([, { isOptional }]) => isOptional !== true);
  return {
    json: {
      type: "object",
      description,
      properties: Object.fromEntries(entries.map(([name, { json }]) => [name, json])),
      required: required.map(([name]) => name),
      additionalProperties: false,
    },
    read: (value, at, lists) => {
      const given = membersOf(members, value, at);
      const read: Record<string, unknown> = {};
      for (const [name, schema] of entries) {
        read[name] = schema.read(given[name], under(at, name), lists);
      }
      return read as Read<M>;
    },
    *pieces(value, at, lists) {
      const given = membersOf(members, value, at);
      const read: Record<string, unknown> = {};
      for (const [name, schema] of entries) {
        const place = under(at, name);
        read[name] =
          schema.pieces === undefined
            ? schema.read(given[name], place, lists)
            : yield* schema.pieces(given[name], place, lists);
      }
      return read as Read<M>;
    },
  };
}

function membersOf(members: Members, value: JsonValue | undefined, at: string): JsonObject {
  if (!isJsonObject(value)) {
    throw at === "" ? bodyMalformed() : refusal(at, "expected an object");
  }
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(members, name)) continue;
    const known = Object.keys(members).join(", ");
    throw refusal(under(at, quote(name)), `unknown: expected only ${known}`);
  }
  return value;
}

/** A member that may be missing; then it reads as undefined. */
export function optional<Value>(schema: Schema<Value>): Schema<Value | undefined> {
  return {
    json: schema.json,
    isOptional: true,
    read: (value, at, lists) => (value === undefined ? undefined : schema.read(value, at, lists)),
  };
}

/** null means something of its own. */
export function nullable<Value>(schema: Schema<Value>): Schema<Value | null> {
  return {
    json: { anyOf: [schema.json, { type: "null" }] },
    read: (value, at, lists) => (value === null ? null : schema.read(value, at, lists)),
  };
}

/** A vector, whose numbers were parsed and taken out of the body: a position stands there. */
export function vector(description: string): Schema<Float32Array> {
  return {
    json: { type: "array", items: { type: "number" }, minItems: 1, description },
    read: (value, at, lists) => {
      const values = typeof value === "number" ? lists[value] : undefined;
      if (values !== undefined) return values;
      throw new InsulaError(
        "vector_invalid",
        `Cannot read the request: ${at}: expected a list of numbers.`,
      );
    },
  };
}

/** A value that another part of the house reads from the JSON object it is. */
export function members<Value>(
  json: JsonSchema,
  read: (object: JsonObject, at: string) => Value,
): Schema<Value> {
  return {
    json: { type: "object", ...json },
    read: (value, at) => {
      if (isJsonObject(value)) return read(value, at);
      throw refusal(at, "expected an object");
    },
  };
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function refusal(at: string, reason: string): InsulaError {
  const where = at === "" ? "body" : at;
  return new InsulaError("argument_invalid", `Cannot read the request: ${where}: ${reason}.`);
}

function bodyMalformed(): InsulaError {
  return new InsulaError(
    "body_malformed",
    "Cannot read the request: body: expected a JSON object.",
  );
}

function under(at: string, name: string): string {
  return at === "" ? name : `${at}.${name}`;
}

function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
