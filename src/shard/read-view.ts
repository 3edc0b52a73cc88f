/**
 * What one reader sees: memtables with the number of rows and the live bits at this moment, and the
 * segments with theirs. Taken without awaiting, so it is one state of the shard; writes that come
 * later do not show, memory it needs is kept until it is closed.
 */
import type { Memtable } from "./memtable.ts";
import type { SegmentHandle } from "./segment-handle.ts";
import type { ShardStructure } from "./shard-structure.ts";
import type { WorkTally } from "./work-tally.ts";

export interface MemtableView {
  readonly memtable: Memtable;
  readonly rowCount: number;
  /** One bit a row; undefined when all rows are live. */
  readonly liveBits: Uint8Array | undefined;
}

export interface SegmentView {
  readonly segment: SegmentHandle;
  readonly liveBits: Uint8Array | undefined;
  readonly liveCount: number;
  /** True when rows look dead that are live: nothing found so may be kept. */
  readonly isAltered?: boolean;
}

export class ReadView {
  readonly memtables: readonly MemtableView[];
  readonly segments: readonly SegmentView[];
  /** What is done with the view. */
  readonly work: WorkTally;
  #isOpen = true;

  constructor(structure: ShardStructure, work: WorkTally) {
    this.work = work;
    this.memtables = structure
      .memtables()
      .filter((memtable) => memtable.rowCount > 0)
      .map((memtable) => {
        memtable.retain();
        const { rowCount } = memtable;
        return {
          memtable,
          rowCount,
          liveBits: memtable.hasDeadRows ? memtable.liveBits(rowCount) : undefined,
        };
      });
    this.segments = structure.segments
      .filter((segment) => segment.rowCount > 0)
      .map((segment) => ({
        segment: segment.retain(),
        liveBits: segment.liveBits(),
        liveCount: segment.liveCount,
      }));
  }

  /** Gives back what the view holds; closing twice is harmless. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const { memtable } of this.memtables) memtable.release();
    for (const { segment } of this.segments) segment.release();
  }
}

/** Where a record is, as a view sees it. */
export interface ViewPlace {
  readonly view: MemtableView | SegmentView;
  readonly row: number;
}
