/**
 * The recalls that a collection's vector fields aim at. They are the collection's own, in its row:
 * collections that differ in nothing else share one schema, and a change touches no shard.
 */
import { InsulaError } from "../base/errors.ts";
import { checkRecall, type Query, type Schema } from "../model/index.ts";
import type { VectorFieldPatch } from "./api.ts";

/** By the name of the field; fields with the usual recall are not there. */
export type FieldRecalls = ReadonlyMap<string, number>;

export const NO_RECALLS: FieldRecalls = new Map<string, number>();

/** What a schema says, apart: the schema that is stored, and the recalls. */
export function takeRecalls(schema: Schema): {
  readonly schema: Schema;
  readonly recalls: FieldRecalls;
} {
  const recalls = new Map<string, number>();
  const vectors = schema.vectors.map(({ recall, ...field }) => {
    if (recall !== undefined) recalls.set(field.name, recall);
    return field;
  });
  return { schema: { ...schema, vectors }, recalls };
}

/** The schema as callers see it. */
export function withRecalls(schema: Schema, recalls: FieldRecalls): Schema {
  if (recalls.size === 0) return schema;
  const vectors = schema.vectors.map((field) => {
    const recall = recalls.get(field.name);
    return recall === undefined ? field : { ...field, recall };
  });
  return { ...schema, vectors };
}

/**
 * @param patches null forgets; fields that are not named keep what they have.
 * @throws InsulaError `argument_invalid` for a field that the schema has not, or a wrong recall.
 */
export function patchRecalls(
  { vectors }: Schema,
  recalls: FieldRecalls,
  patches: readonly VectorFieldPatch[],
): FieldRecalls {
  const next = new Map(recalls);
  for (const { name, recall } of patches) {
    if (!vectors.some((field) => field.name === name)) {
      throw new InsulaError(
        "argument_invalid",
        `Cannot change the collection: unknown vector field "${name}".`,
      );
    }
    if (recall === undefined) continue;
    if (recall === null) {
      next.delete(name);
      continue;
    }
    checkRecall(recall, "Cannot change the collection");
    next.set(name, recall);
  }
  return next;
}

/** The query with the recall of its field, unless it names one. */
export function aimed(query: Query, recalls: FieldRecalls): Query {
  const recall = query.recall ?? recalls.get(query.field);
  return recall === undefined ? query : { ...query, recall };
}
