/** Recall against queries a second. */
import type { Contender, Found } from "./contender.ts";
import type { Truth } from "./exact-truth.ts";

export interface Point {
  readonly breadth: number;
  readonly recall: number;
  readonly perSecond: number;
}

export type Curve = readonly Point[];

/** Share of the true rows that were found, over all queries. */
export function recallOf(found: readonly Found[], truth: Truth): number {
  let hits = 0;
  let wanted = 0;
  for (const [i, rows] of truth.entries()) {
    wanted += rows.size;
    for (const row of new Set(found[i])) if (rows.has(row)) hits++;
  }
  return wanted === 0 ? 1 : hits / wanted;
}

/** Runs all queries one after the other. */
export async function timed(
  queries: readonly Float32Array[],
  search: (query: Float32Array) => Promise<Found> | Found,
): Promise<{ readonly found: readonly Found[]; readonly perSecond: number }> {
  const found: Found[] = [];
  const startedAt = performance.now();
  for (const query of queries) {
    const maybe = search(query);
    found.push(maybe instanceof Promise ? await maybe : maybe);
  }
  return { found, perSecond: (queries.length * 1_000) / (performance.now() - startedAt) };
}

export interface Measured {
  readonly queries: readonly Float32Array[];
  readonly k: number;
  readonly truth: Truth;
  readonly repetitions: number;
  readonly tell: (text: string) => void;
}

/** A process that has run for a while has compiled what it runs often. */
const WARM_QUERIES = 5_000;
const WARM_MS = 5_000;
/** For those that bring rows into memory only when searches have read as many. */
const ROWS_COME_MS = 240_000;
/** Queries between two looks whether they have. */
const LOOK_QUERIES = 200;

async function warm(
  contender: Contender,
  queries: readonly Float32Array[],
  k: number,
): Promise<void> {
  await contender.setBreadth(contender.breadths[Math.floor(contender.breadths.length / 2)] ?? 0);
  const startMs = performance.now();
  let isWarm = contender.isWarm === undefined;
  const isDue = async (count: number): Promise<boolean> => {
    const ms = performance.now() - startMs;
    if (!isWarm && count % LOOK_QUERIES === 0) isWarm = (await contender.isWarm?.()) ?? true;
    if (!isWarm) return ms < ROWS_COME_MS;
    return count < WARM_QUERIES && ms < WARM_MS;
  };
  for (let i = 0; await isDue(i); i++) {
    const query = queries[i % queries.length];
    if (query !== undefined) await contender.search(query, k);
  }
}

/** All contenders at all their breadths, warm, in turns; the best of the repetitions. */
export async function measureCurves(
  contenders: readonly Contender[],
  { queries, k, truth, repetitions, tell }: Measured,
): Promise<ReadonlyMap<Contender, Curve>> {
  const curves = new Map(contenders.map((contender) => [contender, [] as Point[]]));
  for (const contender of contenders) {
    tell(`${contender.name}: warming up`);
    await warm(contender, queries, k);
  }
  const steps = Math.max(...contenders.map(({ breadths }) => breadths.length));
  for (let step = 0; step < steps; step++) {
    const best = new Map<Contender, Point>();
    for (let turn = 0; turn < repetitions; turn++) {
      for (const contender of contenders) {
        const breadth = contender.breadths[step];
        if (breadth === undefined) continue;
        tell(`${contender.name} at ${breadth}`);
        await contender.setBreadth(breadth);
        const run = await timed(queries, (query) => contender.search(query, k));
        const point = { breadth, recall: recallOf(run.found, truth), perSecond: run.perSecond };
        const known = best.get(contender);
        if (known === undefined || known.perSecond < point.perSecond) best.set(contender, point);
      }
    }
    for (const [contender, point] of best) curves.get(contender)?.push(point);
  }
  return curves;
}

/** Queries a second at a recall, between the measured points around it; NaN if never reached. */
export function perSecondAt(curve: Curve, recall: number): number {
  const sorted = [...curve].sort((a, b) => a.recall - b.recall);
  const next = sorted.findIndex((point) => point.recall >= recall);
  const above = sorted[next];
  const below = sorted[next - 1];
  if (above === undefined) return Number.NaN;
  if (below === undefined || below.perSecond < above.perSecond) return above.perSecond;
  const share = (recall - below.recall) / (above.recall - below.recall);
  return below.perSecond ** (1 - share) * above.perSecond ** share;
}
