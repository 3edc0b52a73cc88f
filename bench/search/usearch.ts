/** usearch: float32 graph in memory; its JavaScript has no filter. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { EFS, EF_CONSTRUCTION, GRAPH_M, type Contender, type Workshop } from "./contender.ts";
import { keptBuild } from "./kept-build.ts";

export const USEARCH = "usearch@2.25.3";
/** Rows given at once. */
const BATCH_ROWS = 1_000;
/** Files beyond are mapped. */
const LARGE_BYTES = 2 ** 28;

interface Index {
  add(keys: BigUint64Array, values: Float32Array, threads: number): void;
  search(query: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array };
  save(path: string): void;
  load(path: string): void;
  /** Reads from the mapped file. */
  view(path: string): void;
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
  const path = join(shop.folder, "usearch.index");
  const build = (): Index => {
    const built = make(64);
    for (let i = 0; i < data.rowCount; i += BATCH_ROWS) {
      const count = Math.min(BATCH_ROWS, data.rowCount - i);
      const keys = BigUint64Array.from({ length: count }, (_, j) => BigInt(i + j));
      built.add(keys, data.rows.subarray(i * data.dimension, (i + count) * data.dimension), 1);
      if (i % 50_000 === 0) shop.tell(`usearch: ${i} rows`);
    }
    return built;
  };
  const cost = await keptBuild(shop, build, (built) => {
    built.save(path);
  });
  // The breadth is fixed when an index is made: one is made for each. Large ones share the pages
  // of the file.
  const isLarge = statSync(path).size > LARGE_BYTES;
  const fill = (index: Index): void => {
    if (isLarge) index.view(path);
    else index.load(path);
  };
  const openedAt = performance.now();
  let index = make(64);
  fill(index);
  index.search(data.rows.subarray(0, data.dimension), 1, 1);
  const openMs = performance.now() - openedAt;
  const byEf = new Map<number, Index>();
  return {
    name: USEARCH,
    ...{ ...cost, openMs, fileBytes: statSync(path).size, breadths: EFS },
    setBreadth: (ef) => {
      const known = byEf.get(ef) ?? make(ef);
      if (!byEf.has(ef)) fill(known);
      byEf.set(ef, known);
      index = known;
    },
    search: (query, k) => Array.from(index.search(query, k, 1).keys, Number),
    close: () => undefined,
  };
}
