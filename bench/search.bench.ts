/**
 * Searches through the whole engine, sealed and durable, beside the packages a Node user can pick:
 * time to build, to open, memory, files, queries a second by recall, searches under filters, and
 * what churn does.
 *
 *   npm run bench:search -- --quick
 *   npm run bench:search -- --dimension 768 --intrinsic 100 --plot search.svg
 *   npm run bench:search -- --rows 1000000 --peers hnswlib-node,usearch --folder /mnt/disk/million
 *   npm run bench:search -- --dimension 768 --float32 disk
 *   npm run bench:search -- --base sift_base.fvecs --queries-file sift_query.fvecs
 *
 * One thread, contenders in turns, the best of the repetitions. Read the ratios.
 */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contender, RowFilter, SearchData, Workshop } from "./search/contender.ts";
import { measureCurves, perSecondAt, recallOf, timed, type Curve } from "./search/curve.ts";
import { ExactTruth, type Truth } from "./search/exact-truth.ts";
import { openHnswlib } from "./search/hnswlib.ts";
import { openInsula, type Own } from "./search/insula.ts";
import { openLancedb } from "./search/lancedb.ts";
import { plotCurves } from "./search/plot.ts";
import { keptTruth } from "./search/kept-data.ts";
import {
  fileData,
  nameOfSize,
  queriesBySide,
  syntheticData,
  type SyntheticSize,
} from "./search/search-data.ts";
import { openSqliteVec } from "./search/sqlite-vec.ts";
import { openUsearch } from "./search/usearch.ts";
import { openZvec } from "./search/zvec.ts";
import { loadPeer } from "./support/peer-package.ts";
import { openReport, type Row } from "./support/report.ts";

const K = 10;
const RECALLS = [0.9, 0.95, 0.99];
const SELECTIVITIES = [500, 100, 10, 1];
const CHURN = 0.2;
const MIB = 1_048_576;
const PEERS: Readonly<Record<string, (shop: Workshop) => Promise<Contender | undefined>>> = {
  "hnswlib-node": openHnswlib,
  usearch: openUsearch,
  zvec: openZvec,
  lancedb: openLancedb,
  "sqlite-vec": openSqliteVec,
};

const report = openReport({
  path: "bench/search.bench.ts",
  purpose: "Searches of the whole engine by recall, beside the packages a Node user can pick.",
  example: "npm run bench:search -- --dimension 768 --intrinsic 100 --peers hnswlib-node,usearch",
  sizes: {
    rows: { description: "rows", full: 100_000, quick: 12_000 },
    dimension: { description: "numbers of a vector", full: 128, quick: 64 },
    intrinsic: { description: "dimension of a cluster of the data", full: 64, quick: 32 },
    queries: { description: "queries of a batch", full: 500, quick: 50 },
    repetitions: { description: "the best of so many", full: 3, quick: 2 },
  },
  texts: {
    peers: { description: `some of ${Object.keys(PEERS).join(",")}; or off`, placeholder: "names" },
    base: { description: "rows from an fvecs file instead", placeholder: "file" },
    "queries-file": { description: "its queries", placeholder: "file" },
    folder: { description: "keep builds here, use them again; no filters", placeholder: "path" },
    float32: {
      description: "memory; or disk, where insula leaves these rows",
      placeholder: "where",
    },
    plot: { description: "writes recall against queries/s as SVG", placeholder: "file" },
  },
  remarks: ["Peers are installed once into .cache/bench."],
});

const kept = report.text("folder");
const data = readData();
const folder = kept ?? mkdtempSync(join(tmpdir(), "insula-search-"));
const shop: Workshop = {
  data,
  folder,
  isFloat32OnDisk: isFloat32OnDisk(),
  tell: (text) => {
    report.progress(text);
  },
  load: (wanted) =>
    loadPeer(wanted, (text) => {
      report.remark(text);
    }),
};

const own = await openOwn();
const contenders: Contender[] = [own, ...(await openPeers())];
let exactTruth: ExactTruth | undefined;
let truthOfAll: Truth | undefined;
try {
  showBuild();
  await showCurves();
  // A filter of a peer that passes one row in a thousand takes seconds where there are very many;
  // churn would change what is kept.
  if (kept === undefined) {
    await showFilters();
    await showChurn();
  }
} finally {
  for (const contender of contenders) await contender.close();
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
report.finish();
// Packages keep threads that do not end.
process.exit(0);

function readData(): SearchData {
  const base = report.text("base");
  const queries = report.text("queries-file");
  const limits = { rows: report.size("rows"), queries: report.size("queries") };
  report.progress("making or reading the rows");
  if (base !== undefined && queries !== undefined) return fileData({ base, queries }, limits);
  if (kept !== undefined) mkdirSync(kept, { recursive: true });
  return syntheticData(sizeOfRows(), kept);
}

function sizeOfRows(): SyntheticSize {
  return {
    ...{ rows: report.size("rows"), queries: report.size("queries") },
    ...{ dimension: report.size("dimension"), intrinsic: report.size("intrinsic") },
  };
}

function isFloat32OnDisk(): boolean {
  const where = report.text("float32") ?? "memory";
  if (where === "memory" || where === "disk") return where === "disk";
  throw new Error(`Cannot leave float32 rows in ${where}: expected memory or disk.`);
}

function shopOf(name: string): Workshop {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return { ...shop, folder: path };
}

async function openOwn(): Promise<Own> {
  report.progress("filling insula");
  return openInsula(shopOf("insula"));
}

async function openPeers(): Promise<readonly Contender[]> {
  const wanted = report.text("peers") ?? Object.keys(PEERS).join(",");
  const opened: Contender[] = [];
  for (const name of wanted === "off" ? [] : wanted.split(",")) {
    const open = PEERS[name];
    if (open === undefined) {
      throw new Error(`There is no peer ${name}: expected ${Object.keys(PEERS).join(", ")}.`);
    }
    report.progress(`filling ${name}`);
    try {
      const contender = await open(shopOf(name));
      if (contender !== undefined) opened.push(contender);
    } catch (error) {
      report.remark(`${name} failed: ${String(error)}`);
    }
  }
  return opened;
}

function showBuild(): void {
  const float32 = data.rows.byteLength;
  report.table(
    data.title,
    contenders.map((one): Row => ({
      what: one.name,
      "build s": one.buildSeconds,
      "its CPU s": one.buildCpuSeconds ?? "",
      "open ms": one.openMs,
      "memory MiB": one.memoryBytes / MIB,
      "of float32": one.memoryBytes / float32,
      "files MiB": one.fileBytes / MIB,
    })),
  );
  if (!Number.isNaN(own.ingestSeconds)) {
    report.figure("insula: written and searchable, without a graph yet", own.ingestSeconds, "s");
  }
  report.figure(
    "insula: rows, codes, graph, scratch by its own count",
    own.residentBytes / MIB,
    "MiB",
  );
  report.figure("the same of the float32 size", own.residentBytes / float32, "×");
}

/** Holds the rows a second time, so only where a truth is not kept. */
async function exact(): Promise<ExactTruth> {
  exactTruth ??= await ExactTruth.open(data);
  return exactTruth;
}

async function truthOfQueries(): Promise<Truth> {
  truthOfAll ??= await findTruth();
  return truthOfAll;
}

async function findTruth(): Promise<Truth> {
  const isKept = kept !== undefined && report.text("base") === undefined;
  if (!isKept) return (await exact()).nearest(data.queries, K);
  const path = join(kept, `${nameOfSize(sizeOfRows())}.truth.json`);
  return keptTruth(path, async () => (await exact()).nearest(data.queries, K));
}

async function showCurves(): Promise<void> {
  report.progress("the true neighbours");
  const truth = await truthOfQueries();
  const measured = { queries: data.queries, k: K, truth, repetitions: report.size("repetitions") };
  const curves = await measureCurves(contenders, { ...measured, tell: shop.tell });
  report.remark(`insula searches by: ${await own.path()}`);
  report.table(
    "recall@10 and queries/s, narrow to broad",
    [...curves].map(([{ name }, curve]): Row => ({ what: name, ...cellsOf(curve) })),
  );
  report.table(
    "queries/s at a recall@10",
    [...curves].map(([{ name }, curve]): Row => {
      const row: Record<string, string | number> = { what: name };
      for (const recall of RECALLS) row[`at ${recall}`] = shown(perSecondAt(curve, recall));
      return row;
    }),
  );
  const ours = perSecondAt(curves.get(own) ?? [], 0.95);
  for (const [{ name }, curve] of [...curves].slice(1)) {
    report.figure(`insula / ${name} at recall 0.95`, ours / perSecondAt(curve, 0.95), "×");
  }
  const plot = report.text("plot");
  if (plot === undefined) return;
  const named = new Map([...curves].map(([{ name }, curve]) => [name, curve]));
  writeFileSync(plot, plotCurves(data.title, named));
}

function cellsOf(curve: Curve): Record<string, string> {
  return Object.fromEntries(
    curve.map(({ recall, perSecond }, i) => [
      `step ${i + 1}`,
      `${recall.toFixed(3)} ${perSecond.toFixed(0)}/s`,
    ]),
  );
}

function shown(perSecond: number): string | number {
  return Number.isNaN(perSecond) ? "not reached" : perSecond;
}

/** By chance, with the vectors on the side of the queries, and on the other side. */
async function showFilters(): Promise<void> {
  const bySide = queriesBySide(data);
  const half = Math.floor(bySide.length / 4);
  const kinds = [
    { kind: "by chance", property: "bucket", queries: data.queries.slice(0, half) },
    { kind: "near the queries", property: "side", queries: bySide.slice(0, half) },
    { kind: "far from them", property: "side", queries: bySide.slice(-half) },
  ] as const;
  const rows: Row[] = [];
  for (const { kind, property, queries } of kinds) {
    for (const below of SELECTIVITIES) {
      report.progress(`filters ${kind}, ${below / 10} %`);
      rows.push(await filterRow(kind, queries, { property, below }));
    }
  }
  report.table("under filters: recall@10 and queries/s, peers at their broadest", rows);
}

async function filterRow(
  kind: string,
  queries: readonly Float32Array[],
  filter: RowFilter,
): Promise<Row> {
  const truth = (await exact()).nearest(queries, K, filter);
  const row: Record<string, string | number> = { what: `${filter.below / 10} % ${kind}` };
  for (const contender of contenders) {
    const { searchFiltered } = contender;
    if (searchFiltered === undefined) continue;
    await contender.setBreadth(contender.breadths.at(-1) ?? 0);
    const { found, perSecond } = await timed(queries, (query) => searchFiltered(query, K, filter));
    row[contender.name] = `${recallOf(found, truth).toFixed(3)} ${perSecond.toFixed(0)}/s`;
  }
  return row;
}

/** A share of the rows is put again: what was there is dead, new rows stand in new segments. */
async function showChurn(): Promise<void> {
  report.progress(`${CHURN * 100} % churn`);
  const truth = await truthOfQueries();
  await own.setBreadth(0.95);
  await own.churn(CHURN);
  const run = await timed(data.queries, (query) => own.search(query, K));
  report.figure(`insula right after ${CHURN * 100} % churn`, run.perSecond, "queries/s");
  report.figure("its recall@10", recallOf(run.found, truth), "");
}
