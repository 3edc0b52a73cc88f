import { expect, it } from "vitest";
import { joinValues } from "./filter-join.ts";
import type { Filter } from "./filter.ts";

function equal(property: string, value: number): Filter {
  return { kind: "equal", property, value };
}

function not(filter: Filter): Filter {
  return { kind: "not", filter };
}

function any(...filters: readonly Filter[]): Filter {
  return { kind: "or", filters };
}

function all(...filters: readonly Filter[]): Filter {
  return { kind: "and", filters };
}

it.each<[string, Filter, Filter]>([
  [
    "equalities of one property become a list, where the first of them stood",
    any({ kind: "exists", property: "b" }, equal("a", 1), equal("b", 2), equal("a", 3)),
    any(
      { kind: "exists", property: "b" },
      { kind: "in", property: "a", values: [1, 3] },
      equal("b", 2),
    ),
  ],
  [
    "lists are joined with equalities, and what is left alone stands alone",
    any({ kind: "in", property: "a", values: [1, 2] }, equal("a", 2)),
    { kind: "in", property: "a", values: [1, 2, 2] },
  ],
  [
    "what must not be becomes one list",
    all(not(equal("a", 1)), equal("b", 1), not(equal("a", 2))),
    all(not({ kind: "in", property: "a", values: [1, 2] }), equal("b", 1)),
  ],
  [
    "parts below others are joined too",
    not(all(any(equal("a", 1), equal("a", 2)), { kind: "exists", property: "c" })),
    not(all({ kind: "in", property: "a", values: [1, 2] }, { kind: "exists", property: "c" })),
  ],
])("%s", (_, filter, joined) => {
  expect(joinValues(filter)).toEqual(joined);
});

it.each<[string, Filter]>([
  ["what must all hold", all(equal("a", 1), equal("a", 2))],
  ["exclusions of which one must hold", any(not(equal("a", 1)), not(equal("a", 2)))],
  ["of different properties", any(equal("a", 1), equal("b", 1))],
  ["a leaf", equal("a", 1)],
  ["nothing", any()],
])("stays the same object: %s", (_, filter) => {
  expect(joinValues(filter)).toBe(filter);
});
