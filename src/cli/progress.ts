import { Presets, SingleBar } from "cli-progress";
import type { Output } from "./output.ts";

/** A bar for work that takes longer than a breath. */
export interface Progress {
  /** @param done  of the total given at creation. @param remark  a few words behind the bar. */
  update(done: number, remark: string): void;
  stop(): void;
}

/** Draws on the error stream when that is a terminal, else does nothing. */
export function createProgress(output: Output, total: number, unit: string): Progress {
  if (!output.isInteractive || total < 2) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    {
      format: `{bar} {value}/{total} ${unit} · {remark} · {eta_formatted} left`,
      clearOnComplete: true,
      hideCursor: true,
      stream: process.stderr,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { remark: "" });
  return {
    update: (done, remark) => {
      bar.update(done, { remark });
    },
    stop: () => {
      bar.stop();
    },
  };
}
