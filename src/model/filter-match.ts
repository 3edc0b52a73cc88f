/**
 * What a filter means, row by row: the reference that every index is tested against, and the
 * evaluation for rows that have none (memtables, unindexed properties).
 */
import { compareScalars, isList, toCanonicalNumber } from "./compare.ts";
import type { Filter, FilterScalar, RangeBound } from "./filter.ts";
import { joinValues } from "./filter-join.ts";
import type { Metadata, MetadataValue } from "./metadata.ts";
import { MetadataCursor } from "./metadata-cursor.ts";

/** The nodes that look at a property; all others only combine them. */
export type FilterLeaf = Extract<Filter, { readonly property: string }>;

/**
 * Whether the metadata of one record passes; undefined metadata has no property. The semantics are
 * those written at {@link Filter}; this function states them in code and is not tuned.
 */
export function matchesFilter(filter: Filter, metadata: Metadata | undefined): boolean {
  switch (filter.kind) {
    case "and":
      return filter.filters.every((part) => matchesFilter(part, metadata));
    case "or":
      return filter.filters.some((part) => matchesFilter(part, metadata));
    case "not":
      return !matchesFilter(filter.filter, metadata);
    default: {
      const isPresent = metadata !== undefined && Object.hasOwn(metadata, filter.property);
      return matchesLeaf(filter, isPresent ? metadata[filter.property] : undefined);
    }
  }
}

/** Whether one value passes a leaf; undefined stands for a missing property. */
export function matchesLeaf(leaf: FilterLeaf, value: MetadataValue | undefined): boolean {
  if (leaf.kind === "exists") return value !== undefined;
  const test = scalarTest(leaf);
  return someScalar(value, test);
}

/** A filter made ready to look at many rows. */
export interface CompiledFilter {
  /** Evaluates over encoded metadata; only the properties that the filter names are decoded. */
  readonly matches: (metadata: Uint8Array | undefined) => boolean;
  /** Leaves that may look at a value: what a row costs besides its length. */
  readonly leafCount: number;
}

/**
 * Prepares a checked filter for rows of encoded metadata. Same answers as {@link matchesFilter}.
 *
 * `matches` throws InsulaError `data_damaged` for bytes that are no metadata. Cost of a row: one
 * walk over the property names until all needed are found.
 */
export function compileFilter(given: Filter): CompiledFilter {
  const filter = joinValues(given);
  const properties: string[] = [];
  const test = compileNode(filter, properties);
  const names = properties.map((name) => Buffer.from(name));
  const values: (MetadataValue | undefined)[] = [];
  return {
    leafCount: countLeaves(filter),
    matches(metadata) {
      values.length = 0;
      if (metadata !== undefined && metadata.length > 0) readSlots(metadata, names, values);
      return test(values);
    },
  };
}

function countLeaves(filter: Filter): number {
  if (filter.kind === "not") return countLeaves(filter.filter);
  if (filter.kind !== "and" && filter.kind !== "or") return 1;
  return filter.filters.reduce((sum, part) => sum + countLeaves(part), 0);
}

/** Takes values by slot: the position of their property in the compiled list of names. */
type RowTest = (values: readonly (MetadataValue | undefined)[]) => boolean;

type ScalarTest = (value: FilterScalar) => boolean;

function compileNode(filter: Filter, properties: string[]): RowTest {
  switch (filter.kind) {
    case "and": {
      const tests = filter.filters.map((part) => compileNode(part, properties));
      return (values) => tests.every((test) => test(values));
    }
    case "or": {
      const tests = filter.filters.map((part) => compileNode(part, properties));
      return (values) => tests.some((test) => test(values));
    }
    case "not": {
      const test = compileNode(filter.filter, properties);
      return (values) => !test(values);
    }
    default: {
      let slot = properties.indexOf(filter.property);
      if (slot < 0) slot = properties.push(filter.property) - 1;
      if (filter.kind === "exists") return (values) => values[slot] !== undefined;
      const test = filter.kind === "in" ? setTest(filter.values) : scalarTest(filter);
      return (values) => someScalar(values[slot], test);
    }
  }
}

function readSlots(
  metadata: Uint8Array,
  names: readonly Uint8Array[],
  values: (MetadataValue | undefined)[],
): void {
  const cursor = new MetadataCursor(metadata);
  let missing = names.length;
  for (let left = cursor.open(); left > 0 && missing > 0; left--) {
    const length = cursor.nameLength();
    const start = cursor.position;
    cursor.position = start + length;
    const slot = names.findIndex((name) => name.length === length && cursor.equals(start, name));
    if (slot < 0) {
      cursor.skip();
    } else {
      values[slot] = cursor.value();
      missing--;
    }
  }
}

/** True when the value, or an element of the list, is a scalar that passes. */
function someScalar(value: MetadataValue | undefined, test: ScalarTest): boolean {
  if (value === undefined) return false;
  if (!isList(value)) return isScalar(value) && test(value);
  return value.some((element) => isScalar(element) && test(element));
}

function isScalar(value: MetadataValue): value is FilterScalar {
  return typeof value === "object" ? value instanceof Date : true;
}

function scalarTest(leaf: Exclude<FilterLeaf, { kind: "exists" }>): ScalarTest {
  switch (leaf.kind) {
    case "equal":
      return (value) => compareScalars(value, leaf.value) === 0;
    case "in":
      return (value) => leaf.values.some((wanted) => compareScalars(value, wanted) === 0);
    case "range": {
      const { lower, upper } = leaf;
      if (lower === undefined && upper === undefined) return () => false;
      return (value) =>
        (lower === undefined || isWithin(compareScalars(value, lower.value), lower, 1)) &&
        (upper === undefined || isWithin(compareScalars(value, upper.value), upper, -1));
    }
  }
}

/** @param side 1 for a lower bound, -1 for an upper one. */
function isWithin(order: number | undefined, bound: RangeBound, side: 1 | -1): boolean {
  if (order === undefined) return false;
  return order === 0 ? bound.isInclusive : order * side > 0;
}

/** `in` in constant time whatever the number of values. */
function setTest(wanted: readonly FilterScalar[]): ScalarTest {
  const plain = new Set<string | boolean | number | bigint>();
  const times = new Set<number>();
  for (const value of wanted) {
    if (value instanceof Date) times.add(value.getTime());
    else plain.add(toIdentity(value));
  }
  return (value) =>
    value instanceof Date ? times.has(value.getTime()) : plain.has(toIdentity(value));
}

function toIdentity(value: string | boolean | number | bigint): string | boolean | number | bigint {
  return typeof value === "number" || typeof value === "bigint" ? toCanonicalNumber(value) : value;
}
