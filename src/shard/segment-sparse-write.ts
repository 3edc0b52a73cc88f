/** The two sections of a sparse field: its rows as they are, and the inverted index of them. */
import { assert } from "../base/errors.ts";
import { SparseIndexBuilder } from "../inverted/index.ts";
import type { SparseField, SparseRows } from "../model/index.ts";
import type { SegmentBuilder } from "../storage/index.ts";
import { SECTION } from "./section-types.ts";
import type { GraphPlace } from "./segment-graph.ts";

/** Rows are fetched one by one. */
const ROW_CHUNK_BYTES = 4_096;
/** Lists are from a few bytes to hundreds of kilobytes. */
const INDEX_CHUNK_BYTES = 16_384;
const ALIGN_BYTES = 64;
/** Starts are 32 bits wide. */
const VALUES_MAX = 0xffff_ffff;

/** The same rows in the same order each time. */
export interface SparseSource {
  readonly count: number;
  sparse(field: SparseField): AsyncIterable<SparseRows>;
}

/**
 * The rows are read once for their section and the lengths of the lists, then once for as many
 * lists as are built at a time.
 *
 * @param place gives the thread back, between steps.
 */
export async function writeSparseField(
  builder: SegmentBuilder,
  field: SparseField,
  rows: SparseSource,
  place: Pick<GraphPlace, "turn">,
): Promise<void> {
  const index = new SparseIndexBuilder();
  builder.beginSection(SECTION.sparseRows, field.name, {
    chunkBytes: ROW_CHUNK_BYTES,
    alignBytes: ALIGN_BYTES,
  });
  const starts = new Uint32Array(rows.count + 1);
  let row = 0;
  for await (const step of rows.sparse(field)) {
    for (let i = 0; i + 1 < step.starts.length; i++, row++) {
      const length = (step.starts[i + 1] ?? 0) - (step.starts[i] ?? 0);
      const end = (starts[row] ?? 0) + length;
      assert(end <= VALUES_MAX, "values of one segment are counted in 32 bits");
      starts[row + 1] = end;
    }
    await builder.append(encodeRows(step));
    index.count(step);
    await place.turn();
  }
  assert(row === rows.count, "a sparse row for every row");
  await builder.append(new Uint8Array(starts.buffer));
  await builder.endSection();
  builder.beginSection(SECTION.sparse, field.name, {
    chunkBytes: INDEX_CHUNK_BYTES,
    alignBytes: ALIGN_BYTES,
  });
  while (index.begin()) {
    for await (const step of rows.sparse(field)) {
      index.add(step);
      await place.turn();
    }
    for (const list of index.lists()) await builder.append(list);
  }
  for (const part of index.end(rows.count)) await builder.append(part);
  await builder.endSection();
}

function encodeRows({ starts, indices, values }: SparseRows): Uint8Array {
  const words = new Uint32Array(indices.length * 2);
  const floats = new Float32Array(words.buffer);
  for (let i = 0; i + 1 < starts.length; i++) {
    const start = starts[i] ?? 0;
    const end = starts[i + 1] ?? 0;
    words.set(indices.subarray(start, end), start * 2);
    floats.set(values.subarray(start, end), start * 2 + end - start);
  }
  return new Uint8Array(words.buffer);
}
