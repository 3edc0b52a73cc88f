import fc from "fast-check";
import { expect, it } from "vitest";
import { isInsulaError } from "../../base/errors.ts";
import { atOnce } from "../../base/at-once.contract.ts";
import { parseJsonExact } from "./parse-json.ts";
import { parseJsonParts } from "./parse-parts.ts";
import { scanJsonArrays } from "./scan-arrays.ts";

const PATHS = [["records", "*", "vector"]];
const LIST_END = 0x5d;

function scan(text: string, cutBytes?: number): { text: string; more: readonly string[] } {
  const body = Buffer.from(text);
  const parseArray = (start: number): number => body.indexOf(LIST_END, start) + 1;
  return scanJsonArrays(body, {
    ...{ paths: PATHS, parseArray },
    ...(cutBytes === undefined ? {} : { cutBytes }),
  });
}

/** What comes out, or what is wrong and where. */
function outcome(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    if (!isInsulaError(error)) throw error;
    return [error.code, (error.details as { position?: number }).position];
  }
}

function inParts(text: string, cutBytes: number): unknown {
  return outcome(() => {
    const cut = scan(text, cutBytes);
    return atOnce(parseJsonParts(cut.text, cut.more));
  });
}

const WELL_FORMED = [
  '{"records":[]}',
  '{"records":[ ]}',
  '{"a":[1,2],"records":[{"key":"ä,]","vector":[1,2],"m":[1,[2,3]]} , {"vector":[3]},7],"z":{"records":[1,2]}}',
  '{"records":[{"vector":[1,2]},{"vector":[1]},{}],"records":5}',
  '{"records":5,"records":[{"vector":[1,2]},{"vector":[1]},{}]}',
  '{"records":[1,2,3],"records":[]}',
  '{"x":9007199254740993,"records":[9007199254740993,{"__proto__":{"a":1}}]}',
  '[{"records":[1,2]}]',
];

it.each(WELL_FORMED)("a text that was cut is what it is as a whole: %s", (text) => {
  const whole = parseJsonExact(scan(text).text);
  for (const cutBytes of [1, 8, 20]) expect(inParts(text, cutBytes)).toEqual(whole);
});

it.each([
  '{"records":[{},,{}]}',
  '{"records":[{},]}',
  '{"records":[,{}]}',
  '{"records":[{"a":tru},{}]}',
  '{"records":[{},{"b" 1}],"c":1}',
  '{"records":[{},{}],"c":}',
  '{"d":nul,"records":[{},{}]}',
])("a text that was cut is malformed where it is as a whole: %s", (text) => {
  const whole = outcome(() => parseJsonExact(scan(text).text)) as [string, number];
  const cut = inParts(text, 1) as [string, number];
  expect(cut[0]).toBe(whole[0]);
  expect(Math.abs(cut[1] - whole[1])).toBeLessThanOrEqual(1);
});

it("texts of any records are the same in parts", () => {
  const record = fc.record({ key: fc.string(), m: fc.jsonValue({ maxDepth: 2 }) });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 8 }), fc.integer({ min: 1, max: 60 }), (all, cut) => {
      const text = JSON.stringify({ before: all.length, records: all, after: "x" });
      expect(inParts(text, cut)).toEqual(parseJsonExact(scan(text).text));
    }),
    { numRuns: 100 },
  );
});

it("a long list is parsed in pieces of a bounded number of steps", () => {
  const text = JSON.stringify({
    records: Array.from({ length: 5_000 }, (_, i) => ({ key: `k${String(i)}`, n: { i } })),
  });
  const cut = scan(text, 4_096);
  const pieces: number[] = [];
  const work = parseJsonParts(cut.text, cut.more);
  for (let next = work.next(); next.done !== true; next = work.next()) pieces.push(next.value);
  expect(pieces.length).toBeGreaterThan(30);
  expect(Math.max(...pieces)).toBeLessThan(25_000);
});
