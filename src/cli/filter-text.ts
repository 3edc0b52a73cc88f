/**
 * Filters as people type them: JSON with `$` operators, as everywhere in Insula (model/where.ts).
 *
 * On the command line `name=value` is short for `{"name": {"$eq": "value"}}`.
 */
import { InsulaError } from "../base/errors.ts";
import { fromExactMembers } from "../base/exact-json.ts";
import { filterFromWhere, type Filter, type RangeBound } from "../model/index.ts";
import { parseJsonExact } from "../wire/index.ts";

/** Of JSON; filters that are too deep get the sentence about filters. */
const JSON_LEVELS_MAX = 1_000;

/** @throws InsulaError `filter_invalid` naming the place. */
export function parseFilter(text: string): Filter {
  const trimmed = text.trim();
  const equals = trimmed.indexOf("=");
  if (!trimmed.startsWith("{") && equals > 0) {
    return { kind: "equal", property: trimmed.slice(0, equals), value: trimmed.slice(equals + 1) };
  }
  const value = parseJson(trimmed);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable();
  return filterFromWhere(
    fromExactMembers(value as Readonly<Record<string, unknown>>, "filter_invalid"),
  );
}

/** The way back, for a server that reads filters itself. */
export function printFilter(filter: Filter): Readonly<Record<string, unknown>> {
  switch (filter.kind) {
    case "and":
      return { $and: filter.filters.map(printFilter) };
    case "or":
      return { $or: filter.filters.map(printFilter) };
    case "not":
      return { $not: printFilter(filter.filter) };
    case "equal":
      return { [filter.property]: { $eq: filter.value } };
    case "in":
      return { [filter.property]: { $in: filter.values } };
    case "exists":
      return { [filter.property]: { $exists: true } };
    case "range":
      return { [filter.property]: printBounds(filter) };
  }
}

function printBounds({
  lower,
  upper,
}: {
  readonly lower?: RangeBound;
  readonly upper?: RangeBound;
}): object {
  return {
    ...(lower !== undefined && { [lower.isInclusive ? "$gte" : "$gt"]: lower.value }),
    ...(upper !== undefined && { [upper.isInclusive ? "$lte" : "$lt"]: upper.value }),
  };
}

function parseJson(text: string): unknown {
  try {
    return parseJsonExact(text, { depthMax: JSON_LEVELS_MAX });
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause?: unknown): InsulaError {
  return new InsulaError(
    "filter_invalid",
    `Cannot read the filter: expected name=value or JSON such as {"year": {"$gte": 2020}}.`,
    { cause },
  );
}
