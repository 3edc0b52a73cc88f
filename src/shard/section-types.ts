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
  /** Per vector field that is to cost little memory: codes of one bit a component. */
  bits: 7,
  /** Per filterable property: the inverted index. */
  inverted: 8,
  /** Rows of older segments that this one made dead. */
  deadRows: 9,
  /** Per vector field of a large segment at rest. */
  graph: 10,
  /** Reserved: text postings. */
  text: 11,
  /** Per sparse field: dimensions to rows with their values. */
  sparse: 12,
  /** Reserved. */
  rangeTombstones: 13,
  /** Per sparse field: the vectors of the rows. */
  sparseRows: 14,
} as const;
