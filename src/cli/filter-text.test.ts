import { describe, expect, it } from "vitest";
import { parseFilter, printFilter } from "./filter-text.ts";

describe("filters on the command line", () => {
  it("takes name=value as equality of a string", () => {
    expect(parseFilter("source=docs/a=b.md")).toEqual({
      kind: "equal",
      property: "source",
      value: "docs/a=b.md",
    });
  });

  it.each([
    ['{"a":{"$eq":1}}'],
    ['{"a":{"$ne":"x"}}'],
    ['{"a":{"$in":[1,"b",true]}}'],
    ['{"a":{"$nin":["b"]}}'],
    ['{"a":{"$gt":1}}'],
    ['{"a":{"$lte":1}}'],
    ['{"a":{"$exists":false}}'],
    ['{"$or":[{"a":{"$eq":1}},{"$and":[{"b":{"$exists":true}},{"c":{"$gte":"2020"}}]}]}'],
  ])("prints %s as it was written", (text) => {
    expect(JSON.stringify(printFilter(parseFilter(text)))).toBe(text);
  });

  it("joins several properties and operators with and", () => {
    expect(printFilter(parseFilter('{"a": 1, "b": {"$gte": 1, "$lt": 9}}'))).toEqual({
      $and: [{ a: { $eq: 1 } }, { b: { $gte: 1 } }, { b: { $lt: 9 } }],
    });
  });

  it.each([
    "",
    "{",
    "[]",
    "{}",
    '{"$not":{}}',
    '{"a":{"$like":"x"}}',
    '{"a":{"$in":[]}}',
    '{"a":null}',
    '{"$and":[]}',
    '{"a":{"$exists":1}}',
    '{"a":{"$gt":true}}',
  ])("refuses %j", (text) => {
    expect(() => parseFilter(text)).toThrow(/Cannot read the filter/);
  });

  it("refuses filters deeper than any engine takes", () => {
    const deep = `${'{"$and":['.repeat(40)}{"a":1}${"]}".repeat(40)}`;
    expect(() => parseFilter(deep)).toThrow(/levels/);
  });
});
