/**
 * Every shape of search in exact mode beside plain loops over a Map: random data in memtables and
 * segments, overwritten and deleted, under every metric, with filters of every kind.
 *
 * Components are small whole numbers: sums are exact in float32, so distances are compared to the
 * bit, and many records tie, which only their keys may decide.
 */
import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { exactDistance, inverseNorm } from "../math/index.ts";
import type { Filter, Metadata, Place, Query } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 5;
const ROUNDS = 6;
const QUERIES_PER_ROUND = 40;

type Metric = "cosine" | "dot" | "euclidean";

interface Stored {
  readonly vector: Float32Array;
  readonly metadata: Metadata | undefined;
}

/** Whole numbers below `end`, the same in each run. */
type Draw = (end: number) => number;

function drawFrom(seed: number): Draw {
  let state = seed;
  return (end) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
}

function drawVector(draw: Draw): Float32Array {
  return Float32Array.from({ length: DIMENSION }, () => draw(7) - 3);
}

function drawMetadata(draw: Draw): Metadata | undefined {
  if (draw(8) === 0) return undefined;
  return {
    group: draw(4),
    ...(draw(3) === 0 ? {} : { size: draw(100) / 4 }),
    tags: Array.from({ length: draw(3) }, () => `t${String(draw(5))}`),
  };
}

interface Condition {
  readonly filter: Filter;
  readonly holds: (metadata: Metadata) => boolean;
}

function drawCondition(draw: Draw, depth = 2): Condition {
  const group = draw(5);
  const tag = `t${String(draw(5))}`;
  const bound = draw(100) / 4;
  const isInclusive = draw(2) === 0;
  const tagsOf = (metadata: Metadata): readonly unknown[] => (metadata["tags"] ?? []) as [];
  const sizeOf = ({ size }: Metadata): number => (typeof size === "number" ? size : Number.NaN);
  switch (draw(depth === 0 ? 5 : 8)) {
    case 0:
      return {
        filter: { kind: "equal", property: "group", value: group },
        holds: (metadata) => metadata["group"] === group,
      };
    case 1:
      return {
        filter: { kind: "in", property: "tags", values: [tag, "t0"] },
        holds: (metadata) => tagsOf(metadata).some((each) => each === tag || each === "t0"),
      };
    case 2:
      return {
        filter: { kind: "range", property: "size", lower: { value: bound, isInclusive } },
        holds: (metadata) => (isInclusive ? sizeOf(metadata) >= bound : sizeOf(metadata) > bound),
      };
    case 3:
      return {
        filter: { kind: "range", property: "size", upper: { value: bound, isInclusive } },
        holds: (metadata) => (isInclusive ? sizeOf(metadata) <= bound : sizeOf(metadata) < bound),
      };
    case 4:
      return {
        filter: { kind: "exists", property: "size" },
        holds: ({ size }) => size !== undefined,
      };
    case 5: {
      const { filter, holds } = drawCondition(draw, depth - 1);
      return { filter: { kind: "not", filter }, holds: (metadata) => !holds(metadata) };
    }
    default: {
      const [a, b] = [drawCondition(draw, depth - 1), drawCondition(draw, depth - 1)];
      const kind = draw(2) === 0 ? "and" : "or";
      return {
        filter: { kind, filters: [a.filter, b.filter] },
        holds: (metadata) =>
          kind === "and"
            ? a.holds(metadata) && b.holds(metadata)
            : a.holds(metadata) || b.holds(metadata),
      };
    }
  }
}

function distanceOf(metric: Metric, row: Float32Array, query: Float32Array): number {
  const distance = exactDistance(
    metric,
    { vector: query, inverseNorm: inverseNorm(query) },
    { vector: row, inverseNorm: inverseNorm(row) },
  );
  return metric === "euclidean" ? Math.fround(Math.sqrt(distance)) : distance;
}

interface Found {
  readonly key: string;
  readonly distance: number;
}

/** What a query must give. */
function expected(
  metric: Metric,
  records: ReadonlyMap<string, Stored>,
  query: Query,
  holds: ((metadata: Metadata) => boolean) | undefined,
): readonly Found[] {
  const { like, maxDistance = Number.POSITIVE_INFINITY, mmr, topK } = query;
  const vector = (like === undefined ? undefined : records.get(like.key)?.vector) ?? query.vector;
  if (vector === undefined) throw new TypeError("a query of the test has a vector");
  const near = Array.from(records, ([key, stored]) => ({ key, stored }))
    .filter(({ key }) => !(like?.isLeftOut === true && like.key === key))
    .filter(({ stored }) => holds === undefined || holds(stored.metadata ?? {}))
    .map(({ key, stored }) => ({ key, distance: distanceOf(metric, stored.vector, vector) }))
    .filter(({ distance }) => distance <= maxDistance)
    .sort((a, b) => a.distance - b.distance || (a.key < b.key ? -1 : 1));
  if (mmr === undefined) return near.slice(0, topK);
  const { lambda, candidates = 4 * topK } = mmr;
  const left = near.slice(0, candidates);
  const chosen: Found[] = left.splice(0, 1);
  const vectorAt = (key: string): Float32Array => records.get(key)?.vector ?? new Float32Array();
  while (chosen.length < topK && left.length > 0) {
    const costs = left.map(({ key, distance }) => {
      const toChosen = chosen.map((other) =>
        distanceOf(metric, vectorAt(key), vectorAt(other.key)),
      );
      return lambda * distance - (1 - lambda) * Math.min(...toChosen);
    });
    chosen.push(...left.splice(costs.indexOf(Math.min(...costs)), 1));
  }
  return chosen;
}

function drawQuery(draw: Draw, keys: readonly string[]): Query {
  const topK = [1, 2, 5, 10, 40, 300][draw(6)] ?? 1;
  const key = keys[draw(keys.length)] ?? "";
  const isLike = draw(4) === 0;
  return {
    field: "",
    topK,
    isExact: true,
    include: { vectors: false, metadata: false },
    ...(isLike ? {} : { vector: drawVector(draw) }),
    ...(isLike ? { like: { key, isLeftOut: draw(2) === 0 } } : {}),
    ...(draw(4) === 0 ? { maxDistance: draw(9) - 3 } : {}),
    ...(draw(4) === 0 && topK <= 10 ? { mmr: { lambda: draw(5) / 4 } } : {}),
    ...(draw(4) === 0 ? { isExplained: true } : {}),
  };
}

/** Writes, overwrites and deletes at random; sometimes what is in memory becomes a segment. */
async function change(engine: Engine, records: Map<string, Stored>, draw: Draw): Promise<void> {
  const keys = Array.from({ length: 60 }, () => `k${String(draw(400)).padStart(3, "0")}`);
  const unique = [...new Set(keys)];
  const rows = unique.map(() => ({ vector: drawVector(draw), metadata: drawMetadata(draw) }));
  await engine.upsert(PLACE, {
    keys: unique,
    vectors: [{ field: "", values: Float32Array.from(rows.flatMap(({ vector }) => [...vector])) }],
    metadata: rows.map(({ metadata }) => metadata),
  });
  for (const [i, key] of unique.entries()) {
    const row = rows[i];
    if (row !== undefined) records.set(key, row);
  }
  const gone = [...records.keys()].filter(() => draw(12) === 0);
  await engine.delete(PLACE, gone);
  for (const key of gone) records.delete(key);
  if (draw(2) === 0) await engine.flush(PLACE);
}

it.each([
  ["cosine", 1],
  ["dot", 2],
  ["euclidean", 3],
  // Float32 rows are not in memory: exact searches read them window by window.
  ["cosine", 4, 0],
  ["dot", 5, 0],
  ["euclidean", 6, 0],
] as const)("%s, seed %i: what plain loops find", async (metric, seed, residentRowsBytesMax?) => {
  const draw = drawFrom(seed);
  const engine = await openEngine({
    files: new MemoryFileSystem(),
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    workerCount: 0,
    ...(residentRowsBytesMax === undefined ? {} : { policy: { residentRowsBytesMax } }),
  });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  const records = new Map<string, Stored>();
  for (let round = 0; round < ROUNDS; round++) {
    await change(engine, records, draw);
    const keys = [...records.keys()];
    const asked = Array.from({ length: QUERIES_PER_ROUND }, () => {
      const condition = draw(2) === 0 ? drawCondition(draw) : undefined;
      const query = drawQuery(draw, keys);
      const filter = condition === undefined ? {} : { filter: condition.filter };
      return { query: { ...query, ...filter }, holds: condition?.holds };
    });
    for (const [i, { query, holds }] of asked.entries()) {
      const right = expected(metric, records, query, holds);
      // One by one, and some together.
      const results =
        i % 2 === 0
          ? [await engine.query(PLACE, query)]
          : await engine.queryAll(PLACE, [query, { ...query, topK: 1 }, query]);
      for (const result of [results[0], results.at(-1)]) {
        const found = result?.hits.map(({ key, distance }) => ({ key, distance }));
        expect(found, `round ${String(round)}, query ${String(i)}`).toEqual(right);
      }
    }
  }
  await engine.close();
});
