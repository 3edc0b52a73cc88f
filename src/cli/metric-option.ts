import type { Metric } from "../model/index.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";

/** Metrics that the engine searches by. */
export const METRICS: readonly Metric[] = ["cosine", "euclidean", "dot", "manhattan", "hamming"];

/** @throws CommandError */
export function toMetric(text: string): Metric {
  const metric = METRICS.find((known) => known === text);
  if (metric !== undefined) return metric;
  throw new CommandError(EXIT_CODES.usage, `--metric: expected ${METRICS.join(", ")}.`);
}
