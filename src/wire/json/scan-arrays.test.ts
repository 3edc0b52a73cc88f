import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isInsulaError } from "../../base/errors.ts";
import { parseJsonBytes, parseJsonExact, scanJsonArrays } from "./index.ts";

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

describe("scanJsonArrays", () => {
  const PATHS = [
    ["vectors", "*", "data", "float32"],
    ["queryVector", "float32"],
  ];

  interface Scanned {
    readonly text: string;
    readonly arrays: unknown[];
  }

  /** Parses lists with `JSON.parse`, found by their first "]". */
  function scan(text: string, paths: readonly (readonly string[])[] = PATHS): Scanned {
    const body = Buffer.from(text);
    const arrays: unknown[] = [];
    const result = scanJsonArrays(body, {
      paths,
      parseArray: (start) => {
        const end = body.indexOf("]", start) + 1;
        arrays.push(parseJsonBytes(body.subarray(start, end === 0 ? body.length : end)));
        return end;
      },
    });
    expect(result.arrayCount).toBe(arrays.length);
    return { text: result.text, arrays };
  }

  /** Puts the lists back where the paths say they were. */
  function restore({ text, arrays }: Scanned): unknown {
    const put = (holder: unknown): void => {
      if (typeof holder !== "object" || holder === null || Array.isArray(holder)) return;
      const object = holder as Record<string, unknown>;
      if (typeof object["float32"] === "number") object["float32"] = arrays[object["float32"]];
    };
    const root = parseJsonExact(text);
    if (typeof root === "object" && root !== null && !Array.isArray(root)) {
      put(root["queryVector"]);
      const { vectors } = root;
      if (Array.isArray(vectors)) {
        for (const vector of vectors) {
          if (typeof vector === "object" && vector !== null && !Array.isArray(vector))
            put(vector["data"]);
        }
      }
    }
    return root;
  }

  const blank = fc.constantFrom("", "", " ", "\n\t ", "\r\n");
  /** JSON text of a value with blanks and escapes wherever they may stand. */
  function spell(value: unknown, random: () => { blank: string; escape: boolean }): string {
    const { blank: gap, escape } = random();
    if (Array.isArray(value)) {
      return `${gap}[${gap}${value.map((item) => spell(item, random)).join(`${gap},`)}${gap}]${gap}`;
    }
    if (typeof value === "object" && value !== null) {
      const members = Object.entries(value).map(
        ([name, item]) => `${gap}${spellText(name, escape)}${gap}:${spell(item, random)}`,
      );
      return `${gap}{${members.join(",")}${gap}}${gap}`;
    }
    return `${gap}${typeof value === "string" ? spellText(value, escape) : JSON.stringify(value)}${gap}`;
  }
  function spellText(text: string, isEscaped: boolean): string {
    if (!isEscaped || text === "") return JSON.stringify(text);
    const first = `\\u${text.charCodeAt(0).toString(16).padStart(4, "0")}`;
    return `"${first}${JSON.stringify(text.slice(1)).slice(1)}`;
  }

  const numbers = fc.array(
    fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -9, max: 9 })),
    {
      maxLength: 5,
    },
  );
  const lookAlike = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(
      { float32: [1, 2] },
      { data: { float32: [3] } },
      { vectors: [{ data: { float32: [4] } }], queryVector: { float32: [5] } },
      '"float32":[1,2]',
      'x\\"],"float32":[9]',
      [[1], [2, [3]]],
    ),
  );
  const vector = fc.record(
    {
      key: fc.string(),
      data: fc.oneof(fc.record({ float32: numbers }), lookAlike),
      metadata: lookAlike,
      float32: numbers,
    },
    { requiredKeys: [] },
  );
  const request = fc.record(
    {
      indexName: fc.string(),
      vectors: fc.oneof(fc.array(vector, { maxLength: 4 }), lookAlike),
      queryVector: fc.oneof(fc.record({ float32: numbers }), lookAlike),
      float32: numbers,
      filter: lookAlike,
    },
    { requiredKeys: [] },
  );

  test("takes out the vectors and leaves the rest, whatever stands around them", () => {
    const spelling = fc.array(fc.record({ blank, escape: fc.boolean() }), { minLength: 1 });
    fc.assert(
      fc.property(request, spelling, (value, spellings) => {
        let at = 0;
        const text = spell(
          value,
          () => spellings[at++ % spellings.length] ?? { blank: "", escape: false },
        );
        fc.pre(!/\d{16}/.test(text.replace(/\.\d+/g, "")));
        // Numbers of the client where vectors belong become strings; the rest must be equal.
        fc.pre(!/"float32":-?\d/.test(JSON.stringify(value)));
        assert.deepStrictEqual(restore(scan(text)), reference(text));
      }),
      { numRuns: 1000 },
    );
  });

  test("a vector is replaced by its ordinal, at the paths only", () => {
    const text =
      '{"vectors":[{"key":"a","data":{"float32":[1,2]},"metadata":{"float32":[3]}},{"data":{"\\u0066loat32":[ ]}}],"float32":[5]}';
    const scanned = scan(text);
    expect(scanned.arrays).toEqual([[1, 2], []]);
    expect(JSON.parse(scanned.text)).toEqual({
      vectors: [
        { key: "a", data: { float32: 0 }, metadata: { float32: [3] } },
        { data: { float32: 1 } },
      ],
      float32: [5],
    });
  });

  test("a number that the client put in place of a vector cannot be taken for one", () => {
    const scanned = scan(
      '{"vectors":[{"data":{"float32":0}},{"data":{"float32":[7]}}],"queryVector":{"float32":-1.5e3}}',
    );
    expect(JSON.parse(scanned.text)).toEqual({
      vectors: [{ data: { float32: "0" } }, { data: { float32: 0 } }],
      queryVector: { float32: "-1.5e3" },
    });
  });

  test.each(['"x"', "null", "true", '["a"]', "[[1]]", "[null]", '{"a":[1]}', '{"0":1}'])(
    "%s in place of a vector stays as it is",
    (value) => {
      const text = `{"queryVector":{"float32":${value}}}`;
      expect(scan(text)).toEqual({ text, arrays: [] });
    },
  );

  test("a member written twice gives two lists, and the last wins", () => {
    const scanned = scan('{"queryVector":{"float32":[1],"float32":[2]}}');
    expect(restore(scanned)).toEqual({ queryVector: { float32: [2] } });
    expect(scanned.arrays.length).toBe(2);
  });

  test("a path may end at elements of a list or at the whole body", () => {
    expect(scan('{"v":[[1],[2],["a"]]}', [["v", "*"]])).toEqual({
      text: '{"v":[ 0 , 1 ,["a"]]}',
      arrays: [[1], [2]],
    });
    expect(scan(" [1] ", [[]])).toEqual({ text: "  0  ", arrays: [[1]] });
    expect(scan('{"*":{"a":[1]}}', [["*", "a"]]).arrays).toEqual([]);
  });

  const faulty = fc.array(
    fc.constantFrom(
      ...[
        '{"queryVector":{"float32":',
        '{"vectors":[{"data":{"float32":',
        '"float32":',
        '"float32"',
      ],
      ...[
        "[1,2]",
        "[]",
        "[1",
        "1",
        "0",
        "-",
        "01",
        "[",
        "]",
        "{",
        "}",
        "}}",
        "}}]}",
        ",",
        ":",
        '"',
        '"\\',
        "\u0000",
        "é",
      ],
    ),
    { maxLength: 8 },
  );

  test("a malformed body stays malformed, a good one good, and none hangs", () => {
    fc.assert(
      fc.property(faulty, (parts) => {
        const text = parts.join("");
        const code = codeOf(() => parseJsonExact(scan(text).text));
        expect(code).toBe(nativeAccepts(text) ? "no error" : "body_malformed");
      }),
      { numRuns: 10_000 },
    );
  });

  test.each([
    '{"queryVector":{"float32":[1]5}}',
    '{"queryVector":{"float32":[0],"float32":[1]5}}',
    '{"queryVector":{"float32":[0],"float32":-[1]}}',
    '{"queryVector":{"float32":5[1]}}',
    '{"queryVector":{"float32":[1][2]}}',
    '{"queryVector":{"float32":01}}',
    '{"queryVector":{"float32":1x}}',
    '{"queryVector":{"float32" [1]}}',
    '{"queryVector":{"float32":[1]}',
    '{"queryVector":{"float32":[1]}]',
    '{"queryVector":{"float32":[1',
    '{"queryVector":{"float32"',
    '{"queryVector',
    "]",
    "",
  ])("%s is refused", (text) => {
    expect(codeOf(() => parseJsonExact(scan(text).text))).toBe("body_malformed");
  });

  test("nesting is bounded and a wrong end is refused", () => {
    expect(codeOf(() => scan("[".repeat(100_000)))).toBe("body_malformed");
    for (const end of [0, 1, 99, NaN, -1]) {
      const run = (): unknown =>
        scanJsonArrays(Buffer.from("[1]"), { paths: [[]], parseArray: () => end });
      expect(codeOf(run)).toBe("body_malformed");
    }
  });

  test("bytes that are no UTF-8 are refused", () => {
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(codeOf(() => scanJsonArrays(body, { paths: PATHS, parseArray: () => 0 }))).toBe(
      "body_malformed",
    );
  });
});
