/** Jobs for the contract of worker pools. */
import { InsulaError } from "../../base/errors.ts";
import type { JobRegistry } from "../job-registry.ts";

export function makeTestRegistry(): JobRegistry {
  const told: string[] = [];
  return {
    jobs: {
      add: async (input: { readonly a: number; readonly b: number }) => {
        await Promise.resolve();
        return { result: input.a + input.b };
      },
      double: async (input: Float32Array<ArrayBuffer>) => {
        await Promise.resolve();
        const doubled = input.map((value) => value * 2);
        return { result: doubled, transfer: [doubled.buffer] };
      },
      told: async () => {
        await Promise.resolve();
        return { result: [...told] };
      },
      refuse: async () => {
        await Promise.resolve();
        throw new InsulaError("disk_full", "Cannot do it.", {
          details: { left: 3 },
          retryAfterMs: 7,
        });
      },
      trip: async () => {
        await Promise.resolve();
        throw new TypeError("x is not a function");
      },
      sleep: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return { result: "awake" };
      },
      die: () => process.exit(1),
    },
    onBroadcast: (topic, value) => {
      told.push(`${topic}=${String(value)}`);
    },
  };
}
