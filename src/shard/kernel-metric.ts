import { assert } from "../base/errors.ts";
import type { KernelMetric } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";

/** The metric of a field as the kernels know it. */
export function kernelMetric({ metric }: VectorField): KernelMetric {
  assert(metric !== "manhattan" && metric !== "hamming", "a metric that collections can have");
  return metric;
}
