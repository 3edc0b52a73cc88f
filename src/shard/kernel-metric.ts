/** What the metric of a field means for its searches. */
import type { CodeMetric, KernelMetric } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";

/** The metric of a field as the kernels know it. */
export function kernelMetric({ metric }: VectorField): KernelMetric {
  return metric;
}

/** The metric as codes know it; undefined for fields that are searched by their float32 rows. */
export function codeMetric({ metric }: Pick<VectorField, "metric">): CodeMetric | undefined {
  return metric === "manhattan" || metric === "hamming" ? undefined : metric;
}

/** Whether graphs are built for a field: they are walked by int8 codes, which must be in memory. */
export function hasGraph(field: VectorField): boolean {
  return codeMetric(field) !== undefined && field.memory !== "small";
}

/** The fields that graphs are built for. */
export function graphFields(fields: readonly VectorField[]): readonly VectorField[] {
  return fields.filter(hasGraph);
}
