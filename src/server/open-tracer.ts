/** The code of traces is loaded only when they are wanted. */
import type { WorkObserver } from "../base/work-observer.ts";
import type { Engine } from "../engine/api.ts";
import type { Clock, Random } from "../io/index.ts";
import type { Log } from "./log.ts";
import type { ServerMetrics } from "./metrics.ts";
import type { TraceSettings } from "./trace-settings.ts";
import type { Tracer } from "./tracing/index.ts";

export interface OpenTracer {
  readonly tracer: Tracer;
  readonly watchEngine: (engine: Engine, tracer: Tracer) => Engine;
}

export interface TracerParts {
  /** Absent: no traces. */
  readonly tracing?: TraceSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
}

export async function openTracer(
  { tracing, clock, random, version }: TracerParts,
  log: Log,
  metrics: ServerMetrics,
): Promise<OpenTracer | undefined> {
  if (tracing === undefined) return undefined;
  const { openTracer: open, watchEngine } = await import("./tracing/index.ts");
  const count = metrics.countSpans.bind(metrics);
  return {
    tracer: open({ settings: tracing, clock, random, version, log, count }),
    watchEngine,
  };
}

export function observeBoth(first: WorkObserver, { tracer }: OpenTracer): WorkObserver {
  return {
    endStep: (step, startMs, endMs) => {
      first.endStep(step, startMs, endMs);
      tracer.step(step, startMs, endMs);
    },
  };
}
