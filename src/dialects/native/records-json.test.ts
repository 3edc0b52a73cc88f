import { describe, expect, it } from "vitest";
import { SLICE_STEPS } from "../../base/pace.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { RecordPrinter, toWriteBatch } from "./records-json.ts";

describe("an answer of records", () => {
  it("answerNumbersMax: holds so many numbers in all, and no more", () => {
    const printer = new RecordPrinter();
    const half = new Float32Array(NATIVE_LIMITS.answerNumbersMax / 2);
    const record = (values: Float32Array) => ({ key: "a", vectors: new Map([["", values]]) });
    expect(printer.members(record(half)).startsWith('"key":"a","vector":[0,0')).toBe(true);
    printer.members(record(half));
    expect(() => printer.members(record(new Float32Array(1)))).toThrow("too many numbers");
  });
});

describe("a batch of records", () => {
  const DIMENSION = 8;
  const ROWS = 5_000;
  const schema = {
    vectors: [{ name: "", dimension: DIMENSION, metric: "dot" as const }],
    ...{ identity: "key" as const, unfilterable: [] },
  };
  const values = Float32Array.from({ length: ROWS * DIMENSION }, (_, i) => i);
  const row = (i: number): Float32Array => values.subarray(i * DIMENSION, (i + 1) * DIMENSION);
  /** @param vectorOf of the record at a position. */
  const work = (vectorOf: (i: number) => Float32Array): ReturnType<typeof toWriteBatch> =>
    toWriteBatch(
      schema,
      Array.from({ length: ROWS }, (_, i) => ({
        ...{ key: `k${String(i)}`, vector: vectorOf(i), vectors: undefined },
        ...{ sparse: undefined, metadata: undefined },
      })),
    );

  it.each([
    ["where the rows lie", row],
    ["of rows that are copied", (i: number) => row(i).slice()],
  ])("is made in pieces, many to a slice and many slices, %s", (_, vectorOf) => {
    const steps: number[] = [];
    const pieces = work(vectorOf);
    let next = pieces.next();
    for (; next.done !== true; next = pieces.next()) steps.push(next.value);
    const { keys, vectors } = next.value;
    expect(keys[ROWS - 1]).toBe(`k${String(ROWS - 1)}`);
    expect(vectors).toEqual([{ field: "", values }]);
    expect(steps[0]).toBeLessThan(SLICE_STEPS / 3);
    expect(steps.reduce((sum, each) => sum + each)).toBeGreaterThan(20 * SLICE_STEPS);
  });

  it("says which record has a vector of another dimension", () => {
    const pieces = work((i) => (i === 4_321 ? row(0).subarray(1) : row(i)));
    expect(() => {
      while (pieces.next().done !== true);
    }).toThrow("record 4321");
  });
});
