/**
 * Many small tenants: what the first query of a sleeping one costs and what a query of one that is
 * awake costs, beside packages with a file a tenant.
 *
 *   npm run bench -- small-tenants --quick
 *
 * One thread, in process. The page cache holds the files: nothing is read from a disk.
 */
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../src/engine/index.ts";
import type { Place } from "../src/model/index.ts";
import { HNSWLIB } from "./search/hnswlib.ts";
import { BETTER_SQLITE, SQLITE_VEC } from "./search/sqlite-vec.ts";
import { USEARCH } from "./search/usearch.ts";
import {
  peerOpeners,
  type PeerFile,
  type PeerPackages,
  type TenantRows,
} from "./search/tenant-files.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { EngineFolder, nearestQuery, putRows, rowOf } from "./support/engine-folder.ts";
import { loadPeer } from "./support/peer-package.ts";
import { openReport, type Row } from "./support/report.ts";
import { quantiles } from "./support/samples.ts";

const DATABASE = "bench";
const COLLECTION = "tenants";
const GIB = 2 ** 30;

const report = openReport({
  path: "bench/small-tenants.bench.ts",
  purpose: "First and further queries of small tenants, beside a file a tenant of other packages.",
  example: "npm run bench -- small-tenants --tenants 1000",
  sizes: {
    tenants: { description: "tenants of Insula", full: 1_000, quick: 20 },
    files: { description: "tenants of each other package, a file each", full: 100, quick: 5 },
    rows: { description: "vectors of a tenant", full: 1_000, quick: 200 },
    dimension: { description: "numbers of a vector", full: 384, quick: 64 },
    queries: { description: "queries of tenants that are awake", full: 20_000, quick: 500 },
    top: { description: "hits asked for", full: 10, quick: 10 },
    memory: { description: "memory budget of the engine, GiB", full: 6, quick: 1 },
  },
  remarks: ["Peers are installed once into .cache/bench."],
});
const rowCount = report.size("rows");
const dimension = report.size("dimension");
const topK = report.size("top");
const source = clusteredVectors(dimension, rowCount, 23);
const folder = new EngineFolder();
const files = mkdtempSync(join(tmpdir(), "insula-files-"));
const rows: Row[] = [];
try {
  rows.push(await measureOwn());
  await measurePeers();
} finally {
  folder.remove();
  rmSync(files, { recursive: true, force: true });
}
report.table(`tenants of ${rowCount} × ${dimension}, milliseconds`, rows);
report.finish();
// Packages keep threads that do not end.
process.exit(0);

async function measureOwn(): Promise<Row> {
  const count = report.size("tenants");
  await withEngine(async (engine) => {
    const vectors = [{ name: "", dimension, metric: "cosine" as const }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createDatabase(DATABASE);
    await engine.createCollection(DATABASE, COLLECTION, { schema, tenancy: "multi" });
    for (let i = 0; i < count; i++) {
      if (i % 100 === 0) report.progress(`insula: ${i} tenants written`);
      const keys = Array.from({ length: rowCount }, (_, j) => `k${j}`);
      await putRows(engine, placeOf(i), keys, source.next(rowCount));
    }
    await engine.flush();
  });
  report.progress("insula: first queries");
  const first: number[] = [];
  const warm: number[] = [];
  await withEngine(async (engine) => {
    for (const i of shuffled(count)) {
      const query = nearestQuery(nextQuery(), topK);
      const startMs = performance.now();
      await engine.query(placeOf(i), query);
      first.push(performance.now() - startMs);
    }
    report.progress("insula: further queries");
    const awake = Math.min(count, 100);
    for (let i = 0; i < report.size("queries"); i++) {
      const query = nearestQuery(nextQuery(), topK);
      const place = placeOf(i % awake);
      const startMs = performance.now();
      await engine.query(place, query);
      warm.push(performance.now() - startMs);
    }
  });
  // The first ones of all compile the code.
  const opened = quantiles(first.slice(Math.floor(count / 10)));
  const asked = quantiles(warm.slice(Math.floor(warm.length / 10)));
  report.figure("open and first query, p99", opened.p99, "ms", { max: 2 });
  report.figure("query of a tenant that is awake, p50", asked.p50, "ms", { max: 0.15 });
  return rowOfTimes("insula", opened, asked);
}

async function measurePeers(): Promise<void> {
  const packages: PeerPackages = {
    hnswlib: await loadPeer(HNSWLIB, tell),
    usearch: await loadPeer(USEARCH, tell),
    sqlite: await loadPeer(BETTER_SQLITE, tell),
    sqliteVec: await loadPeer(SQLITE_VEC, tell),
  };
  for (const { name, write, open } of peerOpeners(packages, dimension)) {
    report.progress(`${name}: files`);
    mkdirSync(join(files, name));
    const paths = Array.from({ length: report.size("files") }, (_, i) =>
      join(files, name, String(i)),
    );
    const tenant: TenantRows = { values: source.next(rowCount), rowCount, dimension };
    for (const path of paths) write(path, tenant);
    const first: number[] = [];
    const opened: PeerFile[] = [];
    for (const path of paths) {
      const query = nextQuery();
      const startMs = performance.now();
      const file = open(path);
      file.search(query, topK);
      first.push(performance.now() - startMs);
      opened.push(file);
    }
    const warm: number[] = [];
    for (let i = 0; i < Math.min(report.size("queries"), 5_000); i++) {
      const query = nextQuery();
      const startMs = performance.now();
      opened[i % opened.length]?.search(query, topK);
      warm.push(performance.now() - startMs);
    }
    for (const file of opened) file.close();
    rows.push(rowOfTimes(name, quantiles(first.slice(paths.length / 10)), quantiles(warm)));
  }
}

type Quantiles = ReturnType<typeof quantiles>;

function rowOfTimes(what: string, opened: Quantiles, asked: Quantiles): Row {
  return {
    what,
    "first p50": opened.p50,
    "first p99": opened.p99,
    "further p50": asked.p50,
    "further p99": asked.p99,
  };
}

async function withEngine(work: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await folder.open({
    workerCount: 0,
    memoryBudget: report.size("memory") * GIB,
    scrubBytesPerSecond: 0,
  });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

function placeOf(tenant: number): Place {
  return { database: DATABASE, collection: COLLECTION, tenant: `t${tenant}` };
}

function nextQuery(): Float32Array {
  return rowOf(source.next(1), dimension, 0);
}

/** Every number below `count` once, far from its neighbours. */
function shuffled(count: number): readonly number[] {
  const step = [7_919, 7_907, 7_901].find((prime) => count % prime !== 0) ?? 1;
  return Array.from({ length: count }, (_, i) => (i * step) % count);
}

function tell(text: string): void {
  report.remark(text);
}
