/**
 * Values that are asked for one by one, asked for together: `a = 1 or a = 2 or …`, as people write
 * it by the thousand, is one look into a set for each row, and one walk through an index.
 */
import type { Filter, FilterScalar } from "./filter.ts";

type ValueLeaf = Extract<Filter, { readonly kind: "equal" | "in" }>;

/**
 * A filter that every record passes or not as before: equalities and lists of one property that are
 * joined by `or`, or excluded side by side by `and`, are one list. The same object where there is
 * nothing to join.
 *
 * Cost: one walk over the filter.
 */
export function joinValues(filter: Filter): Filter {
  switch (filter.kind) {
    case "or":
      return rebuilt(
        filter,
        joinLeaves(filter.filters.map(joinValues), valuesOf, (leaf) => leaf),
      );
    case "and":
      return rebuilt(filter, joinLeaves(filter.filters.map(joinValues), excludedOf, not));
    case "not": {
      const inner = joinValues(filter.filter);
      return inner === filter.filter ? filter : not(inner);
    }
    default:
      return filter;
  }
}

/** Leaves of one property become one, where the first of them stood. */
function joinLeaves(
  filters: readonly Filter[],
  leafOf: (filter: Filter) => ValueLeaf | undefined,
  wrap: (leaf: Filter) => Filter,
): readonly Filter[] {
  const lists = new Map<string, { readonly at: number; readonly leaves: ValueLeaf[] }>();
  const joined: Filter[] = [];
  for (const filter of filters) {
    const leaf = leafOf(filter);
    const list = leaf && lists.get(leaf.property);
    if (leaf !== undefined && list !== undefined) {
      list.leaves.push(leaf);
      continue;
    }
    if (leaf !== undefined) lists.set(leaf.property, { at: joined.length, leaves: [leaf] });
    joined.push(filter);
  }
  for (const [property, { at, leaves }] of lists) {
    if (leaves.length === 1) continue;
    joined[at] = wrap({ kind: "in", property, values: leaves.flatMap(listed) });
  }
  return joined;
}

function listed(leaf: ValueLeaf): readonly FilterScalar[] {
  return leaf.kind === "equal" ? [leaf.value] : leaf.values;
}

function valuesOf(filter: Filter): ValueLeaf | undefined {
  return filter.kind === "equal" || filter.kind === "in" ? filter : undefined;
}

function excludedOf(filter: Filter): ValueLeaf | undefined {
  return filter.kind === "not" ? valuesOf(filter.filter) : undefined;
}

function not(filter: Filter): Filter {
  return { kind: "not", filter };
}

function rebuilt(
  filter: Extract<Filter, { readonly filters: readonly Filter[] }>,
  filters: readonly Filter[],
): Filter {
  const [only] = filters;
  if (only !== undefined && filters.length === 1) return only;
  const { filters: before } = filter;
  const isSame = filters.length === before.length && filters.every((part, i) => part === before[i]);
  return isSame ? filter : { kind: filter.kind, filters };
}
