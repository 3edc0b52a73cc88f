/**
 * Inverted indexes: from values of a property to the rows of a segment that have them.
 *
 * For: filters. One section per filterable top-level property of a segment holds its distinct
 * values in order (typed, so that ranges are contiguous), the rows of each, and the rows that have
 * the property at all. A filter becomes a bitmap of rows before anything is scored, so `topK` is
 * filled whenever enough rows match.
 *
 * For sparse vectors too: one weighted index per sparse field, dimensions to rows with their
 * values, in blocks with their maxima (`sparse/`). Text postings will be kept the same way.
 *
 * Not for: the meaning of filters (`model/filter-match.ts` is the reference, and the tests
 * compare), text search, and where sections lie: a source gives verified bytes.
 *
 * Life of the data: `InvertedBuilder` takes rows at a flush or compaction and makes sections, which
 * never change. `InvertedReader` holds the head of one section and reads blocks when asked.
 * Memtables have no index: `filterRows` looks at their rows.
 *
 * Invariants: terms are byte strings whose order is the order of the values, exact for all kinds of
 * number; what an index cannot tell (strings above INVERTED_TERM_BYTES_MAX, properties above
 * INVERTED_PROPERTIES_MAX) it says, and rows are looked at instead. Damage is an error, never a
 * read outside.
 *
 * On disk: docs/formats/inverted.md, docs/formats/sparse.md. Sources: prefix-compressed sorted
 * blocks as in LevelDB's table format; sparse or dense rows, whichever is smaller, after Chambi et
 * al., Roaring bitmaps, 2016; those of block maxima in `sparse/sparse-search.ts`.
 */
export { evaluateFilter, filterRows } from "./filter-rows.ts";
export type { FilterSource } from "./filter-rows.ts";
export { filterName } from "./leaf-name.ts";
export { InvertedBuilder } from "./inverted-builder.ts";
export type { InvertedSection, InvertedSections } from "./inverted-builder.ts";
export { InvertedReader } from "./inverted-reader.ts";
export type { InvertedSource, LeafRows } from "./inverted-reader.ts";
export { BestRows } from "./sparse/best-rows.ts";
export { sparseDot } from "./sparse/sparse-dot.ts";
export { SparseIndexBuilder } from "./sparse/sparse-builder.ts";
export { SparseReader, type ListCache } from "./sparse/sparse-reader.ts";
export { searchSparse } from "./sparse/sparse-search.ts";
export { scoreAllSparse } from "./sparse/sparse-sums.ts";
