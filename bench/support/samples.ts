/** Many timings made one line. */

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly mean: number;
  readonly count: number;
}

/** Unit in, unit out. */
export function quantiles(samples: readonly number[]): Quantiles {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { p50: at(0.5), p99: at(0.99), mean, count: sorted.length };
}

export function median(values: readonly number[]): number {
  return quantiles(values).p50;
}

/** Milliseconds of one call. */
export async function timeMs(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** A contender of a comparison: runs once, gives back its figure. */
export interface Contender {
  readonly name: string;
  readonly run: () => Promise<number>;
}

/**
 * Median figure of each contender. All take turns within a repetition, so that a busy machine hurts
 * all alike, and the order turns around each time, so that nobody is always first.
 */
export async function takeTurns(
  contenders: readonly Contender[],
  repetitions: number,
): Promise<number[]> {
  const figures = contenders.map((): number[] => []);
  for (let turn = 0; turn < repetitions; turn++) {
    const order = [...contenders.keys()];
    if (turn % 2 === 1) order.reverse();
    for (const i of order) {
      const figure = await contenders[i]?.run();
      if (figure !== undefined) figures[i]?.push(figure);
    }
  }
  return figures.map((values) => median(values));
}

/** Runs `task` for 0 to `count` - 1, `width` at a time. */
export async function runConcurrently(
  count: number,
  width: number,
  task: (i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await task(i);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, work));
}
