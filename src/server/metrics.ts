/**
 * What the server counts, for Prometheus. Labels are bounded: dialects and outcomes are fixed
 * lists, operations come from the dialects' own lists and are cut off at a maximum. No database,
 * collection or key is ever a label, and of tenants only the few busiest, when asked for.
 */
import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";
import type { ErrorKind } from "../base/errors.ts";
import type { RequestPhase } from "../dialects/index.ts";
import type { WorkObserver } from "../base/work-observer.ts";
import { BusyTenants } from "./busy-tenants.ts";
import { EngineMetrics, type MeasuredEngine } from "./engine-metrics.ts";

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
  readonly #engineMetrics: EngineMetrics;
  #engine: MeasuredEngine | undefined;
  readonly #operations: Counter<"dialect" | "op" | "code">;
  readonly #durations: Histogram<"dialect" | "op">;
  readonly #answers: Counter<"route" | "status">;
  readonly #spans: Counter<"outcome">;
  readonly #tenantCalls: Counter<"tenant">;
  /** Undefined: tenants are nobody's business. */
  readonly #busyTenants: BusyTenants | undefined;
  readonly #answerChildren = new Map<string, { inc(): void }>();
  readonly #phases: Readonly<Record<RequestPhase, PhaseSum>> = {
    verify: { count: 0, ms: 0 },
    read: { count: 0, ms: 0 },
    parse: { count: 0, ms: 0 },
    search: { count: 0, ms: 0 },
    store: { count: 0, ms: 0 },
    write: { count: 0, ms: 0 },
  };

  /** @param tenantsShown  names of tenants that may be labels; 0 for none. */
  constructor(tenantsShown = 0) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#operations = new Counter({
      name: "insula_requests_total",
      help: "Finished operations by code: ok or the kind of error.",
      labelNames: ["dialect", "op", "code"],
      registers,
    });
    this.#durations = new Histogram({
      name: "insula_request_seconds",
      help: "Time from the start of an operation to its answer.",
      labelNames: ["dialect", "op"],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.#answers = new Counter({
      name: "insula_answers_total",
      help: "HTTP answers by route and class of status.",
      labelNames: ["route", "status"],
      registers,
    });
    this.#spans = new Counter({
      name: "insula_trace_spans_total",
      help: "Spans sent to a collector, and dropped because the queue was full or it did not answer.",
      labelNames: ["outcome"],
      registers,
    });
    this.#busyTenants = tenantsShown === 0 ? undefined : new BusyTenants(tenantsShown);
    this.#tenantCalls = new Counter({
      name: "insula_tenant_requests_total",
      help: "Calls about records of the busiest tenants, and of all others together.",
      labelNames: ["tenant"],
      registers,
    });
    this.#registerPhases();
    this.#engineMetrics = new EngineMetrics(this.#registry, tenantsShown > 0);
  }

  /** Told of the engine's steps, before there is an engine. */
  get observer(): WorkObserver {
    return this.#engineMetrics;
  }

  /** Whose figures are shown from now on. */
  watch(engine: MeasuredEngine): void {
    this.#engine = engine;
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

  /** Told the name of a tenant with each call about its records; undefined when none is shown. */
  get countTenant(): ((name: string) => void) | undefined {
    const tenants = this.#busyTenants;
    return tenants === undefined ? undefined : (name) => tenants.count(name);
  }

  countSpans(outcome: "sent" | "dropped", spans: number): void {
    this.#spans.inc({ outcome }, spans);
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

  #readTenants(): void {
    if (this.#busyTenants === undefined) return;
    const { shown, otherCalls } = this.#busyTenants.read();
    this.#tenantCalls.reset();
    for (const [tenant, calls] of shown) this.#tenantCalls.inc({ tenant }, calls);
    // No name is like this one: each has a slash.
    this.#tenantCalls.inc({ tenant: "other" }, otherCalls);
  }

  /** All metrics of ours, for the documents. */
  describe(): readonly MetricFacts[] {
    return this.#registry
      .getMetricsAsArray()
      .map(toFacts)
      .filter(({ name }) => name.startsWith("insula_"));
  }

  async print(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#readTenants();
    if (this.#engine !== undefined) this.#engineMetrics.read(this.#engine);
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}

interface PhaseSum {
  count: number;
  ms: number;
}

export interface MetricFacts {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** The library knows the labels and does not declare that it does. */
function toFacts(metric: object): MetricFacts {
  const { name, labelNames } = metric as { name: string; labelNames: readonly string[] };
  const type =
    metric instanceof Histogram ? "histogram" : metric instanceof Counter ? "counter" : "gauge";
  return { name, type, labels: labelNames };
}
