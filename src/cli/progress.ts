import { Presets, SingleBar } from "cli-progress";
import { printCount, type Output } from "./output.ts";
import { LINE_EVERY_MS } from "./rate-progress.ts";

/** A bar for work that takes longer than a breath. */
export interface Progress {
  /** @param done  of the total given at creation. @param remark  a few words behind the bar. */
  update(done: number, remark: string): void;
  stop(): void;
}

/** Characters of a line beside the bar and the remark, about. */
const BESIDE = 36;

/** A bar on a terminal, a line now and then elsewhere, nothing with `--json` or for one thing. */
export function createProgress(
  output: Output,
  total: number,
  unit: string,
  now: () => number = () => performance.now(),
): Progress {
  if (output.isJson || total < 2) return { update: () => undefined, stop: () => undefined };
  if (!output.isInteractive) return createLines(output, { total, unit, now });
  const columns = Number.isFinite(output.columns) ? output.columns : 80;
  const barSize = Math.floor(columns / 4);
  const bar = new SingleBar(
    {
      format: `{bar} {value}/{total} ${unit} · {eta_formatted} left · {remark}`,
      barsize: barSize,
      clearOnComplete: true,
      hideCursor: true,
      stream: process.stderr,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { remark: "" });
  return {
    update: (done, remark) => {
      // A line that wraps could not be drawn over.
      bar.update(done, { remark: remark.slice(-Math.max(8, columns - barSize - BESIDE)) });
    },
    stop: () => {
      bar.stop();
    },
  };
}

function createLines(
  output: Output,
  work: { readonly total: number; readonly unit: string; readonly now: () => number },
): Progress {
  let lineAt = work.now();
  return {
    update: (done) => {
      if (work.now() - lineAt < LINE_EVERY_MS) return;
      lineAt = work.now();
      output.remark(`${printCount(done)} of ${printCount(work.total)} ${work.unit}`);
    },
    stop: () => undefined,
  };
}
