/** A sparse vector as a command line has it: `terms=4:2,9:1`. */
import { InvalidArgumentError } from "commander";
import { sortSparse, type SparseQuery } from "../model/index.ts";

const INDEX_MAX = 0xffff_ffff;
const PART = /^(\d{1,10}):(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i;

/** The indices in any order; that each comes once and is finite is for the check of the query. */
export function toSparseQuery(text: string): SparseQuery {
  const equals = text.lastIndexOf("=");
  if (equals < 0) throw wrong(text);
  const parts = text
    .slice(equals + 1)
    .split(",")
    .map((part) => {
      const [, index = "", value = ""] = PART.exec(part) ?? [];
      if (index === "" || Number(index) > INDEX_MAX) throw wrong(part);
      return { index: Number(index), value: Number(value) };
    });
  const vector = sortSparse({
    indices: Uint32Array.from(parts, ({ index }) => index),
    values: Float32Array.from(parts, ({ value }) => value),
  });
  return { field: text.slice(0, equals), vector };
}

function wrong(text: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `Expected a field with indices and values such as terms=4:2,9:1, received ${text}.`,
  );
}
