/** What an engine is opened with. */
import type { InsulaError } from "../base/errors.ts";
import type { FairTurns } from "../base/fair-turns.ts";
import type { WorkObserver } from "../base/work-observer.ts";
import type { Clock, FileSystem, ObjectStore, Random } from "../io/index.ts";
import type { ShardPolicy } from "../shard/index.ts";

export interface EngineOptions {
  /** Rooted at the data folder. */
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes for vectors, codes and memtables; default half of what the system grants. */
  readonly memoryBudget?: number;
  /** Worker threads; default 2, 0 runs jobs on the calling thread. */
  readonly workerCount?: number;
  /** Bytes that merges read and write in a second; default 128 MiB. */
  readonly compactionBytesPerSecond?: number;
  /** For tests: other thresholds than {@link DEFAULT_POLICY}. */
  readonly policy?: Partial<ShardPolicy>;
  /** Log bytes beyond which the tails in the oldest file become segments. */
  readonly logBytesMax?: number;
  readonly logFileBytesMax?: number;
  /** For tests: other than `PACK_BYTES_MAX`. */
  readonly packBytesMax?: number;
  /** Bytes of the disk to keep free; default a tenth of it, at most 1 GiB. 0: none. */
  readonly diskReserveBytes?: number;
  /** Bytes read again per second to find damage; default 8 MiB. 0: off. */
  readonly scrubBytesPerSecond?: number;
  /** Share of searches whose recall is measured in the background; default 0.001. 0: off. */
  readonly recallProbeShare?: number;
  /** Awake shards at most. */
  readonly awakeShardsMax?: number;
  readonly idleMs?: number;
  /** 32 bytes that wrap all keys; default the file `master-key` in the data folder. */
  readonly masterKey?: Uint8Array;
  /** False: what is created from now on is not sealed. Default true. */
  readonly isSealing?: boolean;
  /** Where the folder is copied to all the time; absent: nowhere. */
  readonly mirror?: MirrorSettings;
  /** Where tenants are offloaded to; absent: nowhere. */
  readonly offload?: OffloadSettings;
  /** Opens the store that a restored folder still fetches segments from. */
  readonly openRemote?: (target: string) => Promise<ObjectStore>;
  /** Upkeep in the background failed; the node goes on. */
  readonly onFault?: (error: unknown) => void;
  /** A shard was found damaged and is out of service from now on. Default: told to `onFault`. */
  readonly onDamage?: (error: InsulaError) => void;
  /** Turns of the control thread, shared with what else the process does on it; default its own. */
  readonly turns?: FairTurns;
  /** Told how long the steps of the work took. */
  readonly observer?: WorkObserver;
}

export interface OffloadSettings {
  /** Called when the store is first needed; again after a failure. */
  readonly open: () => Promise<ObjectStore>;
  /** How long objects stay that nobody needs any more; default {@link OFFLOAD_GRACE_MS}. */
  readonly graceMs?: number;
}

export interface MirrorSettings {
  readonly store: ObjectStore;
  /** What may be lost with the machine; default {@link MIRROR_INTERVAL_MS}. */
  readonly intervalMs?: number;
  /** How far back points can be restored; default {@link MIRROR_RETENTION_MS}. */
  readonly retentionMs?: number;
  /** For tests: points between two bases. */
  readonly pointsPerBase?: number;
}
