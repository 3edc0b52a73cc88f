/**
 * Building one graph on one thread, on several as in a segment's build, and with hnswlib-node, all
 * over the same rows; and how long other jobs of the helping threads wait meanwhile.
 *
 *   npm run bench -- build --quick
 *   npm run bench -- build --rows 30000 --dimension 768 --intrinsic 100
 *
 * Codes are there when the clock starts, as the rows of the other one are arrays by then. In turns,
 * the best of the repetitions. Read the ratios.
 */
import { readFileSync } from "node:fs";
import { buildKernels } from "../scripts/build-kernels.mjs";
import { NodeClock, ThreadPool } from "../src/io/index.ts";
import { ArenaPool, KERNELS_FILE, loadKernelModule } from "../src/math/index.ts";
import {
  ARENA_TOPIC,
  GRAPH_EF_CONSTRUCTION,
  GRAPH_M,
  GraphBuilder,
  RowQuantizer,
  SearchMemory,
  buildLayout,
  graphHelpers,
  withHelpers,
  type GraphPlan,
} from "../src/vector/index.ts";
import { HNSWLIB, type Hnswlib } from "./search/hnswlib.ts";
import {
  BUILD_JOB,
  MODULE_TOPIC,
  REST_JOB,
  type GraphBuildJob,
  type GraphBuilt,
} from "./support/build-jobs.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { loadPeer } from "./support/peer-package.ts";
import { openReport, type Row } from "./support/report.ts";

const ENTRY = new URL("./support/build-thread.ts", import.meta.url);
/** Rows made into arrays at once, outside of what is measured. */
const PEER_ROWS = 1_000;
/** Time between two jobs that look how long they wait. */
const LOOK_MS = 5;
/** Words of the breadths for a recall of 0.95 and 0.99 in a header. */
const EFS_AT = [44, 48] as const;

const report = openReport({
  path: "bench/build.bench.ts",
  purpose: "Building one graph on one thread, on several, and with hnswlib-node.",
  example: "npm run bench -- build --rows 30000 --dimension 768 --intrinsic 100",
  sizes: {
    rows: { description: "rows", full: 100_000, quick: 4_000 },
    dimension: { description: "numbers of a vector", full: 128, quick: 64 },
    intrinsic: { description: "dimension of a cluster of the data", full: 64, quick: 32 },
    workers: { description: "threads of searches, of which all but one help", full: 2, quick: 2 },
    repetitions: { description: "the best of so many", full: 1, quick: 1 },
  },
  texts: {
    peer: {
      description: `${HNSWLIB}, installed once into .cache/bench; or off`,
      placeholder: "off",
    },
  },
});

const rowCount = report.size("rows");
const dimension = report.size("dimension");
report.progress(`making ${String(rowCount)} rows of ${String(dimension)}`);
const rows = clusteredVectors(dimension, rowCount, 5, report.size("intrinsic")).next(rowCount);
await buildKernels();
const memory = new SearchMemory(
  loadKernelModule(readFileSync(KERNELS_FILE.beside)),
  new ArenaPool({ bytesMax: 6 * 2 ** 30 }),
);
const builders = startThreads(1);
const workers = startThreads(report.size("workers"));
const clock = new NodeClock();
const helpers = graphHelpers(workers);

interface Measured {
  readonly seconds: number;
  /** Of all threads, which other programs on the machine lengthen less. */
  readonly cpuSeconds: number;
  readonly breadths: string;
  /** Of empty jobs of the workers. */
  readonly waitsMs: readonly number[];
}

const peer = report.text("peer") === "off" ? undefined : await openPeer();
const seconds = new Map<string, number>();
const found = new Map<string, Measured>();
for (let turn = 0; turn < report.size("repetitions"); turn++) {
  keepBest("1 thread", await buildOurs(0));
  if (peer !== undefined) {
    report.progress(`building with ${HNSWLIB}`);
    keepBest(HNSWLIB, await buildPeer(peer));
  }
  if (helpers > 0) keepBest(`${String(helpers + 1)} threads`, await buildOurs(helpers));
}
show();
await Promise.all([builders.close(), workers.close()]);
report.finish();

function startThreads(size: number): ThreadPool {
  const pool = new ThreadPool(ENTRY, size);
  pool.broadcast(MODULE_TOPIC, memory.kernelModule);
  memory.arenas.onArena((arena, shared) => {
    pool.broadcast(ARENA_TOPIC, { arena, memory: shared });
  });
  return pool;
}

async function buildOurs(helperCount: number): Promise<Measured> {
  const plan: GraphPlan = {
    ...{ dimension, rowCount, metric: "cosine", m: GRAPH_M },
    ...{ efConstruction: GRAPH_EF_CONSTRUCTION, seed: 1, helpers: helperCount },
  };
  const extent = memory.arenas.allocate(buildLayout(plan).bytes);
  const shared = memory.memory(extent.arena);
  const place = new GraphBuilder(memory.kernels(extent.arena), shared, extent, plan);
  const quantizer = new RowQuantizer(memory.kernelModule, dimension, rowCount, place);
  for (const padded of quantizer.add(rows)) if (padded.length === 0) break;
  quantizer.finish();
  // Threads that are started and have met the arena once.
  await Promise.all(Array.from({ length: 8 }, () => workers.run(REST_JOB, undefined)));
  report.progress(`building with ${String(helperCount)} helpers`);
  const job: GraphBuildJob = { extent, plan };
  const memoryBytes = shared.buffer.byteLength;
  const waits = watchWorkers();
  const cpu = process.cpuUsage();
  const built = (await withHelpers(
    { memory, workers, clock, extent, memoryBytes, helpers: helperCount },
    () => builders.run(BUILD_JOB, job),
  )) as GraphBuilt;
  const cpuSeconds = secondsOf(process.cpuUsage(cpu));
  const waitsMs = await waits.end();
  memory.arenas.free(extent);
  const words = new DataView(built.header.buffer, built.header.byteOffset);
  const breadths = EFS_AT.map((at) => words.getUint32(at, true)).join(" / ");
  return { seconds: built.seconds, cpuSeconds, breadths, waitsMs };
}

/** Hands an empty job to the workers every few milliseconds, as a search would. */
function watchWorkers(): { end(): Promise<readonly number[]> } {
  const waits: number[] = [];
  let isOver = false;
  const look = async (): Promise<void> => {
    while (!isOver) {
      const startMs = clock.monotonicMs();
      await workers.run(REST_JOB, undefined);
      waits.push(clock.monotonicMs() - startMs);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  const looking = look();
  return {
    end: async () => {
      isOver = true;
      await looking;
      return waits.sort((a, b) => a - b);
    },
  };
}

async function openPeer(): Promise<Hnswlib["default"] | undefined> {
  const loaded = (await loadPeer(HNSWLIB, (text) => {
    report.remark(text);
  })) as Hnswlib | undefined;
  return loaded?.default;
}

async function buildPeer({ HierarchicalNSW }: Hnswlib["default"]): Promise<Measured> {
  const index = new HierarchicalNSW("ip", dimension);
  index.initIndex(rowCount, GRAPH_M, GRAPH_EF_CONSTRUCTION, 100);
  let ms = 0;
  let cpuSeconds = 0;
  for (let first = 0; first < rowCount; first += PEER_ROWS) {
    const count = Math.min(PEER_ROWS, rowCount - first);
    const arrays = Array.from({ length: count }, (_, i) =>
      Array.from(rows.subarray((first + i) * dimension, (first + i + 1) * dimension)),
    );
    const cpu = process.cpuUsage();
    const startMs = clock.monotonicMs();
    for (const [i, row] of arrays.entries()) index.addPoint(row, first + i);
    ms += clock.monotonicMs() - startMs;
    cpuSeconds += secondsOf(process.cpuUsage(cpu));
    await clock.yield();
  }
  return { seconds: ms / 1_000, cpuSeconds, breadths: "", waitsMs: [] };
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}

function keepBest(what: string, measured: Measured): void {
  if (measured.seconds >= (seconds.get(what) ?? Number.POSITIVE_INFINITY)) return;
  seconds.set(what, measured.seconds);
  found.set(what, measured);
}

function show(): void {
  const at = (waits: readonly number[], share: number): number | string =>
    waits[Math.floor((waits.length - 1) * share)] ?? "";
  report.table(
    `${rowCount.toLocaleString("en-US")} × ${String(dimension)}, m ${String(GRAPH_M)}, ef construction ${String(GRAPH_EF_CONSTRUCTION)}`,
    [...found].map(([what, { seconds: taken, cpuSeconds, breadths, waitsMs }]): Row => ({
      what,
      "build s": taken,
      "its CPU s": cpuSeconds,
      "rows/s": rowCount / taken,
      "breadth for recall 0.95 / 0.99": breadths,
      "job waits p50 ms": at(waitsMs, 0.5),
      "p99 ms": at(waitsMs, 0.99),
    })),
  );
  const alone = seconds.get("1 thread") ?? Number.NaN;
  const together = seconds.get(`${String(helpers + 1)} threads`) ?? Number.NaN;
  report.figure(`1 thread / ${String(helpers + 1)} threads`, alone / together, "×");
  const theirs = seconds.get(HNSWLIB);
  if (theirs === undefined) return;
  report.figure(`${HNSWLIB} / 1 thread`, theirs / alone, "×");
  const name = `${HNSWLIB} / ${String(helpers + 1)} threads`;
  report.figure(name, theirs / together, "×", { min: 3 });
}
