/** usearch: float32 graph in memory; its JavaScript has no filter. */
import { statSync } from "node:fs";
import { join } from "node:path";
import {
  EFS,
  EF_CONSTRUCTION,
  GRAPH_M,
  residentBytes,
  type Contender,
  type Workshop,
} from "./contender.ts";

export const USEARCH = "usearch@2.25.3";
/** Rows given at once. */
const BATCH_ROWS = 1_000;

interface Index {
  add(keys: BigUint64Array, values: Float32Array, threads: number): void;
  search(query: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array };
  save(path: string): void;
  load(path: string): void;
}

/** The package as it is loaded. */
export interface Usearch {
  readonly default: {
    readonly Index: new (options: Readonly<Record<string, unknown>>) => Index;
    readonly MetricKind: { readonly Cos: unknown };
    readonly ScalarKind: { readonly F32: unknown };
  };
}

export async function openUsearch(shop: Workshop): Promise<Contender | undefined> {
  const loaded = (await shop.load(USEARCH)) as Usearch | undefined;
  if (loaded === undefined) return undefined;
  const { data } = shop;
  const { Index, MetricKind, ScalarKind } = loaded.default;
  const make = (ef: number): Index =>
    new Index({
      ...{ dimensions: data.dimension, metric: MetricKind.Cos, quantization: ScalarKind.F32 },
      ...{ connectivity: GRAPH_M, expansion_add: EF_CONSTRUCTION, expansion_search: ef },
      multi: false,
    });
  const before = residentBytes();
  const startedAt = performance.now();
  const built = make(64);
  for (let i = 0; i < data.rowCount; i += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, data.rowCount - i);
    const keys = BigUint64Array.from({ length: count }, (_, j) => BigInt(i + j));
    built.add(keys, data.rows.subarray(i * data.dimension, (i + count) * data.dimension), 1);
  }
  const buildSeconds = (performance.now() - startedAt) / 1_000;
  const memoryBytes = residentBytes() - before;
  // The breadth is fixed when an index is made: one is loaded for each.
  const path = join(shop.folder, "usearch.index");
  built.save(path);
  const openedAt = performance.now();
  let index = make(64);
  index.load(path);
  index.search(data.rows.subarray(0, data.dimension), 1, 1);
  const openMs = performance.now() - openedAt;
  const byEf = new Map<number, Index>();
  return {
    name: USEARCH,
    ...{ buildSeconds, memoryBytes, openMs, fileBytes: statSync(path).size, breadths: EFS },
    setBreadth: (ef) => {
      const known = byEf.get(ef) ?? make(ef);
      if (!byEf.has(ef)) known.load(path);
      byEf.set(ef, known);
      index = known;
    },
    search: (query, k) => Array.from(index.search(query, k, 1).keys, Number),
    close: () => undefined,
  };
}
