/**
 * kill -9 during writes, over and over, through real sockets: `npm run test:kill -- --kills 200`.
 *
 * The ledger lives in this process. After each kill the server starts again on the same folder, and
 * everything it holds is compared: acknowledged batches wholly there, the one unanswered batch of
 * each writer whole or absent, nothing else; contents, filters, vectors and counts agree.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Chance } from "../support/chance.ts";
import { ConnectionLost, OssCaller } from "../support/oss-caller.ts";
import { ServerChild } from "../support/server-child.ts";
import { Ledger, type StoredRecord } from "./ledger.ts";
import { ask, listAll, makeIndexes, writeNext } from "./ledger-calls.ts";

/** Live time of a server before its kill, ms. */
const LIFE_MS = { min: 20, max: 800 };
/** Records of an index asked for by their own vector after each kill. */
const PROBES = 4;

const SHAPES = [
  { index: "small", dimension: 8, keyCount: 40, batchMax: 8 },
  { index: "middle", dimension: 32, keyCount: 120, batchMax: 40 },
  { index: "wide", dimension: 1_024, keyCount: 150, batchMax: 100 },
  { index: "single", dimension: 16, keyCount: 30, batchMax: 1 },
];

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("Kills a server during writes and judges what it kept.\n");
  console.log("  npm run test:kill -- --kills 20 --seed 7");
  process.exit(0);
}

const killCount = Number(values.kills);
const seed = Number(values.seed);
const chance = new Chance(seed);
const dataDir = mkdtempSync(path.join(tmpdir(), "insula-kill-"));
const ledgers = SHAPES.map((shape, i) => new Ledger(shape, new Chance(seed * 1_000 + i)));
const tally = { kills: 0, inFlight: 0, checked: 0, probes: 0, filters: 0, faults: 0 };
const startMs: number[] = [];

let server = await ServerChild.start({ dataDir, port: 0 });
const port = Number(server.url.port);
const first = new OssCaller(server.url);
await makeIndexes(first, ledgers);
first.close();
for (let kill = 1; kill <= killCount && tally.faults === 0; kill++) {
  await liveAndDie();
  tally.kills++;
  if (ledgers.some((ledger) => ledger.open !== undefined)) tally.inFlight++;
  server = await ServerChild.start({ dataDir, port });
  startMs.push(server.startMs);
  await judge(kill);
  if (kill % 20 === 0) console.log(`${kill} kills, ${tally.checked} records checked`);
}
await server.stop();
report();

/** One writer for each index until the server is gone. */
async function liveAndDie(): Promise<void> {
  const caller = new OssCaller(server.url);
  const lifeMs = chance.between(LIFE_MS.min, LIFE_MS.max);
  const timer = setTimeout(() => void server.kill(), lifeMs);
  await Promise.all(ledgers.map((ledger) => write(caller, ledger)));
  clearTimeout(timer);
  await server.kill();
  caller.close();
}

async function write(caller: OssCaller, ledger: Ledger): Promise<void> {
  try {
    while (await writeNext(caller, ledger));
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}

async function judge(kill: number): Promise<void> {
  const caller = new OssCaller(server.url);
  for (const ledger of ledgers) {
    const found = await listAll(caller, ledger);
    const faults = [...ledger.judge(found)];
    tally.checked += found.length;
    faults.push(...(await probe(caller, ledger)), ...(await probeFilter(caller, ledger)));
    for (const fault of faults) console.log(`FAULT after kill ${kill}: ${fault}`);
    tally.faults += faults.length;
  }
  caller.close();
}

/** A record is found by its own vector, first and at distance 0, and comes back bit for bit. */
async function probe(caller: OssCaller, ledger: Ledger): Promise<readonly string[]> {
  const faults: string[] = [];
  const live = ledger.live();
  for (let i = 0; i < Math.min(PROBES, live.length); i++) {
    const { key, version } = chance.pick(live);
    const vector = ledger.vector(key, version);
    const query = { indexName: ledger.index, topK: 1, returnDistance: true };
    const { vectors } = await ask<{ vectors: { key: string; distance: number }[] }>(
      caller,
      "queryVectors",
      { ...query, queryVector: { float32: vector } },
    );
    if (vectors[0]?.key !== key || vectors[0].distance !== 0) {
      faults.push(`${ledger.index}/${key} is not found by its own vector`);
    }
    const got = await ask<{ vectors: StoredRecord[] }>(caller, "getVectors", {
      indexName: ledger.index,
      keys: [key],
      returnData: true,
    });
    const data = got.vectors[0]?.data?.float32 ?? [];
    if (vector.some((value, j) => Math.fround(data[j] ?? 0) !== value))
      faults.push(`${key}: the vector differs`);
    tally.probes++;
  }
  return faults;
}

/** A filter on a batch finds exactly the records that are still of it. */
async function probeFilter(caller: OssCaller, ledger: Ledger): Promise<readonly string[]> {
  const live = ledger.live();
  if (live.length === 0) return [];
  const { batch, key, version } = chance.pick(live);
  const expected = live.filter((record) => record.batch === batch).map((record) => record.key);
  const { vectors } = await ask<{ vectors: { key: string }[] }>(caller, "queryVectors", {
    indexName: ledger.index,
    topK: 500,
    queryVector: { float32: ledger.vector(key, version) },
    filter: { batch },
  });
  tally.filters++;
  const found = vectors.map((record) => record.key).sort();
  return found.join() === expected.sort().join() ? [] : [`the filter on ${batch} differs`];
}

function report(): void {
  const sorted = startMs.sort((a, b) => a - b);
  const acknowledged = ledgers.reduce((sum, ledger) => sum + ledger.acknowledgedCount, 0);
  const unknown = ledgers.reduce((sum, ledger) => sum + ledger.unknownCount, 0);
  console.log(`kills ${tally.kills}, with batches in flight ${tally.inFlight}`);
  console.log(`batches acknowledged ${acknowledged}, unanswered ${unknown}`);
  console.log(
    `records checked ${tally.checked}, own-vector queries ${tally.probes}, filters ${tally.filters}`,
  );
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  console.log(
    `spawn to ready p50 ${Math.round(sorted[sorted.length >> 1] ?? 0)} ms, p99 ${Math.round(p99)} ms`,
  );
  const hasBite = tally.inFlight >= 0.9 * tally.kills;
  if (!hasBite) console.log("Too few kills met a batch in flight: they prove too little.");
  const isWell = tally.faults === 0 && hasBite && tally.kills === killCount;
  if (isWell) rmSync(dataDir, { recursive: true, force: true });
  else console.log(`seed ${seed}; the folder is kept: ${dataDir}`);
  console.log(`${isWell ? tally.kills : tally.kills - 1} passed, ${isWell ? 0 : 1} failed`);
  process.exitCode = isWell ? 0 : 1;
}
