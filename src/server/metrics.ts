/**
 * What the server counts, for Prometheus. Labels are bounded: dialects and outcomes are fixed
 * lists, operations come from the dialects' own lists and are cut off at a maximum. No tenant,
 * database, collection or key is ever a label.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ErrorKind } from "../base/errors.ts";
import type { RequestPhase } from "../dialects/index.ts";
import type { Engine, EngineStats } from "../engine/api.ts";

/** Operation names of one dialect; more are counted as `other`. Ours have at most twenty. */
export const OPERATIONS_MAX = 64;

/** Seconds; from a hot query to the deadline of a request. */
const DURATION_BUCKETS = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
];

/** How an answer is counted; a bound method per status class keeps the hot path short. */
export type Observe = (operation: string, outcome: "ok" | ErrorKind, durationMs: number) => void;

export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #operations: Counter<"dialect" | "operation" | "outcome">;
  readonly #durations: Histogram<"dialect" | "operation">;
  readonly #answers: Counter<"route" | "status">;
  readonly #answerChildren = new Map<string, { inc(): void }>();
  readonly #phases: Readonly<Record<RequestPhase, PhaseSum>> = {
    verify: { count: 0, ms: 0 },
    read: { count: 0, ms: 0 },
    parse: { count: 0, ms: 0 },
    search: { count: 0, ms: 0 },
    store: { count: 0, ms: 0 },
    write: { count: 0, ms: 0 },
  };

  constructor(engine: Pick<Engine, "stats">) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#operations = new Counter({
      name: "insula_operations_total",
      help: "Finished operations by outcome: ok or the kind of error.",
      labelNames: ["dialect", "operation", "outcome"],
      registers,
    });
    this.#durations = new Histogram({
      name: "insula_operation_seconds",
      help: "Time from the start of an operation to its answer.",
      labelNames: ["dialect", "operation"],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.#answers = new Counter({
      name: "insula_answers_total",
      help: "HTTP answers by route and class of status.",
      labelNames: ["route", "status"],
      registers,
    });
    this.#registerPhases();
    registerGauges(engine, this.#registry);
  }

  /** The function a dialect calls at the end of each operation. */
  observerOf(dialect: string): Observe {
    const children = new Map<
      string,
      { count: Counter.Internal; time: Histogram.Internal<string> }
    >();
    const names = new Set<string>();
    return (operation, outcome, durationMs) => {
      const isKnown = names.has(operation) || names.size < OPERATIONS_MAX;
      const name = isKnown ? operation : "other";
      names.add(name);
      const key = `${name} ${outcome}`;
      let child = children.get(key);
      if (child === undefined) {
        child = {
          count: this.#operations.labels(dialect, name, outcome),
          time: this.#durations.labels(dialect, name),
        };
        children.set(key, child);
      }
      child.count.inc();
      child.time.observe(durationMs / 1_000);
    };
  }

  countAnswer(route: string, status: number): void {
    const statusClass = `${String(Math.floor(status / 100))}xx`;
    const key = route + statusClass;
    let child = this.#answerChildren.get(key);
    if (child === undefined) {
      child = this.#answers.labels(route, statusClass);
      this.#answerChildren.set(key, child);
    }
    child.inc();
  }

  /** Cost: two additions; there are six for each request. */
  addPhase(phase: RequestPhase, durationMs: number): void {
    const sum = this.#phases[phase];
    sum.count++;
    sum.ms += durationMs;
  }

  /** Sums and counts of a summary, without what a library's summary spends on each value. */
  #registerPhases(): void {
    const name = "insula_request_phase_seconds";
    this.#registerPhase(
      `${name}_sum`,
      "Time spent in each phase of requests.",
      ({ ms }) => ms / 1_000,
    );
    this.#registerPhase(
      `${name}_count`,
      "Requests that went through the phase.",
      ({ count }) => count,
    );
  }

  #registerPhase(name: string, help: string, read: (sum: PhaseSum) => number): void {
    const counter: Counter<"phase"> = new Counter({
      name,
      help,
      labelNames: ["phase"],
      registers: [this.#registry],
      collect: () => {
        counter.reset();
        for (const [phase, sum] of Object.entries(this.#phases)) counter.inc({ phase }, read(sum));
      },
    });
  }

  async print(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}

interface PhaseSum {
  count: number;
  ms: number;
}

const GAUGES: readonly (readonly [string, string, (stats: EngineStats) => number])[] = [
  ["insula_databases", "Databases.", (s) => s.databaseCount],
  ["insula_collections", "Collections.", (s) => s.collectionCount],
  ["insula_shards_awake", "Shards with anything in memory.", (s) => s.shardsAwake],
  ["insula_memtable_bytes", "Bytes of records not yet in segments.", (s) => s.memtableBytes],
  ["insula_arena_used_bytes", "Bytes of shared memory in use.", (s) => s.arenaBytesUsed],
  ["insula_arena_capacity_bytes", "Bytes of shared memory.", (s) => s.arenaBytesCapacity],
  ["insula_open_files", "Open files of the engine.", (s) => s.openFiles],
  ["insula_log_groups", "Groups written to the log since the start.", (s) => s.log.groups],
  ["insula_log_frames", "Frames written to the log since the start.", (s) => s.log.frames],
  ["insula_log_bytes", "Bytes written to the log since the start.", (s) => s.log.bytes],
  ["insula_log_syncs", "Syncs of the log since the start.", (s) => s.log.syncs],
  ["insula_flushes", "Flushes since the start.", (s) => s.flushes],
  ["insula_compactions", "Compactions since the start.", (s) => s.compactions],
  ["insula_quarantined_shards", "Damaged shards out of service.", (s) => s.quarantinedShards],
];

function registerGauges(engine: Pick<Engine, "stats">, registry: Registry): void {
  for (const [name, help, read] of GAUGES) {
    // Registered by being made; read only when somebody scrapes.
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => {
        gauge.set(read(engine.stats()));
      },
    });
  }
}
