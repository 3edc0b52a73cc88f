/** An engine on a folder of its own, opened and closed as often as a bench wants. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine, type Engine, type EngineOptions } from "../../src/engine/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../../src/io/index.ts";
import { DEFAULT_VECTOR, type Metric, type Place, type Query } from "../../src/model/index.ts";

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

  open(settings: EngineSettings = {}): Promise<Engine> {
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
  await engine.upsert(place, {
    keys,
    vectors: [{ field: DEFAULT_VECTOR, values }],
    metadata: keys.map(() => undefined),
  });
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
