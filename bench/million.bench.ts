/**
 * A million tenants of one collection on one disk: made and filled by the calls everybody has, then
 * asleep. Start, waking, writing, listing, erasing, memory and files; sizes follow Zipf's law.
 *
 *   npm run bench:million -- --quick
 *
 * The same number of collections with one shard each: `npm run bench -- cold-start`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type Collection, type Insula } from "../src/client/index.ts";
import type { Engine } from "../src/engine/index.ts";
import { clusteredVectors, SeededNumbers } from "./support/clustered-vectors.ts";
import { EngineFolder, putRows, rowOf } from "./support/engine-folder.ts";
import { dropPageCache, measureFolder } from "./support/machine.ts";
import { openReport, type Row } from "./support/report.ts";
import { median, quantiles, runConcurrently, timeMs } from "./support/samples.ts";
import { buildServer, startServerProcess, type ServerProcess } from "./support/server-process.ts";

const DATABASE = "million";
const SMALL = "small";
const LARGE = "large";
const DIMENSION = 64;
const LARGE_DIMENSION = 384;
const LARGE_ROWS = 1_000;
/** 1 KiB of numbers. */
const ROWS_MIN = 4;
/** 2 MiB of numbers, the tenant of rank 1. */
const ROWS_MAX = 8_192;
const BATCH_ROWS_MAX = 2_000;
const NAMES_AT_ONCE = 10_000;
const WRITES_AT_ONCE = 512;
const TOP_K = 10;
const MIB = 1_048_576;

const report = openReport({
  path: "bench/million.bench.ts",
  purpose: "A million sleeping tenants: what they cost, and how fast they are there.",
  example: "npm run bench:million -- --tenants 1000000 --folder /mnt/disk/million",
  sizes: {
    tenants: { description: "tenants of 1 KiB to 2 MiB", full: 1_000_000, quick: 2_000 },
    large: { description: "tenants of 1,000 × 384", full: 200, quick: 20 },
    repetitions: { description: "cold starts, the median of them", full: 5, quick: 2 },
    samples: { description: "tenants woken, written to, erased, each", full: 1_000, quick: 50 },
  },
  texts: { folder: { description: "keep the data here and use it again", placeholder: "path" } },
  remarks: ["To empty the page cache it must run as root; without, it says so and goes on.", ""],
});
const tenantCount = report.size("tenants");
const largeCount = report.size("large");
const sampleCount = Math.min(report.size("samples"), tenantCount);
const given = report.text("folder");
if (given !== undefined) mkdirSync(given, { recursive: true });
const folder = new EngineFolder(given);
const stamp = join(folder.path, "bench-sizes.json");
const sizes = JSON.stringify({ tenantCount, largeCount });
/** A prime step: neighbours in name are not neighbours in size. */
const rankOf = (i: number): number => 1 + ((i * 7_919) % tenantCount);
const rowsOf = (i: number): number => Math.max(ROWS_MIN, Math.floor(ROWS_MAX / rankOf(i)));
const nameOf = (i: number): string => `t${String(i).padStart(7, "0")}`;

buildServer();
try {
  if (!existsSync(stamp)) await fill();
  else if (readFileSync(stamp, "utf8") !== sizes) {
    throw new Error(`${folder.path} holds data of other sizes: name another folder.`);
  } else report.remark("Data of an earlier run are used; creation is not measured.");
  weighDisk();
  await measureStarts();
} finally {
  folder.remove();
}
report.finish();

async function fill(): Promise<void> {
  const engine = await folder.open();
  try {
    await engine.createDatabase(DATABASE);
    for (const [name, dimension] of [
      [SMALL, DIMENSION],
      [LARGE, LARGE_DIMENSION],
    ] as const) {
      const vectors = [{ name: "", dimension, metric: "cosine" as const }];
      const schema = { vectors, identity: "key" as const, unfilterable: [] };
      await engine.createCollection(DATABASE, name, { schema, tenancy: "multi" });
    }
    await createAll(engine);
    await fillSmall(engine);
    await fillLarge(engine);
  } finally {
    report.progress("closing");
    const closeMs = await timeMs(() => engine.close());
    report.progress(`closed in ${Math.round(closeMs)} ms`);
  }
  writeFileSync(stamp, sizes);
}

async function createAll(engine: Engine): Promise<void> {
  report.progress(`creating ${tenantCount} tenants`);
  const rates: number[] = [];
  for (let first = 0; first < tenantCount; first += NAMES_AT_ONCE) {
    const count = Math.min(NAMES_AT_ONCE, tenantCount - first);
    const names = Array.from({ length: count }, (_, i) => nameOf(first + i));
    const ms = await timeMs(() => engine.createTenants(DATABASE, SMALL, names));
    rates.push((count * 1_000) / ms);
  }
  const seconds = rates.reduce((sum, rate) => sum + NAMES_AT_ONCE / rate, 0);
  report.progress(`created in ${seconds.toFixed(1)} s`);
  report.figure("tenants created in bulk, durable", median(rates), "/s", { min: 20_000 });
  report.figure("slowest of them, 10,000 at a time", Math.min(...rates), "/s");
}

async function fillSmall(engine: Engine): Promise<void> {
  const source = clusteredVectors(DIMENSION, 4_000, 21);
  const block = source.next(BATCH_ROWS_MAX + 64);
  let rows = 0;
  const ms = await timeMs(() =>
    runConcurrently(tenantCount, WRITES_AT_ONCE, async (i) => {
      const count = rowsOf(i);
      rows += count;
      for (let first = 0; first < count; first += BATCH_ROWS_MAX) {
        const part = Math.min(BATCH_ROWS_MAX, count - first);
        const keys = Array.from({ length: part }, (_, row) => `k${String(first + row)}`);
        const start = (i % 64) * DIMENSION;
        const values = block.subarray(start, start + part * DIMENSION);
        await putRows(
          engine,
          { database: DATABASE, collection: SMALL, tenant: nameOf(i) },
          keys,
          values,
        );
      }
      if (i % 50_000 === 49_999) report.progress(`${String(i + 1)} tenants filled`);
    }),
  );
  report.figure("first writes to sleeping tenants, 512 at once", (tenantCount * 1_000) / ms, "/s");
  report.remark(
    `${rows} rows of ${DIMENSION} numbers, ${Math.round((rows * DIMENSION * 4) / MIB)} MiB of numbers.`,
  );
}

async function fillLarge(engine: Engine): Promise<void> {
  report.progress(`${largeCount} tenants of ${LARGE_ROWS} × ${LARGE_DIMENSION}`);
  const source = clusteredVectors(LARGE_DIMENSION, 20_000, 22);
  const keys = Array.from({ length: LARGE_ROWS }, (_, row) => `k${row}`);
  for (let i = 0; i < largeCount; i++) {
    const place = { database: DATABASE, collection: LARGE, tenant: nameOf(i) };
    await putRows(engine, place, keys, source.next(LARGE_ROWS));
    await engine.flush(place);
  }
}

function weighDisk(): void {
  const { mib, files } = measureFolder(folder.path);
  let rows = 0;
  for (let i = 0; i < tenantCount; i++) rows += rowsOf(i);
  const numbers = rows * DIMENSION * 4 + largeCount * LARGE_ROWS * LARGE_DIMENSION * 4;
  const allowed = (1.5 * numbers + tenantCount * 1_024) / MIB;
  report.figure("on disk", mib, "MiB", { max: allowed });
  report.figure("files", files, "");
}

async function measureStarts(): Promise<void> {
  const listening: number[] = [];
  const first: number[] = [];
  const cold: number[] = [];
  const warm: number[] = [];
  let isCacheEmptied = true;
  const turns = report.size("repetitions");
  for (let turn = 0; turn < turns; turn++) {
    isCacheEmptied = dropPageCache() && isCacheEmptied;
    const server = await startServerProcess(folder.path);
    const client = await connect({ url: server.access.url, secret: server.access.secret });
    try {
      const small = client.collection(DATABASE, SMALL);
      await small.tenant(nameOf((turn * 31) % tenantCount)).query(searchOf(DIMENSION, turn));
      first.push(performance.now() - server.startedAt);
      listening.push(server.listeningMs);
      await wakeLarge(client.collection(DATABASE, LARGE), turn, { cold, warm });
      if (turn === turns - 1) await weigh(client, server);
    } finally {
      await client.close();
      await server.stop();
    }
  }
  if (!isCacheEmptied) {
    report.remark("The page cache could not be emptied (not root): these starts are not cold.");
  }
  report.table(`Server process, ${isCacheEmptied ? "page cache dropped" : "warm"}, ms`, [
    { moment: "listening", median: median(listening), worst: Math.max(...listening) },
    { moment: "first answer of a sleeper", median: median(first), worst: Math.max(...first) },
  ]);
  report.table(`Query over HTTP of ${LARGE_ROWS} × ${LARGE_DIMENSION}, ms`, [
    rowOfTimes("asleep, read from disk", cold),
    rowOfTimes("awake", warm),
  ]);
  report.figure("first answer", median(first), "ms", { max: 1_000 });
  report.figure("waking from disk, p99", quantiles(cold).p99, "ms", { max: 5 });
}

async function wakeLarge(
  large: Collection,
  turn: number,
  samples: { readonly cold: number[]; readonly warm: number[] },
): Promise<void> {
  // The first query of a process compiles what all of them run.
  await large.tenant(nameOf(turn % largeCount)).query(searchOf(LARGE_DIMENSION, turn));
  for (const into of [samples.cold, samples.warm]) {
    for (let i = 0; i < largeCount; i++) {
      if (i === turn % largeCount) continue;
      const records = large.tenant(nameOf(i));
      into.push(await timeMs(() => records.query(searchOf(LARGE_DIMENSION, turn + 1))));
    }
  }
}

/** A full listing, then waking, writing and erasing at random. */
async function weigh(client: Insula, server: ServerProcess): Promise<void> {
  const small = client.collection(DATABASE, SMALL);
  let count = 0;
  const listMs = await timeMs(async () => {
    for (let after: string | undefined; ;) {
      const page = await small.listTenants({
        limit: 10_000,
        ...(after === undefined ? {} : { after }),
      });
      count += page.items.length;
      after = page.items.at(-1)?.name;
      if (!page.hasMore) return;
    }
  });
  if (count !== tenantCount) throw new Error(`${String(count)} tenants are listed`);
  const memory = [memoryRow("after one full listing", server)];
  report.figure("one full listing", listMs, "ms");
  report.figure("anonymous memory after it", Number(memory[0]?.["anonymous MiB"]), "MiB", {
    max: 200,
  });
  const random = new SeededNumbers(9);
  const some = Array.from({ length: sampleCount }, () => random.below(tenantCount));
  const woken: number[] = [];
  for (const i of some) {
    const records = small.tenant(nameOf(i));
    woken.push(await timeMs(() => records.query(searchOf(DIMENSION, i))));
  }
  memory.push(memoryRow(`after ${String(sampleCount)} small ones at random`, server));
  const written: number[] = [];
  for (let i = 0; i < sampleCount; i++) {
    const records = small.tenant(nameOf(random.below(tenantCount)));
    const vector = vectorOf(DIMENSION, i);
    written.push(await timeMs(() => records.upsert([{ key: "new", vector }])));
  }
  const erased: number[] = [];
  // Erasing waits for the sweeper: a few tell as much as many.
  for (const i of new Set(some.slice(0, Math.ceil(sampleCount / 10)))) {
    erased.push(await timeMs(() => small.eraseTenant(nameOf(i))));
  }
  memory.push(memoryRow("after writing and erasing", server));
  report.table("Small tenants over HTTP, ms", [
    rowOfTimes("query, asleep", woken),
    rowOfTimes("write, mostly asleep", written),
    rowOfTimes("erasure with its receipt", erased),
  ]);
  report.table("The server's memory and descriptors", memory);
  const most = Math.max(...memory.map((row) => Number(row["open files"])));
  report.figure("open descriptors at most", most, "", { max: 256 });
}

function rowOfTimes(what: string, samples: readonly number[]): Row {
  const { p50, p99, count } = quantiles(samples);
  return { what, p50, p99, count };
}

function memoryRow(moment: string, server: ServerProcess): Row {
  const { anonymousMib, residentMib } = server.memory();
  return {
    moment,
    "anonymous MiB": anonymousMib,
    "resident MiB": residentMib,
    "open files": server.openFiles(),
  };
}

function searchOf(dimension: number, seed: number): { vector: Float32Array; topK: number } {
  return { vector: vectorOf(dimension, seed), topK: TOP_K };
}

function vectorOf(dimension: number, seed: number): Float32Array {
  return rowOf(clusteredVectors(dimension, 100, 100 + (seed % 16)).next(1), dimension, 0);
}
