/** Figures of a node, put together from its parts; costs a walk over the awake shards. */
import type { ShardKeeper } from "../tenancy/index.ts";
import type { EngineStats } from "./api.ts";
import type { TotalsRow } from "./catalog-rows.ts";
import type { NodeContext } from "./node-context.ts";
import type { TenantControl } from "./tenant-control.ts";
import type { UsageMeter } from "./usage-meter.ts";

export interface StatsParts {
  readonly node: NodeContext;
  readonly keeper: ShardKeeper;
  readonly totals: TotalsRow;
  /** Work of shards that sleep again. */
  readonly past: { readonly flushes: number; readonly compactions: number };
  readonly quarantinedShards: number;
  readonly scrub: EngineStats["scrub"];
  readonly meter: Pick<UsageMeter, "sums" | "lostCalls">;
  readonly mirror: EngineStats["mirror"];
  readonly control: Pick<TenantControl, "moves" | "sweepFigures" | "warmFigures">;
}

export function readStats(parts: StatsParts): EngineStats {
  const { node, keeper, totals, past, quarantinedShards, scrub, mirror, control } = parts;
  const { arenas } = node.shards.memory;
  const { groups, frames, bytes, syncs, movedBytes } = node.log.counters;
  let { flushes, compactions } = past;
  let memtableBytes = 0;
  let builds = 0;
  for (const shard of keeper.shards()) {
    memtableBytes += shard.memtableBytes;
    flushes += shard.flushCount;
    compactions += shard.compactionCount;
    builds += shard.buildCount;
  }
  return {
    databaseCount: totals.childCount,
    collectionCount: totals.rowCount,
    shardsAwake: keeper.awakeCount,
    memtableBytes,
    arenaBytesUsed: arenas.usedBytes,
    arenaBytesCapacity: arenas.capacityBytes,
    memoryBudgetBytes: node.memoryBytesMax,
    openFiles: node.shards.files.count,
    disk: {
      freeBytes: node.disk.freeBytes ?? 0,
      reserveBytes: Math.round(node.disk.reserveBytes),
      isLow: node.disk.isLow,
    },
    log: { groups, frames, bytes, syncs, movedBytes, isPoisoned: node.log.isPoisoned },
    flushes,
    compactions,
    builds,
    evictions: keeper.evictions,
    loads: keeper.loads,
    hastyEvictions: keeper.returnCount,
    quarantinedShards,
    usage: { ...parts.meter.sums, lostCalls: parts.meter.lostCalls },
    scrub,
    policySweeps: control.sweepFigures,
    warmSchedules: control.warmFigures,
    ...(node.remote.isConfigured && { offload: { ...control.moves.figures } }),
    ...(mirror !== undefined && { mirror }),
  };
}
