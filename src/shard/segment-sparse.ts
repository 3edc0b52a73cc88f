/**
 * The sparse fields of one open segment, loaded when first needed: where each row lies, the
 * dictionary of the index; lists of the index go through the node's cache of blocks, which is
 * bounded.
 */
import { SparseReader, type ListCache } from "../inverted/index.ts";
import type { SparseVector } from "../model/index.ts";
import type { BlockCache, SectionReader, SegmentReader } from "../storage/index.ts";
import { SECTION } from "./section-types.ts";
import { readSparseStarts, toSparseVector } from "./sparse-window.ts";

export interface SparseSegment {
  /** Nobody else's: for what is cached. */
  readonly id: string;
  readonly rowCount: number;
  readonly open: () => Promise<SegmentReader>;
  readonly cache: BlockCache;
}

interface StoredRows {
  readonly section: SectionReader;
  readonly starts: Uint32Array;
}

export class SegmentSparse {
  readonly #segment: SparseSegment;
  /** By field; a load that failed is tried again. */
  readonly #rows = new Map<string, Promise<StoredRows | undefined>>();
  readonly #readers = new Map<string, Promise<SparseReader | undefined>>();
  #bytes = 0;

  constructor(segment: SparseSegment) {
    this.#segment = segment;
  }

  /** Memory held, without what is in the cache of blocks. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Values of a row; 0 when it has no vector. */
  async length(field: string, row: number): Promise<number> {
    const rows = await this.#rowsOf(field);
    return rows === undefined ? 0 : (rows.starts[row + 1] ?? 0) - (rows.starts[row] ?? 0);
  }

  /** One row, owned by the caller; undefined when it has no vector. */
  async vector(field: string, row: number): Promise<SparseVector | undefined> {
    const rows = await this.#rowsOf(field);
    if (rows === undefined) return undefined;
    const start = (rows.starts[row] ?? 0) * 8;
    const end = (rows.starts[row + 1] ?? 0) * 8;
    return end <= start ? undefined : toSparseVector(await rows.section.read(start, end - start));
  }

  /** The index; undefined when the segment has none, because no row has a vector. */
  reader(field: string): Promise<SparseReader | undefined> {
    return once(this.#readers, field, async () => {
      const { id, open } = this.#segment;
      const section = (await open()).section(SECTION.sparse, field);
      if (section === undefined) return undefined;
      const reader = await SparseReader.open(section, this.#cacheOf(field), `segment ${id}`);
      this.#bytes += reader.bytes;
      return reader;
    });
  }

  #rowsOf(field: string): Promise<StoredRows | undefined> {
    return once(this.#rows, field, async () => {
      const section = (await this.#segment.open()).section(SECTION.sparseRows, field);
      if (section === undefined) return undefined;
      const starts = await readSparseStarts(section, this.#segment.rowCount);
      this.#bytes += starts.byteLength;
      return { section, starts };
    });
  }

  #cacheOf(field: string): ListCache {
    const { cache, id } = this.#segment;
    return cache.shelf(`${id}:s:${field}`);
  }
}

/** Concurrent callers share a load; one that failed is forgotten. */
function once<Value>(
  loads: Map<string, Promise<Value>>,
  name: string,
  load: () => Promise<Value>,
): Promise<Value> {
  const known = loads.get(name);
  if (known !== undefined) return known;
  const promise = load();
  loads.set(name, promise);
  promise.catch(() => loads.delete(name));
  return promise;
}
