import { describe, expect, test } from "vitest";
import { matchesFilter } from "../../model/index.ts";
import { parseFilter } from "./filter.ts";
import { parseJsonExact } from "../../wire/index.ts";

const RULES = { bytesMax: 65_536, itemsMax: 1_024, depthMax: 8, unfilterable: ["text"] };

function parse(json: unknown): ReturnType<typeof parseFilter> {
  return parseFilter(parseJsonExact(JSON.stringify(json)), RULES);
}

const METADATA = { c: ["ai", "db"], year: 2020, s: "2020", isNew: true, o: { a: 1 } };

describe("what a filter matches", () => {
  test.each<[object, boolean]>([
    [{ c: "ai" }, true],
    [{ c: { $eq: "db" } }, true],
    [{ c: { $ne: "ai" } }, false],
    [{ c: { $ne: "x" } }, true],
    [{ year: "2020" }, false],
    [{ s: 2020 }, false],
    [{ year: { $gte: 2020, $lt: 2021 } }, true],
    [{ year: { $gt: 2020 } }, false],
    [{ year: { $lte: 2020 } }, true],
    [{ s: { $gt: 1 } }, false],
    [{ c: { $in: ["x", "ai"] } }, true],
    [{ c: { $nin: ["x", "ai"] } }, false],
    [{ none: { $nin: ["x"] } }, true],
    [{ none: { $ne: "x" } }, true],
    [{ none: { $in: ["x"] } }, false],
    [{ none: { $exists: false } }, true],
    [{ o: { $exists: true } }, true],
    [{ isNew: true, year: 2020 }, true],
    [{ isNew: false }, false],
    [{ $and: [{ c: "ai" }, { $or: [{ year: 1 }, { s: "2020" }] }] }, true],
    [{ $or: [{ year: 1 }], c: "ai" }, false],
    [{ __proto: "x" }, false],
  ])("%j: %s", (json, expected) => {
    const filter = parse(json);
    expect(filter !== undefined && matchesFilter(filter, METADATA)).toBe(expected);
  });
});

test.each<unknown>([
  1,
  null,
  [],
  "x",
  { $not: { a: 1 } },
  { $and: [] },
  { $and: {} },
  { $or: [1] },
  { $or: [{}] },
  { a: null },
  { a: [] },
  { a: {} },
  { a: { $eq: [1] } },
  { a: { $eq: null } },
  { a: { $in: [] } },
  { a: { $in: "x" } },
  { a: { $in: [null] } },
  { a: { $gt: "x" } },
  { a: { $exists: 1 } },
  { a: { $regex: "x" } },
  { a: { b: 1 } },
  { "": 1 },
  { text: "x" },
  { $and: [{ text: { $exists: true } }] },
])("%j is refused", (json) => {
  expect(() => parse(json)).toThrow(/^Cannot apply the filter: /);
});
