/**
 * Ten million rows in one collection: opened by a fresh process under a memory budget, searched,
 * and what memory that took; recall against the exact neighbours, found while the rows were made.
 *
 *   npm run bench -- large --quick
 *   npm run bench -- large --folder /mnt/disk/large
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../src/engine/index.ts";
import type { Place } from "../src/model/index.ts";
import { folderBytes } from "./search/folder-bytes.ts";
import { NearestRows } from "./search/nearest-rows.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import {
  createIndex,
  EngineFolder,
  nearestQuery,
  putRows,
  rowOf,
  untilAtRest,
} from "./support/engine-folder.ts";
import { dropPageCache, readMemory } from "./support/machine.ts";
import { openReport } from "./support/report.ts";
import { quantiles } from "./support/samples.ts";

const PLACE: Place = { database: "bench", collection: "rows" };
const K = 10;
const BATCH_ROWS = 1_000;
const TOLD_ROWS = 100_000;
const RESIDENT_MIB_MAX = 8_192;
const MIB = 1_048_576;
/** Set for the process that makes the rows: the memory of the one that opens them is measured. */
const FILLS = "INSULA_BENCH_FILLS";

const report = openReport({
  path: "bench/large.bench.ts",
  purpose: "Ten million rows in one collection: opened and searched in bounded memory.",
  example: "npm run bench -- large --rows 2000000 --folder /mnt/disk/large",
  sizes: {
    rows: { description: "rows", full: 10_000_000, quick: 30_000 },
    dimension: { description: "numbers of a vector", full: 128, quick: 32 },
    intrinsic: { description: "dimension of a cluster of the data", full: 64, quick: 16 },
    queries: { description: "different queries", full: 50, quick: 10 },
    repetitions: { description: "times each query is asked", full: 10, quick: 2 },
    budget: { description: "memory budget of the engine, MiB", full: 6_144, quick: 512 },
  },
  texts: { folder: { description: "keep the data here and use it again", placeholder: "path" } },
});
const rowCount = report.size("rows");
const dimension = report.size("dimension");
const given = report.text("folder");
if (given !== undefined) mkdirSync(given, { recursive: true });
const folder = new EngineFolder(given);
const truthPath = join(folder.path, "bench-truth.json");

interface Truth {
  readonly rowCount: number;
  readonly queries: readonly (readonly number[])[];
  /** Of each query the nearest rows. */
  readonly nearest: readonly (readonly number[])[];
}

try {
  if (process.env[FILLS] === "1") await fill();
  else {
    if (!existsSync(truthPath)) fillApart();
    await measure(JSON.parse(readFileSync(truthPath, "utf8")) as Truth);
  }
} finally {
  if (process.env[FILLS] !== "1") folder.remove();
}
if (process.env[FILLS] !== "1") report.finish();

function open(): Promise<Engine> {
  return folder.open({ memoryBudget: report.size("budget") * MIB, scrubBytesPerSecond: 0 });
}

function fillApart(): void {
  const words = process.argv.slice(2).filter((word) => !word.startsWith("--folder"));
  const own = words.filter((word) => word !== given);
  const { status } = spawnSync(
    process.execPath,
    ["--import", "tsx", import.meta.filename, ...own, "--folder", folder.path],
    { stdio: "inherit", env: { ...process.env, [FILLS]: "1" } },
  );
  if (status !== 0) throw new Error("The rows could not be written.");
}

async function fill(): Promise<void> {
  const source = clusteredVectors(dimension, rowCount, 5, report.size("intrinsic"));
  const asked = source.next(report.size("queries"));
  const queries = Array.from({ length: report.size("queries") }, (_, i) =>
    rowOf(asked, dimension, i),
  );
  const nearest = queries.map(() => new NearestRows(K));
  const startedAt = performance.now();
  const engine = await open();
  try {
    await engine.createDatabase(PLACE.database);
    await createIndex(engine, PLACE, dimension);
    for (let first = 0; first < rowCount; first += BATCH_ROWS) {
      const count = Math.min(BATCH_ROWS, rowCount - first);
      const values = source.next(count);
      for (const [i, query] of queries.entries()) nearest[i]?.see(query, values, first);
      const keys = Array.from({ length: count }, (_, i) => String(first + i));
      await putRows(engine, PLACE, keys, values);
      if (first % TOLD_ROWS === 0) report.progress(`${first} of ${rowCount} rows written`);
    }
    await engine.flush(PLACE);
    const ingestSeconds = (performance.now() - startedAt) / 1_000;
    report.progress(`all written and searchable after ${ingestSeconds.toFixed(0)} s`);
    // What follows takes longer than all before: whoever stops it there finds the rows again.
    const truth: Truth = {
      rowCount,
      queries: queries.map((query) => [...query]),
      nearest: nearest.map((each) => each.rows),
    };
    writeFileSync(truthPath, JSON.stringify(truth));
    const query = nearestQuery(queries[0] ?? asked, K);
    await untilAtRest(engine, PLACE, query, (text) => {
      report.progress(text);
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    report.progress(`at rest after ${seconds.toFixed(0)} s`);
  } finally {
    await engine.close();
  }
}

async function measure(truth: Truth): Promise<void> {
  if (truth.rowCount !== rowCount) {
    throw new Error(`${folder.path} holds data of other sizes: name another folder.`);
  }
  dropPageCache();
  const queries = truth.queries.map((query) => nearestQuery(Float32Array.from(query), K));
  const [first] = queries;
  if (first === undefined) throw new Error("There are no queries.");
  report.progress("opening");
  const startedAt = performance.now();
  const engine = await open();
  const openedMs = performance.now() - startedAt;
  const { plan } = await engine.query(PLACE, first);
  const answeredMs = performance.now() - startedAt;
  report.progress("queries");
  const times: number[] = [];
  let found = 0;
  for (let round = 0; round < report.size("repetitions"); round++) {
    for (const [i, query] of queries.entries()) {
      const askedAt = performance.now();
      const { hits } = await engine.query(PLACE, query);
      times.push(performance.now() - askedAt);
      const rows = new Set(truth.nearest[i]);
      if (round === 0) found += hits.filter(({ key }) => rows.has(Number(key))).length;
    }
  }
  const { p50, p99 } = quantiles(times);
  const { path, segmentCount } = plan;
  const fileMib = folderBytes(folder.path) / MIB;
  const arenaMib = engine.stats().arenaBytesUsed / MIB;
  report.table(`${rowCount} × ${dimension}, page cache dropped before`, [
    { "open ms": openedMs, "first answer ms": answeredMs, "p50 ms": p50, "p99 ms": p99, path },
  ]);
  report.figure("recall@10", found / (queries.length * K), "");
  report.figure("segments", segmentCount, "");
  report.figure("files", fileMib, "MiB");
  report.figure("rows, codes and graphs in memory", arenaMib, "MiB");
  const { peakResidentMib } = readMemory();
  report.figure("the process at most", peakResidentMib, "MiB", { max: RESIDENT_MIB_MAX });
  await engine.close();
}
