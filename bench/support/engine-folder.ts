/** An engine on a folder of its own, opened and closed as often as a bench wants. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import { isInsulaError } from "../../src/base/errors.ts";
import { openEngine, type Engine, type EngineOptions } from "../../src/engine/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../../src/io/index.ts";
import {
  DEFAULT_VECTOR,
  type Metric,
  type Place,
  type Query,
  type QueryPlan,
} from "../../src/model/index.ts";

export type EngineSettings = Omit<EngineOptions, "files" | "clock" | "random" | "onFault">;

export class EngineFolder {
  readonly path: string;
  readonly #isKept: boolean;

  /**
   * @param path  kept afterwards when given; else a temporary folder that {@link remove} removes.
   */
  constructor(path?: string) {
    this.#isKept = path !== undefined;
    this.path = path ?? mkdtempSync(join(tmpdir(), "insula-bench-"));
  }

  async open(settings: EngineSettings = {}): Promise<Engine> {
    await kernelsOnce();
    return openEngine({
      files: new NodeFileSystem(this.path),
      clock: new NodeClock(),
      random: new NodeRandom(),
      onFault: (error) => {
        process.stderr.write(`upkeep failed: ${String(error)}\n`);
      },
      ...settings,
    });
  }

  remove(): void {
    if (!this.#isKept) rmSync(this.path, { recursive: true, force: true });
  }
}

let kernels: Promise<unknown> | undefined;

/** In a fresh clone there are none yet. */
async function kernelsOnce(): Promise<void> {
  kernels ??= buildKernels();
  await kernels;
}

export async function createIndex(
  engine: Engine,
  place: Place,
  dimension: number,
  metric: Metric = "cosine",
): Promise<void> {
  await engine.createCollection(place.database, place.collection, {
    schema: {
      vectors: [{ name: DEFAULT_VECTOR, dimension, metric }],
      identity: "key",
      unfilterable: [],
    },
  });
}

/** Upserts rows under the given keys, without metadata. */
export async function putRows(
  engine: Engine,
  place: Place,
  keys: readonly string[],
  values: Float32Array,
): Promise<void> {
  const vectors = [{ field: DEFAULT_VECTOR, values }];
  await patiently(() =>
    engine.upsert(place, { keys, vectors, metadata: keys.map(() => undefined) }),
  );
}

/** Does again what is refused for now, after the time that the refusal names. */
export async function patiently<Value>(write: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!isInsulaError(error) || error.retryAfterMs === undefined) throw error;
      await setTimeout(error.retryAfterMs);
    }
  }
}

export function nearestQuery(vector: Float32Array, topK: number, isExact = false): Query {
  return {
    field: DEFAULT_VECTOR,
    vector,
    topK,
    include: { vectors: false, metadata: false },
    isExact,
  };
}

/** Polls in a row without a build that say that all graphs are made: 5 s, flushes wait 2 s. */
const QUIET_POLLS = 20;
const POLL_MS = 250;
const WAIT_MS_MAX = 4 * 3_600_000;

/**
 * Waits until nothing was built for a while.
 *
 * @returns  how the query is answered then.
 * @throws Error when that takes four hours.
 */
export async function untilAtRest(
  engine: Engine,
  place: Place,
  query: Query,
  tell: (text: string) => void,
): Promise<QueryPlan> {
  let quiet = 0;
  for (let i = 0; i * POLL_MS < WAIT_MS_MAX; i++) {
    quiet = engine.stats().builds === 0 ? quiet + 1 : 0;
    // While something is built a search may scan everything, on the thread that builds.
    if (quiet >= QUIET_POLLS) return (await engine.query(place, query)).plan;
    if (i % 40 === 0) tell("waiting for merges and graphs");
    await setTimeout(POLL_MS);
  }
  throw new Error("Builds went on for four hours.");
}

/** Row `i` of a row-major block, copied. */
export function rowOf(values: Float32Array, dimension: number, i: number): Float32Array {
  return values.slice(i * dimension, (i + 1) * dimension);
}

/** Share of the true keys that were found. */
export function recallOf(
  found: readonly { readonly key: string }[],
  truth: readonly { readonly key: string }[],
): number {
  if (truth.length === 0) return 1;
  const keys = new Set(found.map(({ key }) => key));
  return truth.filter(({ key }) => keys.has(key)).length / truth.length;
}
