import type { KernelMetric } from "../math/index.ts";

/** What this room needs of a vector field of a schema: its shape. */
export interface VectorField {
  readonly name: string;
  readonly dimension: number;
}

export type { KernelMetric };
