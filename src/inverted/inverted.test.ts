import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Pace } from "../base/pace.ts";
import { Bitmap } from "../base/bitset.ts";
import { isInsulaError } from "../base/errors.ts";
import { INVERTED_PROPERTIES_MAX, INVERTED_TERM_BYTES_MAX } from "../base/limits.ts";
import {
  encodeMetadata,
  matchesFilter,
  type Filter,
  type FilterScalar,
  type Metadata,
  type MetadataValue,
} from "../model/index.ts";
import {
  evaluateFilter,
  filterRows,
  InvertedBuilder,
  InvertedReader,
  type InvertedSections,
  type InvertedSource,
} from "./index.ts";

type Row = Metadata | undefined;

/** One letter above what is indexed. */
const LONG = "x".repeat(INVERTED_TERM_BYTES_MAX + 1);
const date = new Date(1_700_000_000_000);

interface CountingSource extends InvertedSource {
  readonly reads: number[];
}

function toSource(bytes: Uint8Array): CountingSource {
  const reads: number[] = [];
  return {
    length: bytes.length,
    reads,
    read: (start, length) => {
      if (start < 0 || start + length > bytes.length) throw new RangeError("read outside");
      reads.push(length);
      return Promise.resolve(bytes.subarray(start, start + length));
    },
  };
}

function build(rows: readonly Row[], unfilterable: string[] = []): InvertedSections {
  const builder = new InvertedBuilder(unfilterable);
  rows.forEach((row, docId) => {
    if (row === undefined) return;
    // Both ways in must give the same index.
    if (docId % 2 === 0) builder.add(docId, row);
    else builder.addEncoded(docId, encodeMetadata(row));
  });
  return builder.finish(rows.length);
}

async function ids(
  filter: Filter,
  rows: readonly Row[],
  { sections, hasOverflow }: InvertedSections = build(rows),
  unfilterable: string[] = [],
): Promise<number[]> {
  const bitmap = await evaluateFilter(filter, {
    pace,
    rowCount: rows.length,
    indexFor: async (property) => {
      if (unfilterable.includes(property)) return undefined;
      const section = sections.find((candidate) => candidate.property === property);
      if (section === undefined) return hasOverflow ? undefined : "missing";
      return InvertedReader.open(toSource(section.bytes));
    },
    fallback: (leaf, candidates) =>
      Promise.resolve(
        filterRows(leaf, candidates, (row) => {
          const metadata = rows[row];
          return metadata === undefined ? undefined : encodeMetadata(metadata);
        }),
      ),
  });
  return [...bitmap.toIds()];
}

function expected(filter: Filter, rows: readonly Row[]): number[] {
  return rows.flatMap((row, i) => (matchesFilter(filter, row) ? [i] : []));
}

const scalars: FilterScalar[] = [
  ...["", "a", "ab", "b", "\uffff", "😀", LONG, `${LONG}y`, LONG.slice(1)],
  ...[0, -0, 1, -1, 0.5, -0.5, 2 ** 53, 2 ** 60, 2 ** 63, 2 ** 64, 1e300, -1e300, 5e-324],
  ...[2n ** 53n + 1n, 2n ** 60n, 2n ** 60n + 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n), 7n],
  ...[true, false, date, new Date(0), new Date(-1)],
];
const scalar = fc.oneof(
  fc.constantFrom(...scalars),
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ maxLength: 2 }),
);
const value: fc.Arbitrary<MetadataValue> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.constantFrom<MetadataValue>(null, { a: 1 }, Uint8Array.from([1])),
  fc.array(fc.oneof(scalar, fc.constantFrom<MetadataValue>(null, ["a"])), { maxLength: 4 }),
);
const property = fc.constantFrom("p", "q", "r", "__proto__");
const metadata = fc.dictionary(property, value) as fc.Arbitrary<Metadata>;
const rowsOf = fc.array(fc.option(metadata, { nil: undefined }), { maxLength: 60 });
const bound = fc.record({
  value: scalar.filter((v) => typeof v !== "boolean") as fc.Arbitrary<string | number>,
  isInclusive: fc.boolean(),
});
const { filter: anyFilter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: "small" },
    fc.record({ kind: fc.constant("equal" as const), property, value: scalar }),
    fc.record({ kind: fc.constant("in" as const), property, values: fc.array(scalar) }),
    fc.record({ kind: fc.constant("range" as const), property, lower: bound, upper: bound }),
    fc.record({ kind: fc.constant("range" as const), property, lower: bound }),
    fc.record({ kind: fc.constant("range" as const), property, upper: bound }),
    fc.record({ kind: fc.constant("exists" as const), property }),
    fc.record({ kind: fc.constant("not" as const), filter: tie("filter") }),
    fc.record({
      kind: fc.constant("and" as const),
      filters: fc.array(tie("filter"), { maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant("or" as const),
      filters: fc.array(tie("filter"), { maxLength: 4 }),
    }),
  ),
}));

const pace = new Pace(() => Promise.resolve());

describe("the index agrees with the reference", () => {
  test("for any metadata and any filter", async () => {
    await fc.assert(
      fc.asyncProperty(
        rowsOf,
        fc.array(anyFilter, { minLength: 1, maxLength: 4 }),
        async (rows, filters) => {
          const sections = build(rows);
          for (const filter of filters) {
            expect(await ids(filter, rows, sections)).toEqual(expected(filter, rows));
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test("for every pair of edge values, as equality and as bounds", async () => {
    const rows = scalars.map((p) => ({ p }));
    const sections = build(rows);
    for (const edge of scalars) {
      const equal: Filter = { kind: "equal", property: "p", value: edge };
      expect(await ids(equal, rows, sections)).toEqual(expected(equal, rows));
      if (typeof edge === "boolean") continue;
      for (const isInclusive of [true, false]) {
        const side = { value: edge, isInclusive };
        const above: Filter = { kind: "range", property: "p", lower: side };
        const below: Filter = { kind: "range", property: "p", upper: side };
        expect(await ids(above, rows, sections)).toEqual(expected(above, rows));
        expect(await ids(below, rows, sections)).toEqual(expected(below, rows));
      }
    }
  });

  test("over many blocks, with sparse and dense rows", async () => {
    const rows: Metadata[] = Array.from({ length: 5000 }, (_, i) => ({
      unique: `key-${String(i * 7919).padStart(9, "0")}`,
      number: i % 1500,
      half: i % 2 === 0,
      all: "same",
      rare: i % 97,
    }));
    const sections = build(rows);
    const filters: Filter[] = [
      { kind: "equal", property: "unique", value: "key-000007919" },
      { kind: "equal", property: "unique", value: "key-000007920" },
      { kind: "equal", property: "unique", value: "" },
      { kind: "equal", property: "unique", value: "z" },
      { kind: "equal", property: "half", value: true },
      { kind: "equal", property: "all", value: "same" },
      { kind: "equal", property: "rare", value: 13 },
      {
        kind: "in",
        property: "unique",
        values: rows.slice(100, 400).map((row) => row["unique"] as string),
      },
      {
        kind: "range",
        property: "number",
        lower: { value: 200, isInclusive: false },
        upper: { value: 1400.5, isInclusive: true },
      },
      { kind: "range", property: "unique", lower: { value: "key-01", isInclusive: true } },
      {
        kind: "range",
        property: "unique",
        lower: { value: "z", isInclusive: true },
        upper: { value: "a", isInclusive: true },
      },
    ];
    for (const filter of filters) {
      expect(await ids(filter, rows, sections)).toEqual(expected(filter, rows));
    }
  });
});

describe("what the index does not hold", () => {
  test("unfilterable properties have no section and are looked at row by row", async () => {
    const rows = [{ text: "a" }, { text: "b" }, { year: 1 }];
    const sections = build(rows, ["text"]);
    expect(sections.sections.map((section) => section.property)).toEqual(["year"]);
    const filter: Filter = { kind: "equal", property: "text", value: "b" };
    expect(await ids(filter, rows, sections, ["text"])).toEqual([1]);
  });

  test("properties beyond the limit are reported, and their filters still right", async () => {
    const names = Array.from({ length: INVERTED_PROPERTIES_MAX + 1 }, (_, i) => `p${String(i)}`);
    const rows = names.map((name) => ({ [name]: 1 }));
    const sections = build(rows);
    expect(sections.hasOverflow).toBe(true);
    expect(sections.sections.length).toBe(INVERTED_PROPERTIES_MAX);
    for (const name of [names.at(0) ?? "", names.at(-1) ?? "", "none"]) {
      const filter: Filter = { kind: "exists", property: name };
      expect(await ids(filter, rows, sections)).toEqual(expected(filter, rows));
    }
    expect(build(rows.slice(1)).hasOverflow).toBe(false);
  });

  test("only rows with long strings are looked at, and only when they may pass", async () => {
    const rows = [{ p: LONG }, { p: "x" }, { p: LONG.slice(1) }, { p: ["x", LONG] }];
    const section = build(rows).sections[0];
    const reader = await InvertedReader.open(toSource(section?.bytes ?? new Uint8Array(0)));
    const long = await reader.evaluate({ kind: "equal", property: "p", value: LONG }, pace);
    expect([long.matches.isEmpty, [...(long.unsure?.toIds() ?? [])]]).toEqual([true, [0, 3]]);
    const short = await reader.evaluate({ kind: "equal", property: "p", value: "x" }, pace);
    expect([[...short.matches.toIds()], short.unsure]).toEqual([[1, 3], undefined]);
    const lower = { value: "x", isInclusive: true };
    const range = await reader.evaluate({ kind: "range", property: "p", lower }, pace);
    expect([[...range.matches.toIds()], [...(range.unsure?.toIds() ?? [])]]).toEqual([
      [1, 2, 3],
      [0],
    ]);
  });

  test("candidates bound the answer, also of a negation", async () => {
    const rows = [{ p: 1 }, { p: 2 }, { p: 1 }];
    const { sections } = build(rows);
    const candidates = Bitmap.fromIds(3, [1, 2]);
    const bitmap = await evaluateFilter(
      { kind: "not", filter: { kind: "equal", property: "p", value: 2 } },
      {
        pace,
        rowCount: 3,
        candidates,
        indexFor: () => InvertedReader.open(toSource(sections[0]?.bytes ?? new Uint8Array(0))),
        fallback: () => Promise.reject(new Error("not asked")),
      },
    );
    expect([...bitmap.toIds()]).toEqual([2]);
    expect([...candidates.toIds()]).toEqual([1, 2]);
  });
});

describe("reads", () => {
  test("a lookup in many values reads the head, one block and one posting list", async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ p: `value-${String(i >>> 1)}` }));
    const source = toSource(build(rows).sections[0]?.bytes ?? new Uint8Array(0));
    const reader = await InvertedReader.open(source);
    expect(reader.termCount).toBe(10_000);
    const headReads = source.reads.length;
    const { matches } = await reader.evaluate(
      { kind: "equal", property: "p", value: "value-77" },
      pace,
    );
    expect([...matches.toIds()]).toEqual([154, 155]);
    expect(headReads).toBeLessThanOrEqual(2);
    expect(source.reads.length - headReads).toBe(2);
    expect(Math.max(...source.reads.slice(headReads))).toBeLessThan(8_192);
  });

  test("the head of a property with few values is one read", async () => {
    const source = toSource(build([{ p: 1 }, { p: 2 }]).sections[0]?.bytes ?? new Uint8Array(0));
    await InvertedReader.open(source);
    expect(source.reads.length).toBe(1);
  });
});

describe("damage", () => {
  const rows: Row[] = Array.from({ length: 300 }, (_, i) =>
    i % 5 === 0
      ? undefined
      : { p: [`v${String(i)}`, i % 7, i % 2 === 0, i % 11 === 0 ? LONG : null] },
  );
  const bytes = build(rows).sections[0]?.bytes ?? new Uint8Array(0);
  const leaves: Filter[] = [
    { kind: "exists", property: "p" },
    { kind: "in", property: "p", values: ["v1", "v3", "v299", 3, true] },
    { kind: "range", property: "p", lower: { value: "", isInclusive: true } },
    { kind: "range", property: "p", lower: { value: 1, isInclusive: true } },
  ];

  async function codeOf(damaged: Uint8Array): Promise<string> {
    try {
      const reader = await InvertedReader.open(toSource(damaged));
      // A flipped row count makes another segment of it: the evaluation refuses that before any
      // work.
      if (reader.rowCount !== rows.length) return "data_damaged";
      for (const leaf of leaves) {
        if (leaf.kind === "and" || leaf.kind === "or" || leaf.kind === "not") continue;
        const { matches } = await reader.evaluate(leaf, pace);
        expect(matches.toIds().every((row) => row < rows.length)).toBe(true);
      }
    } catch (error) {
      if (isInsulaError(error)) return error.code;
      throw error;
    }
    return "no error";
  }

  test("a section cut anywhere is data_damaged", async () => {
    expect(await codeOf(bytes)).toBe("no error");
    for (let length = 0; length < bytes.length; length += 13) {
      expect(await codeOf(bytes.subarray(0, length))).toBe("data_damaged");
    }
  });

  test("a flipped bit never reads outside, loops or breaks an invariant", async () => {
    const codes = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      codes.add(await codeOf(flipped));
    }
    expect(
      [...codes].every((code) => ["no error", "data_damaged", "format_unsupported"].includes(code)),
    ).toBe(true);
    expect(codes.has("data_damaged")).toBe(true);
  });

  test("any bytes behind a right header are an answer or an error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 300, maxLength: 300 }), async (noise) => {
        const damaged = Uint8Array.from(bytes);
        damaged.set(noise, 36);
        expect(["no error", "data_damaged"]).toContain(await codeOf(damaged));
      }),
    );
  });

  test("the index of another segment is refused", async () => {
    await expect(ids({ kind: "exists", property: "p" }, [], build([{ p: 1 }]))).resolves.toEqual(
      [],
    );
    await expect(
      ids({ kind: "exists", property: "p" }, [{}], build([{ p: 1 }, { p: 2 }])),
    ).rejects.toMatchObject({
      code: "data_damaged",
    });
  });
});

test("rows must come in their order", () => {
  const builder = new InvertedBuilder();
  builder.add(1, { a: 1 });
  expect(() => {
    builder.add(1, { a: 1 });
  }).toThrow("Invariant");
  expect(() => builder.finish(1)).toThrow("Invariant");
});

test("a row with one value twice is counted once", async () => {
  const rows = [{ p: ["a", "a", LONG, LONG] }, { p: 0 }];
  expect(await ids({ kind: "equal", property: "p", value: "a" }, rows)).toEqual([0]);
  expect(await ids({ kind: "equal", property: "p", value: LONG }, rows)).toEqual([0]);
});
