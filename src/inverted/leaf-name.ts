/** Names under which the answers to filters and their leaves are kept. */
import type { Filter, FilterLeaf, FilterScalar, RangeBound } from "../model/index.ts";

/** Lists and strings that make a longer name are not kept. */
export const LEAF_NAME_LENGTH_MAX = 256;

/**
 * Different for leaves that may mean different rows, equal for those written the same; undefined
 * for leaves that are too long, or cost nothing.
 */
export function leafName(leaf: FilterLeaf): string | undefined {
  const name = nameOf(leaf);
  return name !== undefined && name.length <= LEAF_NAME_LENGTH_MAX ? name : undefined;
}

/**
 * Equal for filters that are written the same; undefined for those that are too long to be kept.
 */
export function filterName(filter: Filter): string | undefined {
  switch (filter.kind) {
    case "and":
      return joinedName("&", filter.filters);
    case "or":
      return joinedName("|", filter.filters);
    case "not":
      return joinedName("!", [filter.filter]);
    case "exists":
      return `?${JSON.stringify(filter.property)}`;
    default:
      return leafName(filter);
  }
}

function joinedName(sign: string, filters: readonly Filter[]): string | undefined {
  let name = sign + "(";
  for (const filter of filters) {
    const part = filterName(filter);
    if (part === undefined) return undefined;
    name += `${part};`;
    if (name.length > LEAF_NAME_LENGTH_MAX) return undefined;
  }
  return `${name})`;
}

function nameOf(leaf: FilterLeaf): string | undefined {
  const property = JSON.stringify(leaf.property);
  switch (leaf.kind) {
    case "exists":
      return undefined;
    case "equal":
      return `${property}=${scalarName(leaf.value)}`;
    case "in":
      if (leaf.values.length > LEAF_NAME_LENGTH_MAX) return undefined;
      return `${property}|${leaf.values.map(scalarName).join()}`;
    case "range":
      return `${property}${boundName(leaf.lower)}~${boundName(leaf.upper)}`;
  }
}

function boundName(bound: RangeBound | undefined): string {
  if (bound === undefined) return "";
  return `${bound.isInclusive ? "[" : "("}${scalarName(bound.value)}`;
}

/** The kind is part of the name: "1" is not 1. */
function scalarName(value: FilterScalar): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Date) return `d${value.getTime()}`;
  return typeof value === "bigint" ? `${value}n` : String(value);
}
