/**
 * The recall of the same queries at one station after the other: each against the exact answers of
 * the rows as they are then, the change against the first station with the error of paired
 * differences, and whether exact searches still give the same keys and bits.
 */
import type { Hit } from "../../src/model/index.ts";

export interface Station {
  readonly name: string;
  readonly recall: number;
  /** Standard error of the mean over the queries. */
  readonly error: number;
  /** Recall less that of the first station, and the standard error of it. */
  readonly change: number;
  readonly changeError: number;
  /** How the queries were answered. */
  readonly path: string;
  /** Mean of a query, without those scored again on float32 rows. */
  readonly rowsScored: number;
  readonly isExactSame: boolean;
}

type Search = (
  query: number,
  isExact: boolean,
) => Promise<{ readonly hits: readonly Hit[]; readonly path: string; readonly rowsScored: number }>;

/** Queries whose exact answers are looked at again at each station. */
const EXACT_AGAIN = 100;

export class RecallSeries {
  readonly stations: Station[] = [];
  readonly #count: number;
  readonly #search: Search;
  readonly #tell: (text: string) => void;
  #truths: (readonly Hit[])[] = [];
  #first: Float64Array | undefined;

  constructor(count: number, search: Search, tell: (text: string) => void) {
    this.#count = count;
    this.#search = search;
    this.#tell = tell;
  }

  /** The rows have changed: exact answers are asked for anew. */
  async newRows(): Promise<void> {
    this.#tell("exact answers");
    this.#truths = [];
    for (let i = 0; i < this.#count; i++) {
      this.#truths.push((await this.#search(i, true)).hits);
    }
  }

  async station(name: string): Promise<void> {
    const shares = new Float64Array(this.#count);
    const paths = new Set<string>();
    let rowsScored = 0;
    for (let i = 0; i < this.#count; i++) {
      const found = await this.#search(i, false);
      shares[i] = shareFound(found.hits, this.#truths[i] ?? []);
      paths.add(found.path);
      rowsScored += found.rowsScored;
    }
    this.#first ??= shares;
    const changes = shares.map((share, i) => share - (this.#first?.[i] ?? 0));
    const station: Station = {
      ...{ name, recall: mean(shares), error: errorOf(shares) },
      ...{ change: mean(changes), changeError: errorOf(changes) },
      ...{ path: [...paths].join(" "), rowsScored: rowsScored / this.#count },
      isExactSame: await this.#isExactSame(),
    };
    this.#tell(`${name}: ${station.recall.toFixed(4)} by ${station.path}`);
    this.stations.push(station);
  }

  async #isExactSame(): Promise<boolean> {
    for (let i = 0; i < Math.min(EXACT_AGAIN, this.#count); i++) {
      const again = (await this.#search(i, true)).hits;
      const truth = this.#truths[i] ?? [];
      const isSame =
        again.length === truth.length &&
        again.every(({ key, distance }, j) => {
          const other = truth[j];
          return other?.key === key && Object.is(other.distance, distance);
        });
      if (!isSame) return false;
    }
    return true;
  }
}

/** Of equally far hits any is right. */
function shareFound(hits: readonly Hit[], truth: readonly Hit[]): number {
  if (truth.length === 0) return 1;
  const keys = new Set(truth.map(({ key }) => key));
  const edge = truth.at(-1)?.distance ?? Number.NEGATIVE_INFINITY;
  const found = hits.filter(({ key, distance }) => keys.has(key) || distance <= edge);
  return Math.min(found.length, truth.length) / truth.length;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function errorOf(values: Float64Array): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, values.length - 1) / values.length);
}
