/** How many rows are compared exactly: from what was measured to what a search does. */
import { expect, it } from "vitest";
import { CANDIDATES_MAX } from "../math/index.ts";
import { RESCORE_MAX, codeRescore, countsOf, rescoreCount } from "./rescore-counts.ts";

/** For recalls of 0.70, 0.80, 0.90, 0.95, 0.97, 0.98, 0.99, 0.995 and 0.999. */
const COUNTS = [10, 11, 12, 13, 14, 15, 30, 60, 90];

it("a count is the place that the share of true neighbours is found by, and a quarter more", () => {
  const ranks = Array.from({ length: 100 }, (_, i) => i + 1);
  expect(countsOf(ranks, 1)).toEqual([88, 100, 113, 119, 122, 123, 124, 125, 125]);
  expect(countsOf(ranks, 100)).toEqual([100, 100, 113, 119, 122, 123, 124, 125, 125]);
});

it("a neighbour that codes do not find makes the highest recalls unreachable", () => {
  const ranks = [...Array.from({ length: 97 }, () => 4), Infinity, Infinity, RESCORE_MAX];
  expect(countsOf(ranks, 1)).toEqual([5, 5, 5, 5, 5, 0, 0, 0, 0]);
});

it("more neighbours need more in proportion, fewer need no fewer", () => {
  expect([1, 10, 25, 100].map((k) => rescoreCount(COUNTS, k, 0.95))).toEqual([13, 13, 33, 130]);
  expect(rescoreCount(COUNTS, CANDIDATES_MAX, 0.95)).toBeUndefined();
});

it("a segment that was not checked has 2 k + 16 rows compared, as ever", () => {
  const wanted = [1, 10, 100, 10_000].map((k) => codeRescore(undefined, k, 0.95)?.wanted);
  expect(wanted).toEqual([18, 36, 216, CANDIDATES_MAX]);
});

it("codes may miss an eighth of what the search may: its recall decides", () => {
  expect(codeRescore(COUNTS, 10, 0.5)).toEqual({ needed: 0, wanted: 13 });
  expect(codeRescore(COUNTS, 10, 0.9)).toEqual({ needed: 30, wanted: 30 });
  expect(codeRescore(COUNTS, 10, 0.95)).toEqual({ needed: 60, wanted: 60 });
  expect(codeRescore(COUNTS, 10, 1)).toEqual({ needed: 90, wanted: 90 });
  expect(codeRescore(COUNTS, 20, 0.95)).toEqual({ needed: 120, wanted: 120 });
});

it("codes that do not find enough give way to the rows", () => {
  const poor = [40, 90, 400, 0, 0, 0, 0, 0, 0];
  expect(codeRescore(poor, 10, 0.1)).toEqual({ needed: 400, wanted: 400 });
  expect(codeRescore(poor, 10, 0.95)).toBeUndefined();
  expect(codeRescore(COUNTS, 10_000, 0.95)).toBeUndefined();
});

it("as many rows are compared as are asked for, however good the codes", () => {
  const perfect = COUNTS.map(() => 4);
  expect(codeRescore(perfect, 10, 0.95)).toEqual({ needed: 0, wanted: 10 });
});

it("2 k rows are compared where a check says little: at high recalls, of many neighbours", () => {
  const good = COUNTS.map(() => 14);
  expect(codeRescore(good, 10, 0.95)).toEqual({ needed: 0, wanted: 14 });
  expect(codeRescore(good, 10, 0.96)).toEqual({ needed: 0, wanted: 20 });
  expect(codeRescore(good, 11, 0.95)).toEqual({ needed: 0, wanted: 22 });
});

it("good codes are used for any number of neighbours", () => {
  const good = COUNTS.map(() => 18);
  expect(codeRescore(good, 9_000, 0.95)).toEqual({ needed: 0, wanted: CANDIDATES_MAX });
  expect(codeRescore(good, 10_000, 0.95)).toEqual({ needed: 0, wanted: CANDIDATES_MAX });
});
