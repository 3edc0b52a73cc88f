/** What the engine counts of itself: the figures of api.ts. */
import type { MirrorFigures } from "../mirror/index.ts";
import type { TenantState, UsageCounters } from "../model/index.ts";
import type { SweepCauses } from "./sweep-tally.ts";

/** Searches repeated in the background: `RecallReport`, summed. */
export interface RecallFigure {
  /** `database/collection`, or `other` beyond the first COLLECTIONS_PROBED_MAX. */
  readonly collection: string;
  readonly queries: number;
  /** Hits of the exact searches, and those of them that the planned ones had. */
  readonly wanted: number;
  readonly found: number;
}

export interface TenantFigures {
  /** Tenants by state. Exact, from the catalogue. */
  readonly counts: Readonly<Record<TenantState, number>>;
  /** Rows of each shard that is awake now. */
  readonly awakeRowCounts: readonly number[];
}

export interface EngineStats {
  readonly databaseCount: number;
  readonly collectionCount: number;
  readonly shardsAwake: number;
  readonly memtableBytes: number;
  readonly arenaBytesUsed: number;
  readonly arenaBytesCapacity: number;
  /** What the arenas may take; see findMemoryBudget. */
  readonly memoryBudgetBytes: number;
  readonly openFiles: number;
  /** As of the last look, at most a second ago; `isLow`: writes are refused with `disk_full`. */
  readonly disk: {
    /** 0 where it is not known. */
    readonly freeBytes: number;
    readonly reserveBytes: number;
    readonly isLow: boolean;
  };
  readonly log: {
    readonly groups: number;
    readonly frames: number;
    readonly bytes: number;
    readonly syncs: number;
    /** Of `bytes`: small tails that were copied so that an old file could go. */
    readonly movedBytes: number;
    /** A write or sync failed: no more writes are taken, reads go on. */
    readonly isPoisoned: boolean;
  };
  /** Since the start. */
  readonly flushes: number;
  readonly compactions: number;
  /** Segments being built or waiting for a worker. */
  readonly builds: number;
  /** Shards put to sleep since the start, by reason. */
  readonly evictions: {
    readonly idle: number;
    readonly surplus: number;
    readonly memory: number;
    readonly share: number;
    /** They stayed awake and gave back what the next search loads again. */
    readonly sections: number;
  };
  /** Memory promised to what is being loaded, and calls that wait, or waited, for some. */
  readonly loads: {
    readonly waiting: number;
    readonly reservedBytes: number;
    /** Since the start; of these so many were refused when their time was over. */
    readonly waited: number;
    readonly refused: number;
  };
  /** Of those put to sleep for room, how many were woken again within a minute. */
  readonly hastyEvictions: number;
  /** Shards out of service, exact, from the catalogue. */
  readonly quarantinedShards: number;
  /** Of all places since the start, and calls that the ledger of usage lost. */
  readonly usage: UsageCounters & { readonly lostCalls: number };
  /** What reading everything again in the background came to since the start. */
  readonly scrub: {
    readonly bytes: number;
    readonly damages: number;
    /** Times that everything was read. */
    readonly rounds: number;
  };
  /** What policies did by themselves since the start. */
  readonly policySweeps: {
    /** Collections looked at, each time; and tenants. */
    readonly sweeps: number;
    readonly looked: number;
    /** Due, but pinned. */
    readonly pinned: number;
    readonly inactive: number;
    readonly offloaded: number;
    readonly failed: number;
    /** What came of those that were due by each of the two times of a policy. */
    readonly causes: SweepCauses;
    readonly ms: number;
  };
  /** What windows of warm schedules did since the start. */
  readonly warmSchedules: {
    /** Windows begun. */
    readonly windows: number;
    /** Tenants woken, and tenants that could not be. */
    readonly warmed: number;
    readonly failed: number;
    /** Windows whose tenants found no more room. */
    readonly full: number;
  };
  /** Bytes of tenants moved since the start; absent: there is no store to offload to. */
  readonly offload?: {
    /** Sent, and read back to compare them. */
    readonly bytesSent: number;
    readonly bytesFetched: number;
  };
  /** The copy of the folder in an object store; absent: there is none. */
  readonly mirror?: MirrorFigures | undefined;
}
