import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Metadata, MetadataValue } from "../../model/index.ts";
import { parseJsonExact, type JsonObject } from "../../wire/index.ts";
import { printTyped, toMetadata } from "./typed-json.ts";

const name = fc.constantFrom("a", "b", "__proto__", "$date", "$bytes", "$object", "$number", "$x");
const scalar = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.integer(),
  fc.constant(-0),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
    .filter((n) => n > BigInt(Number.MAX_SAFE_INTEGER) || n < BigInt(Number.MIN_SAFE_INTEGER)),
  fc.constant(null),
  fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(253_402_300_799_999) }),
  fc.uint8Array({ maxLength: 9 }),
);
const { value } = fc.letrec<{ value: MetadataValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie("value")), { maxLength: 3 }).map(toObject),
  ),
}));

function toObject(entries: readonly (readonly [string, MetadataValue])[]): Metadata {
  const object = Object.create(null) as Record<string, MetadataValue>;
  for (const [key, item] of entries) object[key] = item;
  return object;
}

describe("metadata as JSON", () => {
  it("comes back with its types, also when it looks like ours", () => {
    const metadata = fc.array(fc.tuple(name, value), { maxLength: 4 }).map(toObject);
    fc.assert(
      fc.property(metadata, (written) => {
        const read = toMetadata(parseJsonExact(printTyped(written)) as JsonObject);
        assert.deepStrictEqual(read, written);
      }),
      { numRuns: 500 },
    );
  });

  it("prints what JSON knows as JSON does", () => {
    const metadata = { text: "x", year: 2024, big: 9_007_199_254_740_993n, on: true, none: null };
    expect(printTyped(metadata)).toBe(
      '{"text":"x","year":2024,"big":9007199254740993,"on":true,"none":null}',
    );
    expect(printTyped({ at: new Date(0), raw: Uint8Array.of(1) })).toBe(
      '{"at":{"$date":"1970-01-01T00:00:00.000Z"},"raw":{"$bytes":"AQ=="}}',
    );
  });

  it.each(['{"a":{"$date":"soon"}}', '{"a":{"$bytes":"=x"}}', '{"a":{"$number":1}}'])(
    "refuses %s",
    (text) => {
      expect(() => toMetadata(parseJsonExact(text) as JsonObject)).toThrow(RangeError);
    },
  );
});
