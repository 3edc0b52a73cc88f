import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXACT_DEPTH_MAX, fromExactMembers, toExactMembers } from "./exact-json.ts";

const CODE = "metadata_invalid";

function thereAndBack(value: Readonly<Record<string, unknown>>): unknown {
  const text = JSON.stringify(toExactMembers(value, CODE));
  return fromExactMembers(JSON.parse(text) as Record<string, unknown>, CODE);
}

describe("values as JSON", () => {
  it("come back as they were, whatever they are", () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: "binary" }),
        fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
        fc.boolean(),
        fc.constant(null),
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
        fc.date({ noInvalidDate: true }),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom("$int", "$date", "$bytes", "$object", "a"), tie("value"), {
          maxKeys: 2,
        }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), (members) => {
        expect(thereAndBack(members)).toEqual(members);
      }),
      { numRuns: 500 },
    );
  });

  it("are the same object where nothing is written in another way", () => {
    const plain = { text: "t", n: 5, isOpen: true, none: null };
    expect(toExactMembers(plain, CODE)).toBe(plain);
    for (const more of [{ at: new Date(0) }, { list: [] }, { big: 2n ** 60n }]) {
      const given = { ...plain, ...more };
      expect(toExactMembers(given, CODE)).not.toBe(given);
      expect(thereAndBack(given)).toEqual(given);
    }
    class Told {
      n = 1;

      toJSON(): string {
        return "something else";
      }
    }
    expect(JSON.stringify(toExactMembers({ ...new Told() }, CODE))).toBe('{"n":1}');
    expect(JSON.stringify(toExactMembers(new Told() as never, CODE))).toBe('{"n":1}');
  });

  it("keep bytes beyond one piece, names of prototypes and the edges of integers", () => {
    const bytes = Uint8Array.from({ length: 100_001 }, (_, i) => i % 256);
    const members = JSON.parse('{"__proto__":{"x":1},"constructor":"y"}') as object;
    const edges = [2n ** 53n, -(2n ** 53n), -(2n ** 63n), 2n ** 64n - 1n];
    const back = thereAndBack({ ...members, bytes, edges });
    expect(back).toMatchObject({ bytes, edges, constructor: "y" });
    expect(thereAndBack({ small: 5n, max: 2n ** 53n - 1n })).toEqual({
      small: 5,
      max: Number.MAX_SAFE_INTEGER,
    });
    expect(Object.keys(thereAndBack(members as Record<string, unknown>) as object)).toEqual([
      "__proto__",
      "constructor",
    ]);
  });

  it("take integers the parser has kept whole", () => {
    expect(fromExactMembers({ id: 2n ** 60n }, CODE)).toEqual({ id: 2n ** 60n });
  });

  it.each([
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [undefined],
    [() => 1],
    [Symbol("s")],
    [new Date(Number.NaN)],
  ])("refuse %s instead of dropping it", (value) => {
    expect(() => toExactMembers({ value }, CODE)).toThrow(expect.objectContaining({ code: CODE }));
  });

  it.each([
    [{ $int: "1.5" }],
    [{ $int: 7 }],
    [{ $int: "123456789012345678901" }],
    [{ $date: "yesterday" }],
    [{ $date: "2025-13-01T00:00:00Z" }],
    [{ $date: "2025-01-01T00:00:00" }],
    [{ $bytes: "*" }],
    [{ $object: [] }],
    [{ $object: null }],
  ])("refuse the tag of %j", (value) => {
    expect(() => fromExactMembers({ value }, "filter_invalid")).toThrow(
      expect.objectContaining({ code: "filter_invalid" }),
    );
  });

  it("refuse what is nested too deep, and what ends nowhere", () => {
    const nest = (levels: number): unknown => (levels === 0 ? 1 : [nest(levels - 1)]);
    expect(() => toExactMembers({ value: nest(EXACT_DEPTH_MAX - 1) }, CODE)).not.toThrow();
    expect(() => toExactMembers({ value: nest(EXACT_DEPTH_MAX) }, CODE)).toThrow();
    expect(() => fromExactMembers({ value: nest(EXACT_DEPTH_MAX) }, CODE)).toThrow();
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    expect(() => toExactMembers(circle, CODE)).toThrow(expect.objectContaining({ code: CODE }));
  });
});
