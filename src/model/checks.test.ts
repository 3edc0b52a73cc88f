import { describe, expect, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_RECORDS_MAX,
  DIMENSION_MAX,
  FILTER_DEPTH_MAX,
  FILTER_NODES_MAX,
  KEY_BYTES_MAX,
  NAME_BYTES_MAX,
  RECALL_MAX,
  RECALL_MIN,
  TOP_K_MAX,
  UNFILTERABLE_PROPERTIES_MAX,
  VECTOR_FIELDS_MAX,
} from "../base/limits.ts";
import { checkFilter } from "./filter-check.ts";
import type { Filter } from "./filter.ts";
import { checkQuery } from "./query-check.ts";
import type { Query } from "./query.ts";
import { checkBatch } from "./check-batch.contract.ts";
import { checkKey, checkVector } from "./record-check.ts";
import type { WriteBatch } from "./record.ts";
import { checkSchema } from "./schema-check.ts";
import type { Schema, VectorField } from "./schema.ts";

const field: VectorField = { name: "", dimension: 3, metric: "cosine" };
const schema: Schema = { vectors: [field], identity: "key", unfilterable: [] };
const batch: WriteBatch = {
  keys: ["a", "b"],
  vectors: [{ field: "", values: Float32Array.from([1, 2, 3, 0, 0, 0]) }],
  metadata: [undefined, { year: 1 }],
};
const query: Query = {
  field: "",
  vector: Float32Array.from([1, 2, 3]),
  topK: 1,
  include: { vectors: false, metadata: false },
};

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isInsulaError(error)) return error.code;
    throw error;
  }
  return "no error";
}

describe("a key", () => {
  test.each([
    ["one byte", "a", "no error"],
    ["the longest", "é".repeat(KEY_BYTES_MAX / 2), "no error"],
    ["empty", "", "key_invalid"],
    ["a byte too long", `${"é".repeat(KEY_BYTES_MAX / 2)}a`, "key_invalid"],
    ["a lone surrogate", "\ud800", "key_invalid"],
    ["no text", 5 as unknown as string, "key_invalid"],
  ])("%s: %#", (_, key, expected) => {
    expect(codeOf(() => checkKey(key))).toBe(expected);
  });
});

describe("a vector", () => {
  test.each([
    ["as the field wants it", [1, 2, 3], "no error"],
    ["zero", [0, 0, -0], "no error"],
    ["the largest float32", [3.4028234663852886e38, -3.4028234663852886e38, 0], "no error"],
    ["too short", [1, 2], "dimension_mismatch"],
    ["too long", [1, 2, 3, 4], "dimension_mismatch"],
    ["NaN", [1, NaN, 3], "vector_invalid"],
    ["infinity", [1, 2, -Infinity], "vector_invalid"],
  ])("%s", (_, values, expected) => {
    expect(
      codeOf(() => {
        checkVector(field, Float32Array.from(values));
      }),
    ).toBe(expected);
  });
});

describe("a batch", () => {
  test("a good one tells its size", () => {
    expect(checkBatch(schema, batch).bytes).toBe(2 + 24 + (1 + 1 + 5 + 2));
    expect(
      checkBatch(schema, {
        keys: [],
        vectors: [{ field: "", values: new Float32Array(0) }],
        metadata: [],
      }).bytes,
    ).toBe(0);
  });

  test.each<[string, Partial<WriteBatch>, string]>([
    ["a key twice", { keys: ["a", "a"] }, "key_duplicate"],
    ["an empty key", { keys: ["a", ""] }, "key_invalid"],
    ["metadata missing", { metadata: [undefined] }, "argument_invalid"],
    ["metadata invalid", { metadata: [undefined, { a: NaN }] }, "metadata_invalid"],
    [
      "metadata too large",
      { metadata: [{ a: "x".repeat(2_000_000) }, undefined] },
      "metadata_too_large",
    ],
    ["no column", { vectors: [] }, "argument_invalid"],
    [
      "a strange column",
      { vectors: [{ field: "x", values: new Float32Array(6) }] },
      "argument_invalid",
    ],
    ["a column twice", { vectors: [...batch.vectors, ...batch.vectors] }, "argument_invalid"],
    [
      "a row missing",
      { vectors: [{ field: "", values: new Float32Array(3) }] },
      "dimension_mismatch",
    ],
    [
      "NaN in the last row",
      {
        vectors: [{ field: "", values: Float32Array.from([1, 2, 3, 4, 5, NaN]) }],
      },
      "vector_invalid",
    ],
    [
      "too many records",
      { keys: Array.from({ length: BATCH_RECORDS_MAX + 1 }, String) },
      "batch_too_large",
    ],
    [
      "too many bytes",
      {
        vectors: [{ field: "", values: new Float32Array(BATCH_BYTES_MAX / 4 + 1) }],
      },
      "batch_too_large",
    ],
  ])("%s", (_, change, expected) => {
    expect(codeOf(() => checkBatch(schema, { ...batch, ...change }))).toBe(expected);
  });

  test("the error names the record and the component, not the number", () => {
    const vectors = [{ field: "", values: Float32Array.from([1, 2, 3, 4, NaN, 6]) }];
    expect(() => checkBatch(schema, { ...batch, vectors })).toThrow(
      expect.objectContaining({
        details: { position: 1, component: 1, field: "" },
      }) as Error,
    );
  });
});

describe("a schema", () => {
  const many = (count: number): VectorField[] =>
    Array.from({ length: count }, (_, i) => ({ ...field, name: String(i) }));
  test.each<[string, Partial<Schema>, string]>([
    ["a good one", {}, "no error"],
    ["the most fields", { vectors: many(VECTOR_FIELDS_MAX) }, "no error"],
    ["one field more", { vectors: many(VECTOR_FIELDS_MAX + 1) }, "argument_invalid"],
    ["no field", { vectors: [] }, "argument_invalid"],
    ["a field twice", { vectors: [field, field] }, "argument_invalid"],
    ["dimension 0", { vectors: [{ ...field, dimension: 0 }] }, "argument_invalid"],
    ["half a dimension", { vectors: [{ ...field, dimension: 1.5 }] }, "argument_invalid"],
    ["the largest dimension", { vectors: [{ ...field, dimension: DIMENSION_MAX }] }, "no error"],
    ["one more", { vectors: [{ ...field, dimension: DIMENSION_MAX + 1 }] }, "argument_invalid"],
    ["the last metric", { vectors: [{ ...field, metric: "hamming" }] }, "no error"],
    ["no metric", { vectors: [{ ...field, metric: "toString" as "dot" }] }, "argument_invalid"],
    ["the lowest recall", { vectors: [{ ...field, recall: RECALL_MIN }] }, "no error"],
    ["the highest recall", { vectors: [{ ...field, recall: RECALL_MAX }] }, "no error"],
    ["a lower one", { vectors: [{ ...field, recall: RECALL_MIN - 0.001 }] }, "argument_invalid"],
    ["all of them", { vectors: [{ ...field, recall: 1 }] }, "argument_invalid"],
    ["no number", { vectors: [{ ...field, recall: NaN }] }, "argument_invalid"],
    [
      "a long name",
      { vectors: [{ ...field, name: "x".repeat(NAME_BYTES_MAX + 1) }] },
      "argument_invalid",
    ],
    ["a property twice", { unfilterable: ["a", "a"] }, "argument_invalid"],
    ["no identity", { identity: "none" as "row" }, "argument_invalid"],
    [
      "too many unfilterable properties",
      {
        unfilterable: Array.from({ length: UNFILTERABLE_PROPERTIES_MAX + 1 }, String),
      },
      "argument_invalid",
    ],
  ])("%s", (_, change, expected) => {
    expect(
      codeOf(() => {
        checkSchema({ ...schema, ...change });
      }),
    ).toBe(expected);
  });
});

describe("a query", () => {
  test.each<[string, Partial<Query>, string]>([
    ["a good one", {}, "no error"],
    ["the largest topK", { topK: TOP_K_MAX }, "no error"],
    ["one more", { topK: TOP_K_MAX + 1 }, "argument_invalid"],
    ["topK 0", { topK: 0 }, "argument_invalid"],
    ["half a topK", { topK: 1.5 }, "argument_invalid"],
    ["a recall", { recall: RECALL_MAX }, "no error"],
    ["a recall beyond", { recall: 1 }, "argument_invalid"],
    ["another field", { field: "x" }, "argument_invalid"],
    ["another dimension", { vector: new Float32Array(4) }, "dimension_mismatch"],
    ["NaN", { vector: new Float32Array(3).fill(NaN) }, "vector_invalid"],
    ["a bad filter", { filter: { kind: "range", property: "a" } }, "filter_invalid"],
  ])("%s", (_, change, expected) => {
    expect(
      codeOf(() => {
        checkQuery(schema, { ...query, ...change });
      }),
    ).toBe(expected);
  });
});

describe("a filter", () => {
  const leaf = { kind: "exists", property: "a" } satisfies Filter;
  const nested = (levels: number): Filter => {
    let filter: Filter = leaf;
    for (let i = 1; i < levels; i++) filter = { kind: "not", filter };
    return filter;
  };
  const wide = (count: number): Filter => ({
    kind: "or",
    filters: Array.from({ length: count - 1 }, () => leaf),
  });
  const values = (count: number): Filter => ({
    kind: "in",
    property: "a",
    values: Array.from({ length: count - 1 }, (_, i) => i),
  });
  test.each<[string, Filter, string]>([
    ["the deepest", nested(FILTER_DEPTH_MAX), "no error"],
    ["one level more", nested(FILTER_DEPTH_MAX + 1), "filter_invalid"],
    ["the widest", wide(FILTER_NODES_MAX), "no error"],
    ["one node more", wide(FILTER_NODES_MAX + 1), "filter_invalid"],
    ["the most values", values(FILTER_NODES_MAX), "no error"],
    ["one value more", values(FILTER_NODES_MAX + 1), "filter_invalid"],
    ["NaN", { kind: "equal", property: "a", value: NaN }, "filter_invalid"],
    ["null", { kind: "equal", property: "a", value: null as unknown as string }, "filter_invalid"],
    ["an integer too large", { kind: "equal", property: "a", value: 2n ** 64n }, "filter_invalid"],
    ["an invalid date", { kind: "equal", property: "a", value: new Date(NaN) }, "filter_invalid"],
    ["a lone surrogate", { kind: "equal", property: "a", value: "\ud800" }, "filter_invalid"],
    ["a bad name", { kind: "exists", property: "\ud800" }, "filter_invalid"],
    ["an unknown kind", { kind: "like" } as unknown as Filter, "filter_invalid"],
    [
      "a range of booleans",
      {
        kind: "range",
        property: "a",
        lower: { value: true as unknown as number, isInclusive: true },
      },
      "filter_invalid",
    ],
  ])("%s", (_, filter, expected) => {
    expect(
      codeOf(() => {
        checkFilter(filter);
      }),
    ).toBe(expected);
  });
});
