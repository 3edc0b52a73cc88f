import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import {
  NUMBER_PARSER_FILE,
  NumberParser,
  PARSE_FAILURES,
  loadNumberParserModule,
} from "./number-parser.ts";
import type { WasmModule } from "./wasm.ts";

let module: WasmModule;
let parser: NumberParser;
const target = new Float32Array(16_384);

beforeAll(async () => {
  await buildKernels();
  module = loadNumberParserModule(readFileSync(NUMBER_PARSER_FILE.beside));
  parser = new NumberParser(module);
});

/** What JSON.parse says: the numbers, or nothing when it is no array of numbers. */
function judge(text: string): number[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const numbers: number[] = [];
  for (const element of value as unknown[]) {
    if (typeof element !== "number") return undefined;
    numbers.push(Math.fround(element));
  }
  return numbers;
}

const bitsOf = (numbers: Iterable<number>): number[] => [
  ...new Uint32Array(Float32Array.from(numbers).buffer),
];

/**
 * The parser agrees with JSON.parse about a text that begins with `[` and has nothing behind the
 * `]`.
 */
function check(text: string): void {
  const body = Buffer.from(text);
  const expected = judge(text);
  const { count, end } = parser.parse(body, 0, target);
  if (expected === undefined) {
    // A first array inside may be fine where the whole text is not: then something follows it.
    const isShorter = count >= 0 && end < body.length;
    expect(count < 0 || isShorter, text).toBe(true);
    if (isShorter) expect(judge(text.slice(0, end)), text).toBeDefined();
  } else if (expected.some((value) => !Number.isFinite(value))) {
    expect(count, text).toBe(PARSE_FAILURES.outOfRange);
  } else {
    expect(count, text).toBe(expected.length);
    expect(bitsOf(target.subarray(0, count)), text).toEqual(bitsOf(expected));
    expect(text.slice(0, end).trimEnd(), text).toBe(text.trimEnd());
  }
}

const DIGITS = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 25 });
const WHOLE = DIGITS.map((digits) => digits.replace(/^0+(?=.)/, ""));
const EXPONENT = fc
  .tuple(fc.constantFrom("e", "E"), fc.constantFrom("", "+", "-"), fc.integer({ min: 0, max: 70 }))
  .map(([letter, sign, value]) => `${letter}${sign}${String(value)}`);
const GRAMMAR = fc
  .tuple(
    fc.constantFrom("", "-"),
    WHOLE,
    fc.option(DIGITS, { nil: undefined }),
    fc.option(EXPONENT, { nil: undefined }),
  )
  .map(([sign, whole, digits, exponent]) => {
    return `${sign}${whole}${digits === undefined ? "" : `.${digits}`}${exponent ?? ""}`;
  });

/**
 * Doubles around the midpoint of two neighbouring float32, printed in full, and one longer still.
 */
const MIDPOINT = fc
  .tuple(
    fc.integer({ min: 0, max: 0x7f7ffffe }),
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom("", "0", "1", "00000000000000000001", "49999999999999"),
  )
  .map(([bits, steps, tail]) => {
    const pair = new Float32Array(Uint32Array.of(bits, bits + 1).buffer);
    const middle = ((pair[0] ?? 0) + (pair[1] ?? 0)) / 2;
    const cell = new BigInt64Array(Float64Array.of(middle).buffer);
    cell[0] = (cell[0] ?? 0n) + BigInt(middle === 0 ? 0 : steps);
    const text = String(new Float64Array(cell.buffer)[0] ?? 0);
    const [digits = "0", exponent] = text.split("e");
    const longer = digits.includes(".") ? `${digits}${tail}` : digits;
    return exponent === undefined ? longer : `${longer}e${exponent}`;
  });

const SHORT = fc.double({ min: -1, max: 1, noNaN: true }).map((value) => {
  const text = value.toFixed(6);
  return text;
});

const NUMBER = fc.oneof(
  GRAMMAR,
  MIDPOINT,
  SHORT,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toPrecision(7)),
  fc.float({ min: Math.fround(-1e-37), max: Math.fround(1e-37), noNaN: true }).map(String),
  fc.integer().map(String),
  fc.constantFrom(
    "0",
    "-0",
    "-0.0",
    "0e5",
    "-0e-400",
    "1e-400",
    "0.000000000000000000000000000001",
  ),
);
const SPACE = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 2 });
const ARRAY = fc
  .tuple(fc.array(fc.tuple(SPACE, NUMBER, SPACE), { maxLength: 20 }), SPACE)
  .map(([elements, space]) => `[${elements.map((parts) => parts.join("")).join(",") || space}]`);

describe("the number parser", () => {
  it("gives the bits of JSON.parse and Math.fround for numbers of every style", () => {
    fc.assert(fc.property(ARRAY, check), { numRuns: 4_000 });
  });

  it("accepts what JSON.parse accepts and nothing else after a mutation", () => {
    const mutation = fc.tuple(
      fc.nat(),
      fc.constantFrom("insert", "replace", "remove", "cut"),
      fc.constantFrom(...'0123456789+-.eE,[]{}" \n\t\vnNaIftx\0\u00a0/*:'),
    );
    const mutated = fc.tuple(ARRAY, fc.array(mutation, { minLength: 1, maxLength: 3 }));
    fc.assert(
      fc.property(mutated, ([source, mutations]) => {
        let text = source;
        for (const [pick, kind, letter] of mutations) {
          const at = 1 + (pick % text.length);
          const tail = text.slice(kind === "insert" ? at : at + 1);
          if (kind === "cut") text = text.slice(0, at);
          else text = text.slice(0, at) + (kind === "remove" ? "" : letter) + tail;
        }
        check(text);
      }),
      { numRuns: 6_000 },
    );
  });

  it("survives any bytes at any start", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(), (bytes, pick) => {
        const start = pick % (bytes.length + 1);
        const body = Uint8Array.from(bytes);
        if (start < body.length && pick % 2 === 0) body[start] = 0x5b;
        const { count, end } = parser.parse(body, start, target);
        expect(end).toBeGreaterThanOrEqual(start);
        expect(end).toBeLessThanOrEqual(body.length);
        const text = Buffer.from(body).toString("latin1").slice(start, end);
        if (count >= 0) expect(judge(text)).toHaveLength(count);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ["[01]", "malformed", 2],
    ["[+1]", "malformed", 1],
    ["[.5]", "malformed", 1],
    ["[1.]", "malformed", 3],
    ["[-]", "malformed", 2],
    ["[1e]", "malformed", 3],
    ["[1e+]", "malformed", 4],
    ["[1,]", "malformed", 3],
    ["[,1]", "malformed", 1],
    ["[1,,2]", "malformed", 3],
    ["[1 2]", "malformed", 3],
    ["[NaN]", "malformed", 1],
    ["[-Infinity]", "malformed", 2],
    ["[1", "malformed", 2],
    ["[", "malformed", 1],
    ["", "malformed", 0],
    ["1", "malformed", 0],
    ["[0x1]", "malformed", 2],
    ["[1\u00a0]", "malformed", 2],
    ['[1,"2"]', "notANumber", 3],
    ["[null]", "notANumber", 1],
    ["[1,[2]]", "notANumber", 3],
    ["[1,{}]", "notANumber", 3],
    ["[true]", "notANumber", 1],
    ["[1,1e39]", "outOfRange", 3],
    ["[1e999999999999]", "outOfRange", 1],
    ["[-3.4028235677973366e38]", "outOfRange", 1],
    [`[1${"0".repeat(60)}]`, "outOfRange", 1],
  ] as const)("refuses %s as %s at %i", (text, failure, position) => {
    expect(parser.parse(Buffer.from(text), 0, target)).toEqual({
      count: PARSE_FAILURES[failure],
      end: position,
    });
  });

  it.each([
    "[]",
    "[ \n]",
    "[-0]",
    "[0.1e1, 1E-2,\t3]",
    "[3.4028235677973362e38]",
    "[1e-46]",
    "[7.006492321624085e-46,7.006492321624086e-46]",
    "[1.401298464324817e-45]",
    "[123456789012345678901234567890.5]",
    "[0.30000001192092896,16777217,16777219,33554433.5]",
    "[1e0000000000000000000001]",
    "[8.5070591730234616e37]",
    `[0.${"0".repeat(400)}1e400]`,
    `[1${"0".repeat(400)}e-401]`,
    `[${"9".repeat(300)}e-300]`,
  ])("reads %s as JSON.parse does", (text) => {
    check(text);
    expect(judge(text)).toBeDefined();
  });

  it("counts what is asked for and leaves the target alone otherwise", () => {
    const small = new Float32Array(4).fill(9);
    parser.load(Buffer.from('{"v":[1,2],"w":[3,4,5]}'));
    expect(parser.parseAt(5, small, 2)).toEqual({ count: 2, end: 10 });
    expect([...small]).toEqual([9, 9, 1, 2]);
    expect(parser.parseAt(15, small, 2)).toEqual({ count: PARSE_FAILURES.tooMany, end: 20 });
    expect(parser.parseAt(15, small, 0, 2)).toEqual({ count: PARSE_FAILURES.tooMany, end: 20 });
    expect([...small]).toEqual([9, 9, 1, 2]);
    expect(parser.parseAt(15, small, 0, 3)).toEqual({ count: 3, end: 22 });
    expect([...small]).toEqual([3, 4, 5, 2]);
  });

  it("takes as many numbers as a vector may have, all of them slow ones", () => {
    const numbers = Array.from({ length: 16_384 }, (_, i) => `${String(i + 1)}e-45`);
    check(`[${numbers.join(",")}]`);
    expect(parser.parse(Buffer.from(`[${numbers.join(",")},1]`), 0, target).count).toBe(
      PARSE_FAILURES.tooMany,
    );
  });

  it("does not see what an earlier, longer body left behind", () => {
    parser.load(Buffer.from(`[${"1".repeat(500)}`));
    const { count, end } = parser.parse(Buffer.from("[12"), 0, target);
    expect([count, end]).toEqual([PARSE_FAILURES.malformed, 3]);
  });

  it("grows for a large body and refuses one beyond its bound", () => {
    const own = new NumberParser(module, 3_000_000);
    const numbers = Array.from({ length: 100 }, (_, i) => i / 8);
    const body = Buffer.from(`${" ".repeat(2_900_000)}[${numbers.join(",")}]`);
    expect(own.parse(body, 2_900_000, target).count).toBe(100);
    expect([...target.subarray(0, 100)]).toEqual(numbers);
    expect(() => {
      own.load(Buffer.alloc(3_000_001));
    }).toThrow(expect.objectContaining({ code: "body_too_large" }));
    expect(() => own.parseAt(3_000_001, target)).toThrow(/inside the loaded body/);
  });

  it("refuses bytes that are no module", () => {
    expect(() => loadNumberParserModule(Buffer.from("no module"))).toThrow(
      expect.objectContaining({ code: "format_unsupported" }),
    );
  });
});
