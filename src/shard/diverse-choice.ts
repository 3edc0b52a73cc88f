/**
 * Maximal marginal relevance over exact distances: which of the nearest are answered.
 *
 * Each step compares one chosen record with all that are left, by the kernels, so that the whole is
 * topK * candidates comparisons, window by window, at the pace of the search.
 */
import { scanSteps, type Pace } from "../base/pace.ts";
import { rowStrideBytes } from "../math/index.ts";
import type { DiverseChoice, Query, VectorField } from "../model/index.ts";
import { FlatScan, RowWindow } from "../vector/index.ts";
import { kernelMetric } from "./kernel-metric.ts";
import { shownDistance, type RankedRecord } from "./ranked-records.ts";
import type { ShardContext } from "./shard-context.ts";
import type { Ranking } from "./shard-search.ts";
import { StoredVectors } from "./stored-vectors.ts";

/** Steps of reading the vector of a candidate, and of going over the candidates in a step. */
const VECTOR_STEPS = 128;
const CHOICE_STEPS = 8;

/** Steps of filling one window, and of the norms of its rows. */
const LOAD_STEPS = 131_072;

/** Where a choice is made, and how the thread is shared. */
export interface DiversePlace {
  readonly context: ShardContext;
  readonly pace: Pace;
}

interface LoadedRows {
  readonly window: RowWindow;
  readonly placed: ReturnType<RowWindow["target"]>;
  /** Every row of the window. */
  readonly rows: Uint32Array;
}

/**
 * @param ranking the nearest candidates, nearest first.
 * @returns at most `topK` in the order of choice; of equals the nearer one is chosen first.
 * @throws InsulaError `memory_exhausted`.
 */
export async function chooseDiverse(
  { context, pace }: DiversePlace,
  field: VectorField,
  ranking: Ranking,
  query: Query & { readonly mmr: DiverseChoice },
): Promise<readonly RankedRecord[]> {
  const { ranked, trace, cost } = ranking;
  const startMs = context.clock.monotonicMs();
  const vectors: Float32Array[] = [];
  const stored = new StoredVectors(ranked, field, pace);
  for (let i = 0; i < ranked.length; i++) {
    if (!pace.fits(VECTOR_STEPS)) await pace.take(VECTOR_STEPS);
    vectors.push(await stored.take(i));
    pace.add(scanSteps(rowStrideBytes(field.dimension)));
  }
  const loaded: LoadedRows[] = [];
  try {
    for (let first = 0; first < vectors.length;) {
      if (!pace.fits(LOAD_STEPS)) await pace.take(LOAD_STEPS);
      const rows = loadRows(context, field, vectors, first);
      loaded.push(rows);
      first += rows.rows.length;
    }
    const chosen: RankedRecord[] = [];
    const choice = new Choice(
      ranked.map(({ candidate }) => shownDistance(field, candidate.distance)),
      query.mmr.lambda,
    );
    while (chosen.length < Math.min(query.topK, ranked.length)) {
      pace.check();
      const steps = vectors.length * CHOICE_STEPS;
      if (!pace.fits(steps)) await pace.take(steps);
      const next = choice.take();
      const record = ranked[next];
      const vector = vectors[next];
      if (record === undefined || vector === undefined) break;
      chosen.push(record);
      choice.nearChosen(await compareWith({ context, pace }, field, vector, loaded));
      cost.compared(vectors.length, field.dimension);
    }
    return chosen;
  } finally {
    for (const { window } of loaded) window.release();
    trace?.add("rescore", context.clock.monotonicMs() - startMs);
  }
}

/** Which candidate is next. */
class Choice {
  readonly #distances: readonly number[];
  readonly #lambda: number;
  readonly #toChosen: Float64Array;
  readonly #isTaken: Uint8Array;
  #isFirst = true;

  constructor(distances: readonly number[], lambda: number) {
    this.#distances = distances;
    this.#lambda = lambda;
    this.#toChosen = new Float64Array(distances.length).fill(Number.MAX_VALUE);
    this.#isTaken = new Uint8Array(distances.length);
  }

  /** -1 when none is left. */
  take(): number {
    let best = -1;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const [i, distance] of this.#distances.entries()) {
      if (this.#isTaken[i] === 1) continue;
      // Nothing is chosen yet: relevance alone decides, whatever lambda is.
      const cost = this.#isFirst
        ? distance
        : this.#lambda * distance - (1 - this.#lambda) * (this.#toChosen[i] ?? 0);
      if (cost >= bestCost) continue;
      best = i;
      bestCost = cost;
    }
    this.#isFirst = false;
    if (best >= 0) this.#isTaken[best] = 1;
    return best;
  }

  /** Distances of all candidates to the one just taken. */
  nearChosen(distances: readonly number[]): void {
    for (const [i, distance] of distances.entries()) {
      this.#toChosen[i] = Math.min(this.#toChosen[i] ?? 0, distance);
    }
  }
}

/** As many of the vectors from `first` on as fit one window. */
function loadRows(
  { memory }: ShardContext,
  { dimension }: VectorField,
  vectors: readonly Float32Array[],
  first: number,
): LoadedRows {
  const window = new RowWindow(memory, dimension);
  const count = Math.min(window.rowCapacity, vectors.length - first);
  const strideBytes = rowStrideBytes(dimension);
  const bytes = window.bytes(count);
  bytes.fill(0);
  for (let i = 0; i < count; i++) {
    const vector = vectors[first + i];
    if (vector === undefined) break;
    const { buffer, byteOffset, byteLength } = vector;
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), i * strideBytes);
  }
  const rows = Uint32Array.from({ length: count }, (_, i) => i);
  return { window, placed: window.target(count), rows };
}

async function compareWith(
  { context: { memory, workers }, pace }: DiversePlace,
  field: VectorField,
  vector: Float32Array,
  loaded: readonly LoadedRows[],
): Promise<readonly number[]> {
  const compared: number[] = [];
  const scan = new FlatScan(memory, workers, kernelMetric(field), vector);
  try {
    for (const { placed, rows } of loaded) {
      const maybe = scan.score(placed.arena, placed.target, rows, pace);
      const distances = maybe instanceof Promise ? await maybe : maybe;
      for (const distance of distances) compared.push(shownDistance(field, distance));
    }
    return compared;
  } finally {
    scan.close();
  }
}
