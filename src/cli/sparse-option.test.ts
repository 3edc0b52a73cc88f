import { expect, it } from "vitest";
import { toSparseQuery } from "./sparse-option.ts";

it("a sparse vector is read in any order, with the field up to the last =", () => {
  expect(toSparseQuery("a=b=9:1,4:-2.5,4294967295:1e-3")).toEqual({
    field: "a=b",
    vector: {
      indices: Uint32Array.of(4, 9, 4_294_967_295),
      values: Float32Array.of(-2.5, 1, 1e-3),
    },
  });
});

it.each(["terms", "terms=", "terms=4", "terms=4:", "terms=4:2,", "terms=-1:2", "terms=0.5:2"])(
  "%s is refused with what is expected",
  (text) => {
    expect(() => toSparseQuery(text)).toThrow("such as terms=4:2,9:1");
  },
);

it.each(["terms=4294967296:1", "terms=4:NaN", "terms=4: 2"])("%s is refused", (text) => {
  expect(() => toSparseQuery(text)).toThrow("Expected a field");
});
