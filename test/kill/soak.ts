/**
 * Hours of mixed load over sockets with a stop now and then: `npm run test:soak -- --hours 4`.
 *
 * Writers with ledgers and readers work on 32 indexes, some much more than others. Memory, open
 * files and disk are sampled; in a run of an hour or more none of them may go on growing in its
 * last third. At each stop and at the end every record is compared with the ledgers.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Chance } from "../support/chance.ts";
import { ConnectionLost, OssCaller } from "../support/oss-caller.ts";
import { ServerChild } from "../support/server-child.ts";
import { Ledger } from "./ledger.ts";
import { ask, listAll, makeIndexes, writeNext } from "./ledger-calls.ts";

const WRITERS = 8;
const LEDGERS_EACH = 4;
const SAMPLES = 120;
/** Growth of the last third over the middle one that is still none; the log fills 1 GiB first. */
const SLACK = { rssMiB: 24, handles: 16, diskMiB: 1_100, share: 0.15 };
/** In less time caches are still filling: figures are told and not judged. */
const JUDGED_HOURS_MIN = 1;

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "4" },
    stops: { type: "string" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("Mixed load for hours; memory, files and disk must not grow.\n");
  console.log("  npm run test:soak -- --hours 0.1 --stops 2");
  process.exit(0);
}

interface Sample {
  readonly rssMiB: number;
  readonly handles: number;
  readonly diskMiB: number;
}

const endMs = performance.now() + Number(values.hours) * 3_600_000;
const totalMs = endMs - performance.now();
const stopCount = Number(values.stops ?? Math.max(1, Math.round(Number(values.hours))));
const seed = Number(values.seed);
const dataDir = mkdtempSync(path.join(tmpdir(), "insula-soak-"));
const groups = Array.from({ length: WRITERS }, (_, writer) =>
  Array.from({ length: LEDGERS_EACH }, (_, i) => {
    const shape = {
      index: `w${writer}x${i}`,
      dimension: [8, 64, 256, 16][i] ?? 8,
      keyCount: 200,
      batchMax: 30,
    };
    return new Ledger(shape, new Chance(seed * 10_000 + writer * 100 + i));
  }),
);
const ledgers = groups.flat();
const tally = { writes: 0, reads: 0, faults: 0, stops: 0 };
const samples: Sample[] = [];

let server = await ServerChild.start({ dataDir, port: 0 });
const first = new OssCaller(server.url);
await makeIndexes(first, ledgers);
first.close();
for (let stop = 0; stop <= stopCount && tally.faults === 0; stop++) {
  const untilMs = endMs - (totalMs * (stopCount - stop)) / (stopCount + 1);
  await workUntil(untilMs);
  const code = await server.stop();
  if (code !== "0") fault(`the server ended with ${code}`);
  tally.stops++;
  server = await ServerChild.start({ dataDir, port: 0 });
  await judge();
}
await server.stop();
report();

async function workUntil(untilMs: number): Promise<void> {
  const caller = new OssCaller(server.url);
  const isOver = (): boolean => performance.now() >= untilMs || tally.faults > 0;
  const sampler = setInterval(sample, Math.max(1_000, totalMs / SAMPLES));
  try {
    await Promise.all([
      ...groups.map((own, i) => write(caller, own, { isOver, chance: new Chance(seed + i) })),
      read(caller, isOver),
    ]);
  } catch (error) {
    fault(
      error instanceof ConnectionLost ? `the server went away: ${error.message}` : String(error),
    );
  } finally {
    clearInterval(sampler);
    caller.close();
  }
}

async function write(
  caller: OssCaller,
  own: readonly Ledger[],
  { isOver, chance }: { readonly isOver: () => boolean; readonly chance: Chance },
): Promise<void> {
  while (!isOver()) {
    // The first is written to half of the time, the last the least.
    const at = Math.min(own.length - 1, Math.floor(-Math.log2(1 - chance.fraction())));
    const ledger = own[at];
    if (ledger !== undefined && !(await writeNext(caller, ledger))) return;
    tally.writes++;
  }
}

async function read(caller: OssCaller, isOver: () => boolean): Promise<void> {
  const chance = new Chance(seed + 77);
  while (!isOver()) {
    const ledger = chance.pick(ledgers);
    const float32 = ledger.vector(`r${chance.between(0, 199)}`, chance.between(1, 5_000));
    const query = { indexName: ledger.index, topK: 10, queryVector: { float32 } };
    await ask(caller, "queryVectors", query);
    tally.reads++;
  }
}

async function judge(): Promise<void> {
  const caller = new OssCaller(server.url);
  for (const ledger of ledgers) {
    for (const found of ledger.judge(await listAll(caller, ledger))) fault(found);
    const [record] = ledger.live();
    if (record === undefined) continue;
    const float32 = ledger.vector(record.key, record.version);
    const query = { indexName: ledger.index, topK: 1, queryVector: { float32 } };
    const { vectors } = await ask<{ vectors: { key: string }[] }>(caller, "queryVectors", query);
    if (vectors[0]?.key !== record.key) fault(`${ledger.index}/${record.key} is not found`);
  }
  caller.close();
}

function fault(text: string): void {
  tally.faults++;
  console.log(`FAULT: ${text}`);
}

/** Takes a sample and tells it: a run of hours that is cut short has still shown something. */
function sample(): void {
  const taken = takeSample();
  samples.push(taken);
  const hours = (totalMs - (endMs - performance.now())) / 3_600_000;
  const { rssMiB, handles, diskMiB } = taken;
  console.log(
    `${hours.toFixed(2)} h: ${tally.writes} writes, ${tally.reads} searches, ` +
      `${rssMiB.toFixed(0)} MiB, ${handles} handles, ${diskMiB.toFixed(0)} MiB on disk`,
  );
}

function takeSample(): Sample {
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  const rssKiB = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  const handles = readdirSync(`/proc/${server.pid}/fd`).length;
  return { rssMiB: rssKiB / 1_024, handles, diskMiB: bytesOf(dataDir) / 1_048_576 };
}

function bytesOf(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    bytes += statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function report(): void {
  const third = Math.floor(samples.length / 3);
  const middle = samples.slice(third, 2 * third);
  const last = samples.slice(2 * third);
  for (const name of ["rssMiB", "handles", "diskMiB"] as const) {
    const before = median(middle.map((sample) => sample[name]));
    const after = median(last.map((sample) => sample[name]));
    console.log(`${name}: middle third ${before.toFixed(1)}, last third ${after.toFixed(1)}`);
    if (Number(values.hours) < JUDGED_HOURS_MIN) continue;
    if (after > before * (1 + SLACK.share) + SLACK[name]) fault(`${name} goes on growing`);
  }
  console.log(`${tally.writes} writes, ${tally.reads} searches, ${tally.stops} stops`);
  if (samples.length < 9) fault("too few samples prove nothing");
  if (tally.faults === 0) rmSync(dataDir, { recursive: true, force: true });
  else console.log(`seed ${seed}; the folder is kept: ${dataDir}`);
  console.log(`${tally.faults === 0 ? 1 : 0} passed, ${tally.faults === 0 ? 0 : 1} failed`);
  process.exitCode = tally.faults === 0 ? 0 : 1;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}
