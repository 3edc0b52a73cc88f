/**
 * The recall of live searches, collection by collection: now and then one of them is repeated in
 * the background, once as planned and once exactly, over one state of the shard.
 *
 * A probe is never in the way: it wakes nobody and keeps nobody awake, one runs at a time, those
 * that come meanwhile are passed over, and after each one there is a rest so long that probes take
 * at most a hundredth of the time of one thread.
 */
import type { ShardUid } from "../base/brands.ts";
import { COLLECTIONS_PROBED_MAX } from "../base/limits.ts";
import type { Timer } from "../io/index.ts";
import type { Place, Query, RecallReport, RecallRequest } from "../model/index.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type { RecallFigure } from "./api.ts";
import type { EngineOptions } from "./engine-options.ts";

/** One search in a thousand, when nobody says otherwise. */
export const RECALL_PROBE_SHARE = 0.001;
/** Of the time of one thread, at most. */
const TIME_SHARE = 0.01;
/** A probe waits this long: the search it repeats, and those beside it, are over. */
const DELAY_MS = 50;
/** Hits compared; a search for more is repeated for so many. */
const TOP_K_PROBED_MAX = 100;
/** Float32 bytes of a shard beyond which an exact search would hold it too long. */
const ROWS_BYTES_MAX = 1024 * 1024 * 1024;
/** Name of all collections beyond the first COLLECTIONS_PROBED_MAX. */
const OTHERS = "other";

export class RecallProbe {
  readonly #options: Pick<EngineOptions, "clock" | "random" | "onFault">;
  readonly #share: number;
  readonly #keeper: Pick<ShardKeeper, "visit">;
  readonly #figures = new Map<string, { queries: number; wanted: number; found: number }>();
  readonly #stop = new AbortController();
  /** Searches until the next that is probed. */
  #left = 0;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(options: EngineOptions, keeper: Pick<ShardKeeper, "visit">) {
    this.#options = options;
    this.#share = options.recallProbeShare ?? RECALL_PROBE_SHARE;
    this.#keeper = keeper;
  }

  /** Told of every search that was answered. Cost: a subtraction, but for the few. */
  offer(place: Place, shard: ShardUid, query: Query): void {
    if (--this.#left > 0) return;
    const isFirst = this.#left < 0;
    this.#left = this.#draw();
    if (isFirst) return;
    const { clock } = this.#options;
    const isBusy = this.#timer !== undefined || this.#running !== undefined;
    if (isBusy || this.#stop.signal.aborted || clock.monotonicMs() < this.#restUntilMs) return;
    // Neither says how well graphs and codes do.
    if (query.isExact === true || query.like !== undefined) return;
    if (query.vector === undefined || query.sparse !== undefined) return;
    const request: RecallRequest = {
      field: query.field,
      // The caller may use his own again.
      vectors: [query.vector.slice()],
      topK: Math.min(query.topK, TOP_K_PROBED_MAX),
      signal: this.#stop.signal,
      ...(query.filter === undefined ? {} : { filter: query.filter }),
      ...(query.recall === undefined ? {} : { recall: query.recall }),
    };
    this.#timer = clock.after(DELAY_MS, () => {
      this.#timer = undefined;
      this.#running = this.#probe(place, shard, request).finally(() => {
        this.#running = undefined;
      });
    });
  }

  /** Since the start; at most COLLECTIONS_PROBED_MAX names and one for all others. */
  figures(): readonly RecallFigure[] {
    return Array.from(this.#figures, ([collection, sums]) => ({ collection, ...sums }));
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#stop.abort();
    await this.#running;
  }

  /** From 1 to twice the distance of two probes, evenly: no rhythm of the callers is met. */
  #draw(): number {
    const share = this.#share;
    if (share <= 0) return Number.POSITIVE_INFINITY;
    const drawn = Buffer.from(this.#options.random.bytes(4)).readUInt32LE() / 2 ** 32;
    return 1 + Math.floor(drawn * (2 / share - 1));
  }

  async #probe(place: Place, shard: ShardUid, request: RecallRequest): Promise<void> {
    const { clock, onFault } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      await this.#keeper.visit(shard, async (open) => {
        const { schema, state } = open;
        const field = schema.vectors.find(({ name }) => name === request.field);
        if (field === undefined || state.rowCount * field.dimension * 4 > ROWS_BYTES_MAX) return;
        this.#note(place, await open.measureRecall(request));
      });
    } catch (error) {
      // Upkeep and the next search tell of damage; a probe tells what nobody else would.
      if (!this.#stop.signal.aborted) onFault?.(error);
    }
    const nowMs = clock.monotonicMs();
    this.#restUntilMs = nowMs + (nowMs - startMs) / TIME_SHARE;
  }

  #note({ database, collection }: Place, { queryCount, wanted, found }: RecallReport): void {
    const own = `${database}/${collection}`;
    const isKnown = this.#figures.has(own) || this.#figures.size < COLLECTIONS_PROBED_MAX;
    const name = isKnown ? own : OTHERS;
    const sums = this.#figures.get(name) ?? { queries: 0, wanted: 0, found: 0 };
    this.#figures.set(name, {
      queries: sums.queries + queryCount,
      wanted: sums.wanted + wanted,
      found: sums.found + found,
    });
  }
}
