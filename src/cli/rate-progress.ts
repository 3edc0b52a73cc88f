/** Progress of work of many records: rate and time left, on the error stream. */
import { Presets, SingleBar } from "cli-progress";
import type { Output } from "./output.ts";
import { printCount } from "./output.ts";

export interface RateProgress {
  /** @param done  of the total given at creation, in its unit. */
  update(records: number, done: number): void;
  stop(): void;
}

/** Without a terminal a line is written this often, ms. */
export const LINE_EVERY_MS = 10_000;

/**
 * A bar on a terminal, a line now and then elsewhere, nothing with `--json`.
 *
 * @param total  bytes or records; undefined when nobody knows.
 */
export function createRateProgress(
  output: Output,
  total: number | undefined,
  now: () => number = () => performance.now(),
): RateProgress {
  if (output.isJson) return { update: () => undefined, stop: () => undefined };
  const startedAt = now();
  let recordsFirst: number | undefined;
  let doneFirst = 0;
  const describe = (records: number, done: number): { rate: string; left: string } => {
    recordsFirst ??= records;
    if (doneFirst === 0) doneFirst = done;
    const seconds = Math.max(0.001, (now() - startedAt) / 1_000);
    const share = done - doneFirst;
    const left = total === undefined || share <= 0 ? undefined : ((total - done) * seconds) / share;
    return {
      rate: `${printCount(Math.round((records - recordsFirst) / seconds))}/s`,
      left: left === undefined ? "" : `, ${printDuration(left)} left`,
    };
  };
  return output.isInteractive
    ? createBar(total, describe)
    : createLines(output, describe, { startedAt, now });
}

type Describe = (records: number, done: number) => { rate: string; left: string };

function createBar(total: number | undefined, describe: Describe): RateProgress {
  const bar = new SingleBar(
    {
      format: `${total === undefined ? "" : "{bar} {percentage} % · "}{records} records · {rate}{left}`,
      barsize: 24,
      clearOnComplete: true,
      hideCursor: true,
      stream: process.stderr,
    },
    Presets.shades_classic,
  );
  bar.start(Math.max(1, total ?? 1), 0, { records: "0", rate: "", left: "" });
  return {
    update: (records, done) => {
      bar.update(total === undefined ? 0 : done, {
        records: printCount(records),
        ...describe(records, done),
      });
    },
    stop: () => {
      bar.stop();
    },
  };
}

function createLines(
  output: Output,
  describe: Describe,
  { startedAt, now }: { readonly startedAt: number; readonly now: () => number },
): RateProgress {
  let lineAt = startedAt;
  return {
    update: (records, done) => {
      const { rate, left } = describe(records, done);
      if (now() - lineAt < LINE_EVERY_MS) return;
      lineAt = now();
      output.remark(`${printCount(records)} records, ${rate}${left}`);
    },
    stop: () => undefined,
  };
}

/** 75 seconds are "1 m 15 s". */
export function printDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${String(whole)} s`;
  if (whole < 3_600) return `${String(Math.floor(whole / 60))} m ${String(whole % 60)} s`;
  return `${String(Math.floor(whole / 3_600))} h ${String(Math.floor((whole % 3_600) / 60))} m`;
}
