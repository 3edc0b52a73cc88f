/** The check of a filter before anything is evaluated: shape, values, nodes and nesting. */
import { InsulaError } from "../base/errors.ts";
import { FILTER_DEPTH_MAX, FILTER_NODES_MAX } from "../base/limits.ts";
import { INTEGER_MAX, INTEGER_MIN } from "./compare.ts";
import type { Filter, RangeBound } from "./filter.ts";
import { isWellFormed } from "./well-formed.ts";

/**
 * Nodes are counted with the values of `in`, so that the work of one filter is bounded.
 *
 * @throws InsulaError `filter_invalid`.
 */
export function checkFilter(filter: Filter): void {
  const nodes = countNodes(filter, 1, 0);
  assertNodes(nodes);
}

/** Nodes so far and in this subtree; stops early above the limit. */
function countNodes(filter: Filter, depth: number, before: number): number {
  let nodes = before + 1;
  assertNodes(nodes);
  if (depth > FILTER_DEPTH_MAX) {
    throw filterInvalid(
      `nested too deep: expected at most ${String(FILTER_DEPTH_MAX)} levels, received more`,
    );
  }
  switch (filter.kind) {
    case "and":
    case "or":
      for (const part of filter.filters) nodes = countNodes(part, depth + 1, nodes);
      return nodes;
    case "not":
      return countNodes(filter.filter, depth + 1, nodes);
    case "equal":
      checkProperty(filter.property);
      checkScalar(filter.value);
      return nodes;
    case "in":
      checkProperty(filter.property);
      nodes += filter.values.length;
      assertNodes(nodes);
      filter.values.forEach(checkScalar);
      return nodes;
    case "range":
      checkProperty(filter.property);
      checkRange(filter.lower, filter.upper);
      return nodes;
    case "exists":
      checkProperty(filter.property);
      return nodes;
    default:
      throw filterInvalid("unknown kind of node");
  }
}

function assertNodes(nodes: number): void {
  if (nodes > FILTER_NODES_MAX) {
    throw filterInvalid(
      `too large: expected at most ${String(FILTER_NODES_MAX)} nodes and values, received more`,
    );
  }
}

function checkProperty(property: unknown): void {
  if (typeof property !== "string" || !isWellFormed(property)) {
    throw filterInvalid("expected the name of a property");
  }
}

function checkRange(lower: RangeBound | undefined, upper: RangeBound | undefined): void {
  if (lower === undefined && upper === undefined) {
    throw filterInvalid("a range without bounds: expected a lower or upper bound");
  }
  for (const bound of [lower, upper]) {
    if (bound === undefined) continue;
    checkScalar(bound.value);
    if (typeof bound.value === "boolean") {
      throw filterInvalid("a range over booleans: expected numbers, strings or dates");
    }
  }
}

function checkScalar(value: unknown): void {
  switch (typeof value) {
    case "boolean":
      return;
    case "string":
      if (isWellFormed(value)) return;
      throw filterInvalid("expected text that can be written in UTF-8, received a lone surrogate");
    case "number":
      if (Number.isFinite(value)) return;
      throw filterInvalid("expected a finite number");
    case "bigint":
      if (value >= INTEGER_MIN && value <= INTEGER_MAX) return;
      throw filterInvalid("integer out of range: expected an int64 or uint64");
    default:
      if (value instanceof Date && !Number.isNaN(value.getTime())) return;
      throw filterInvalid("expected a string, boolean, number or date");
  }
}

function filterInvalid(reason: string): InsulaError {
  return new InsulaError("filter_invalid", `Cannot use the filter: ${reason}.`);
}
