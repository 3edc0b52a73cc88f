/**
 * The graph against the scan of the same codes and against a graph of another package: build,
 * memory and queries a second by recall, and searches among allowed rows.
 *
 *   npx tsx bench/graph.bench.ts --quick
 *   npx tsx bench/graph.bench.ts --dimension 768 --intrinsic 100 --peer hnswlib-node@3.0.0
 *
 * One thread, batches of queries interleaved, the best of the repetitions. Read the ratios.
 */
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { InlinePool } from "../src/io/index.ts";
import {
  ArenaPool,
  BLOCK_BYTES_MAX,
  KERNELS_FILE,
  loadKernelModule,
  rowStrideBytes,
  type KernelMetric,
} from "../src/math/index.ts";
import {
  FlatScan,
  GRAPH_EF_CONSTRUCTION,
  GRAPH_M,
  GraphBuilder,
  GraphSearch,
  ResidentRows,
  SearchMemory,
  WALK_SCORED_MAX,
  buildLayout,
  efForRecall,
  RowQuantizer,
  type SectionBytes,
} from "../src/vector/index.ts";
import { buildKernels } from "../scripts/build-kernels.mjs";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { loadPeer } from "./support/peer-package.ts";
import { openReport, type Row } from "./support/report.ts";
import { UNPACED } from "./support/unpaced.ts";

const K = 10;
const RESCORED = 2 * K + 16;
const EFS = [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320];
const RECALLS = [0.9, 0.95, 0.99];
const SHARES = [0.5, 0.2, 0.1, 0.05, 0.01];
/** Rows put into the graph at once. */
const SLICE_ROWS = 1_024;
const METRIC: KernelMetric = "cosine";
const MIB = 1_048_576;

const report = openReport({
  path: "bench/graph.bench.ts",
  purpose: "Graph search by recall against the scan of the codes and a peer, on one thread.",
  example: "npx tsx bench/graph.bench.ts --dimension 128 --peer usearch@2.25.3",
  sizes: {
    rows: { description: "rows", full: 100_000, quick: 20_000 },
    dimension: { description: "numbers of a vector", full: 128, quick: 64 },
    intrinsic: { description: "dimension of a cluster of the data", full: 64, quick: 32 },
    queries: { description: "queries of a batch", full: 500, quick: 100 },
    repetitions: { description: "the best of so many", full: 3, quick: 2 },
  },
  texts: {
    peer: {
      description: "hnswlib-node@3.0.0 or usearch@2.25.3, installed once into .cache/bench",
      placeholder: "off",
    },
  },
});

const rowCount = report.size("rows");
const dimension = report.size("dimension");
const source = clusteredVectors(dimension, rowCount, 5, report.size("intrinsic"));
report.progress(`making ${rowCount} rows of ${dimension}`);
const rows = source.next(rowCount);
const queryValues = source.next(report.size("queries"));
const queries = Array.from({ length: report.size("queries") }, (_, i) =>
  queryValues.slice(i * dimension, (i + 1) * dimension),
);

await buildKernels();
const kernelModule = loadKernelModule(readFileSync(KERNELS_FILE.beside));
const memory = new SearchMemory(kernelModule, new ArenaPool({ bytesMax: 6 * 2 ** 30 }));
const threads = new InlinePool({ jobs: {}, onBroadcast: () => undefined });

interface Contender {
  readonly name: string;
  /** Empty: it has no breadth. */
  readonly efs: readonly number[];
  /** Ten rows for each query. */
  run(ef: number): (readonly number[])[];
}

interface Point {
  readonly ef: number;
  readonly recall: number;
  readonly perSecond: number;
}

const { resident, buildSeconds, graphBytes } = await buildOurs();
const float32 = placeRows();
const truth = exactTruth();
const contenders: Contender[] = [graphContender(), scanContender()];
const peer = await buildPeer(report.text("peer"));
if (peer !== undefined) contenders.push(peer.contender);
showBuild();
showCurves();
showAllowed();
report.finish();

function sectionOf(bytes: Uint8Array): SectionBytes {
  return {
    length: bytes.length,
    readInto: (start, target) => {
      target.set(bytes.subarray(start, start + target.length));
      return Promise.resolve();
    },
  };
}

/** As a segment is built, then loaded. */
async function buildOurs(): Promise<{
  resident: ResidentRows;
  buildSeconds: number;
  graphBytes: number;
}> {
  const plan = {
    ...{ dimension, rowCount, metric: METRIC, m: GRAPH_M },
    ...{ efConstruction: GRAPH_EF_CONSTRUCTION, seed: 1 },
  };
  const startedAt = performance.now();
  const extent = memory.arenas.allocate(buildLayout(plan).bytes);
  const kernels = memory.kernels(extent.arena);
  const builder = new GraphBuilder(kernels, memory.memory(extent.arena), extent, plan);
  const quantizer = new RowQuantizer(kernelModule, dimension, rowCount, builder);
  for (const padded of quantizer.add(rows)) if (padded.length === 0) break;
  builder.begin();
  while (builder.insert(SLICE_ROWS)) {
    report.progress(`building our graph, ${builder.remaining} rows left`);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const section = Uint8Array.from(Buffer.concat(builder.section()));
  const codes = Uint8Array.from(builder.codes);
  const factors = Uint8Array.from(builder.factors);
  memory.arenas.free(extent);
  const loaded = await ResidentRows.load(memory, {
    field: { name: "", dimension },
    rowCount,
    codes: sectionOf(codes),
    factors: sectionOf(factors),
    rows: sectionOf(new Uint8Array(0)),
    graph: sectionOf(section),
    metric: METRIC,
    residentRowsBytesMax: 0,
    spareBytes: 0,
    rowPartBytesMax: BLOCK_BYTES_MAX,
  });
  return { resident: loaded, buildSeconds: seconds, graphBytes: section.length };
}

/** The float32 rows in an arena, for the exact scan and for scoring again. */
function placeRows(): {
  readonly arena: number;
  readonly rows: number;
  readonly inverseNorms: number;
} {
  const stride = rowStrideBytes(dimension);
  const extent = memory.arenas.allocate(rowCount * (stride + 4) + 16);
  const { buffer } = memory.memory(extent.arena);
  const target = new Float32Array(buffer, extent.offset, (rowCount * stride) / 4).fill(0);
  for (let i = 0; i < rowCount; i++) {
    target.set(rows.subarray(i * dimension, (i + 1) * dimension), (i * stride) / 4);
  }
  const inverseNorms = extent.offset + rowCount * stride;
  memory.kernels(extent.arena).normRows(extent.offset, stride, rowCount, 0, inverseNorms);
  return { arena: extent.arena, rows: extent.offset, inverseNorms };
}

function rowTarget(): Parameters<FlatScan["score"]>[1] {
  const strideBytes = rowStrideBytes(dimension);
  return { kind: "float32", strideBytes, rows: float32.rows, inverseNorms: float32.inverseNorms };
}

function exactTruth(bits?: Uint8Array): readonly ReadonlySet<number>[] {
  return queries.map((query) => {
    const scan = new FlatScan(memory, threads, METRIC, query);
    const target = rowTarget();
    const part = { arena: float32.arena, target, rowCount, rowBase: 0, bits };
    const [hits] = scan.scan([part], K, UNPACED) as { rows: Uint32Array }[];
    scan.close();
    return new Set(hits?.rows);
  });
}

/** The ten nearest of candidates by their float32 rows. */
function rescored(scan: FlatScan, candidates: Uint32Array): number[] {
  const distances = scan.scoreNow(float32.arena, rowTarget(), candidates);
  const order = Array.from(candidates, (row, i) => ({ row, distance: distances[i] ?? 0 }));
  return order
    .sort((a, b) => a.distance - b.distance)
    .slice(0, K)
    .map(({ row }) => row);
}

function walkOne(
  query: Float32Array,
  ef: number,
  bits?: Uint8Array,
): { rows: number[]; isWhole: boolean } {
  const graph = resident.graph();
  if (graph === undefined) throw new Error("The graph was built with the rows.");
  const scan = new FlatScan(memory, threads, METRIC, query);
  const search = new GraphSearch(scan, { memory, workers: threads, metric: METRIC, vector: query });
  const part = { arena: resident.arena, target: graph.target, bits };
  const limits = { ef, scoredMax: WALK_SCORED_MAX };
  const found = search.walk(part, limits, UNPACED) as { rows: Uint32Array; isWhole: boolean };
  const best = rescored(scan, found.rows.subarray(0, RESCORED));
  scan.close();
  return { rows: best, isWhole: found.isWhole };
}

function scanOne(query: Float32Array, bits?: Uint8Array): number[] {
  const scan = new FlatScan(memory, threads, METRIC, query);
  const target = resident.codeTarget();
  const part = { arena: resident.arena, target, rowCount, rowBase: 0, bits };
  const [hits] = scan.scan([part], RESCORED, UNPACED) as { rows: Uint32Array }[];
  const best = rescored(scan, hits?.rows ?? new Uint32Array(0));
  scan.close();
  return best;
}

function graphContender(): Contender {
  return {
    name: "graph",
    efs: EFS,
    run: (ef) => queries.map((query) => walkOne(query, ef).rows),
  };
}

function scanContender(): Contender {
  return {
    name: "scan of int8 codes",
    efs: [0],
    run: () => queries.map((query) => scanOne(query)),
  };
}

interface Peer {
  readonly contender: Contender;
  readonly buildSeconds: number;
  readonly bytes: number;
}

interface Hnswlib {
  readonly HierarchicalNSW: new (
    space: string,
    dimension: number,
  ) => {
    initIndex(rows: number, m: number, efConstruction: number, seed: number): void;
    addPoint(row: readonly number[], label: number): void;
    setEf(ef: number): void;
    searchKnn(row: readonly number[], k: number): { readonly neighbors: readonly number[] };
  };
}

interface UsearchIndex {
  add(keys: BigUint64Array, values: Float32Array, threads: number): void;
  search(query: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array };
  save(path: string): void;
  load(path: string): void;
}

interface Usearch {
  readonly Index: new (options: Readonly<Record<string, unknown>>) => UsearchIndex;
  readonly MetricKind: { readonly Cos: unknown };
  readonly ScalarKind: { readonly F32: unknown };
}

async function buildPeer(wanted: string | undefined): Promise<Peer | undefined> {
  if (wanted === undefined || wanted === "off") return undefined;
  const loaded = await loadPeer(wanted, (text) => {
    report.remark(text);
  });
  if (loaded === undefined) return undefined;
  const exports = (loaded as { default?: unknown }).default ?? loaded;
  report.progress(`building with ${wanted}`);
  const before = process.memoryUsage().rss;
  const startedAt = performance.now();
  const contender = wanted.startsWith("usearch")
    ? buildUsearch(wanted, exports as Usearch)
    : buildHnswlib(wanted, exports as Hnswlib);
  const seconds = (performance.now() - startedAt) / 1_000;
  return { contender, buildSeconds: seconds, bytes: process.memoryUsage().rss - before };
}

function buildHnswlib(name: string, { HierarchicalNSW }: Hnswlib): Contender {
  const index = new HierarchicalNSW("ip", dimension);
  index.initIndex(rowCount, GRAPH_M, GRAPH_EF_CONSTRUCTION, 100);
  for (let i = 0; i < rowCount; i++) {
    index.addPoint(Array.from(rows.subarray(i * dimension, (i + 1) * dimension)), i);
  }
  const asked = queries.map((query) => Array.from(query));
  return {
    name,
    efs: EFS,
    run: (ef) => {
      index.setEf(ef);
      return asked.map((query) => index.searchKnn(query, K).neighbors);
    },
  };
}

function buildUsearch(name: string, { Index, MetricKind, ScalarKind }: Usearch): Contender {
  const options = (ef: number): Readonly<Record<string, unknown>> => ({
    ...{ dimensions: dimension, metric: MetricKind.Cos, quantization: ScalarKind.F32 },
    ...{ connectivity: GRAPH_M, expansion_add: GRAPH_EF_CONSTRUCTION, expansion_search: ef },
    multi: false,
  });
  const index = new Index(options(64));
  for (let i = 0; i < rowCount; i += 1_000) {
    const count = Math.min(1_000, rowCount - i);
    const keys = BigUint64Array.from({ length: count }, (_, j) => BigInt(i + j));
    index.add(keys, rows.subarray(i * dimension, (i + count) * dimension), 1);
  }
  // The breadth is fixed when an index is made: one for each.
  const path = `${tmpdir()}/usearch-${process.pid}.index`;
  index.save(path);
  const byEf = new Map<number, UsearchIndex>();
  return {
    name,
    efs: EFS,
    run: (ef) => {
      let known = byEf.get(ef);
      if (known === undefined) {
        known = new Index(options(ef));
        known.load(path);
        byEf.set(ef, known);
      }
      const open = known;
      return queries.map((query) => Array.from(open.search(query, K, 1).keys, Number));
    },
  };
}

function recallOf(
  found: readonly (readonly number[])[],
  exact: readonly ReadonlySet<number>[],
): number {
  let hits = 0;
  let wanted = 0;
  for (const [i, set] of exact.entries()) {
    wanted += set.size;
    for (const row of found[i] ?? []) if (set.has(row)) hits++;
  }
  return hits / wanted;
}

function measure(): Map<Contender, Point[]> {
  const curves = new Map(contenders.map((contender) => [contender, [] as Point[]]));
  for (let step = 0; step < EFS.length; step++) {
    report.progress(`searching, breadth ${String(EFS[step])}`);
    const best = new Map<Contender, Point>();
    for (let turn = 0; turn < report.size("repetitions"); turn++) {
      for (const contender of contenders) {
        const ef = contender.efs[step];
        if (ef === undefined) continue;
        const startedAt = performance.now();
        const found = contender.run(ef);
        const perSecond = (queries.length * 1_000) / (performance.now() - startedAt);
        const known = best.get(contender);
        if (known !== undefined && known.perSecond >= perSecond) continue;
        best.set(contender, { ef, recall: recallOf(found, truth), perSecond });
      }
    }
    for (const [contender, point] of best) curves.get(contender)?.push(point);
  }
  return curves;
}

/** Queries a second at a recall, between the two measured points around it. */
function perSecondAt(curve: readonly Point[], recall: number): number {
  const next = curve.findIndex((point) => point.recall >= recall);
  const above = curve[next];
  const below = curve[next - 1];
  if (above === undefined) return Number.NaN;
  if (below === undefined) return above.perSecond;
  const share = (recall - below.recall) / (above.recall - below.recall);
  return below.perSecond ** (1 - share) * above.perSecond ** share;
}

function showBuild(): void {
  const float32Bytes = rowCount * dimension * 4;
  const ours: Row = {
    what: "ours, codes and graph",
    "build s": buildSeconds,
    "memory MiB": resident.bytes / MIB,
    "of float32": resident.bytes / float32Bytes,
    "graph MiB": graphBytes / MIB,
  };
  const theirs = peer && {
    what: `${peer.contender.name}, growth of the process`,
    "build s": peer.buildSeconds,
    "memory MiB": peer.bytes / MIB,
    "of float32": peer.bytes / float32Bytes,
    "graph MiB": "",
  };
  const title = `${rowCount.toLocaleString("en-US")} × ${dimension}, m ${GRAPH_M}, ef construction ${GRAPH_EF_CONSTRUCTION}`;
  report.table(title, theirs === undefined ? [ours] : [ours, theirs]);
  if (peer !== undefined) {
    report.figure(`build: ${peer.contender.name} / ours`, peer.buildSeconds / buildSeconds, "×");
  }
  report.figure("resident codes and graph of float32 size", resident.bytes / float32Bytes, "×");
  report.remark(`Breadth by the recall check of the build: ${String(resident.graph()?.efs)}.`);
}

function showCurves(): void {
  const curves = measure();
  report.table(
    "breadth: recall@10, queries/s",
    EFS.map((ef, step): Row => {
      const row: Record<string, string | number> = { ef };
      for (const [{ name }, curve] of curves) {
        const point = curve[step];
        row[name] = point ? `${point.recall.toFixed(3)} ${point.perSecond.toFixed(0)}/s` : "";
      }
      return row;
    }),
  );
  for (const recall of RECALLS) {
    const ours = perSecondAt(curves.get(contenders[0] as Contender) ?? [], recall);
    report.figure(`graph at recall ${recall}`, ours, "queries/s");
    for (const other of contenders.slice(1)) {
      const theirs = perSecondAt(curves.get(other) ?? [], recall);
      report.figure(`graph / ${other.name} at ${recall}`, ours / theirs, "×");
    }
  }
}

/** Walks and scans among a share of the rows, at the breadth of recall 0.95. */
function showAllowed(): void {
  const ef = efForRecall(resident.graph()?.efs ?? [], 0.95);
  const table = SHARES.map((share): Row => {
    report.progress(`searching among ${share * 100} % of the rows`);
    const bits = new Uint8Array(Math.ceil(rowCount / 8));
    let state = 9;
    for (let row = 0; row < rowCount; row++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      if (state < share * 2 ** 32) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (1 << (row & 7));
    }
    const exact = exactTruth(bits);
    const time = (run: () => void): number => {
      run();
      const startedAt = performance.now();
      run();
      return ((performance.now() - startedAt) * 1_000) / queries.length;
    };
    let walked: { rows: number[]; isWhole: boolean }[] = [];
    let scanned: number[][] = [];
    const walkTime = time(() => {
      walked = queries.map((query) => walkOne(query, ef, bits));
    });
    const scanTime = time(() => {
      scanned = queries.map((query) => scanOne(query, bits));
    });
    return {
      "share allowed": share,
      "walk µs": walkTime,
      "walk recall": recallOf(
        walked.map((found) => found.rows),
        exact,
      ),
      "given up": walked.filter((found) => !found.isWhole).length / walked.length,
      "scan µs": scanTime,
      "scan recall": recallOf(scanned, exact),
    };
  });
  report.table(`among allowed rows, breadth ${ef}`, table);
}
