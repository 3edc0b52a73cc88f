/**
 * The vendor's filter grammar, translated into the model's predicate tree.
 *
 * Members of an object, and several operators on one field, combine with AND; a value alone is
 * `$eq`, a list alone `$in`. `$ne` and `$nin` hold for a record without the field, every other
 * operator but `$exists: false` does not.
 */
import { InsulaError } from "../../../base/errors.ts";
import { FILTER_DEPTH_MAX } from "../../../base/limits.ts";
import type { Filter, FilterScalar, RangeBound } from "../../../model/index.ts";
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { PINECONE_LIMITS } from "../limits.ts";

/**
 * @returns undefined for the empty object, which restricts nothing.
 * @throws InsulaError `filter_invalid`
 */
export function parseFilter(json: JsonObject): Filter | undefined {
  return Object.keys(json).length === 0 ? undefined : parseObject(json, 1);
}

function parseObject(json: JsonValue, depth: number): Filter {
  if (!isObject(json)) throw invalid("expected an object");
  if (depth > FILTER_DEPTH_MAX) {
    throw invalid(`nested deeper than ${String(FILTER_DEPTH_MAX)} levels`);
  }
  const filters = Object.entries(json).flatMap(([name, operand]) =>
    name.startsWith("$") ? [parseJunction(name, operand, depth)] : parseField(name, operand),
  );
  const [first] = filters;
  if (first === undefined) throw invalid("an inner filter must have at least one condition");
  return filters.length === 1 ? first : { kind: "and", filters };
}

function parseJunction(name: string, operand: JsonValue, depth: number): Filter {
  if (name === "$not") return not(parseObject(operand, depth + 1));
  if (name !== "$and" && name !== "$or") {
    throw invalid(`${quote(name)} is not a valid operator at this place`);
  }
  if (!Array.isArray(operand) || operand.length === 0) {
    throw invalid(`${name} must be a list of at least one filter`);
  }
  const filters = operand.map((item) => parseObject(item, depth + 1));
  return { kind: name === "$and" ? "and" : "or", filters };
}

function parseField(property: string, operand: JsonValue): readonly Filter[] {
  if (property === "") throw invalid("the name of a field must not be empty");
  if (Array.isArray(operand)) return [{ kind: "in", property, values: scalars(operand, "$in") }];
  if (!isObject(operand)) return [{ kind: "equal", property, value: scalar(operand, "$eq") }];
  const conditions = Object.entries(operand);
  if (conditions.length === 0) throw invalid(`${quote(property)} must have an operator`);
  return conditions.map(([operator, value]) => parseCondition(property, operator, value));
}

function parseCondition(property: string, operator: string, operand: JsonValue): Filter {
  switch (operator) {
    case "$eq":
      return { kind: "equal", property, value: scalar(operand, operator) };
    case "$ne":
      return not({ kind: "equal", property, value: scalar(operand, operator) });
    case "$in":
      return { kind: "in", property, values: scalars(operand, operator) };
    case "$nin":
      return not({ kind: "in", property, values: scalars(operand, operator) });
    case "$gt":
      return { kind: "range", property, lower: bound(operand, operator, false) };
    case "$gte":
      return { kind: "range", property, lower: bound(operand, operator, true) };
    case "$lt":
      return { kind: "range", property, upper: bound(operand, operator, false) };
    case "$lte":
      return { kind: "range", property, upper: bound(operand, operator, true) };
    case "$exists":
      if (operand === true) return { kind: "exists", property };
      if (operand === false) return not({ kind: "exists", property });
      throw invalid("the $exists operator must be followed by a boolean");
    default:
      throw invalid(`${quote(operator)} is not a valid operator`);
  }
}

function scalars(operand: JsonValue, operator: string): readonly FilterScalar[] {
  if (!Array.isArray(operand) || operand.length === 0) {
    throw invalid(`the ${operator} operator must be followed by a list of at least one value`);
  }
  if (operand.length > PINECONE_LIMITS.filterValuesMax) {
    throw invalid(
      `the ${operator} operator takes at most ${String(PINECONE_LIMITS.filterValuesMax)} values`,
    );
  }
  return operand.map((item) => scalar(item, operator));
}

function scalar(operand: JsonValue, operator: string): FilterScalar {
  if (operand !== null && typeof operand !== "object") return operand;
  throw invalid(`the ${operator} operator must be followed by a string, boolean or number`);
}

function bound(operand: JsonValue, operator: string, isInclusive: boolean): RangeBound {
  if (typeof operand === "number" || typeof operand === "bigint") {
    return { value: operand, isInclusive };
  }
  throw invalid(`the ${operator} operator must be followed by a number`);
}

function not(filter: Filter): Filter {
  return { kind: "not", filter };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(reason: string): InsulaError {
  return new InsulaError("filter_invalid", `Invalid filter: ${reason}`);
}

/** Names in messages are cut: they come from the caller. */
function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
