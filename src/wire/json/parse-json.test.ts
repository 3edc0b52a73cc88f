import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isInsulaError } from "../../base/errors.ts";
import { JSON_DEPTH_MAX, parseJsonBytes, parseJsonExact, type JsonValue } from "./index.ts";

/** An integer of 16 digits in front sends the text the exact way. */
const EXACT_WAY = "[1234567890123456,";

function viaDescent(text: string): JsonValue {
  const parsed = parseJsonExact(`${EXACT_WAY}${text}]`, { depthMax: JSON_DEPTH_MAX + 1 });
  if (!Array.isArray(parsed) || parsed.length !== 2) throw new Error("not two elements");
  return parsed[1] ?? null;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isInsulaError(error)) return error.code;
    throw error;
  }
  return "no error";
}

/** Refuses also what `JSON.parse` would make infinite, as ours must. */
function nativeAccepts(text: string): boolean {
  try {
    let isFinite = true;
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value === "number" && !Number.isFinite(value)) isFinite = false;
      return value;
    });
    return isFinite;
  } catch {
    return false;
  }
}

/** Like `JSON.parse`, without prototypes. */
function reference(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.defineProperties(
          Object.create(null) as object,
          Object.getOwnPropertyDescriptors(value),
        )
      : value,
  );
}

/** Texts near to JSON: pieces that belong together more often than letters would. */
const nearJson = fc
  .array(
    fc.constantFrom(
      ...[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        '"a"',
        '"\\u0041"',
        '"\\x"',
        "\\",
        "1",
        "-",
        "0",
        "01",
      ],
      ...[
        "1.5",
        "1.",
        ".5",
        "1e5",
        "1e",
        "true",
        "null",
        "nul",
        " ",
        "\n",
        "\u00a0",
        "\u0000",
        "-0",
      ],
    ),
    { maxLength: 9 },
  )
  .map((parts) => parts.join(""));

describe("parseJsonExact", () => {
  test("equals JSON.parse on any document, on both ways", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        fc.pre(!/\d{16}/.test(text));
        assert.deepStrictEqual(parseJsonExact(text), reference(text));
        assert.deepStrictEqual(viaDescent(text), reference(text));
      }),
      { numRuns: 300 },
    );
  });

  test("accepts what JSON.parse accepts and nothing else", () => {
    fc.assert(
      fc.property(nearJson, (text) => {
        const isFine = nativeAccepts(text);
        expect(codeOf(() => parseJsonExact(text))).toBe(isFine ? "no error" : "body_malformed");
        const wrapped = `${EXACT_WAY}${text}]`;
        const code = codeOf(() => parseJsonExact(wrapped));
        expect(code).toBe(nativeAccepts(wrapped) ? "no error" : "body_malformed");
      }),
      { numRuns: 5000 },
    );
  });

  test.each<[string, JsonValue]>([
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["-9007199254740993", -9007199254740993n],
    ["18446744073709551615", 18446744073709551615n],
    ["-9223372036854775808", -9223372036854775808n],
    ["18446744073709551616", 18446744073709551616],
    ["-9223372036854775809", -9223372036854775809],
    ["123456789012345678901234567890", 123456789012345678901234567890],
    ["9007199254740993.0", 9007199254740992],
    ["9007199254740993e0", 9007199254740992],
    ["0.12345678901234567", 0.12345678901234567],
    ["1e308", 1e308],
    ["1e-999", 0],
    ["-0", -0],
    ['"1234567890123456789"', "1234567890123456789"],
  ])("%s is exact", (text, expected) => {
    assert.deepStrictEqual(parseJsonExact(text), expected);
    assert.deepStrictEqual(parseJsonExact(`[ ${text} ]`), [expected]);
  });

  test.each(["1e999", "[1,-1e999]", '{"a":[1e309]}', "9".repeat(400)])("%s is refused", (text) => {
    expect(codeOf(() => parseJsonExact(text))).toBe("body_malformed");
  });

  test("the last of two members with one name wins, on both ways", () => {
    const text = '{"a":1,"b":2,"a":3}';
    assert.deepStrictEqual(parseJsonExact(text), reference(text));
    assert.deepStrictEqual(viaDescent(text), reference(text));
  });

  test("__proto__ is data and changes no prototype, on both ways", () => {
    for (const parse of [parseJsonExact, viaDescent]) {
      const parsed = parse('{"__proto__":{"polluted":1},"b":{"\\u005f_proto__":2}}');
      expect(Object.keys(parsed as object)).toEqual(["__proto__", "b"]);
      expect(Object.getPrototypeOf(parsed)).toBeNull();
      expect("polluted" in (parsed as object)).toBe(false);
    }
    expect("polluted" in {}).toBe(false);
  });

  test("nesting is bounded, on both ways and for huge texts", () => {
    const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    expect(codeOf(() => parseJsonExact(deep(JSON_DEPTH_MAX)))).toBe("no error");
    expect(codeOf(() => parseJsonExact(deep(JSON_DEPTH_MAX + 1)))).toBe("body_malformed");
    expect(codeOf(() => parseJsonExact(deep(200_000)))).toBe("body_malformed");
    expect(codeOf(() => parseJsonExact("[".repeat(200_000)))).toBe("body_malformed");
    expect(codeOf(() => parseJsonExact('{"a":'.repeat(200_000)))).toBe("body_malformed");
    expect(codeOf(() => parseJsonExact(`${EXACT_WAY}${deep(JSON_DEPTH_MAX)}]`))).toBe(
      "body_malformed",
    );
    expect(codeOf(() => parseJsonExact("[[1]]", { depthMax: 1 }))).toBe("body_malformed");
  });

  test("an error names its position and holds nothing of the body", () => {
    expect(() => parseJsonExact('{"secret":tru}')).toThrow(
      expect.objectContaining({
        details: { position: 10, reason: "expected a value, received something else" },
      }) as Error,
    );
    expect(() => parseJsonExact('{"secret":tru}')).not.toThrow("secret");
  });

  test("bytes that are no UTF-8 are refused", () => {
    expect(parseJsonBytes(Buffer.from('"é"'))).toBe("é");
    expect(codeOf(() => parseJsonBytes(Uint8Array.from([0x22, 0xff, 0x22])))).toBe(
      "body_malformed",
    );
    expect(codeOf(() => parseJsonBytes(new Uint8Array(0)))).toBe("body_malformed");
  });
});
