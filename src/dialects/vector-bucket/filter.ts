/**
 * The filter grammar OSS and S3 Vectors share, translated into the model's predicate tree.
 *
 * A filter is an object; its members, and several operators on one property, combine with AND.
 * `$ne` and `$nin` are the negation of `$eq` and `$in`, so they hold for a record without the
 * property, as in a document database; every other operator does not.
 */
import { InsulaError } from "../../base/errors.ts";
import type { Filter, FilterScalar, RangeBound } from "../../model/index.ts";
import type { JsonValue } from "../../wire/index.ts";
import { isJsonObject, isList } from "./json-kind.ts";
import { printJson } from "../../wire/index.ts";

/** What a vendor allows in a filter. */
export interface FilterRules {
  /** UTF-8 bytes of the filter as compact JSON. */
  readonly bytesMax: number;
  /** Conditions. */
  readonly itemsMax: number;
  /** Nested filter objects, the outermost counted. */
  readonly depthMax: number;
  /** Properties that must not be filtered by. */
  readonly unfilterable: readonly string[];
}

/**
 * @returns undefined for the empty object, which restricts nothing.
 * @throws InsulaError `filter_invalid`
 */
export function parseFilter(json: JsonValue, rules: FilterRules): Filter | undefined {
  if (!isJsonObject(json)) throw invalid("expected an object");
  const byteCount = Buffer.byteLength(printJson(json));
  if (byteCount > rules.bytesMax) {
    throw invalid(
      `expected at most ${String(rules.bytesMax)} bytes, received ${String(byteCount)}`,
    );
  }
  if (Object.keys(json).length === 0) return undefined;
  return parseObject(json, { rules, items: 0 }, 1);
}

/** What one walk over a filter counts. */
interface Walk {
  readonly rules: FilterRules;
  items: number;
}

function parseObject(json: JsonValue, walk: Walk, depth: number): Filter {
  if (!isJsonObject(json)) throw invalid("expected an object in a list of filters");
  if (depth > walk.rules.depthMax) {
    throw invalid(`expected at most ${String(walk.rules.depthMax)} nested levels`);
  }
  const filters: Filter[] = [];
  for (const [name, operand] of Object.entries(json)) {
    if (name === "$and" || name === "$or") {
      filters.push(parseList(name, operand, { walk, depth: depth + 1 }));
    } else {
      parseProperty(name, operand, { walk, filters });
    }
  }
  return conjunction(filters);
}

function parseList(
  operator: "$and" | "$or",
  operand: JsonValue,
  place: { readonly walk: Walk; readonly depth: number },
): Filter {
  if (!isList(operand) || operand.length === 0) {
    throw invalid(`expected a list of at least one filter behind ${operator}`);
  }
  const filters: Filter[] = [];
  for (const item of operand) {
    filters.push(parseObject(item, place.walk, place.depth));
  }
  return { kind: operator === "$and" ? "and" : "or", filters };
}

function parseProperty(
  property: string,
  operand: JsonValue,
  target: { readonly walk: Walk; readonly filters: Filter[] },
): void {
  const { walk, filters } = target;
  if (property === "") throw invalid("expected the name of a property, received an empty one");
  if (property.startsWith("$")) throw invalid(`${quote(property)} is not an operator here`);
  if (walk.rules.unfilterable.includes(property)) {
    throw invalid(`${quote(property)} is declared as not filterable`);
  }
  if (!isJsonObject(operand)) {
    countItem(walk);
    filters.push({ kind: "equal", property, value: scalar(operand, property) });
    return;
  }
  const conditions = Object.entries(operand);
  if (conditions.length === 0) throw invalid(`expected an operator on ${quote(property)}`);
  for (const [operator, value] of conditions) {
    countItem(walk);
    filters.push(parseCondition(property, operator, value));
  }
}

function parseCondition(property: string, operator: string, operand: JsonValue): Filter {
  switch (operator) {
    case "$eq":
      return { kind: "equal", property, value: scalar(operand, property) };
    case "$ne":
      return not({ kind: "equal", property, value: scalar(operand, property) });
    case "$in":
      return { kind: "in", property, values: scalars(operand, property) };
    case "$nin":
      return not({ kind: "in", property, values: scalars(operand, property) });
    case "$gt":
      return { kind: "range", property, lower: bound(operand, property, false) };
    case "$gte":
      return { kind: "range", property, lower: bound(operand, property, true) };
    case "$lt":
      return { kind: "range", property, upper: bound(operand, property, false) };
    case "$lte":
      return { kind: "range", property, upper: bound(operand, property, true) };
    case "$exists":
      if (typeof operand !== "boolean") {
        throw invalid(`expected a boolean behind $exists on ${quote(property)}`);
      }
      return operand ? { kind: "exists", property } : not({ kind: "exists", property });
    default:
      throw invalid(`${quote(operator)} is not an operator`);
  }
}

function countItem(walk: Walk): void {
  walk.items++;
  if (walk.items > walk.rules.itemsMax) {
    throw invalid(`expected at most ${String(walk.rules.itemsMax)} conditions`);
  }
}

function scalars(operand: JsonValue, property: string): readonly FilterScalar[] {
  if (!isList(operand) || operand.length === 0) {
    throw invalid(`expected a list of at least one value on ${quote(property)}`);
  }
  return operand.map((item) => scalar(item, property));
}

function scalar(operand: JsonValue, property: string): FilterScalar {
  if (
    typeof operand === "string" ||
    typeof operand === "boolean" ||
    typeof operand === "number" ||
    typeof operand === "bigint"
  ) {
    return operand;
  }
  throw invalid(`expected a string, number or boolean on ${quote(property)}`);
}

function bound(operand: JsonValue, property: string, isInclusive: boolean): RangeBound {
  if (typeof operand !== "number" && typeof operand !== "bigint") {
    throw invalid(`expected a number to compare ${quote(property)} with`);
  }
  return { value: operand, isInclusive };
}

function not(filter: Filter): Filter {
  return { kind: "not", filter };
}

function conjunction(filters: readonly Filter[]): Filter {
  const [only] = filters;
  if (only === undefined) throw invalid("expected at least one condition in a nested filter");
  return filters.length === 1 ? only : { kind: "and", filters };
}

function invalid(reason: string): InsulaError {
  return new InsulaError("filter_invalid", `Cannot apply the filter: ${reason}.`);
}

/** Names in messages are cut: they come from the caller. */
function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
