/**
 * Many sleeping indexes on one disk: from the start of the process to the first answer, with an
 * empty page cache; what they cost in memory and files; how fast they are made.
 *
 *   npx tsx bench/cold-start.bench.ts --quick
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../src/engine/index.ts";
import type { Place } from "../src/model/index.ts";
import { clusteredVectors, SeededNumbers } from "./support/clustered-vectors.ts";
import { createIndex, EngineFolder, putRows, rowOf } from "./support/engine-folder.ts";
import { dropPageCache, measureFolder } from "./support/machine.ts";
import { OssClient } from "./support/oss-client.ts";
import { openReport, type Row } from "./support/report.ts";
import { median, quantiles, runConcurrently, timeMs } from "./support/samples.ts";
import { buildServer, startServerProcess } from "./support/server-process.ts";

const BUCKET = "sleepers";
const SMALL_DIMENSION = 16;
const SMALL_ROWS_MAX = 5;
const LARGE_DIMENSION = 384;
const LARGE_ROWS = 1_000;
const CREATIONS_AT_ONCE = 256;
const TOP_K = 10;

const report = openReport({
  path: "bench/cold-start.bench.ts",
  purpose: "Start, activation, memory and creation of many sleeping indexes.",
  example: "npx tsx bench/cold-start.bench.ts --indexes 100000 --folder /mnt/disk/sleepers",
  sizes: {
    indexes: { description: "indexes of 1 to 5 vectors", full: 100_000, quick: 1_000 },
    large: { description: "indexes of 1,000 × 384", full: 200, quick: 20 },
    repetitions: { description: "cold starts, the median of them", full: 5, quick: 3 },
  },
  texts: { folder: { description: "keep the data here and use it again", placeholder: "path" } },
  remarks: ["To empty the page cache it must run as root; without, it says so and goes on.", ""],
});
const smallCount = report.size("indexes");
const largeCount = report.size("large");
const given = report.text("folder");
if (given !== undefined) mkdirSync(given, { recursive: true });
const folder = new EngineFolder(given);
const stamp = join(folder.path, "bench-sizes.json");
const sizes = JSON.stringify({ smallCount, largeCount });

buildServer();
try {
  if (!existsSync(stamp)) await fill();
  else if (readFileSync(stamp, "utf8") !== sizes) {
    throw new Error(`${folder.path} holds data of other sizes: name another folder.`);
  } else report.remark("Data of an earlier run are used; creation is not measured.");
  const { mib, files } = measureFolder(folder.path);
  report.remark(`\nOn disk: ${mib} MiB in ${files} files for ${smallCount + largeCount} indexes.`);
  await measureStarts();
} finally {
  folder.remove();
}
report.finish();

function smallName(i: number): string {
  return `small${String(i).padStart(7, "0")}`;
}

function largeName(i: number): string {
  return `large${String(i).padStart(5, "0")}`;
}

async function fill(): Promise<void> {
  const engine = await folder.open();
  try {
    await engine.createDatabase(BUCKET);
    await createAll(engine);
    await fillSmall(engine);
    await fillLarge(engine);
    const { openFiles, shardsAwake } = engine.stats();
    report.progress(`filled: ${shardsAwake} awake, ${openFiles} files open`);
  } finally {
    const closeMs = await timeMs(() => engine.close());
    report.progress(`closed in ${Math.round(closeMs)} ms`);
  }
  writeFileSync(stamp, sizes);
}

function place(collection: string): Place {
  return { database: BUCKET, collection };
}

async function createAll(engine: Engine): Promise<void> {
  report.progress(`creating ${smallCount} indexes`);
  const slices: number[] = [];
  const step = Math.ceil(smallCount / 10);
  for (let first = 0; first < smallCount; first += step) {
    const count = Math.min(step, smallCount - first);
    const ms = await timeMs(() =>
      runConcurrently(count, CREATIONS_AT_ONCE, (i) =>
        createIndex(engine, place(smallName(first + i)), SMALL_DIMENSION),
      ),
    );
    slices.push((count * 1_000) / ms);
  }
  report.figure("index creations, 256 at once, durable", median(slices), "/s", { min: 5_000 });
  const [early = 0] = slices;
  report.figure("creations/s of the last tenth / of the first", (slices.at(-1) ?? 0) / early, "×");
}

async function fillSmall(engine: Engine): Promise<void> {
  report.progress("writing 1 to 5 vectors into each");
  const source = clusteredVectors(SMALL_DIMENSION, 4_000, 21);
  const block = source.next(SMALL_ROWS_MAX * 64);
  const width = SMALL_DIMENSION * SMALL_ROWS_MAX;
  const ms = await timeMs(() =>
    runConcurrently(smallCount, CREATIONS_AT_ONCE, async (i) => {
      const count = 1 + (i % SMALL_ROWS_MAX);
      const keys = Array.from({ length: count }, (_, row) => `k${row}`);
      const start = (i % 64) * width;
      const values = block.subarray(start, start + count * SMALL_DIMENSION);
      await putRows(engine, place(smallName(i)), keys, values);
      if (i % 20_000 === 19_999) report.progress(`${i + 1} written`);
    }),
  );
  report.figure("first puts into sleeping indexes, 256 at once", (smallCount * 1_000) / ms, "/s");
}

async function fillLarge(engine: Engine): Promise<void> {
  report.progress(`${largeCount} indexes of ${LARGE_ROWS} × ${LARGE_DIMENSION}`);
  const source = clusteredVectors(LARGE_DIMENSION, 20_000, 22);
  const keys = Array.from({ length: LARGE_ROWS }, (_, row) => `k${row}`);
  for (let i = 0; i < largeCount; i++) {
    await createIndex(engine, place(largeName(i)), LARGE_DIMENSION);
    await putRows(engine, place(largeName(i)), keys, source.next(LARGE_ROWS));
    await engine.flush(place(largeName(i)));
  }
}

async function measureStarts(): Promise<void> {
  const listening: number[] = [];
  const first: number[] = [];
  const cold: number[] = [];
  const warm: number[] = [];
  let isCacheEmptied = true;
  for (let turn = 0; turn < report.size("repetitions"); turn++) {
    isCacheEmptied = dropPageCache() && isCacheEmptied;
    const server = await startServerProcess(folder.path);
    const client = new OssClient(server.access);
    try {
      const vector = queryVector(LARGE_DIMENSION, turn);
      const hits = await client.query(BUCKET, largeName(turn % largeCount), vector, TOP_K);
      first.push(performance.now() - server.startedAt);
      if (hits.length !== TOP_K) throw new Error(`expected ${TOP_K} hits, received ${hits.length}`);
      listening.push(server.listeningMs);
      const isLast = turn === report.size("repetitions") - 1;
      const early = memoryRow("after the first answer", server);
      const rows = isLast ? [early, ...(await weigh(client, server))] : [];
      await activate(client, turn, cold, warm);
      if (!isLast) continue;
      rows.push(memoryRow(`after queries of ${largeCount} large indexes`, server));
      report.table("The server's memory and descriptors", rows);
      const most = Math.max(...rows.map((row) => Number(row["open files"])));
      report.figure("open descriptors at most", most, "", { max: 256 });
    } finally {
      client.close();
      await server.stop();
    }
  }
  if (!isCacheEmptied) {
    report.remark("The page cache could not be emptied (not root): these starts are not cold.");
  }
  const { p50, p99, count } = quantiles(cold);
  const again = quantiles(warm);
  report.table(
    `Start of the server process, ${isCacheEmptied ? "page cache dropped" : "warm"}, ms`,
    [
      { moment: "listening", median: median(listening), worst: Math.max(...listening) },
      {
        moment: "first answer of a sleeping index",
        median: median(first),
        worst: Math.max(...first),
      },
    ],
  );
  report.table(`Query over HTTP of ${LARGE_ROWS} × ${LARGE_DIMENSION}, ms`, [
    { state: "sleeping, read from disk", p50: p50, p99: p99, queries: count },
    { state: "awake", p50: again.p50, p99: again.p99, queries: again.count },
  ]);
  report.figure("first answer", median(first), "ms", { max: 1_000 });
  report.figure("activation from disk, p99", p99, "ms", { max: 5 });
}

/** Each large index but the first one asked, asleep; then once more. */
async function activate(
  client: OssClient,
  turn: number,
  cold: number[],
  warm: number[],
): Promise<void> {
  const vector = queryVector(LARGE_DIMENSION, turn + 1);
  const names = Array.from({ length: largeCount }, (_, i) => i).filter(
    (i) => i !== turn % largeCount,
  );
  for (const samples of [cold, warm]) {
    for (const i of names) {
      samples.push(await timeMs(() => client.query(BUCKET, largeName(i), vector, TOP_K)));
    }
  }
}

/** A full listing, then small indexes at random: what they leave in the server. */
async function weigh(
  client: OssClient,
  server: Parameters<typeof memoryRow>[1],
): Promise<readonly Row[]> {
  let count = 0;
  const listMs = await timeMs(async () => {
    count = (await client.listIndexes(BUCKET)).length;
  });
  if (count !== smallCount + largeCount) throw new Error(`${count} indexes are listed`);
  const listed = memoryRow("after one full listing", server);
  const random = new SeededNumbers(9);
  const vector = queryVector(SMALL_DIMENSION, 3);
  const samples: number[] = [];
  for (let i = 0; i < Math.min(1_000, smallCount); i++) {
    const name = smallName(random.below(smallCount));
    samples.push(await timeMs(() => client.query(BUCKET, name, vector, TOP_K)));
  }
  const { p50, p99 } = quantiles(samples);
  report.remark(
    `A listing of ${count} indexes: ${Math.round(listMs)} ms. Small sleeping index: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms.`,
  );
  const anonymousMib = Number(listed["anonymous MiB"]);
  report.figure("anonymous memory after one full listing", anonymousMib, "MiB", { max: 200 });
  return [listed, memoryRow(`after ${samples.length} small indexes at random`, server)];
}

function memoryRow(
  moment: string,
  server: { memory(): { anonymousMib: number; residentMib: number }; openFiles(): number },
): Row {
  const { anonymousMib, residentMib } = server.memory();
  return {
    moment,
    "anonymous MiB": anonymousMib,
    "resident MiB": residentMib,
    "open files": server.openFiles(),
  };
}

function queryVector(dimension: number, seed: number): number[] {
  return [...rowOf(clusteredVectors(dimension, 4_000, 100 + seed).next(1), dimension, 0)];
}
