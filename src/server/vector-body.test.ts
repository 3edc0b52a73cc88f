import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import { FairTurns } from "../base/fair-turns.ts";
import { DIMENSION_MAX } from "../base/limits.ts";
import { parseVectorBodyPlainly } from "../../test/support/vector-body.ts";
import {
  CONTROL_BODY_BYTES_MAX,
  TURN_BODY_BYTES_MIN,
  VectorBodyParser,
} from "./vector-body-parser.ts";

let turns = 0;
const parser = new VectorBodyParser(
  new FairTurns(() => {
    turns++;
    return new Promise(setImmediate);
  }),
);
const { parse } = parser;
const PATTERNS = [
  ["vectors", "*", "data", "float32"],
  ["queryVector", "float32"],
];
/** Of its own buffer, as a listener hands over long bodies. */
function body(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
const long = (text: string): Buffer => body(text + " ".repeat(CONTROL_BODY_BYTES_MAX));
const md5 = (bytes: Buffer): string => createHash("md5").update(bytes).digest("base64");

afterAll(() => parser.close());

test("TURN_BODY_BYTES_MIN: bodies from there on that come at once are parsed one turn after the other", async () => {
  const made = (bytes: number): Buffer => {
    const text = JSON.stringify({ $or: Array.from({ length: 2_000 }, (_, n) => ({ n })) });
    return body(text.slice(0, -2) + " ".repeat(Math.max(0, bytes - text.length)) + "]}");
  };
  await parse(made(TURN_BODY_BYTES_MIN), PATTERNS);
  const start = turns;
  await Promise.all(Array.from({ length: 10 }, () => parse(made(TURN_BODY_BYTES_MIN), PATTERNS)));
  expect(turns - start).toBeGreaterThanOrEqual(9);
  const short = body(JSON.stringify({ n: "x".repeat(TURN_BODY_BYTES_MIN - 20) }));
  expect(short.length).toBeLessThan(TURN_BODY_BYTES_MIN);
  // The turn behind the last of them.
  await new Promise(setImmediate);
  const before = turns;
  await Promise.all(Array.from({ length: 10 }, () => parse(Buffer.from(short), PATTERNS)));
  expect(turns).toBe(before);
});

describe.each([
  ["on the control thread", body],
  ["in a worker", long],
])("%s", (_, make) => {
  test("lists of numbers at the places named are taken out, in the order written", async () => {
    const text = `{"indexName":"i","vectors":[
      {"key":"a","data":{"float32":[1, -2.5e0 ,0.1]}},
      {"data":{"float32":[]},"metadata":{"float32":[1,2]},"key":"b"}],"queryVector":{"float32":[3]}}`;
    const { isIntact, json, arrays } = await parse(make(text), PATTERNS);
    expect(isIntact).toBe(true);
    expect(JSON.parse(JSON.stringify(json))).toEqual({
      indexName: "i",
      vectors: [
        { key: "a", data: { float32: 0 } },
        { key: "b", data: { float32: 1 }, metadata: { float32: [1, 2] } },
      ],
      queryVector: { float32: 2 },
    });
    expect(arrays).toEqual([Float32Array.of(1, -2.5, 0.1), new Float32Array(), Float32Array.of(3)]);
  });

  test("lists lie one behind the other in one buffer of their own", async () => {
    const text = '{"vectors":[{"data":{"float32":[1,2]}},{"data":{"float32":[3,4]}}]}';
    const [a, b] = (await parse(make(text), PATTERNS)).arrays;
    expect(b?.buffer).toBe(a?.buffer);
    expect([a?.byteOffset, b?.byteOffset, a?.buffer.byteLength]).toEqual([0, 8, 16]);
    const next = await parse(make(text.replace("1,2", "5,6")), PATTERNS);
    expect([next.arrays[0], a]).toEqual([Float32Array.of(5, 6), Float32Array.of(1, 2)]);
  });

  test("integers beyond 2^53 keep their digits, and names are only names", async () => {
    const text = '{"a":9007199254740993,"b":18446744073709551615,"__proto__":{"x":1},"c":-0}';
    const { json } = await parse(make(text), PATTERNS);
    expect(Object.getPrototypeOf(json)).toBeNull();
    expect(Object.entries(json as object)).toMatchObject([
      ["a", 9007199254740993n],
      ["b", 18446744073709551615n],
      ["__proto__", { x: 1 }],
      ["c", -0],
    ]);
  });

  test("the MD5 of the body is compared, and a damaged body is not looked into", async () => {
    const bytes = make('{"queryVector":{"float32":[1]}}');
    expect(await parse(bytes, PATTERNS, md5(bytes))).toMatchObject({ isIntact: true });
    for (let i = 0; i < 2; i++) {
      const damaged = make('{"queryVector":{"float32":["x"]}');
      const found = await parse(damaged, PATTERNS, md5(body("x")));
      expect(found).toEqual({ isIntact: false, json: null, arrays: [] });
    }
  });

  test.each([
    ["1e999", "body_malformed"],
    ["[".repeat(100_000), "body_malformed"],
    [`${"[".repeat(66)}${"]".repeat(66)}`, "body_malformed"],
    ['{"queryVector":{"float32":[1e39]}}', "vector_invalid"],
    ['{"queryVector":{"float32":[1,"2"]}}', "vector_invalid"],
    ['{"queryVector":{"float32":[1,[2]]}}', "vector_invalid"],
    ['{"queryVector":{"float32":[1,null]}}', "vector_invalid"],
    ['{"queryVector":{"float32":[1,]}}', "body_malformed"],
    ['{"queryVector":{"float32":[01]}}', "body_malformed"],
    ['{"queryVector":{"float32":[1', "body_malformed"],
    ["", "body_malformed"],
    ["{} {}", "body_malformed"],
    ['"\u0001"', "body_malformed"],
    ["NaN", "body_malformed"],
  ])("%.40s is refused as %s", async (text, code) => {
    await expect(parse(make(text), PATTERNS)).rejects.toMatchObject({ code });
  });

  test("a list may have as many numbers as a vector can, behind any others, and not one more", async () => {
    const list = (count: number): string => `{"data":{"float32":[${"1,".repeat(count - 1)}2]}}`;
    const text = (count: number): string =>
      `{"vectors":[${[3, 16_000, 16_000, count].map(list).join()}]}`;
    const { arrays } = await parse(make(text(DIMENSION_MAX)), PATTERNS);
    expect(arrays.map((array) => array.at(-1))).toEqual([2, 2, 2, 2]);
    expect(arrays[3]?.length).toBe(DIMENSION_MAX);
    await expect(parse(make(text(DIMENSION_MAX + 1)), PATTERNS)).rejects.toMatchObject({
      code: "vector_invalid",
    });
  });
});

test("a list that starts with no number stays where it is", async () => {
  for (const list of ["[null]", '["1"]', "[{}]", "[[1]]"]) {
    const { json, arrays } = await parse(body(`{"queryVector":{"float32":${list}}}`), PATTERNS);
    expect(JSON.parse(JSON.stringify(json))).toEqual({
      queryVector: { float32: JSON.parse(list) as unknown },
    });
    expect(arrays).toEqual([]);
  }
});

test("whatever the plain parser reads is read alike, and what it refuses is refused", async () => {
  const numbers = fc.array(fc.oneof(fc.float({ noNaN: true }), fc.double(), fc.constant("x")));
  const junk = fc.tuple(
    numbers,
    fc.nat(60),
    fc.nat(2),
    fc.constantFrom("", ",", "]", "1", "e", " "),
  );
  await fc.assert(
    fc.asyncProperty(junk, async ([list, at, count, more]) => {
      const whole = JSON.stringify({ queryVector: { float32: list }, a: list });
      const text = whole.slice(0, at) + more + whole.slice(at + count);
      const read = async (run: typeof parse): Promise<unknown> => {
        try {
          return await run(body(text), PATTERNS);
        } catch (error) {
          return isInsulaError(error) ? "refused" : error;
        }
      };
      const plainly: typeof parse = async (...[bytes, patterns]) => {
        await Promise.resolve();
        return parseVectorBodyPlainly(bytes, patterns);
      };
      expect(await read(parse)).toEqual(await read(plainly));
    }),
    { numRuns: 1_000 },
  );
});

test("bytes that are no UTF-8 are refused", async () => {
  await expect(parse(Buffer.from([0x22, 0xff, 0x22]), [])).rejects.toMatchObject({
    code: "body_malformed",
  });
});

test("a long body changes hands instead of being copied", async () => {
  const bytes = long("{}");
  await parse(bytes, PATTERNS);
  expect(bytes.length).toBe(0);
});

test("what is left of a long body is parsed in turns of the event loop, which are counted", async () => {
  const vectors = Array.from({ length: 10_000 }, (_, i) => ({ key: `k${String(i)}`, n: { i } }));
  const before = turns;
  const { json } = await parse(body(JSON.stringify({ vectors })), PATTERNS);
  expect(json).toEqual({ vectors });
  expect(turns - before).toBeGreaterThan(4);
});

test("who waits to be unpacked holds up nobody of the same flow", async () => {
  const asked = { flow: "acme", kind: "query" as const };
  let unpackAll = (): void => undefined;
  const mayUnpack = new Promise<void>((resolve) => {
    unpackAll = resolve;
  });
  const unpack = (): Promise<void> => mayUnpack;
  const text = JSON.stringify({ filter: "f".repeat(TURN_BODY_BYTES_MIN) });
  // More than a flow has under way.
  const waiting = Array.from({ length: 300 }, () =>
    parse(body(text), PATTERNS, undefined, { ...parser.turnsOf(asked), unpack }),
  );
  const numbers = Array.from({ length: 4_000 }, (_, i) => i / 7);
  const query = body(JSON.stringify({ queryVector: { float32: numbers } }));
  const { arrays } = await parse(query, PATTERNS, undefined, parser.turnsOf(asked));
  expect(arrays[0]).toHaveLength(numbers.length);
  unpackAll();
  for (const { isIntact } of await Promise.all(waiting)) expect(isIntact).toBe(true);
});

test("a body that nobody waits for any more is not parsed", async () => {
  const stop = new AbortController();
  const turnsOfIt = parser.turnsOf({ flow: "gone", kind: "write", signal: stop.signal });
  const text = JSON.stringify({ text: "t".repeat(TURN_BODY_BYTES_MIN) });
  const parsed = parse(body(text), PATTERNS, undefined, {
    ...turnsOfIt,
    unpack: () => {
      stop.abort(new RangeError("gone"));
      return Promise.resolve();
    },
  });
  await expect(parsed).rejects.toThrow("gone");
});
