/**
 * ON DISK: numbers of the sections of a segment. A number is never reused.
 *
 * The literature of the source texts calls a section a bucket; one segment holds all of a shard's.
 */
export const SECTION = {
  /** Keys and metadata in blocks, rows in key order. */
  records: 1,
  /** First key, first row and offset of each records block. */
  recordFences: 2,
  /** Bloom filter over the keys. */
  keyFilter: 3,
  /** Per vector field: float32 rows, stride padded to 16 bytes. */
  vectors: 4,
  /** Per vector field: int8 codes, stride padded to 16 bytes. */
  codes: 5,
  /** Per vector field: scale, squared norm and inverse norm of each row, three float32 arrays. */
  rowFactors: 6,
  /** Per vector field: mean vector, then one sign bit per component and row. */
  signs: 7,
  /** Per filterable property: the inverted index. */
  inverted: 8,
  /** Rows of older segments that this one made dead. */
  deadRows: 9,
  /** Reserved: graph per vector field, text postings, sparse postings, range tombstones. */
  graph: 10,
  text: 11,
  sparse: 12,
  rangeTombstones: 13,
} as const;
