/** What the pool and its threads say to each other. */
import type { ErrorMessage } from "../job-registry.ts";

export type PoolMessage =
  | { readonly kind: "job"; readonly id: number; readonly job: string; readonly input: unknown }
  | { readonly kind: "broadcast"; readonly topic: string; readonly value: unknown };

export type ThreadMessage =
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly error: ErrorMessage };
