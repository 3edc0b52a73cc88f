/**
 * Sparse search through the inverted index against a look at every row, on one thread: rows of
 * about 120 of 30,000 dimensions, queries of about 40, common dimensions as common as words.
 *
 *   npx tsx bench/sparse.bench.ts --quick
 *   npx tsx bench/sparse.bench.ts --rows 1000000
 */
import { Pace } from "../src/base/pace.ts";
import { NodeClock } from "../src/io/index.ts";
import { joinSparse, sparseRow, type SparseRows, type SparseVector } from "../src/model/index.ts";
import {
  BestRows,
  scoreAllSparse,
  searchSparse,
  sparseDot,
  SparseIndexBuilder,
  SparseReader,
} from "../src/inverted/index.ts";
import { openReport } from "./support/report.ts";

const K = 10;
const STEP_ROWS = 1_000;

const report = openReport({
  path: "bench/sparse.bench.ts",
  purpose: "Sparse search by block maxima against a look at every row, on one thread.",
  example: "npx tsx bench/sparse.bench.ts --rows 1000000 --queries 100",
  sizes: {
    rows: { description: "rows", full: 100_000, quick: 10_000 },
    dimensions: { description: "dimensions of the vocabulary", full: 30_000, quick: 30_000 },
    values: { description: "values of a row, about", full: 120, quick: 120 },
    terms: { description: "values of a query, about", full: 40, quick: 40 },
    queries: { description: "queries", full: 200, quick: 50 },
    looks: { description: "queries that every row is looked at for", full: 5, quick: 5 },
  },
});

/** The same numbers in each run. */
let state = 0x9e37_79b9;
function uniform(): number {
  state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x6d2b_79f5;
  const mixed = Math.imul(state ^ (state >>> 12), 0x297a_2d39);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
}

/** Dimension r comes about as often as 1 / (r + 1); weights as of learnt models, few large ones. */
function draw(about: number): SparseVector {
  const count = Math.max(1, Math.round(about * (0.5 + uniform())));
  const dimensions = report.size("dimensions");
  const indices = new Set<number>();
  while (indices.size < count) indices.add(Math.floor(dimensions ** uniform()));
  const sorted = Uint32Array.from(indices).sort();
  return { indices: sorted, values: Float32Array.from(sorted, () => -Math.log(1 - uniform())) };
}

function rowAt(rows: SparseRows, row: number): SparseVector {
  const found = sparseRow(rows, row);
  if (found === undefined) throw new RangeError("every row has values");
  return found;
}

const rowCount = report.size("rows");
report.progress(`making ${String(rowCount)} rows`);
const steps: SparseRows[] = [];
for (let first = 0; first < rowCount; first += STEP_ROWS) {
  const count = Math.min(STEP_ROWS, rowCount - first);
  steps.push(joinSparse(Array.from({ length: count }, () => draw(report.size("values")))));
}
const queries = Array.from({ length: report.size("queries") }, () => draw(report.size("terms")));

const buildStart = performance.now();
const builder = new SparseIndexBuilder();
for (const step of steps) builder.count(step);
const parts: Uint8Array[] = [];
while (builder.begin()) {
  for (const step of steps) builder.add(step);
  parts.push(...builder.lists());
}
const bytes = Buffer.concat([...parts, ...builder.end(rowCount)]);
const buildMs = performance.now() - buildStart;

const kept = new Map<number, Uint8Array>();
const reader = await SparseReader.open(
  {
    length: bytes.length,
    read: (start, length) => Promise.resolve(bytes.subarray(start, start + length)),
  },
  { get: (term) => kept.get(term), set: (term, list) => kept.set(term, list) },
);
const clock = new NodeClock();
const pace = new Pace(() => clock.yield());

async function lookAtAll(query: SparseVector): Promise<readonly number[]> {
  const best = new BestRows(K, rowCount);
  for (const [number, step] of steps.entries()) {
    for (let i = 0; i + 1 < step.starts.length; i++) {
      const score = sparseDot(query, rowAt(step, i));
      if (score !== undefined) best.offer(number * STEP_ROWS + i, Math.fround(score));
    }
  }
  return [...(await best.sorted(pace)).rows];
}

async function timed(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

report.progress("comparing with a look at every row");
const looks = queries.slice(0, report.size("looks"));
let rowsScored = 0;
for (const query of queries) {
  rowsScored += (await searchSparse(reader, query, { pace, bits: undefined, k: K })).rowsScored;
}
for (const query of looks) {
  const { rows } = await searchSparse(reader, query, { pace, bits: undefined, k: K });
  if (rows.join() !== (await lookAtAll(query)).join())
    throw new RangeError("index and look differ");
}
const lookMs = await timed(async () => {
  for (const query of looks) await lookAtAll(query);
});
const indexMs = await timed(async () => {
  for (const query of queries) {
    await searchSparse(reader, query, { pace, bits: undefined, k: K });
  }
});
const allMs = await timed(async () => {
  for (const query of queries) await scoreAllSparse(reader, query, pace);
});

report.table("search", [
  {
    way: "index with block maxima",
    "queries/s": Math.round((queries.length / indexMs) * 1_000),
    "ms a query": Number((indexMs / queries.length).toFixed(3)),
    "rows scored": Math.round(rowsScored / queries.length),
  },
  {
    way: "index, every posting",
    "queries/s": Math.round((queries.length / allMs) * 1_000),
    "ms a query": Number((allMs / queries.length).toFixed(3)),
    "rows scored": rowCount,
  },
  {
    way: "look at every row",
    "queries/s": Number(((looks.length / lookMs) * 1_000).toFixed(1)),
    "ms a query": Number((lookMs / looks.length).toFixed(3)),
    "rows scored": rowCount,
  },
]);
report.figure("build", buildMs / 1_000, "s");
report.figure("index", bytes.length / 1_048_576, "MiB");
report.finish();
