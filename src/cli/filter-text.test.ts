import { describe, expect, it } from "vitest";
import { filterFromWhere } from "../model/index.ts";
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
    ['{"a":{"$in":[1,"b",true]}}'],
    ['{"a":{"$gt":1,"$lte":5}}'],
    ['{"$not":{"$or":[{"a":{"$eq":1}},{"b":{"$exists":true}}]}}'],
    ['{"$or":[{"a":{"$eq":1}},{"$and":[{"b":{"$exists":true}},{"c":{"$gte":"2020"}}]}]}'],
  ])("prints %s as it was written", (text) => {
    expect(JSON.stringify(printFilter(parseFilter(text)))).toBe(text);
  });

  it.each([
    ['{"a":{"$ne":"x"}}'],
    ['{"a":{"$nin":["b"]}}'],
    ['{"a":{"$exists":false}}'],
    ['{"a": 1, "b": {"$gte": 1, "$lt": 9}, "$not": {"c": 2}}'],
    ['{"at": {"$lt": {"$date": "2024-01-01T00:00:00.000Z"}}, "n": 9007199254740993}'],
  ])("prints %s so that it reads as the same filter", (text) => {
    const filter = parseFilter(text);
    expect(filterFromWhere(printFilter(filter))).toEqual(filter);
  });

  it("keeps whole numbers that no double holds, and dates", () => {
    expect(parseFilter('{"n": 9007199254740993}')).toMatchObject({ value: 9007199254740993n });
    expect(parseFilter('{"at": {"$date": "2024-01-01T00:00:00Z"}}')).toMatchObject({
      value: new Date("2024-01-01T00:00:00Z"),
    });
  });

  it.each([
    "",
    "{",
    "[]",
    "7",
    "{}",
    '{"$not":{}}',
    '{"a":{"$like":"x"}}',
    '{"a":null}',
    '{"$and":[]}',
    '{"a":{"$exists":1}}',
    '{"a":{"$gt":true}}',
    '{"a":{"$date":"yesterday"}}',
  ])("refuses %j", (text) => {
    expect(() => parseFilter(text)).toThrow(expect.objectContaining({ code: "filter_invalid" }));
  });

  it("refuses filters deeper than any engine takes", () => {
    const deep = `${'{"$and":['.repeat(80)}{"a":1}${"]}".repeat(80)}`;
    expect(() => parseFilter(deep)).toThrow(/levels/);
  });
});
