import { expect, it } from "vitest";
import type { Filter, FilterLeaf } from "../model/index.ts";
import { LEAF_NAME_LENGTH_MAX, filterName, leafName } from "./leaf-name.ts";

const LEAVES: readonly FilterLeaf[] = [
  { kind: "equal", property: "p", value: 1 },
  { kind: "equal", property: "p", value: "1" },
  { kind: "equal", property: "p", value: true },
  { kind: "equal", property: "p", value: "true" },
  { kind: "equal", property: "q", value: 1 },
  { kind: "equal", property: "p", value: new Date(1) },
  { kind: "equal", property: 'p"=1', value: 1 },
  { kind: "in", property: "p", values: [1, 2] },
  { kind: "in", property: "p", values: ["1,2"] },
  { kind: "in", property: "p", values: ["1", "2"] },
  { kind: "in", property: "p", values: [12] },
  { kind: "range", property: "p", lower: { value: 1, isInclusive: true } },
  { kind: "range", property: "p", lower: { value: 1, isInclusive: false } },
  { kind: "range", property: "p", upper: { value: 1, isInclusive: true } },
  { kind: "range", property: "p", upper: { value: "1", isInclusive: true } },
  { kind: "range", property: "p", upper: { value: Infinity, isInclusive: true } },
];

it("leaves of different meaning have different names, equal ones the same", () => {
  const names = LEAVES.map(leafName);
  expect(names).not.toContain(undefined);
  expect(new Set(names).size).toBe(LEAVES.length);
  expect(LEAVES.map((leaf) => leafName(structuredClone(leaf)))).toEqual(names);
});

it("a name says how leaves are put together", () => {
  const [a, b] = LEAVES.map((leaf): Filter => leaf);
  if (a === undefined || b === undefined) throw new TypeError("two leaves are needed");
  const filters: readonly Filter[] = [
    a,
    { kind: "not", filter: a },
    { kind: "not", filter: { kind: "not", filter: a } },
    { kind: "and", filters: [a] },
    { kind: "and", filters: [a, b] },
    { kind: "or", filters: [a, b] },
    { kind: "or", filters: [a, { kind: "and", filters: [b] }] },
    { kind: "or", filters: [{ kind: "and", filters: [a] }, b] },
    { kind: "exists", property: "p" },
  ];
  const names = filters.map(filterName);
  expect(names).not.toContain(undefined);
  expect(new Set(names).size).toBe(filters.length);
});

it("what is long has no name, however it is long", () => {
  const long = "x".repeat(LEAF_NAME_LENGTH_MAX);
  const equal: FilterLeaf = { kind: "equal", property: "p", value: long };
  const values = Array.from({ length: LEAF_NAME_LENGTH_MAX }, (_, i) => i);
  expect(leafName(equal)).toBeUndefined();
  expect(leafName({ kind: "in", property: "p", values })).toBeUndefined();
  expect(filterName({ kind: "and", filters: [equal] })).toBeUndefined();
  const many = Array.from({ length: 100 }, (): Filter => ({ kind: "exists", property: "abc" }));
  expect(filterName({ kind: "or", filters: many })).toBeUndefined();
});
