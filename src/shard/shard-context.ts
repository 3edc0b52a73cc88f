/** What every shard of a node shares, handed down by the engine. */
import type { SegmentUid, ShardUid } from "../base/brands.ts";
import type { TurnClass } from "../base/fair-turns.ts";
import type { WorkObserver } from "../base/work-observer.ts";
import type { Clock, FileHandles, FileSystem, Random, WorkerPool } from "../io/index.ts";
import type { BlockCache, LogExtent, NodeLog, PackStore, SegmentSource } from "../storage/index.ts";
import type { SearchMemory } from "../vector/index.ts";
import type { MergeQueue } from "./merge-queue.ts";
import type { SegmentFolders } from "./segment-folders.ts";
import type { RemoteLocation, SegmentEntry, ShardState } from "./shard-state.ts";

export interface ShardContext {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: NodeLog;
  readonly packs: PackStore;
  readonly segmentFolders: SegmentFolders;
  readonly files: FileHandles;
  readonly cache: BlockCache;
  readonly memory: SearchMemory;
  /** For searches. */
  readonly workers: WorkerPool;
  /** For builds of segments: threads of their own, so that no search waits behind one. */
  readonly builders: WorkerPool;
  readonly merges: MergeQueue;
  /** Builds of graphs: they take minutes, and no merge waits behind one. */
  readonly graphs: MergeQueue;
  readonly catalog: ShardCatalog;
  readonly remote: RemoteSegments;
  readonly keys: ShardKeys;
  readonly policy: ShardPolicy;
  /** False while the disk is almost full: merges wait, they need room before they give some. */
  readonly hasRoom: () => boolean;
  /**
   * Free bytes of the disk that one merge or build may fill, above those that are kept; infinite
   * where there is no bound.
   */
  readonly spareDiskBytes: () => number;
  /**
   * Between two slices of work on the control thread: resolves when others had their turn and it is
   * the shard's again.
   */
  readonly turn: (kind: TurnClass) => Promise<void>;
  /** Told of each `plan`, `scan`, `fetch`, `commit` and `build`. */
  readonly observer: WorkObserver;
  /** Work in the background failed; nobody waits for it. */
  readonly onFault: (error: unknown, shard: ShardUid) => void;
}

/** Where the segments of offloaded shards are read from. */
export interface RemoteSegments {
  /**
   * Fetches what is asked for, each time.
   *
   * @param segment the uid inside its bytes.
   * @throws InsulaError, at a read, `offload_not_configured` and what the store throws.
   */
  source(location: RemoteLocation, segment: Uint8Array): SegmentSource;
}

/** Where the keys of shards come from. */
export interface ShardKeys {
  /**
   * 32 bytes; undefined for a shard that is not sealed.
   *
   * @throws InsulaError `data_damaged` when the key was destroyed or cannot be read.
   */
  keyOf(state: ShardState): Promise<Uint8Array | undefined>;
}

/** The part of the catalogue that a shard writes to. */
export interface ShardCatalog {
  /**
   * A data frame of the shard is durable: state and collection totals follow, in memory, at once.
   */
  noteFrame(state: ShardState, frame: FrameEffect): void;
  /** Durable change of the list of segments; the state has changed when the promise resolves. */
  commitManifest(state: ShardState, change: ManifestDelta): Promise<void>;
  /** No manifest names the segment and nobody reads it: its bytes may go, in the background. */
  discard(entry: SegmentEntry): void;
}

export interface FrameEffect {
  readonly sequence: number;
  readonly rows: number;
  readonly bytes: number;
  readonly extent: LogExtent;
  /** True when the frame made everything before it void. */
  readonly isReset: boolean;
}

export interface ManifestDelta {
  readonly removed: readonly SegmentUid[];
  readonly added: readonly SegmentEntry[];
  readonly flushedSequence: number;
}

/** When to flush and to merge; plain numbers so that tests can make everything small. */
export interface ShardPolicy {
  /** A memtable is flushed when it holds this much. */
  readonly memtableBytesMax: number;
  /** A quiet shard is flushed after this long, if it holds at least `quietFlushBytesMin`. */
  readonly quietFlushMs: number;
  readonly quietFlushBytesMin: number;
  /** Segments of one size class before they are merged. */
  readonly mergeFanIn: number;
  /** Segments up to this many bytes together are merged into one when the shard rests. */
  readonly smallShardBytes: number;
  /** A shard rests, as far as merges go, after this long without a write. */
  readonly quietMergeMs: number;
  /** Share of dead rows that makes a segment worth rewriting. */
  readonly deadShareMax: number;
  /** Largest segment a merge may make, bytes, without what `segmentVectorBytesMax` lets it have. */
  readonly segmentBytesMax: number;
  /** Bytes of float32 rows and codes that it may have besides, where the memory has room. */
  readonly segmentVectorBytesMax: number;
  /** Most rows of one: a segment of more can have no graph, and is scanned. */
  readonly segmentRowsMax: number;
  /** Segments that merges have still to make fewer: from here on writers are slowed … */
  readonly segmentsSlow: number;
  /** … and from here on they wait. */
  readonly segmentsMax: number;
  /** Float32 rows of a segment up to this size come into memory when they are read often. */
  readonly residentRowsBytesMax: number;
  /** Larger ones too, while the arenas hold less than this share of what they may. */
  readonly residentRowsShare: number;
  /** They lie in extents of at most so many bytes. */
  readonly rowPartBytesMax: number;
  /** Segments below this live in pack files. */
  readonly packedBytesMax: number;
  /** Live rows from which on a segment is given a graph. */
  readonly graphRowsMin: number;
  /** Rows that a scan scores in the time of a walk, for each row of its breadth. */
  readonly scannedPerEf: number;
}
