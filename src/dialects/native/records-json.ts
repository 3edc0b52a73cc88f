/** Records between JSON and the model: batches by columns, answers put together as text. */
import { InsulaError } from "../../base/errors.ts";
import { scanSteps } from "../../base/pace.ts";
import { toExactMembers } from "../../base/exact-json.ts";
import {
  DEFAULT_VECTOR,
  type RecordView,
  type Schema as CollectionSchema,
  type VectorColumn,
  type WriteBatch,
} from "../../model/index.ts";
import { printFloat32Array } from "../../wire/index.ts";
import type { PrintedText } from "../answer-text.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import type { NewRecord } from "./record-bodies.ts";
import { printSparse, toSparseColumns } from "./sparse-json.ts";

/** An answer that is JSON already. */
export class JsonText {
  readonly text: PrintedText;

  constructor(text: PrintedText) {
    this.text = text;
  }
}

/** An answer that is CSV. */
export class CsvText extends JsonText {}

/** Of one record in a pass over all of them; about 1 µs. */
const RECORD_STEPS = 256;
/** Records between two looks at the pace. */
const LOOK_RECORDS = 64;

/**
 * Each value is the steps of what follows it: see {@link inTurns}.
 *
 * @throws InsulaError `dimension_mismatch` with the position of the record, `argument_invalid` for
 *   a record without a field of the schema, with another one, or with one twice.
 */
export function* toWriteBatch(
  schema: CollectionSchema,
  records: readonly NewRecord[],
): Generator<number, WriteBatch, void> {
  const columns = new Map(schema.vectors.map(({ name }) => [name, [] as Float32Array[]]));
  for (const [position, { vector, vectors = [] }] of records.entries()) {
    if (position % LOOK_RECORDS === 0) yield LOOK_RECORDS * RECORD_STEPS;
    const given =
      vector === undefined ? vectors : [{ field: DEFAULT_VECTOR, values: vector }, ...vectors];
    for (const { field, values } of given) {
      const column = columns.get(field);
      if (column?.length !== position) {
        throw refusal(position, "expected each vector field of the collection once");
      }
      column.push(values);
    }
    if (given.length !== columns.size) {
      throw refusal(position, `expected ${String(columns.size)} vector fields`);
    }
  }
  const vectors: VectorColumn[] = [];
  for (const { name, dimension } of schema.vectors) {
    const values = yield* joinRows(columns.get(name) ?? [], dimension, name);
    vectors.push({ field: name, values });
  }
  yield records.length * (RECORD_STEPS / 2);
  const sparse = toSparseColumns(schema, records);
  return {
    keys: records.map(({ key }) => key),
    vectors,
    ...(sparse.length === 0 ? {} : { sparse }),
    metadata: records.map((r) => r.metadata),
  };
}

/** Where the rows already lie one behind the other no number is copied. */
function* joinRows(
  rows: readonly Float32Array[],
  dimension: number,
  field: string,
): Generator<number, Float32Array, void> {
  const [first] = rows;
  if (first === undefined) return new Float32Array();
  let isOneBlock = true;
  for (const [position, row] of rows.entries()) {
    if (position % LOOK_RECORDS === 0) yield LOOK_RECORDS * (RECORD_STEPS / 4);
    if (row.length !== dimension) throw mismatch(position, field, dimension, row.length);
    isOneBlock &&=
      row.buffer === first.buffer &&
      row.byteOffset === first.byteOffset + position * first.byteLength;
  }
  if (isOneBlock) return new Float32Array(first.buffer, first.byteOffset, rows.length * dimension);
  const values = new Float32Array(rows.length * dimension);
  for (const [position, row] of rows.entries()) {
    if (position % LOOK_RECORDS === 0) yield LOOK_RECORDS * scanSteps(row.byteLength);
    values.set(row, position * dimension);
  }
  return values;
}

/** Prints the records of one answer, within a bound for all their numbers together. */
export class RecordPrinter {
  #numbersLeft: number = NATIVE_LIMITS.answerNumbersMax;

  /** The members of a record, for what comes behind them: `"key":…,"vector":…`. */
  members({ key, vectors, sparse, metadata }: RecordView): string {
    let text = `"key":${JSON.stringify(key)}`;
    const named: string[] = [];
    for (const [field, values] of vectors ?? []) {
      this.#count(values.length);
      const numbers = printFloat32Array(values);
      if (field === DEFAULT_VECTOR) text += `,"vector":${numbers}`;
      else named.push(`{"field":${JSON.stringify(field)},"values":${numbers}}`);
    }
    if (named.length > 0) text += `,"vectors":[${named.join()}]`;
    const listed = Array.from(sparse ?? [], ([field, vector]) => {
      this.#count(vector.indices.length * 2);
      return printSparse(field, vector);
    });
    if (listed.length > 0) text += `,"sparse":[${listed.join()}]`;
    if (metadata !== undefined) {
      text += `,"metadata":${JSON.stringify(toExactMembers(metadata, "metadata_invalid"))}`;
    }
    return text;
  }

  #count(numbers: number): void {
    this.#numbersLeft -= numbers;
    if (this.#numbersLeft < 0) throw answerTooLarge();
  }
}

function answerTooLarge(): InsulaError {
  return new InsulaError(
    "argument_invalid",
    `Cannot answer: too many numbers: expected at most ${String(NATIVE_LIMITS.answerNumbersMax)}, ask for fewer records or without vectors.`,
  );
}

function mismatch(
  position: number,
  field: string,
  expected: number,
  received: number,
): InsulaError {
  return new InsulaError(
    "dimension_mismatch",
    `Cannot use the vector of record ${String(position)}: dimension differs: expected ${String(expected)}, received ${String(received)}.`,
    { details: { position, field, expected, received } },
  );
}

function refusal(position: number, reason: string): InsulaError {
  return new InsulaError(
    "argument_invalid",
    `Cannot write the batch: record ${String(position)}: ${reason}.`,
    { details: { position } },
  );
}
