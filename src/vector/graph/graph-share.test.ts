/** Graphs that several real threads build at once, beside those that one thread builds. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InsulaError } from "../../base/errors.ts";
import { NodeClock, ThreadPool, type WorkerPool } from "../../io/index.ts";
import type { Extent } from "../../math/index.ts";
import { ARENA_TOPIC, type SearchMemory } from "../search-memory.ts";
import { buildLayout, type GraphPlan } from "./build-layout.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { HELP_JOB, graphHelpers, withHelpers } from "./graph-helpers.ts";
import { NO_NODE, graphLayout } from "./graph-layout.ts";
import { levelOf } from "./graph-levels.ts";
import { GraphParty } from "./graph-party.ts";
import {
  METRICS,
  clusteredRows,
  idsOf,
  openBuild,
  openMemory,
  rowQuery,
} from "./graph-reference.contract.ts";
import { recallSampleRows } from "./graph-recall.ts";
import { GraphWalker } from "./graph-walker.ts";
import {
  BUILD_JOB,
  END_TOPIC,
  MODULE_TOPIC,
  REST_JOB,
  type BuildJob,
  type HelperEnd,
} from "./party-jobs.contract.ts";

const ENTRY = new URL("./party-thread.contract.ts", import.meta.url);
/** Helpers go on for as long as there are rows: the more threads are in the graph at once. */
const LONG_MS = 60_000;
const clock = new NodeClock();

let memory: SearchMemory;
const pool = new ThreadPool(ENTRY, 3);
const builders = new ThreadPool(ENTRY, 1);
beforeAll(async () => {
  memory = await openMemory();
  for (const threads of [pool, builders]) {
    threads.broadcast(MODULE_TOPIC, memory.kernelModule);
    memory.arenas.onArena((arena, shared) => {
      threads.broadcast(ARENA_TOPIC, { arena, memory: shared });
    });
  }
  // Threads that have started: else a small build is over before they help.
  const all = [pool, pool, pool, builders];
  await Promise.all(all.map((threads) => threads.run(REST_JOB, undefined)));
});
afterAll(() => Promise.all([pool.close(), builders.close()]));

interface Shared {
  readonly builder: GraphBuilder;
  readonly extent: Extent;
  readonly lists: Lists;
  /** Rows that helpers put in. */
  readonly helped: number;
}

/** Counts what helpers say they did. */
function counting(workers: WorkerPool): { readonly workers: WorkerPool; rows: number } {
  const counted = {
    rows: 0,
    workers: {
      size: workers.size,
      run: async (job: string, input: unknown): Promise<unknown> => {
        const result = await workers.run(job, input);
        if (job === HELP_JOB) counted.rows += result as number;
        return result;
      },
      broadcast: (topic: string, value: unknown) => {
        workers.broadcast(topic, value);
      },
      close: () => workers.close(),
    },
  };
  return counted;
}

/**
 * Builds with the helpers of the plan.
 *
 * @param until rows that are left out: the build ends before what comes after the last shared row.
 */
async function buildShared(
  plan: GraphPlan,
  rows: Float32Array,
  look: (open: Shared) => void,
  { until = 0, onSlice }: { until?: number; onSlice?: () => void } = {},
): Promise<void> {
  const { builder, extent } = openBuild(memory, plan, rows);
  const memoryBytes = memory.memory(extent.arena).buffer.byteLength;
  const counted = counting(pool);
  const helpers = plan.helpers ?? 0;
  const place = { memory, workers: counted.workers, clock, extent, memoryBytes, helpers };
  try {
    await withHelpers({ ...place, sliceMs: LONG_MS }, async () => {
      builder.begin();
      do {
        await clock.yield();
        onSlice?.();
      } while (builder.insert(8) && builder.remaining > until);
    });
    const lists = new Lists(builder, memory.memory(extent.arena).buffer);
    look({ builder, extent, lists, helped: counted.rows });
  } finally {
    memory.arenas.free(extent);
  }
}

/** The lists of a graph, checked one by one. */
class Lists {
  readonly plan: GraphPlan;
  readonly upperRows: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #words: (at: number, count: number) => Uint32Array;
  readonly #layout: ReturnType<typeof graphLayout>;

  constructor({ plan, target }: GraphBuilder, buffer: SharedArrayBuffer) {
    this.plan = plan;
    this.#layout = graphLayout(target);
    this.#words = (at, count) => new Uint32Array(buffer, target.graph + at, count);
    this.upperRows = this.#words(this.#layout.upperRows, target.upperCount);
    this.#starts = this.#words(this.#layout.upperStarts, target.upperCount + 1);
  }

  levelsOf(ordinal: number): number {
    return (this.#starts[ordinal + 1] ?? 0) - (this.#starts[ordinal] ?? 0);
  }

  of(id: number, level: number): Uint32Array {
    const { m } = this.plan;
    if (level === 0) return this.#words(this.#layout.links + id * m * 8, m * 2);
    const list = (this.#starts[id] ?? 0) + level - 1;
    return this.#words(this.#layout.upperLinks + list * m * 4, m);
  }

  /** Each list of the graph. */
  *all(): Generator<{ readonly id: number; readonly level: number; readonly list: Uint32Array }> {
    for (let id = 0; id < this.plan.rowCount; id++) yield { id, level: 0, list: this.of(id, 0) };
    for (let id = 0; id < this.upperRows.length; id++) {
      for (let level = 1; level <= this.levelsOf(id); level++) {
        yield { id, level, list: this.of(id, level) };
      }
    }
  }

  /** What is wrong with them, in words; nothing is expected. */
  faults(): string[] {
    const faults: string[] = [];
    for (const { id, level, list } of this.all()) {
      const ids = idsOf(list);
      const nodes = level === 0 ? this.plan.rowCount : this.upperRows.length;
      const tell = (fault: string): void => {
        faults.push(`${fault}: node ${String(id)} of level ${String(level)}: ${String(list)}`);
      };
      if (new Set(ids).size < ids.length) tell("an id twice");
      if (ids.includes(id)) tell("a link to itself");
      if (ids.some((other) => other >= nodes)) tell("an id that is no node");
      if (list.subarray(ids.length).some((word) => word !== NO_NODE)) tell("an id behind the end");
      if (level > 0 && ids.some((other) => this.levelsOf(other) < level)) tell("a lower node");
    }
    return faults;
  }

  /**
   * Links whose other end does not link back: a node and those it chose link to each other, and
   * only a list that was full once has dropped one.
   */
  lostLinks(): number {
    let lost = 0;
    for (const { id, level, list } of this.all()) {
      for (const other of idsOf(list)) if (!this.of(other, level).includes(id)) lost++;
    }
    return lost;
  }

  longest(): number {
    let longest = 0;
    for (const { list } of this.all()) longest = Math.max(longest, idsOf(list).length);
    return longest;
  }

  /** Rows that a walk of level 0 reaches. */
  reached(start: number): number {
    const seen = new Set([start]);
    for (const row of seen) for (const id of idsOf(this.of(row, 0))) seen.add(id);
    return seen.size;
  }
}

function entryRow({ target }: GraphBuilder, { upperRows }: Lists): number {
  return target.entryLevel === 0 ? target.entry : (upperRows[target.entry] ?? NO_NODE);
}

/** Share of the ten nearest codes that walks of this breadth find. */
function recallOf({ builder, extent }: Shared, ef: number): number {
  const leased = memory.lease(extent.arena);
  const shared = memory.memory(extent.arena);
  const walker = new GraphWalker(memory.kernels(extent.arena), shared, leased.scratch);
  const { target } = builder;
  const all = new Uint8Array(Math.ceil(target.rowCount / 8)).fill(0xff);
  let found = 0;
  let wanted = 0;
  for (let row = 5; row < target.rowCount; row += 23) {
    const point = rowQuery(shared, target, row);
    const limits = { ef: 1_500, scoredMax: 16_000 };
    const exact = new Set(walker.searchAllowed(target, point, all, limits).rows.subarray(0, 10));
    const near = walker.search(target, point, { ef }).rows.subarray(0, 10);
    found += near.filter((id) => exact.has(id)).length;
    wanted += 10;
  }
  memory.giveBack(leased);
  return found / wanted;
}

function planOf(more: Partial<GraphPlan>): GraphPlan {
  const usual = { rowCount: 3_000, dimension: 24, metric: "cosine" as const };
  return { ...usual, m: 8, efConstruction: 40, seed: 1, ...more };
}

describe("a graph built by several threads", () => {
  it("has whole lists, the levels of one thread, as many rows in reach, and its recall but 0.02", async () => {
    let helped = 0;
    for (const [i, seed] of [3, 8, 21, 34, 55, 89].entries()) {
      const metric = METRICS[i % METRICS.length] ?? "cosine";
      const plan = planOf({ metric, seed, helpers: 1 + (i % 3) });
      const rows = clusteredRows(seed, plan.rowCount, plan.dimension);
      const recalls: number[] = [];
      const reached: number[] = [];
      const check = (open: Shared): void => {
        const { builder, lists } = open;
        expect(lists.faults()).toEqual([]);
        const levels = [...lists.upperRows].map((row, ordinal) => [row, lists.levelsOf(ordinal)]);
        const drawn = Array.from({ length: plan.rowCount }, (_, row) => levelOf(row, seed, plan.m));
        expect(levels).toEqual([...drawn.entries()].filter(([, level]) => level > 0));
        expect(builder.target.entryLevel).toBe(Math.max(...drawn));
        expect(drawn[entryRow(builder, lists)]).toBe(builder.target.entryLevel);
        reached.push(lists.reached(entryRow(builder, lists)));
        recalls.push(recallOf(open, 24));
        helped += open.helped;
      };
      await buildShared({ ...plan, helpers: 0 }, rows, check);
      expect(helped).toBe(0);
      await buildShared(plan, rows, check);
      expect(helped).toBeGreaterThan(0);
      helped = 0;
      const [alone = 0, together = 0] = recalls;
      expect(alone).toBeGreaterThan(0.9);
      expect(together).toBeGreaterThan(alone - 0.02);
      // Lists that are full of last links lose some rows on one thread too, most by dot product.
      const [reachedAlone = 0, reachedTogether = 0] = reached;
      expect(reachedTogether).toBeGreaterThan(reachedAlone - plan.rowCount * 0.005);
    }
  });

  it("is the graph of one thread, to the byte, when nobody helps", () => {
    for (const metric of METRICS) {
      const plan = planOf({ metric, seed: 21 });
      const rows = clusteredRows(21, plan.rowCount, plan.dimension);
      const [alone, shared] = [0, 2].map((helpers) => {
        const { builder, extent } = openBuild(memory, { ...plan, helpers }, rows);
        if (helpers > 0) new GraphParty(memory.memory(extent.arena), extent.offset).begin();
        builder.begin();
        while (builder.insert(100));
        const bytes = Buffer.concat(builder.section().map((piece) => Uint8Array.from(piece)));
        memory.arenas.free(extent);
        return bytes;
      });
      expect(shared?.equals(alone ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it("has whole lists where all threads write those of a few rows", async () => {
    for (const seed of [2, 6, 18]) {
      // By dot product long rows are near to all: every new row writes their full lists anew.
      const plan = planOf({ rowCount: 4_000, dimension: 6, metric: "dot", m: 32, helpers: 3 });
      const rows = clusteredRows(seed, plan.rowCount, plan.dimension);
      await buildShared(plan, rows, ({ lists, helped }) => {
        expect(helped).toBeGreaterThan(0);
        expect(lists.faults()).toEqual([]);
      });
    }
  });

  it("has lost no link where no list was ever full", async () => {
    for (const seed of [2, 6, 18]) {
      const plan = planOf({
        rowCount: 4_000,
        dimension: 3,
        metric: "euclidean",
        m: 64,
        helpers: 3,
      });
      const rows = clusteredRows(seed, plan.rowCount, plan.dimension);
      const look = ({ lists, helped }: Shared): void => {
        expect(helped).toBeGreaterThan(0);
        expect(lists.longest()).toBeLessThan(plan.m);
        expect(lists.lostLinks()).toBe(0);
      };
      await buildShared(plan, rows, look, { until: recallSampleRows(plan.rowCount) });
    }
  });
});

describe("helpers of a build", () => {
  const plan = planOf({ rowCount: 4_000, helpers: 2 });
  const rows = clusteredRows(4, plan.rowCount, plan.dimension);
  const end = (how: HelperEnd): void => {
    pool.broadcast(END_TOPIC, how);
  };

  it("are as many as leave one thread of the pool alone, at most three", () => {
    const sizes = [0, 1, 2, 3, 4, 5, 64];
    const helpers = sizes.map((size) => graphHelpers({ ...counting(pool).workers, size }));
    expect(helpers).toEqual([0, 0, 1, 2, 3, 3, 3]);
  });

  it("touch nothing of it any more when a build has been ended", async () => {
    let slices = 0;
    const build = buildShared(plan, rows, () => undefined, {
      onSlice: () => {
        if (++slices === 60) throw new InsulaError("engine_closed", "Enough.");
      },
    });
    await expect(build).rejects.toMatchObject({ code: "engine_closed" });
    const extent = memory.arenas.allocate(buildLayout(plan).bytes);
    memory.arenas.bytes(extent).fill(0xcd);
    for (let i = 0; i < 200; i++) await clock.yield();
    expect(memory.arenas.bytes(extent).every((byte) => byte === 0xcd)).toBe(true);
    memory.arenas.free(extent);
  });

  it("make a build fail when they fail or die, also with a lock, and the next one succeeds", async () => {
    const { extent } = openBuild(memory, plan, rows);
    const memoryBytes = memory.memory(extent.arena).buffer.byteLength;
    const place = { memory, workers: pool, clock, extent, memoryBytes, helpers: 2 };
    const build = (): Promise<unknown> =>
      withHelpers({ ...place, sliceMs: LONG_MS }, () =>
        builders.run(BUILD_JOB, { extent, plan } satisfies BuildJob),
      );
    const codes = { throws: "disk_full", dies: "worker_lost", diesWithLocks: "worker_lost" };
    for (const how of ["throws", "dies", "diesWithLocks"] as const) {
      end(how);
      await expect(build()).rejects.toMatchObject({ code: codes[how] });
      end("none");
      expect(await build()).toBeInstanceOf(Uint8Array);
    }
    memory.arenas.free(extent);
  });
});
