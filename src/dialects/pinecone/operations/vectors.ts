/** What the vendor asks of vectors, and their way into the engine's batches and out of it. */
import { InsulaError } from "../../../base/errors.ts";
import {
  DEFAULT_VECTOR,
  isWellFormed,
  joinSparse,
  sortSparse,
  type Metadata,
  type RecordView,
  type SparseVector,
  type WriteBatch,
} from "../../../model/index.ts";
import { refusal } from "../errors.ts";
import type { IndexView } from "../index-view.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { readMetadata } from "./metadata.ts";
import type { SparseValues, StoredVector, VectorToUpsert } from "./messages.ts";

/** Records checked against the index, each id once: of one given twice the last is taken. */
export function toBatch(index: IndexView, vectors: readonly VectorToUpsert[]): WriteBatch {
  const rows = new Map<string, BatchRow>();
  for (const vector of vectors) {
    const row = readVector(index, vector);
    // Behind the others, so that the order is that of the records taken.
    rows.delete(vector.id);
    rows.set(vector.id, row);
  }
  const list = [...rows.values()];
  const sparse = joinSparse(list.map((row) => row.sparse));
  return {
    keys: [...rows.keys()],
    vectors: index.dimension === undefined ? [] : [joinDense(list, index.dimension)],
    metadata: list.map(({ metadata }) => metadata),
    ...(index.sparseField === undefined || sparse.indices.length === 0
      ? {}
      : { sparse: [{ field: index.sparseField, ...sparse }] }),
  };
}

interface BatchRow {
  readonly dense: Float32Array | undefined;
  readonly sparse: SparseVector | undefined;
  readonly metadata: Metadata | undefined;
}

function readVector(index: IndexView, vector: VectorToUpsert): BatchRow {
  const { id, values, sparseValues, metadata } = vector;
  checkId(id);
  return {
    dense: readDense(index, values),
    sparse: readSparseOf(index, sparseValues),
    metadata: metadata === undefined ? undefined : readMetadata(metadata, id),
  };
}

function readDense(index: IndexView, values: Float32Array | undefined): Float32Array | undefined {
  if (index.dimension === undefined) {
    if (values === undefined || values.length === 0) return undefined;
    throw refusal("Dense vector values are not supported by an index of sparse vectors");
  }
  checkDense(index, values ?? NO_VALUES);
  return values;
}

const NO_VALUES = new Float32Array(0);

/** In an index of sparse vectors each record has one. */
function readSparseOf(
  index: IndexView,
  values: SparseValues | undefined,
): SparseVector | undefined {
  if (values !== undefined) return readSparse(index, values);
  if (index.vectorType === "dense") return undefined;
  throw refusal("Sparse vector must contain at least one value");
}

/** @throws InsulaError `dimension_mismatch`, `vector_invalid` */
export function checkDense(index: IndexView, values: Float32Array): void {
  checkDimension(index, values);
  if (values.every((value) => value === 0)) {
    throw new InsulaError(
      "vector_invalid",
      "Dense vectors must contain at least one non-zero value: received a vector of zeros",
    );
  }
}

/** One to search by may be all zeros: programs ask so for any records that pass a filter. */
export function checkDimension({ dimension = 0 }: IndexView, values: Float32Array): void {
  if (values.length !== dimension) {
    throw new InsulaError(
      "dimension_mismatch",
      `Vector dimension ${String(values.length)} does not match the dimension of the index ` +
        String(dimension),
    );
  }
}

/** In ascending order of dimensions. @throws InsulaError `vector_invalid` */
export function readSparse(index: IndexView, { indices, values }: SparseValues): SparseVector {
  const { sparseValuesMax } = PINECONE_LIMITS;
  if (index.sparseField === undefined) throw sparseInvalid("the index does not hold any");
  if (indices.length === 0) throw sparseInvalid("must contain at least one value");
  if (indices.length !== values.length) {
    throw sparseInvalid("sparse vector indices and values must be of the same length");
  }
  if (indices.length > sparseValuesMax) {
    throw sparseInvalid(`must have at most ${String(sparseValuesMax)} values`);
  }
  const sorted = sortSparse({ indices, values });
  if (sorted.indices.some((each, i) => i > 0 && each === sorted.indices[i - 1])) {
    throw sparseInvalid("indices must be unique");
  }
  return sorted;
}

/** @throws InsulaError `key_invalid` */
export function checkId(id: string): void {
  const { idCharactersMax } = PINECONE_LIMITS;
  if (id !== "" && id.length <= idCharactersMax && isWellFormed(id)) return;
  throw new InsulaError(
    "key_invalid",
    `Vector ID must be text of 1 to ${String(idCharactersMax)} characters`,
  );
}

/** A record as the engine gives it in the words of the vendor. */
export function toStored({ sparseField }: IndexView, record: RecordView): StoredVector {
  const values = record.vectors?.get(DEFAULT_VECTOR);
  const sparse = sparseField === undefined ? undefined : record.sparse?.get(sparseField);
  const { key: id, metadata } = record;
  return {
    id,
    ...(values === undefined ? {} : { values }),
    ...(sparse === undefined ? {} : { sparseValues: sparse }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** Numbers a record brings into an answer. */
export function numbersOf({ values, sparseValues }: StoredVector): number {
  return (values?.length ?? 0) + 2 * (sparseValues?.values.length ?? 0);
}

/** Where the rows already lie one behind the other no number is copied. */
function joinDense(rows: readonly BatchRow[], dimension: number): WriteBatch["vectors"][number] {
  const vectors = rows.map(({ dense }) => dense ?? NO_VALUES);
  const [first = NO_VALUES] = vectors;
  const { buffer, byteOffset, byteLength } = first;
  const isOneBlock = vectors.every(
    (row, i) => row.buffer === buffer && row.byteOffset === byteOffset + i * byteLength,
  );
  if (isOneBlock) {
    const values = new Float32Array(buffer, byteOffset, rows.length * dimension);
    return { field: DEFAULT_VECTOR, values };
  }
  const values = new Float32Array(rows.length * dimension);
  for (const [i, row] of vectors.entries()) values.set(row, i * dimension);
  return { field: DEFAULT_VECTOR, values };
}

function sparseInvalid(reason: string): InsulaError {
  return new InsulaError("vector_invalid", `Invalid sparse vector: ${reason}`);
}
