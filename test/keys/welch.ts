/** Whether two kinds of calls take the same time: Welch's t-test on interleaved measurements. */

/**
 * Share of the longest measurements that is left out: what the machine does beside. Source:
 * Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?", DATE 2017.
 */
const CROPPED_SHARE = 0.1;

/** Above this the times differ. Source: the same paper. */
export const T_MAX = 4.5;

export interface Sampled {
  /** Measurements of each kind. */
  readonly count: number;
  /** 0 or 1, without a pattern. */
  nextKind(): 0 | 1;
  /** Carries out one call and returns how long it took, in any unit. */
  measure(kind: 0 | 1): number | Promise<number>;
}

/** The value t; far from 0: the two kinds take different time. */
export async function welch({ count, nextKind, measure }: Sampled): Promise<number> {
  const times: [number[], number[]] = [[], []];
  while (times[0].length < count || times[1].length < count) {
    const kind = nextKind();
    const time = await measure(kind);
    if (times[kind].length < count) times[kind].push(time);
  }
  const sorted = [...times[0], ...times[1]].sort((a, b) => a - b);
  const bound = sorted[Math.floor(sorted.length * (1 - CROPPED_SHARE))] ?? Infinity;
  const [a, b] = times.map((list) => momentsOf(list.filter((time) => time <= bound)));
  if (a === undefined || b === undefined) return Infinity;
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count);
}

function momentsOf(list: readonly number[]): { mean: number; variance: number; count: number } {
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  const squares = list.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / (list.length - 1), count: list.length };
}
