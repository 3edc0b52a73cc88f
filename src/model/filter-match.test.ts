import fc from "fast-check";
import { expect, test } from "vitest";
import { compileFilter, matchesFilter } from "./filter-match.ts";
import type { Filter, FilterScalar } from "./filter.ts";
import { encodeMetadata } from "./metadata-encode.ts";
import type { Metadata, MetadataValue } from "./metadata.ts";

const date = new Date(1_700_000_000_000);
const record: Metadata = {
  year: 2020,
  big: 2n ** 63n,
  name: "Ada",
  isOpen: true,
  none: null,
  tags: ["a", 5, null, ["deep"], date],
  inner: { year: 2020 },
  raw: Uint8Array.from([1]),
  at: date,
};

const equal = (property: string, value: FilterScalar): Filter => ({
  kind: "equal",
  property,
  value,
});
const range = (
  property: string,
  lower: string | number | bigint | Date | undefined,
  upper?: string | number | bigint | Date,
  isInclusive = true,
): Filter => ({
  kind: "range",
  property,
  ...(lower === undefined ? {} : { lower: { value: lower, isInclusive } }),
  ...(upper === undefined ? {} : { upper: { value: upper, isInclusive } }),
});

test.each<[string, Filter, boolean]>([
  ["equality is by value across kinds of number", equal("year", 2020n), true],
  ["equality is type-strict", equal("year", "2020"), false],
  ["a boolean is no number", equal("isOpen", 1), false],
  ["an integer beyond 2^53 is compared exactly", equal("big", 2n ** 63n + 1n), false],
  ["an integer beyond 2^53 equals the same double", equal("big", 2 ** 63), true],
  ["a list matches by any element", equal("tags", 5), true],
  ["a date in a list matches", equal("tags", new Date(date.getTime())), true],
  ["a list in a list does not match", equal("tags", "deep"), false],
  ["null matches no positive leaf", range("none", 0), false],
  ["an object matches no positive leaf", equal("inner", 2020), false],
  ["bytes match no positive leaf", range("raw", ""), false],
  ["a missing property matches no positive leaf", equal("nothing", 1), false],
  ["null exists", { kind: "exists", property: "none" }, true],
  ["a missing property does not exist", { kind: "exists", property: "nothing" }, false],
  ["not equal is true for a missing property", { kind: "not", filter: equal("nothing", 1) }, true],
  ["in matches any value", { kind: "in", property: "name", values: [1, "Ada"] }, true],
  ["in of nothing matches nothing", { kind: "in", property: "name", values: [] }, false],
  ["an inclusive bound", range("year", 2020, 2020), true],
  ["an exclusive bound", range("year", 2020, undefined, false), false],
  ["a range of strings is by bytes", range("name", "A", "B"), true],
  ["a range of dates", range("at", new Date(0), date), true],
  ["a range of numbers passes over dates", range("at", 0), false],
  ["bounds of two kinds match nothing", range("year", 0, "z"), false],
  ["an empty and is true", { kind: "and", filters: [] }, true],
  ["an empty or is false", { kind: "or", filters: [] }, false],
  ["the prototype has no properties", { kind: "exists", property: "toString" }, false],
])("%s", (_, filter, expected) => {
  expect(matchesFilter(filter, record)).toBe(expected);
  expect(compileFilter(filter).matches(encodeMetadata(record))).toBe(expected);
});

test("a range on a list needs one element that passes both bounds", () => {
  const both: Filter = {
    kind: "and",
    filters: [range("v", 5), range("v", undefined, 5)],
  };
  expect(matchesFilter(range("v", 5, 5), { v: [1, 9] })).toBe(false);
  expect(matchesFilter(both, { v: [1, 9] })).toBe(true);
});

test("a compiled filter gives the answers of the reference on any metadata", () => {
  const scalar = fc.constantFrom<FilterScalar>(
    "a",
    "b",
    "",
    1,
    1n,
    -0,
    2n ** 60n,
    2 ** 60,
    true,
    date,
  );
  const value = fc.oneof(
    scalar,
    fc.constantFrom<MetadataValue>(null, { a: 1 }, Uint8Array.from([1])),
    fc.array(fc.oneof(scalar, fc.constant(null)), { maxLength: 3 }),
  );
  const property = fc.constantFrom("p", "q", "__proto__");
  const metadata = fc.option(
    fc.dictionary(property, value, {
      noNullPrototype: false,
    }),
    { nil: undefined },
  );
  const bound = fc.record({
    value: scalar.filter((v) => typeof v !== "boolean") as fc.Arbitrary<string | number>,
    isInclusive: fc.boolean(),
  });
  const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { depthSize: "small" },
      fc.record({
        kind: fc.constant("equal" as const),
        property,
        value: scalar,
      }),
      fc.record({
        kind: fc.constant("in" as const),
        property,
        values: fc.array(scalar),
      }),
      fc.record({
        kind: fc.constant("range" as const),
        property,
        lower: bound,
        upper: bound,
      }),
      fc.record({
        kind: fc.constant("range" as const),
        property,
        lower: bound,
      }),
      fc.record({ kind: fc.constant("exists" as const), property }),
      fc.record({ kind: fc.constant("not" as const), filter: tie("filter") }),
      fc.record({
        kind: fc.constant("and" as const),
        filters: fc.array(tie("filter")),
      }),
      fc.record({
        kind: fc.constant("or" as const),
        filters: fc.array(tie("filter")),
      }),
    ),
  }));
  fc.assert(
    fc.property(filter, metadata, (tree, row) => {
      const bytes = row === undefined ? undefined : encodeMetadata(row);
      expect(compileFilter(tree).matches(bytes)).toBe(matchesFilter(tree, row));
    }),
    { numRuns: 1000 },
  );
});
