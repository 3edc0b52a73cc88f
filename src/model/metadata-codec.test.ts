import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import { METADATA_BYTES_MAX, METADATA_DEPTH_MAX } from "../base/limits.ts";
import { ByteWriter } from "../base/bytes.ts";
import { decodeMetadata, decodeProperty, visitProperties } from "./metadata-decode.ts";
import { encodeMetadata, writeMetadata } from "./metadata-encode.ts";
import { checkMetadata } from "./metadata-size.ts";
import type { Metadata, MetadataValue } from "./metadata.ts";

const text = fc.string({ unit: "binary" }).filter((s) => !/\p{Surrogate}/u.test(s));
const bigOutside = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
  .filter((n) => n > BigInt(Number.MAX_SAFE_INTEGER) || n < BigInt(Number.MIN_SAFE_INTEGER));
const scalar = fc.oneof(
  text,
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  bigOutside,
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }),
);
const name = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "", "toString", "é"));
const { value } = fc.letrec<{ value: MetadataValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.array(fc.tuple(name, tie("value")), { maxLength: 5 }).map(toObject),
  ),
}));
const metadata = fc.array(fc.tuple(name, value), { maxLength: 8 }).map(toObject);

function toObject(entries: readonly (readonly [string, MetadataValue])[]): Metadata {
  const object = Object.create(null) as Record<string, MetadataValue>;
  for (const [key, item] of entries) object[key] = item;
  return object;
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

describe("round trip", () => {
  test("any metadata comes back the same, in the same order, as long as the check said", () => {
    fc.assert(
      fc.property(metadata, (written) => {
        const bytes = encodeMetadata(written);
        const read = decodeMetadata(bytes);
        // Not `toStrictEqual`: it reads the property named "constructor".
        assert.deepStrictEqual(read, written);
        expect(Object.keys(read)).toEqual(Object.keys(written));
        expect(checkMetadata(written)).toBe(bytes.length);
        for (const key of Object.keys(written)) {
          assert.deepStrictEqual(decodeProperty(bytes, key), written[key]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("the edges of the numbers are kept exactly", () => {
    const numbers = [
      0,
      -0,
      1,
      -1,
      127,
      128,
      -128,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      2 ** 53,
      1e300,
      5e-324,
      2n ** 53n,
      -(2n ** 63n),
      2n ** 63n - 1n,
      2n ** 63n,
      2n ** 64n - 1n,
    ];
    const read = decodeMetadata(encodeMetadata({ numbers }));
    expect(read["numbers"]).toStrictEqual(numbers);
    expect(Object.is((read["numbers"] as number[])[1], -0)).toBe(true);
  });

  test("a small bigint comes back as the number of the same value", () => {
    expect(decodeMetadata(encodeMetadata({ a: 5n }))).toEqual({ a: 5 });
  });

  test("__proto__ is data and changes no prototype", () => {
    const written = JSON.parse('{"__proto__":{"polluted":1},"a":{"__proto__":2}}') as Metadata;
    const read = decodeMetadata(encodeMetadata(written));
    expect(Object.keys(read)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(read)).toBeNull();
    expect("polluted" in read).toBe(false);
    expect(decodeProperty(encodeMetadata(written), "__proto__")).toEqual({
      polluted: 1,
    });
  });

  test("a decoded value shares no memory with its bytes", () => {
    const bytes = encodeMetadata({ b: Uint8Array.from([1, 2, 3]) });
    const read = decodeMetadata(bytes);
    bytes.fill(0);
    expect(read["b"]).toEqual(Uint8Array.from([1, 2, 3]));
    expect((read["b"] as Uint8Array).buffer.byteLength).toBe(3);
  });

  test("a missing property is undefined, and visiting passes over what is not read", () => {
    const bytes = encodeMetadata({ a: [1, { b: 2 }], c: "x", d: null });
    expect(decodeProperty(bytes, "b")).toBeUndefined();
    const seen: unknown[] = [];
    visitProperties(bytes, (key, read) => seen.push(key === "a" ? key : [key, read()]));
    expect(seen).toEqual(["a", ["c", "x"], ["d", null]]);
  });

  test("writing behind other bytes tells its own length", () => {
    const writer = new ByteWriter(4).uint32(7);
    const length = writeMetadata(writer, { a: { b: [1] } });
    expect(decodeMetadata(writer.view().subarray(4))).toEqual({
      a: { b: [1] },
    });
    expect(writer.length).toBe(4 + length);
  });
});

describe("what is refused", () => {
  test.each([
    ["NaN", { a: NaN }],
    ["an infinity", { a: [Infinity] }],
    ["an integer above uint64", { a: 2n ** 64n }],
    ["an integer below int64", { a: -(2n ** 63n) - 1n }],
    ["a lone surrogate", { a: "\ud800" }],
    ["a lone surrogate in a name", { "\udc00": 1 }],
    ["an invalid date", { a: new Date(NaN) }],
    ["undefined", { a: undefined }],
    ["a function", { a: () => 1 }],
    ["a list instead of an object", [1]],
    ["null instead of an object", null],
  ])("%s", (_, bad) => {
    expect(codeOf(() => checkMetadata(bad as unknown as Metadata))).toBe("metadata_invalid");
  });

  test("one level too many, as object or list, also when it is a circle", () => {
    let inner: MetadataValue = 1;
    for (let i = 1; i < METADATA_DEPTH_MAX; i++) inner = i % 2 === 0 ? [inner] : { a: inner };
    const deepest = { a: inner };
    expect(decodeMetadata(encodeMetadata(deepest))).toEqual(deepest);
    checkMetadata(deepest);
    for (const tooDeep of [{ a: { a: inner } }, { a: [inner] }]) {
      expect(codeOf(() => checkMetadata(tooDeep))).toBe("metadata_invalid");
      expect(codeOf(() => encodeMetadata(tooDeep))).toBe("metadata_invalid");
    }
    const circle: Record<string, MetadataValue> = {};
    circle["a"] = circle;
    expect(codeOf(() => checkMetadata(circle))).toBe("metadata_invalid");
    expect(codeOf(() => encodeMetadata(circle))).toBe("metadata_invalid");
  });

  test("one byte more than the limit", () => {
    const overhead = encodeMetadata({ a: "x".repeat(100_000) }).length - 100_000;
    const fits = { a: "x".repeat(METADATA_BYTES_MAX - overhead) };
    expect(encodeMetadata(fits).length).toBe(METADATA_BYTES_MAX);
    expect(checkMetadata(fits)).toBe(METADATA_BYTES_MAX);
    const tooLarge = { a: `${fits.a}x` };
    expect(codeOf(() => checkMetadata(tooLarge))).toBe("metadata_too_large");
    expect(codeOf(() => encodeMetadata(tooLarge))).toBe("metadata_too_large");
  });
});

describe("damage", () => {
  test("any bytes decode or are data_damaged", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
        const bytes = Uint8Array.from([1, ...tail]);
        expect(["no error", "data_damaged"]).toContain(codeOf(() => decodeMetadata(bytes)));
        expect(["no error", "data_damaged"]).toContain(codeOf(() => decodeProperty(bytes, "a")));
      }),
      { numRuns: 2000 },
    );
  });

  test("a flipped bit or a cut never reads outside", () => {
    fc.assert(
      fc.property(metadata, fc.nat(), fc.nat({ max: 7 }), (written, at, bit) => {
        const bytes = encodeMetadata(written);
        const cut = bytes.subarray(0, at % bytes.length);
        expect(codeOf(() => decodeMetadata(cut))).toBe("data_damaged");
        const position = at % bytes.length;
        bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
        const codes = ["no error", position === 0 ? "format_unsupported" : "data_damaged"];
        expect(codes).toContain(codeOf(() => decodeMetadata(bytes)));
      }),
      { numRuns: 1000 },
    );
  });

  test("another format version is told apart", () => {
    expect(codeOf(() => decodeMetadata(Uint8Array.from([2, 0])))).toBe("format_unsupported");
    expect(codeOf(() => decodeMetadata(new Uint8Array(0)))).toBe("data_damaged");
  });
});
