/** Recall over one state of a shard: every search twice, as planned and exactly. */
import { Pace } from "../base/pace.ts";
import {
  RECALL_SAMPLE_DEFAULT,
  type Hit,
  type QueryPlan,
  type RecallReport,
  type RecallRequest,
} from "../model/index.ts";
import { drawLiveRows } from "./drawn-rows.ts";
import { toHits, vectorOf } from "./ranked-records.ts";
import { denseField, viewWithout } from "./shard-query.ts";
import type { ReadView } from "./read-view.ts";
import { rankShard, type SearchedView, type VectorQuery } from "./shard-search.ts";
import type { ShardStructure } from "./shard-structure.ts";

/** One search, and what it looks at. */
interface Asked {
  readonly vector: Float32Array;
  readonly view: SearchedView;
}

/**
 * One search after the other: a measurement takes no more of the node than one caller does.
 *
 * @throws InsulaError `argument_invalid`, `memory_exhausted`, `data_damaged`; what the signal says.
 */
export async function measureRecall(
  structure: ShardStructure,
  view: ReadView,
  request: RecallRequest,
): Promise<RecallReport> {
  const { random } = structure.context;
  const field = denseField(structure.schema.vectors, request.field);
  const sums = new RecallSums();
  const drawn =
    request.vectors === undefined
      ? drawLiveRows(view, request.sample ?? RECALL_SAMPLE_DEFAULT, random)
      : [];
  const searches: readonly (() => Promise<Asked>)[] = [
    ...(request.vectors ?? []).map((vector) => () => Promise.resolve({ vector, view })),
    ...drawn.map((place) => async () => ({
      vector: await vectorOf(place, field),
      view: viewWithout(view, place),
    })),
  ];
  for (const search of searches) {
    request.signal?.throwIfAborted();
    await measureOne({ structure, work: view.work }, await search(), request, sums);
    await structure.context.turn("background");
  }
  return sums.report();
}

async function measureOne(
  { structure, work }: { readonly structure: ShardStructure; readonly work: ReadView["work"] },
  { vector, view }: Asked,
  { field, topK, filter, recall, signal }: RecallRequest,
  sums: RecallSums,
): Promise<void> {
  const { context, schema } = structure;
  const dense = denseField(schema.vectors, field);
  const pace = new Pace(() => context.turn("background"), signal);
  const rules = { field: dense, unfilterable: schema.unfilterable, pace };
  const query: VectorQuery = {
    field,
    vector,
    topK,
    include: { vectors: false, metadata: false },
    ...(filter === undefined ? {} : { filter }),
    ...(recall === undefined ? {} : { recall }),
    ...(signal === undefined ? {} : { signal }),
  };
  const startMs = context.clock.monotonicMs();
  const planned = await rankShard(context, view, rules, query);
  const plannedAtMs = context.clock.monotonicMs();
  const exact = await rankShard(context, view, rules, { ...query, isExact: true });
  const exactMs = context.clock.monotonicMs() - plannedAtMs;
  const fields = { dense, sparse: undefined };
  sums.add(
    planned.plan,
    await toHits(planned.ranked, query, fields, { work: planned.cost, pace }),
    await toHits(exact.ranked, query, fields, { work: exact.cost, pace }),
  );
  for (const { cost } of [planned, exact]) work.search(cost);
  sums.addTime(plannedAtMs - startMs, exactMs);
}

class RecallSums {
  readonly #paths: Partial<Record<QueryPlan["path"], number>> = {};
  #wanted = 0;
  #found = 0;
  #recallMin = 1;
  #queryCount = 0;
  #plannedMs = 0;
  #exactMs = 0;

  add({ path }: Pick<QueryPlan, "path">, planned: readonly Hit[], exact: readonly Hit[]): void {
    const found = countFound(planned, exact);
    this.#queryCount++;
    this.#paths[path] = (this.#paths[path] ?? 0) + 1;
    this.#wanted += exact.length;
    this.#found += found;
    if (exact.length > 0) this.#recallMin = Math.min(this.#recallMin, found / exact.length);
  }

  addTime(plannedMs: number, exactMs: number): void {
    this.#plannedMs += plannedMs;
    this.#exactMs += exactMs;
  }

  report(): RecallReport {
    return {
      recall: this.#wanted === 0 ? 1 : this.#found / this.#wanted,
      recallMin: this.#recallMin,
      queryCount: this.#queryCount,
      wanted: this.#wanted,
      found: this.#found,
      paths: this.#paths,
      ms: { planned: this.#plannedMs, exact: this.#exactMs },
    };
  }
}

/** Never more than there are exact hits. */
function countFound(planned: readonly Hit[], exact: readonly Hit[]): number {
  const keys = new Set(exact.map(({ key }) => key));
  const edge = exact.at(-1)?.distance ?? Number.NEGATIVE_INFINITY;
  const found = planned.filter(({ key, distance }) => keys.has(key) || distance <= edge);
  return Math.min(found.length, exact.length);
}
