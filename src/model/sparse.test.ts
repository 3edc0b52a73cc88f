import { describe, expect, it, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import { SPARSE_VALUES_MAX, VECTOR_FIELDS_MAX } from "../base/limits.ts";
import { checkBatch } from "./check-batch.contract.ts";
import {
  checkQuery,
  checkSchema,
  joinSparse,
  sortSparse,
  sparseRow,
  type Query,
  type Schema,
  type SparseVector,
  type WriteBatch,
} from "./index.ts";

const SCHEMA: Schema = {
  vectors: [{ name: "", dimension: 1, metric: "dot" }],
  sparseVectors: [{ name: "terms" }, { name: "title" }],
  identity: "key",
  unfilterable: [],
};
const ONLY_SPARSE: Schema = { ...SCHEMA, vectors: [] };

function sparse(indices: readonly number[], values: readonly number[] = indices): SparseVector {
  return { indices: Uint32Array.from(indices), values: Float32Array.from(values) };
}

function batchOf(rows: readonly (SparseVector | undefined)[], field = "terms"): WriteBatch {
  return {
    keys: rows.map((_, i) => `k${String(i)}`),
    vectors: [{ field: "", values: new Float32Array(rows.length) }],
    sparse: [{ field, ...joinSparse(rows) }],
    metadata: rows.map(() => undefined),
  };
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

const full = Array.from({ length: SPARSE_VALUES_MAX }, (_, i) => i);

describe("the sparse vectors of a batch", () => {
  test.each([
    ["ascending", [sparse([0, 5, 0xffff_ffff])], "no error"],
    ["absent", [undefined, sparse([1])], "no error"],
    ["with a value of 0", [sparse([1], [0])], "no error"],
    ["the longest", [sparse(full)], "no error"],
    ["one too long", [sparse([...full, SPARSE_VALUES_MAX])], "vector_invalid"],
    ["out of order", [sparse([1]), sparse([5, 4])], "vector_invalid"],
    ["with an index twice", [sparse([4, 4])], "vector_invalid"],
    ["with a value that is no number", [sparse([1], [Number.NaN])], "vector_invalid"],
    ["with an infinite value", [sparse([1], [Number.NEGATIVE_INFINITY])], "vector_invalid"],
  ])("%s: %#", (_, rows, expected) => {
    expect(codeOf(() => checkBatch(SCHEMA, batchOf(rows)))).toBe(expected);
  });

  it("say which record is wrong", () => {
    const rows = [sparse([1]), sparse([2]), sparse([3, 3])];
    expect(() => checkBatch(SCHEMA, batchOf(rows))).toThrow("at position 2");
  });

  it("count in the size of the batch", () => {
    const without = checkBatch(SCHEMA, batchOf([undefined])).bytes;
    expect(checkBatch(SCHEMA, batchOf([sparse([1, 2, 3])])).bytes).toBe(without + 24);
  });

  it("are of sparse fields of the schema, each once", () => {
    const good = batchOf([sparse([1])]);
    const [column] = good.sparse ?? [];
    const twice = column === undefined ? [] : [column, column];
    expect(codeOf(() => checkBatch(SCHEMA, batchOf([sparse([1])], "other")))).toBe(
      "argument_invalid",
    );
    expect(codeOf(() => checkBatch(SCHEMA, batchOf([sparse([1])], "")))).toBe("argument_invalid");
    expect(codeOf(() => checkBatch(SCHEMA, { ...good, sparse: twice }))).toBe("argument_invalid");
  });

  it("have starts, indices and values that fit together", () => {
    const good = { field: "terms", ...joinSparse([sparse([1, 2]), sparse([3])]) };
    const wrong = [
      { ...good, starts: Uint32Array.of(0, 2) },
      { ...good, starts: Uint32Array.of(1, 2, 3) },
      { ...good, starts: Uint32Array.of(0, 2, 4) },
      { ...good, starts: Uint32Array.of(0, 4, 3) },
      { ...good, values: Float32Array.of(1, 2) },
    ];
    const batch = batchOf([sparse([1]), sparse([2])]);
    expect(codeOf(() => checkBatch(SCHEMA, { ...batch, sparse: [good] }))).toBe("no error");
    for (const column of wrong) {
      expect(codeOf(() => checkBatch(SCHEMA, { ...batch, sparse: [column] }))).toBe(
        "argument_invalid",
      );
    }
  });

  it("are in every record where there is no other vector", () => {
    const given = { ...batchOf([sparse([1]), undefined]), vectors: [] };
    expect(codeOf(() => checkBatch(ONLY_SPARSE, given))).toBe("vector_invalid");
    const { sparse: _, ...none } = { ...batchOf([sparse([1])]), vectors: [] };
    expect(codeOf(() => checkBatch(ONLY_SPARSE, none))).toBe("vector_invalid");
    const all = { ...batchOf([sparse([1]), sparse([2])]), vectors: [] };
    expect(codeOf(() => checkBatch(ONLY_SPARSE, all))).toBe("no error");
  });
});

describe("a schema with sparse fields", () => {
  it("has names of its own for them, and as many fields as any", () => {
    const many = Array.from({ length: VECTOR_FIELDS_MAX }, (_, i) => ({ name: `s${String(i)}` }));
    const codes = [
      SCHEMA,
      ONLY_SPARSE,
      { ...ONLY_SPARSE, sparseVectors: many },
      { ...SCHEMA, sparseVectors: many },
      { ...ONLY_SPARSE, sparseVectors: [] },
      { ...SCHEMA, sparseVectors: [{ name: "" }] },
      { ...SCHEMA, sparseVectors: [{ name: "a" }, { name: "a" }] },
      { ...SCHEMA, sparseVectors: [{ name: "x".repeat(600) }] },
    ].map((schema) => codeOf(() => checkSchema(schema)));
    const refused = "argument_invalid";
    expect(codes).toEqual([
      ...["no error", "no error", "no error"],
      ...[refused, refused, refused, refused, refused],
    ]);
  });
});

describe("a query with a sparse vector", () => {
  const include = { vectors: false, metadata: false };
  const vector = Float32Array.of(1);
  const terms = { field: "terms", vector: sparse([1]) };
  const cosine: Schema = { ...SCHEMA, vectors: [{ name: "", dimension: 1, metric: "cosine" }] };
  const weights = { dense: 0.5, sparse: 0.5 };
  const query = (parts: Partial<Query>): Query => ({ field: "", topK: 1, include, ...parts });

  test.each<[string, Schema, Partial<Query>, string]>([
    ["alone", SCHEMA, { sparse: terms }, "no error"],
    ["alone beside a field of another metric", cosine, { sparse: terms }, "no error"],
    ["with a vector", SCHEMA, { vector, sparse: terms }, "no error"],
    ["with a vector and weights", SCHEMA, { vector, sparse: terms, weights }, "no error"],
    ["of no field", SCHEMA, { sparse: { ...terms, field: "" } }, "argument_invalid"],
    ["without a value", SCHEMA, { sparse: { ...terms, vector: sparse([]) } }, "vector_invalid"],
    ["out of order", SCHEMA, { sparse: { ...terms, vector: sparse([2, 1]) } }, "vector_invalid"],
    [
      "of different lengths",
      SCHEMA,
      { sparse: { ...terms, vector: sparse([1], []) } },
      "vector_invalid",
    ],
    ["in one score with a cosine", cosine, { vector, sparse: terms }, "argument_invalid"],
    ["with weights, but alone", SCHEMA, { sparse: terms, weights }, "argument_invalid"],
    [
      "with a negative weight",
      SCHEMA,
      { vector, sparse: terms, weights: { dense: -1, sparse: 1 } },
      "argument_invalid",
    ],
    [
      "with a weight beyond float32",
      SCHEMA,
      { vector, sparse: terms, weights: { dense: 1, sparse: 1e39 } },
      "argument_invalid",
    ],
    ["and nothing at all", SCHEMA, {}, "argument_invalid"],
  ])("%s: %#", (_, schema, parts, expected) => {
    expect(codeOf(() => checkQuery(schema, query(parts)))).toBe(expected);
  });
});

describe("sparse rows", () => {
  it("are joined and taken apart", () => {
    const vectors = [sparse([1, 2]), undefined, sparse([7])];
    const rows = joinSparse(vectors);
    expect(vectors.map((_, row) => sparseRow(rows, row))).toEqual(vectors);
  });

  it("are sorted by their indices with the values beside them", () => {
    expect(sortSparse(sparse([9, 1, 5], [90, 10, 50]))).toEqual(sparse([1, 5, 9], [10, 50, 90]));
    const sorted = sparse([1, 2]);
    expect(sortSparse(sorted)).toBe(sorted);
  });
});
