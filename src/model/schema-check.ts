/** The check of a schema when a collection is made. */
import { InsulaError } from "../base/errors.ts";
import {
  DIMENSION_MAX,
  NAME_BYTES_MAX,
  UNFILTERABLE_PROPERTIES_MAX,
  VECTOR_FIELDS_MAX,
} from "../base/limits.ts";
import { checkRecall } from "./recall-check.ts";
import type { FieldMemory, Metric, Schema, VectorField } from "./schema.ts";
import { isWellFormed } from "./well-formed.ts";

const METRICS: readonly string[] = [
  "cosine",
  "dot",
  "euclidean",
  "manhattan",
  "hamming",
] satisfies readonly Metric[];

const MEMORIES: readonly string[] = ["small", "fast"] satisfies readonly FieldMemory[];

/** @throws InsulaError `argument_invalid`. */
export function checkSchema(schema: Schema): void {
  const { vectors, sparseVectors = [], unfilterable } = schema;
  const names = [...vectors, ...sparseVectors].map(({ name }) => name);
  if (names.length < 1 || names.length > VECTOR_FIELDS_MAX) {
    throw schemaInvalid(
      `expected 1 to ${String(VECTOR_FIELDS_MAX)} vector fields, received ${String(names.length)}`,
    );
  }
  if (new Set(names).size !== names.length) {
    throw schemaInvalid("expected each vector field once, received one twice");
  }
  vectors.forEach(checkField);
  for (const { name } of sparseVectors) checkName(name, "a sparse field");
  if (!["key", "row"].includes(schema.identity)) {
    throw schemaInvalid("unknown identity: expected key or row");
  }
  if (unfilterable.length > UNFILTERABLE_PROPERTIES_MAX) {
    throw schemaInvalid(
      `expected at most ${String(UNFILTERABLE_PROPERTIES_MAX)} unfilterable properties, received ${String(unfilterable.length)}`,
    );
  }
  if (new Set(unfilterable).size !== unfilterable.length) {
    throw schemaInvalid("expected each unfilterable property once, received one twice");
  }
  for (const property of unfilterable) checkName(property, "an unfilterable property");
}

function checkField(field: VectorField): void {
  checkName(field.name, "a vector field");
  const { dimension, metric, recall, memory } = field;
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > DIMENSION_MAX) {
    throw schemaInvalid(
      `dimension out of range: expected 1 to ${String(DIMENSION_MAX)}, received ${String(dimension)}`,
    );
  }
  if (recall !== undefined) checkRecall(recall, "Cannot use the schema");
  if (memory !== undefined && !MEMORIES.includes(memory)) {
    throw schemaInvalid("unknown memory: expected small or fast");
  }
  if (!METRICS.includes(metric)) {
    throw schemaInvalid(`unknown metric: expected one of ${METRICS.join(", ")}`);
  }
}

function checkName(name: unknown, what: string): void {
  const isName =
    typeof name === "string" && isWellFormed(name) && Buffer.byteLength(name) <= NAME_BYTES_MAX;
  if (isName) return;
  throw schemaInvalid(
    `the name of ${what}: expected text of at most ${String(NAME_BYTES_MAX)} bytes in UTF-8`,
  );
}

function schemaInvalid(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot use the schema: ${reason}.`);
}
