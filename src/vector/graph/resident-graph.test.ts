import { beforeAll, describe, expect, it } from "vitest";
import { Pace } from "../../base/pace.ts";
import { InlinePool } from "../../io/index.ts";
import { BLOCK_BYTES_MAX, int8Layout, type KernelMetric } from "../../math/index.ts";
import { FlatScan } from "../flat-scan.ts";
import { ResidentRows } from "../resident-rows.ts";
import type { SectionBytes } from "../row-parts.ts";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import { GRAPH_TAIL_BYTES, graphLayout } from "./graph-layout.ts";
import { METRICS, clusteredRows, openBuild, openMemory } from "./graph-reference.contract.ts";
import { GraphSearch } from "./graph-search.ts";
import { WALK_JOB, runWalkJob, walkFrom, type WalkJob } from "./walk-job.ts";

const pace = new Pace(() => Promise.resolve());

const ROWS = 1_200;
const DIMENSION = 20;
let memory: SearchMemory;
const graphs = new Map<KernelMetric, Sections>();

interface Sections {
  readonly codes: Uint8Array;
  readonly factors: Uint8Array;
  readonly graph: Uint8Array;
}

beforeAll(async () => {
  memory = await openMemory();
  for (const metric of METRICS) {
    const plan: GraphPlan = {
      rowCount: ROWS,
      dimension: DIMENSION,
      metric,
      m: 16,
      efConstruction: 60,
      seed: 3,
    };
    const { builder, extent } = openBuild(memory, plan, clusteredRows(8, ROWS, DIMENSION));
    builder.begin();
    while (builder.insert(300));
    graphs.set(metric, {
      codes: Uint8Array.from(builder.codes),
      factors: Uint8Array.from(builder.factors),
      graph: Uint8Array.from(Buffer.concat(builder.section())),
    });
    memory.arenas.free(extent);
  }
});

const sectionOf = (bytes: Uint8Array): SectionBytes => ({
  length: bytes.length,
  readInto: (start, target) => {
    target.set(bytes.subarray(start, start + target.length));
    return Promise.resolve();
  },
});

function sections(metric: KernelMetric): Sections {
  const found = graphs.get(metric);
  if (found === undefined) throw new RangeError("built before all tests");
  return found;
}

function load(metric: KernelMetric, graph: Uint8Array | undefined): Promise<ResidentRows> {
  const { codes, factors } = sections(metric);
  return ResidentRows.load(memory, {
    field: { name: "v", dimension: DIMENSION },
    rowCount: ROWS,
    codes: sectionOf(codes),
    factors: sectionOf(factors),
    rows: sectionOf(new Uint8Array(0)),
    graph: graph === undefined ? undefined : sectionOf(graph),
    metric,
    residentRowsBytesMax: 0,
    spareBytes: 0,
    rowPartBytesMax: BLOCK_BYTES_MAX,
  });
}

/** With one word of the graph overwritten. */
function broken(metric: KernelMetric, word: number, value: number): Uint8Array {
  const bytes = sections(metric).graph.slice();
  new DataView(bytes.buffer).setUint32(word * 4, value, true);
  return bytes;
}

describe("a graph read from a segment", () => {
  it("finds nearly what the scan of the same codes finds, here and in a job", async () => {
    const jobs = {
      jobs: { [WALK_JOB]: (job: WalkJob) => Promise.resolve({ result: runWalkJob(memory, job) }) },
      onBroadcast: () => undefined,
    };
    const inline = new InlinePool(jobs);
    const thread = {
      size: 1,
      run: (job: string, input: unknown) => inline.run(job, input),
      broadcast: () => undefined,
      close: () => Promise.resolve(),
    };
    const queries = clusteredRows(9, 40, DIMENSION);
    for (const metric of METRICS) {
      const resident = await load(metric, sections(metric).graph);
      const graph = resident.graph();
      expect(graph?.efs[3]).toBeGreaterThan(0);
      if (graph === undefined) continue;
      let found = 0;
      for (let i = 0; i < 40; i++) {
        const vector = queries.subarray(i * DIMENSION, (i + 1) * DIMENSION);
        const leased = memory.lease(resident.arena);
        leased.scanner.prepare(vector, metric);
        leased.scanner.begin(10);
        const all = { rowFirst: 0, rowCount: ROWS, bitmap: 0, idBase: 0 };
        leased.scanner.scanInt8(resident.codeTarget(), all);
        const exact = new Set(leased.scanner.hits().rows);
        memory.giveBack(leased);
        const part = { arena: resident.arena, target: graph.target, bits: undefined };
        const limits = { ef: 200, scoredMax: 0 };
        const scan = new FlatScan(memory, inline, metric, vector);
        const asked = { memory, metric, vector };
        const here = await new GraphSearch(scan, { ...asked, workers: inline }).walk(
          part,
          limits,
          pace,
        );
        const wide = { ef: 4_000, scoredMax: 0 };
        const there = await new GraphSearch(scan, { ...asked, workers: thread }).walk(
          part,
          wide,
          pace,
        );
        scan.close();
        found += here.rows.subarray(0, 10).filter((row) => exact.has(row)).length;
        expect(there.rows.subarray(0, 10).filter((row) => exact.has(row)).length).toBeGreaterThan(
          8,
        );
      }
      expect(found).toBeGreaterThan(390);
      resident.release();
    }
  });

  it("is not there when the segment has none", async () => {
    const resident = await load("dot", undefined);
    expect(resident.graph()).toBeUndefined();
    const { bytes } = int8Layout(DIMENSION, ROWS);
    expect(resident.bytes).toBe(bytes);
    resident.release();
  });

  it("of an early build says nothing of reaches, and is walked as it was", async () => {
    const early = broken("cosine", 0, 1).subarray(0, -GRAPH_TAIL_BYTES);
    const [old, now] = [
      await load("cosine", early),
      await load("cosine", sections("cosine").graph),
    ];
    const [before, after] = [old.graph(), now.graph()];
    expect(before?.efs).toEqual(after?.efs);
    expect(before?.reaches).toEqual(after?.reaches.map(() => 0));
    expect(after?.reaches[3]).toBeGreaterThan(0);
    const rows = [old, now].map((resident) => {
      const leased = memory.lease(resident.arena);
      leased.scanner.prepare(clusteredRows(9, 1, DIMENSION), "cosine");
      const target = resident.graph()?.target;
      if (target === undefined) throw new RangeError("it has a graph");
      const limits = { target, bits: undefined, limits: { ef: 50, scoredMax: 0 } };
      const found = walkFrom(memory, leased, limits).rows;
      memory.giveBack(leased);
      resident.release();
      return found;
    });
    expect(rows[0]).toEqual(rows[1]);
  });

  it("is refused when a walk of it is to reach nowhere", async () => {
    const words = sections("cosine").graph.length / 4;
    const tail = words - GRAPH_TAIL_BYTES / 4;
    for (const [value, word] of [
      [0x7fc0_0000, tail],
      [0xbf80_0000, tail + 8],
      [0x7f80_0000, tail + 3],
    ] as const) {
      await expect(load("cosine", broken("cosine", word, value))).rejects.toMatchObject({
        code: "data_damaged",
      });
    }
  });

  it("is refused when an id, an entry, a size or an order leads outside", async () => {
    const used = memory.arenas.usedBytes;
    const { links, upperRows, upperStarts, upperLinks } = graphLayout({
      rowCount: ROWS,
      m: 16,
      upperCount: new DataView(sections("cosine").graph.buffer).getUint32(32, true),
      upperListCount: 0,
    });
    const faults: readonly (readonly [word: number, value: number])[] = [
      [links / 4, ROWS],
      [links / 4 + ROWS * 32 - 1, 0xffff_fffe],
      [upperLinks / 4, 70_000],
      [upperRows / 4 + 1, 0],
      [upperStarts / 4, 1],
      [upperStarts / 4 + 1, 0xffff_fff0],
      [1, ROWS - 1],
      [2, 18],
      [3, 1],
      [6, 70_000],
      [7, 9],
      [8, 3],
      [9, 1],
    ];
    for (const [word, value] of faults) {
      const opened = load("cosine", broken("cosine", word, value));
      await expect(opened, `word ${String(word)}`).rejects.toMatchObject({ code: "data_damaged" });
    }
    await expect(load("cosine", broken("cosine", 0, 3))).rejects.toMatchObject({
      code: "format_unsupported",
    });
    await expect(load("cosine", new Uint8Array(60))).rejects.toMatchObject({
      code: "data_damaged",
    });
    expect(memory.arenas.usedBytes).toBe(used);
  });
});
