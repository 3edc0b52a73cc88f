/**
 * Very many sleeping tenants asked at once in memory for a few of them: errors, memory, and the
 * latency of tenants that were awake, alone and during the storm.
 *
 *   npm run bench -- storm --quick
 *
 * One process, with its threads. The page cache holds what fits of the files.
 */
import { DEFAULT_VECTOR, type Place } from "../src/model/index.ts";
import type { Engine } from "../src/engine/index.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { EngineFolder, nearestQuery, putRows, rowOf } from "./support/engine-folder.ts";
import { readMemory } from "./support/machine.ts";
import { QuietTenants } from "./support/quiet-tenants.ts";
import { openReport } from "./support/report.ts";

const DATABASE = "bench";
const COLLECTION = "tenants";
const MIB = 2 ** 20;
const LOOK_MS = 100;
const CALLS_IN_A_TURN = 16;
const RATIO_MAX = 2;
/** Each tenant's numbers are these, turned around: to make them costs more than to write them. */
const BLOCKS = 16;

const report = openReport({
  path: "bench/storm.bench.ts",
  purpose: "Very many sleeping tenants asked at once, in memory for a few of them.",
  example: "npm run bench -- storm --tenants 2000",
  sizes: {
    tenants: { description: "tenants that sleep, all asked at once", full: 10_000, quick: 100 },
    awake: { description: "tenants that are awake and asked all the time", full: 10, quick: 3 },
    rows: { description: "vectors of a tenant", full: 1_000, quick: 1_000 },
    dimension: { description: "numbers of a vector", full: 128, quick: 1_024 },
    memory: { description: "memory budget, MiB, 256 at least", full: 256, quick: 256 },
    rate: { description: "searches a second of those that are awake", full: 100, quick: 50 },
    seconds: { description: "time they are asked alone", full: 10, quick: 1 },
  },
});
const dimension = report.size("dimension");
const rowCount = report.size("rows");
const tenants = report.size("tenants");
const awakeCount = report.size("awake");
const source = clusteredVectors(dimension, rowCount, 31);
const blocks = Array.from({ length: BLOCKS }, () => source.next(rowCount));
const queries = source.next(BLOCKS);
/** By block: what one of its tenants answered in the storm. */
const answers = new Map<number, Promise<string>>();
const folder = new EngineFolder();
try {
  await fill();
  await measure();
} finally {
  folder.remove();
}
report.finish();

function open(): Promise<Engine> {
  return folder.open({ memoryBudget: report.size("memory") * MIB, scrubBytesPerSecond: 0 });
}

async function fill(): Promise<void> {
  const engine = await open();
  const vectors = [{ name: DEFAULT_VECTOR, dimension, metric: "cosine" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createDatabase(DATABASE);
  await engine.createCollection(DATABASE, COLLECTION, { schema, tenancy: "multi" });
  const keys = Array.from({ length: rowCount }, (_, i) => `k${i}`);
  for (let i = 0; i < awakeCount + tenants; i++) {
    if (i % 500 === 0) report.progress(`${i} tenants written`);
    await putRows(engine, placeOf(i), keys, blocks[i % BLOCKS] ?? new Float32Array());
    await engine.flush(placeOf(i));
    await engine.deactivate(placeOf(i));
  }
  await engine.close();
}

async function measure(): Promise<void> {
  const engine = await open();
  try {
    const quiet = new QuietTenants(awakeCount, (i) => ask(engine, i));
    await quiet.wake();
    await quiet.askFor(report.size("seconds"), report.size("rate"));
    const alone = await quiet.askFor(report.size("seconds"), report.size("rate"));
    report.progress("the storm");
    const startedAt = performance.now();
    let failed = 0;
    let takenMib = 0;
    // To look at all shards that are awake takes a millisecond: not with each answer.
    const looking = setInterval(() => {
      takenMib = Math.max(takenMib, engine.stats().arenaBytesCapacity / MIB);
    }, LOOK_MS);
    const wake = async (i: number): Promise<void> => {
      try {
        const found = await ask(engine, awakeCount + i);
        // Tenants with the same numbers find the same.
        if (found !== (await right(engine, (awakeCount + i) % BLOCKS))) failed++;
      } catch (error) {
        if (failed++ === 0) report.remark(`the first that failed: ${String(error)}`);
      }
    };
    const during = await quiet.askDuring(callAll(wake), report.size("rate"));
    clearInterval(looking);
    const seconds = (performance.now() - startedAt) / 1_000;
    report.table("Searches of tenants that are awake, ms", [
      { when: "alone", ...alone },
      { when: "in the storm", ...during },
    ]);
    report.figure("the storm took", seconds, "s");
    report.figure("tenants woken", tenants / seconds, "a second");
    report.figure("errors and wrong answers", failed + alone.errors + during.errors, "", {
      max: 0,
    });
    report.figure("shared memory taken", takenMib, "MiB", { max: report.size("memory") });
    report.figure("resident at most", readMemory().peakResidentMib, "MiB");
    report.figure("p99 of those awake, in the storm / alone", during.p99 / alone.p99, "×", {
      max: RATIO_MAX,
    });
  } finally {
    await engine.close();
  }
}

/** As a server's sockets bring them: so many in a turn of the event loop, none awaited. */
async function callAll(wake: (i: number) => Promise<void>): Promise<void> {
  const calls: Promise<void>[] = [];
  for (let i = 0; i < tenants; i++) {
    calls.push(wake(i));
    if (i % CALLS_IN_A_TURN === 0) await new Promise(setImmediate);
  }
  await Promise.all(calls);
}

async function ask(engine: Engine, tenant: number): Promise<string> {
  const query = nearestQuery(rowOf(queries, dimension, tenant % BLOCKS), 10);
  return JSON.stringify((await engine.query(placeOf(tenant), query)).hits);
}

function right(engine: Engine, block: number): Promise<string> {
  const known = answers.get(block);
  if (known !== undefined) return known;
  const answer = ask(engine, awakeCount + ((((block - awakeCount) % BLOCKS) + BLOCKS) % BLOCKS));
  answers.set(block, answer);
  return answer;
}

function placeOf(tenant: number): Place {
  return { database: DATABASE, collection: COLLECTION, tenant: `t${tenant}` };
}
