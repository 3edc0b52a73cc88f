/**
 * What the engine is and does, for Prometheus: figures read when somebody scrapes, and histograms
 * of its steps. No name of a database, tenant or key is a label here, and one of a collection only
 * when names may be shown.
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { WorkObserver, WorkStep } from "../base/work-observer.ts";
import type { Engine, EngineStats, TenantState } from "../engine/api.ts";
import { RecallMetrics } from "./recall-metrics.ts";

/** What is asked of the engine at a scrape. */
export type MeasuredEngine = Pick<Engine, "stats" | "tenantFigures" | "recallFigures">;

/** Seconds; from a sync of a fast disk to one that is in trouble. */
const STEP_BUCKETS = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30,
];
/** Rows, powers of ten. */
const SIZE_BUCKETS = [0, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

type Read = (stats: EngineStats) => number;
type Figure = readonly [name: string, help: string, read: Read];

const GAUGES: readonly Figure[] = [
  ["insula_databases", "Databases.", (s) => s.databaseCount],
  ["insula_collections", "Collections.", (s) => s.collectionCount],
  ["insula_shards_awake", "Shards with anything in memory.", (s) => s.shardsAwake],
  ["insula_memtable_bytes", "Bytes of records not yet in segments.", (s) => s.memtableBytes],
  ["insula_arena_used_bytes", "Bytes of shared memory in use.", (s) => s.arenaBytesUsed],
  ["insula_arena_capacity_bytes", "Bytes of shared memory taken.", (s) => s.arenaBytesCapacity],
  ["insula_memory_budget_bytes", "Bytes that shared memory may take.", (s) => s.memoryBudgetBytes],
  ["insula_loads_waiting", "Calls that wait for memory.", (s) => s.loads.waiting],
  ["insula_loads_reserved_bytes", "Bytes promised to loads.", (s) => s.loads.reservedBytes],
  ["insula_open_files", "Open files of segments and packs.", (s) => s.openFiles],
  ["insula_builds", "Segments being built or waiting for a worker.", (s) => s.builds],
  ["insula_disk_free_bytes", "Bytes free on the disk of the data folder.", (s) => s.disk.freeBytes],
  [
    "insula_disk_low",
    "1 while writes are refused for want of room.",
    (s) => (s.disk.isLow ? 1 : 0),
  ],
  ["insula_quarantined_shards", "Damaged shards out of service.", (s) => s.quarantinedShards],
  [
    "insula_mirror_age_seconds",
    "Age of the state that the mirror has; -1 before the first.",
    (s) => (s.mirror?.ageMs === undefined ? -1 : s.mirror.ageMs / 1_000),
  ],
  [
    "insula_mirror_taken",
    "1 after another machine took the mirror.",
    (s) => Number(s.mirror?.isTaken ?? false),
  ],
  ["insula_wal_poisoned", "1 after a failed sync of the log.", (s) => Number(s.log.isPoisoned)],
];

const COUNTERS: readonly Figure[] = [
  ["insula_wal_groups_total", "Groups written to the log.", (s) => s.log.groups],
  ["insula_wal_frames_total", "Frames written to the log.", (s) => s.log.frames],
  ["insula_wal_bytes_total", "Bytes written to the log.", (s) => s.log.bytes],
  ["insula_wal_moved_bytes_total", "Of them, bytes of moved tails.", (s) => s.log.movedBytes],
  ["insula_flushes_total", "Memtables turned into segments.", (s) => s.flushes],
  ["insula_scrub_bytes_total", "Bytes read again by the scrub.", (s) => s.scrub.bytes],
  ["insula_scrub_damages_total", "Damages found by the scrub.", (s) => s.scrub.damages],
  ["insula_mirror_bytes_total", "Bytes sent to the mirror.", (s) => s.mirror?.bytesSent ?? 0],
  ["insula_mirror_failures_total", "Points that failed.", (s) => s.mirror?.failures ?? 0],
  ["insula_offload_bytes_total", "Bytes of tenants sent.", (s) => s.offload?.bytesSent ?? 0],
  ["insula_onload_bytes_total", "Bytes of tenants fetched.", (s) => s.offload?.bytesFetched ?? 0],
  ["insula_policy_sweeps_total", "Looks at a collection's tenants.", (s) => s.policySweeps.sweeps],
  ["insula_policy_looked_total", "Tenants looked at.", (s) => s.policySweeps.looked],
  ["insula_policy_sweep_seconds_total", "Time of all looks.", (s) => s.policySweeps.ms / 1_000],
  ["insula_warm_windows_total", "Warm windows begun.", (s) => s.warmSchedules.windows],
  ["insula_warm_windows_full_total", "Of them, without room.", (s) => s.warmSchedules.full],
  ["insula_warm_tenants_total", "Tenants woken by them.", (s) => s.warmSchedules.warmed],
  ["insula_warm_failures_total", "Tenants they could not wake.", (s) => s.warmSchedules.failed],
  ["insula_compactions_total", "Merges of segments.", (s) => s.compactions],
  ["insula_loads_waited_total", "Calls that waited for memory.", (s) => s.loads.waited],
  ["insula_loads_refused_total", "Of them, refused in the end.", (s) => s.loads.refused],
  ["insula_hasty_evictions_total", "Shards evicted and woken at once.", (s) => s.hastyEvictions],
  ["insula_record_bytes_in_total", "Bytes of records and queries.", (s) => s.usage.bytesIn],
  ["insula_record_bytes_out_total", "Bytes of records answered.", (s) => s.usage.bytesOut],
  ["insula_calls_limited_total", "Calls refused by a limit.", (s) => s.usage.refused],
  ["insula_usage_lost_calls_total", "Calls the ledger lost.", (s) => s.usage.lostCalls],
];

export class EngineMetrics implements WorkObserver {
  readonly #steps: Readonly<Record<WorkStep, { observe(seconds: number): void }>>;
  readonly #figures: readonly (readonly [Gauge | Counter, Read])[];
  readonly #evictions: Counter<"reason">;
  readonly #transitions: Counter<"to" | "cause">;
  readonly #tenants: Gauge<"state">;
  readonly #workUnits: Counter<"class">;
  readonly #sizes: Histogram;
  readonly #recall: RecallMetrics;

  /** @param areNamesShown  whether a collection that was probed may be a label. */
  constructor(registry: Registry, areNamesShown = false) {
    const registers = [registry];
    this.#recall = new RecallMetrics(registry, areNamesShown);
    this.#steps = createSteps(registry);
    this.#figures = [
      ...GAUGES.map(([name, help, read]) => [new Gauge({ name, help, registers }), read] as const),
      ...COUNTERS.map(
        ([name, help, read]) => [new Counter({ name, help, registers }), read] as const,
      ),
    ];
    this.#evictions = new Counter({
      name: "insula_evictions_total",
      help: "Shards put to sleep: idle, a surplus of awake ones, or memory was tight.",
      labelNames: ["reason"],
      registers,
    });
    this.#transitions = new Counter({
      name: "insula_policy_transitions_total",
      help: "Tenants that a policy found due: what they became, or why they did not, and by what.",
      labelNames: ["to", "cause"],
      registers,
    });
    this.#tenants = new Gauge({
      name: "insula_tenants",
      help: "Tenants by state.",
      labelNames: ["state"],
      registers,
    });
    this.#workUnits = new Counter({
      name: "insula_work_units_total",
      help: "Work units by class of calls.",
      labelNames: ["class"],
      registers,
    });
    this.#sizes = new Histogram({
      name: "insula_tenant_size_objects",
      help: "Records of each shard that is awake now.",
      buckets: SIZE_BUCKETS,
      registers,
    });
  }

  endStep(step: WorkStep, startMs: number, endMs: number): void {
    this.#steps[step].observe((endMs - startMs) / 1_000);
  }

  /** Takes the engine's figures of this moment. Cost: two walks over the awake shards. */
  read(engine: MeasuredEngine): void {
    const stats = engine.stats();
    for (const [metric, read] of this.#figures) {
      metric.reset();
      metric.inc(read(stats));
    }
    this.#evictions.reset();
    for (const [reason, count] of Object.entries(stats.evictions)) {
      this.#evictions.inc({ reason }, count);
    }
    this.#readTransitions(stats);
    this.#workUnits.reset();
    this.#workUnits.inc({ class: "query" }, stats.usage.queryUnits);
    this.#workUnits.inc({ class: "read" }, stats.usage.readUnits);
    this.#workUnits.inc({ class: "write" }, stats.usage.writeUnits);
    const { counts, awakeRowCounts } = engine.tenantFigures();
    for (const [state, count] of Object.entries(counts) as [TenantState, number][]) {
      this.#tenants.set({ state }, count);
    }
    this.#recall.read(engine.recallFigures());
    this.#sizes.reset();
    for (const rows of awakeRowCounts) this.#sizes.observe(rows);
  }

  #readTransitions({ policySweeps: { causes }, warmSchedules }: EngineStats): void {
    const { inactiveAfter, offloadAfter } = causes;
    this.#transitions.reset();
    for (const [cause, becomes, figures] of [
      ["inactiveAfter", "inactive", inactiveAfter],
      ["offloadAfter", "offloaded", offloadAfter],
    ] as const) {
      const { changed, failed, pinned, keptWarm: warm } = figures;
      for (const [to, count] of Object.entries({ [becomes]: changed, failed, pinned, warm })) {
        this.#transitions.inc({ to, cause }, count);
      }
    }
    this.#transitions.inc({ to: "active", cause: "schedule" }, warmSchedules.warmed);
    this.#transitions.inc({ to: "failed", cause: "schedule" }, warmSchedules.failed);
  }
}

function createSteps(registry: Registry): Record<WorkStep, { observe(seconds: number): void }> {
  const shape = { buckets: STEP_BUCKETS, registers: [registry] };
  const activation = new Histogram({
    name: "insula_tenant_activation_seconds",
    help: "Time to wake a shard, by where it was before.",
    labelNames: ["from"],
    ...shape,
  });
  const search = new Histogram({
    name: "insula_search_step_seconds",
    help: "Time of the steps of a search: plan of a segment's filter, scan, fetch of the nearest.",
    labelNames: ["step"],
    ...shape,
  });
  return {
    log_sync: new Histogram({
      name: "insula_wal_fsync_seconds",
      help: "Time to write and sync one group of the log.",
      ...shape,
    }),
    commit: new Histogram({
      name: "insula_commit_seconds",
      help: "Time until one write is durable and visible, the wait for its group included.",
      ...shape,
    }),
    build: new Histogram({
      name: "insula_build_seconds",
      help: "Time to build a segment, the wait for a worker included.",
      ...shape,
    }),
    activation: activation.labels("asleep"),
    plan: search.labels("plan"),
    scan: search.labels("scan"),
    fetch: search.labels("fetch"),
  };
}
