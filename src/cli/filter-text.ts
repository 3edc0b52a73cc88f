/**
 * Filters as people type them and as the OSS protocol reads them: both are JSON with `$` operators.
 *
 * On the command line `name=value` is short for `{"name": {"$eq": "value"}}`.
 */
import { InsulaError } from "../base/errors.ts";
import { FILTER_DEPTH_MAX } from "../base/limits.ts";
import type { Filter, FilterScalar, RangeBound } from "../model/index.ts";
import { parseJsonExact, type Printable } from "../wire/index.ts";

type Members = Readonly<Record<string, unknown>>;
/** Of JSON; filters that are too deep get the sentence about filters. */
const JSON_LEVELS_MAX = 1_000;
/** Without undefined members. */
export type PrintedFilter = Readonly<Record<string, Printable>>;

/** @throws InsulaError `filter_invalid` naming the place. */
export function parseFilter(text: string): Filter {
  const trimmed = text.trim();
  const equals = trimmed.indexOf("=");
  if (!trimmed.startsWith("{") && equals > 0) {
    return { kind: "equal", property: trimmed.slice(0, equals), value: trimmed.slice(equals + 1) };
  }
  let value: unknown;
  try {
    value = parseJsonExact(trimmed, { depthMax: JSON_LEVELS_MAX });
  } catch (cause) {
    throw new InsulaError(
      "filter_invalid",
      `Cannot read the filter: expected name=value or JSON such as {"year": {"$gte": 2020}}.`,
      { cause },
    );
  }
  return toFilter(value, 1);
}

function toFilter(value: unknown, depth: number): Filter {
  if (!isMembers(value)) throw refusal("expected an object");
  if (depth > FILTER_DEPTH_MAX)
    throw refusal(`expected at most ${String(FILTER_DEPTH_MAX)} levels`);
  const filters = Object.entries(value).flatMap(([name, operand]): Filter[] => {
    if (name === "$and" || name === "$or") {
      if (!Array.isArray(operand) || operand.length === 0)
        throw refusal(`${name}: expected a list`);
      const inner = operand.map((item) => toFilter(item, depth + 1));
      return [{ kind: name === "$and" ? "and" : "or", filters: inner }];
    }
    if (name.startsWith("$")) throw refusal(`${name}: expected $and, $or or a property`);
    if (!isMembers(operand)) return [{ kind: "equal", property: name, value: toScalar(operand) }];
    return Object.entries(operand).map(([operator, bound]) => toLeaf(name, operator, bound));
  });
  const [first] = filters;
  if (first === undefined) throw refusal("expected at least one condition");
  return filters.length === 1 ? first : { kind: "and", filters };
}

function toLeaf(property: string, operator: string, operand: unknown): Filter {
  switch (operator) {
    case "$eq":
      return { kind: "equal", property, value: toScalar(operand) };
    case "$ne":
      return { kind: "not", filter: { kind: "equal", property, value: toScalar(operand) } };
    case "$in":
      return { kind: "in", property, values: toScalars(operand) };
    case "$nin":
      return { kind: "not", filter: { kind: "in", property, values: toScalars(operand) } };
    case "$gt":
    case "$gte":
      return { kind: "range", property, lower: toBound(operand, operator === "$gte") };
    case "$lt":
    case "$lte":
      return { kind: "range", property, upper: toBound(operand, operator === "$lte") };
    case "$exists": {
      if (typeof operand !== "boolean") throw refusal("$exists: expected true or false");
      const exists: Filter = { kind: "exists", property };
      return operand ? exists : { kind: "not", filter: exists };
    }
    default:
      throw refusal(`${operator}: expected $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin or $exists`);
  }
}

/**
 * The JSON the OSS protocol takes; dates become their ISO text there, as that protocol has no
 * dates.
 */
export function printFilter(filter: Filter): PrintedFilter {
  switch (filter.kind) {
    case "and":
      return { $and: filter.filters.map(printFilter) };
    case "or":
      return { $or: filter.filters.map(printFilter) };
    case "equal":
      return { [filter.property]: { $eq: printScalar(filter.value) } };
    case "in":
      return { [filter.property]: { $in: filter.values.map(printScalar) } };
    case "exists":
      return { [filter.property]: { $exists: true } };
    case "range":
      return { [filter.property]: { ...printLower(filter.lower), ...printUpper(filter.upper) } };
    case "not":
      return printNegation(filter.filter);
  }
}

function printNegation(inner: Filter): PrintedFilter {
  switch (inner.kind) {
    case "equal":
      return { [inner.property]: { $ne: printScalar(inner.value) } };
    case "in":
      return { [inner.property]: { $nin: inner.values.map(printScalar) } };
    case "exists":
      return { [inner.property]: { $exists: false } };
    default:
      throw new InsulaError(
        "operation_unsupported",
        "Cannot send the filter to the server: its protocol negates single conditions only.",
      );
  }
}

function printLower(bound: RangeBound | undefined): PrintedFilter {
  if (bound === undefined) return {};
  return { [bound.isInclusive ? "$gte" : "$gt"]: printScalar(bound.value) };
}

function printUpper(bound: RangeBound | undefined): PrintedFilter {
  if (bound === undefined) return {};
  return { [bound.isInclusive ? "$lte" : "$lt"]: printScalar(bound.value) };
}

function printScalar(value: FilterScalar): string | number | bigint | boolean {
  return value instanceof Date ? value.toISOString() : value;
}

function toScalar(value: unknown): FilterScalar {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  if (typeof value === "bigint") return value;
  throw refusal("expected a string, number or boolean");
}

function toScalars(value: unknown): readonly FilterScalar[] {
  if (!Array.isArray(value) || value.length === 0) throw refusal("expected a non-empty list");
  return value.map(toScalar);
}

function toBound(value: unknown, isInclusive: boolean): RangeBound {
  if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "string")
    throw refusal("expected a number or string");
  return { value, isInclusive };
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refusal(reason: string): InsulaError {
  return new InsulaError("filter_invalid", `Cannot read the filter: ${reason}.`);
}
