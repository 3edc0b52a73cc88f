/** What a segment is built from, as plain values that reach a worker. */
import type { SparseColumn } from "../model/index.ts";
import type { RowBlockPlace } from "../vector/index.ts";
import type { MergeBlock } from "./merge-control.ts";
import type { SegmentLocation, SegmentOrigin } from "./shard-state.ts";
import type { SegmentPlan } from "./segment-write.ts";

export interface BuildInput {
  readonly plan: SegmentPlan;
  readonly rows:
    | {
        readonly kind: "memtable";
        /**
         * Row number, key and metadata of each live row, in any order; see `Memtable.packRecords`.
         */
        readonly records: Uint8Array;
        readonly count: number;
        readonly blocks: readonly {
          readonly field: string;
          readonly blocks: readonly RowBlockPlace[];
        }[];
        readonly sparse: readonly SparseColumn[];
      }
    | {
        readonly kind: "merge";
        readonly sources: readonly MergeSource[];
        /** What the merge may read and write, and whether it is to go on. */
        readonly block: MergeBlock;
      };
}

/** One segment that goes into a merge. */
export interface MergeSource {
  readonly segment: Uint8Array;
  readonly shard: Uint8Array;
  readonly location: SegmentLocation;
  readonly key: Uint8Array | undefined;
  /** Of a copied segment: the identity in its bytes. */
  readonly origin: SegmentOrigin | undefined;
  readonly rowCount: number;
  /** Live bits at the start of the merge; undefined when all rows are live. */
  readonly liveBits: Uint8Array | undefined;
}
