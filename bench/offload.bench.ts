/**
 * Very many tenants offloaded to an object store and brought back by whoever asks for one: whether
 * each holds what it held, requests and round trips, time, bytes, the disk and memory. The store is
 * the S3 server of the tests, in a process of its own.
 *
 *   npm run bench -- offload --quick
 */
import { setTimeout } from "node:timers/promises";
import { S3ObjectStore } from "../src/backup/s3-store.ts";
import type { Engine } from "../src/engine/index.ts";
import { NodeClock, NodeRandom } from "../src/io/index.ts";
import type { S3Kind, S3Traffic } from "../src/backup/s3-server.contract.ts";
import { CountedStore } from "./offload/counted-store.ts";
import { S3Process, type S3State } from "./offload/s3-process.ts";
import { placeOf, searchIn, Tenants } from "./offload/tenants.ts";
import { SeededNumbers } from "./support/clustered-vectors.ts";
import { EngineFolder } from "./support/engine-folder.ts";
import { measureFolder, readMemory } from "./support/machine.ts";
import { openReport, type Row } from "./support/report.ts";
import { quantiles, timeMs } from "./support/samples.ts";

const MIB = 1_048_576;
const ROUNDS_MAX = 3;
/** A look at the memory of a process with many mappings takes tens of milliseconds. */
const MEMORY_EVERY_MS = 5_000;
const POLL_MS = 50;

const report = openReport({
  path: "bench/offload.bench.ts",
  purpose: "Very many tenants, to an object store and back: contents, requests, time and bytes.",
  example: "npm run bench -- offload --tenants 20000",
  sizes: {
    tenants: { description: "tenants", full: 100_000, quick: 200 },
    rows: { description: "records of the largest, 4 of most", full: 40_000, quick: 2_000 },
    largest: { description: "the largest, asked while they are away", full: 10, quick: 5 },
    samples: { description: "others, at random, asked so", full: 1_000, quick: 40 },
    delayMs: { description: "added to each answer of the store then", full: 30, quick: 5 },
  },
});
const tenants = new Tenants(report.size("tenants"), report.size("rows"));
const store = await S3Process.start();
const counted = new CountedStore(
  new S3ObjectStore(store.settings, "node-1/", {
    clock: new NodeClock(),
    random: new NodeRandom(),
  }),
);
const folder = new EngineFolder();
const disk: Row[] = [];
const moves: Row[] = [];
try {
  await run();
} finally {
  folder.remove();
  await store.stop();
}
report.finish();

function open(): Promise<Engine> {
  return folder.open({ offload: { open: () => Promise.resolve(counted) } });
}

/** In a life of the engine of its own: nothing is in memory of what was before. */
async function inLife<Value>(work: (engine: Engine) => Promise<Value>): Promise<Value> {
  const engine = await open();
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

async function run(): Promise<void> {
  report.progress("writing");
  const rows = await inLife((engine) => tenants.write(engine));
  report.remark(`${String(tenants.count)} tenants with ${String(rows)} records.`);
  report.progress("hashing");
  const asked = chosen();
  const { before, truths } = await inLife(async (engine) => ({
    before: await tenants.hashAll(engine),
    truths: await answersOf(engine),
  }));
  weighDisk("before");
  let failed = await inLife((engine) => {
    const work = (): Promise<number> => tenants.become(engine, "OFFLOADED");
    return moveAll("offload", { count: tenants.count, work });
  });
  weighDisk("all offloaded");
  let wrong = 0;
  await inLife(async (engine) => {
    if (engine.tenantFigures().counts.OFFLOADED !== tenants.count) {
      throw new Error("Not all are offloaded.");
    }
    wrong = await askCold(engine, asked, truths);
    const work = (): Promise<number> => tenants.become(engine, "ACTIVE");
    const count = engine.tenantFigures().counts.OFFLOADED;
    failed += await moveAll("return of all others", { count, work });
  });
  report.progress("hashing again");
  const after = await inLife((engine) => tenants.hashAll(engine));
  weighDisk("all back");
  tell({ failed, wrong, changed: before.filter((hash, i) => hash !== after[i]).length });

  /** What those that will be asked say while they are here. */
  async function answersOf(engine: Engine): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>();
    for (const i of [...asked.near, ...asked.far]) found.set(i, await searchIn(engine, i));
    return found;
  }
}

interface Asked {
  readonly near: readonly number[];
  readonly far: readonly number[];
}

/** Half of them from a store near by, half from a distant one; none twice. */
function chosen(): Asked {
  const random = new SeededNumbers(7);
  const largest = Math.min(report.size("largest"), tenants.count >> 1);
  const all = new Set(Array.from({ length: largest }, (_, i) => i));
  const count = Math.min(largest + report.size("samples"), tenants.count);
  while (all.size < count) all.add(random.below(tenants.count));
  const numbers = [...all];
  return {
    near: numbers.filter((_, n) => n % 2 === 1),
    far: numbers.filter((_, n) => n % 2 === 0),
  };
}

/** @returns answers that were not those of before. */
async function askCold(
  engine: Engine,
  { near, far }: Asked,
  truths: ReadonlyMap<number, string>,
): Promise<number> {
  report.progress("asking");
  const rows: Row[] = [];
  let roundsMax = 0;
  let wrong = 0;
  for (const [delayMs, numbers] of [
    [0, near],
    [report.size("delayMs"), far],
  ] as const) {
    await store.delay(delayMs);
    const times: number[] = [];
    const rounds: number[] = [];
    const reads: number[] = [];
    for (const i of numbers) {
      let answer = "";
      const trips = await counted.during(async () => {
        times.push(
          await timeMs(async () => {
            answer = await searchIn(engine, i);
          }),
        );
      });
      if (answer !== truths.get(i) || trips.rounds === 0) wrong++;
      rounds.push(trips.rounds);
      reads.push(trips.reads);
      // One by one: what comes back behind the last one takes no time from the next.
      await untilBack(engine, i);
    }
    roundsMax = Math.max(roundsMax, ...rounds);
    const { p50, p99, count } = quantiles(times);
    rows.push({
      store: delayMs === 0 ? "near" : `${String(delayMs)} ms away`,
      count,
      "p50 ms": p50,
      "p99 ms": p99,
      "round trips, mean": quantiles(rounds).mean,
      "at most": Math.max(...rounds),
      "reads, at most": Math.max(...reads),
    });
  }
  await store.delay(0);
  report.table("Queries of tenants that are offloaded, one after the other", rows);
  report.figure("round trips of a cold query, at most", roundsMax, "", { max: ROUNDS_MAX });
  return wrong;
}

async function untilBack(engine: Engine, i: number): Promise<void> {
  while ((await engine.getTenant(placeOf(i)))?.state !== "ACTIVE") await setTimeout(POLL_MS);
}

/** Requests, bytes, time and memory of moving many. @returns how many failed. */
async function moveAll(
  move: string,
  { count, work }: { readonly count: number; readonly work: () => Promise<number> },
): Promise<number> {
  report.progress(move);
  const from = await store.state();
  let anonymousMib = 0;
  const look = (): void => {
    anonymousMib = Math.max(anonymousMib, readMemory().anonymousMib);
  };
  const timer = setInterval(look, MEMORY_EVERY_MS);
  const cpuBefore = process.cpuUsage();
  let failed = 0;
  const ms = await timeMs(async () => {
    failed = await work();
  });
  clearInterval(timer);
  const { user, system } = process.cpuUsage(cpuBefore);
  look();
  const { requests, mibSent, mibFetched } = trafficBetween(from, await store.state());
  moves.push({
    ...{ move, tenants: count, seconds: ms / 1_000, "a second": (count * 1_000) / ms },
    "processors, ms each": (user + system) / 1_000 / count,
    ...requests,
    ...{ "MiB sent": mibSent, "MiB fetched": mibFetched, "anonymous MiB at most": anonymousMib },
  });
  return failed;
}

function trafficBetween(
  from: S3State,
  to: S3State,
): { readonly requests: Row; readonly mibSent: number; readonly mibFetched: number } {
  const kinds = ["PUT", "GET", "HEAD", "DELETE", "LIST"] as const;
  const more = (kind: S3Kind, figure: keyof S3Traffic): number =>
    to.traffic[kind][figure] - from.traffic[kind][figure];
  return {
    requests: Object.fromEntries(kinds.map((kind) => [kind, more(kind, "requests")])),
    mibSent: more("PUT", "bytesIn") / MIB,
    mibFetched: more("GET", "bytesOut") / MIB,
  };
}

function weighDisk(when: string): void {
  const { mib, files, folders } = measureFolder(folder.path);
  disk.push({ when, MiB: mib, inodes: files + folders });
}

function tell({
  failed,
  wrong,
  changed,
}: {
  readonly failed: number;
  readonly wrong: number;
  readonly changed: number;
}): void {
  report.table("Moves, and what the store was asked", moves);
  report.table("The disk of the node", disk);
  report.figure("tenants that could not be moved", failed, "", { max: 0 });
  report.figure("cold queries with other hits, or without the store", wrong, "", { max: 0 });
  report.figure("tenants whose content differs", changed, "", { max: 0 });
}
