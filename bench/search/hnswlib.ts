/** hnswlib-node: the paper's reference code, float32, in memory. */
import { statSync } from "node:fs";
import { join } from "node:path";
import {
  EFS,
  EF_CONSTRUCTION,
  GRAPH_M,
  rowAt,
  type Contender,
  type Workshop,
} from "./contender.ts";
import { keptBuild } from "./kept-build.ts";

export const HNSWLIB = "hnswlib-node@3.0.0";

interface Index {
  initIndex(rows: number, m: number, efConstruction: number, seed: number): void;
  addPoint(row: readonly number[], label: number): void;
  setEf(ef: number): void;
  searchKnn(
    row: readonly number[],
    k: number,
    filter?: (label: number) => boolean,
  ): { readonly neighbors: readonly number[] };
  writeIndexSync(path: string): void;
  readIndexSync(path: string): void;
}

/** The package as it is loaded. */
export interface Hnswlib {
  readonly default: { readonly HierarchicalNSW: new (space: string, dimension: number) => Index };
}

export async function openHnswlib(shop: Workshop): Promise<Contender | undefined> {
  const loaded = (await shop.load(HNSWLIB)) as Hnswlib | undefined;
  if (loaded === undefined) return undefined;
  const { data } = shop;
  const { HierarchicalNSW } = loaded.default;
  const path = join(shop.folder, "hnswlib.index");
  const build = (): Index => {
    const built = new HierarchicalNSW("ip", data.dimension);
    built.initIndex(data.rowCount, GRAPH_M, EF_CONSTRUCTION, 100);
    for (let i = 0; i < data.rowCount; i++) {
      built.addPoint(Array.from(rowAt(data, i)), i);
      if (i % 50_000 === 0) shop.tell(`hnswlib-node: ${i} rows`);
    }
    return built;
  };
  const cost = await keptBuild(shop, build, (built) => {
    built.writeIndexSync(path);
  });
  const openedAt = performance.now();
  const index = new HierarchicalNSW("ip", data.dimension);
  index.readIndexSync(path);
  index.searchKnn(Array.from(rowAt(data, 0)), 1);
  const openMs = performance.now() - openedAt;
  return {
    name: HNSWLIB,
    ...{ ...cost, openMs, fileBytes: statSync(path).size, breadths: EFS },
    setBreadth: (ef) => {
      index.setEf(ef);
    },
    search: (query, k) => index.searchKnn(Array.from(query), k).neighbors,
    searchFiltered: (query, k, { property, below }) => {
      const values = property === "bucket" ? data.buckets : data.sides;
      const isMatch = (label: number): boolean => (values[label] ?? 0) < below;
      return index.searchKnn(Array.from(query), k, isMatch).neighbors;
    },
    close: () => undefined,
  };
}
