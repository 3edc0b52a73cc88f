/** Filters to rows: through the indexes of a segment, or row by row. */
import { Bitmap } from "../base/bitset.ts";
import type { Pace } from "../base/pace.ts";
import { compileFilter, joinValues, type Filter, type FilterLeaf } from "../model/index.ts";
import type { InvertedReader } from "./inverted-reader.ts";
import { damaged } from "./postings.ts";

/** What evaluating a filter over one segment needs. */
export interface FilterSource {
  /** Rows of the segment. */
  readonly rowCount: number;
  /** Asked between the parts of a filter, and between blocks and lists of an index. */
  readonly pace: Pace;
  /** Rows of interest, e.g. the live ones; not changed. Absent: all. */
  readonly candidates?: Bitmap;
  /**
   * The index of a property, `"missing"` when no row of the segment has it, undefined when it is
   * not indexed (unfilterable, or above INVERTED_PROPERTIES_MAX).
   */
  indexFor(property: string): Promise<InvertedReader | "missing" | undefined>;
  /**
   * Looks at rows themselves: those of `candidates` that pass the leaf, e.g. with {@link
   * filterRows}. Asked about unindexed properties and about rows with very long strings.
   */
  fallback(leaf: FilterLeaf, candidates: Bitmap): Promise<Bitmap>;
}

/**
 * The candidates that pass a checked filter, the same as `matchesFilter` would find; owned by the
 * caller.
 *
 * Conjunctions narrow the candidates from left to right, and stop when none is left: put the cheap
 * and selective parts first.
 *
 * @throws InsulaError `data_damaged`, what the source throws, and what the signal of the pace was
 *   aborted with.
 */
export async function evaluateFilter(filter: Filter, source: FilterSource): Promise<Bitmap> {
  const candidates = source.candidates ?? Bitmap.full(source.rowCount);
  return evaluate(joinValues(filter), source, candidates);
}

/**
 * Row by row over encoded metadata: for memtables, and as the body of a fallback.
 *
 * @param metadataOf encoded metadata of a row, undefined or empty for none.
 * Cost: one walk over the property names of each candidate.
 */
export function filterRows(
  filter: Filter,
  candidates: Bitmap,
  metadataOf: (row: number) => Uint8Array | undefined,
): Bitmap {
  const compiled = compileFilter(filter);
  const rows = new Bitmap(candidates.rowCount);
  candidates.forEach((row) => {
    if (compiled.matches(metadataOf(row))) rows.add(row);
  });
  return rows;
}

/**
 * A node of a filter goes over the words of its bitmaps about four times, a step for each word.
 *
 * INVARIANT: the result is a new bitmap, and a part of the candidates, which are not changed.
 */
async function evaluate(filter: Filter, source: FilterSource, candidates: Bitmap): Promise<Bitmap> {
  const steps = candidates.words.length;
  if (!source.pace.fits(steps)) await source.pace.take(steps);
  if (candidates.isEmpty) return candidates.clone();
  switch (filter.kind) {
    case "and": {
      const [first, ...others] = filter.filters;
      if (first === undefined) return candidates.clone();
      let rows = await evaluate(first, source, candidates);
      for (const part of others) rows = await evaluate(part, source, rows);
      return rows;
    }
    case "or": {
      const rows = new Bitmap(source.rowCount);
      for (const part of filter.filters) {
        // What one part has found, the next need not look at.
        rows.or(await evaluate(part, source, candidates.clone().andNot(rows)));
      }
      return rows;
    }
    case "not":
      return candidates.clone().andNot(await evaluate(filter.filter, source, candidates));
    default:
      return evaluateLeaf(filter, source, candidates);
  }
}

async function evaluateLeaf(
  leaf: FilterLeaf,
  source: FilterSource,
  candidates: Bitmap,
): Promise<Bitmap> {
  const index = await source.indexFor(leaf.property);
  if (index === "missing") return new Bitmap(source.rowCount);
  if (index === undefined) return (await source.fallback(leaf, candidates)).clone().and(candidates);
  if (index.rowCount !== source.rowCount) throw damaged("it has rows of another segment");
  const { matches, unsure } = await index.evaluate(leaf, source.pace);
  matches.and(candidates);
  if (unsure === undefined || unsure.and(candidates).isEmpty) return matches;
  return matches.or((await source.fallback(leaf, unsure)).clone().and(unsure));
}
