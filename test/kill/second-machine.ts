/**
 * The second machine: `npm run test:second-machine -- --losses 50`.
 *
 * A server with a mirror is killed under load and its data folder removed; `insula restore
 * --latest` makes a folder on an empty machine, a server on it goes on, and is lost in its turn.
 * The history of each index lives in this process. What comes back must be the data after a prefix
 * of the acknowledged writes, nothing beside it, and what is missing at the end may be no older
 * than the mirror's interval and what a loaded machine adds to it.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import { Chance } from "../support/chance.ts";
import { ConnectionLost, OssCaller } from "../support/oss-caller.ts";
import { ServerChild, commandOf } from "../support/server-child.ts";
import { WriteHistory } from "./write-history.ts";

const run = promisify(execFile);
const BUCKET = "mirrored";
const DIMENSION = 64;
/** Live time of a server before it is lost, ms. */
const LIFE_MS = { min: 1_500, max: 3_500 };
/** A loss beyond the interval that is no longer a slow machine, ms. */
const LATE_MS_MAX = 5_000;

const { values } = parseArgs({
  options: {
    losses: { type: "string", default: "50" },
    interval: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("Loses machines under load and goes on from their mirror.\n");
  console.log("  npm run test:second-machine -- --losses 5 --interval 1000 --seed 3");
  process.exit(0);
}

const lossCount = Number(values.losses);
const intervalMs = Number(values.interval);
const seed = Number(values.seed);
const chance = new Chance(seed);
const place = mkdtempSync(path.join(tmpdir(), "insula-second-"));
const store = path.join(place, "store");
const masterKey = path.join(place, "master-key");
const histories = ["a", "b", "c", "d"].map((name, i) => new WriteHistory(name, seed * 1_000 + i));
const lostMs: number[] = [];
const restoreMs: number[] = [];
const startMs: number[] = [];
let checked = 0;
let faults = 0;
let losses = 0;

const startOn = (machine: number): Promise<ServerChild> =>
  ServerChild.start({
    dataDir: folderOf(machine),
    port: 0,
    variables: { INSULA_MIRROR_TO: store, INSULA_MIRROR_INTERVAL_MS: String(intervalMs) },
  });

let server = await startOn(0);
copyFileSync(path.join(folderOf(0), "master-key"), masterKey);
await prepare();
while (losses < lossCount && faults === 0) {
  const lostAtMs = await liveAndDie();
  rmSync(folderOf(losses), { recursive: true, force: true });
  losses++;
  const began = performance.now();
  await restore(folderOf(losses));
  restoreMs.push(performance.now() - began);
  server = await startOn(losses);
  startMs.push(performance.now() - began);
  await judge(lostAtMs);
  if (losses % 5 === 0) console.log(`${losses} machines lost, ${checked} records checked`);
}
const ended = await server.stop();
if (ended !== "0") faults++;
report();

function folderOf(machine: number): string {
  return path.join(place, `machine-${String(machine)}`);
}

async function prepare(): Promise<void> {
  const caller = new OssCaller(server.url);
  await expectWell(caller.send({ method: "PUT", bucket: BUCKET }));
  for (const { name } of histories) {
    const body = {
      indexName: name,
      dataType: "float32",
      dimension: DIMENSION,
      distanceMetric: "euclidean",
    };
    await expectWell(caller.send({ method: "POST", bucket: BUCKET, verb: "putVectorIndex", body }));
  }
  caller.close();
  // The indexes themselves are in the mirror before the first machine is lost.
  await new Promise((resolve) => setTimeout(resolve, 2 * intervalMs));
}

/** @returns when the machine was lost */
async function liveAndDie(): Promise<number> {
  const caller = new OssCaller(server.url);
  let lostAtMs = 0;
  const timer = setTimeout(
    () => {
      lostAtMs = performance.now();
      void server.kill();
    },
    chance.between(LIFE_MS.min, LIFE_MS.max),
  );
  await Promise.all(histories.map((history) => write(caller, history)));
  clearTimeout(timer);
  await server.kill();
  caller.close();
  return lostAtMs;
}

async function write(caller: OssCaller, history: WriteHistory): Promise<void> {
  try {
    for (;;) {
      const { keys, version } = history.next();
      const vectors = keys.map((key) => ({
        key,
        data: { float32: vectorOf(version) },
        metadata: { version },
      }));
      const body = { indexName: history.name, vectors };
      const call = { method: "POST", bucket: BUCKET, verb: "putVectors", body };
      await expectWell(caller.send(call));
      history.acknowledge(performance.now());
    }
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}

async function restore(dataDir: string): Promise<void> {
  const args = ["restore", "--from", store, "--latest", "--from-key-file", masterKey];
  await run(process.execPath, [...commandOf("dist"), ...args, "--data-dir", dataDir]);
}

async function judge(lostAtMs: number): Promise<void> {
  const caller = new OssCaller(server.url);
  for (const history of histories) {
    const found = await listAll(caller, history.name);
    checked += found.size;
    const verdict = history.judge(found, lostAtMs);
    for (const fault of verdict.faults) console.log(`FAULT after loss ${losses}: ${fault}`);
    faults += verdict.faults.length;
    lostMs.push(verdict.lostMs);
    if (verdict.lostMs <= intervalMs + LATE_MS_MAX) continue;
    console.log(`FAULT after loss ${losses}: ${Math.round(verdict.lostMs)} ms are missing`);
    faults++;
  }
  caller.close();
}

async function listAll(caller: OssCaller, indexName: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  let nextToken: string | undefined;
  do {
    const body = { indexName, returnMetadata: true, returnData: true, nextToken };
    const call = { method: "POST", bucket: BUCKET, verb: "listVectors", body };
    const page = JSON.parse(await expectWell(caller.send(call))) as {
      vectors: { key: string; metadata: { version: number }; data: { float32: number[] } }[];
      nextToken?: string;
    };
    for (const { key, metadata, data } of page.vectors) {
      const isSound = vectorOf(metadata.version).every((value, i) => data.float32[i] === value);
      found.set(key, isSound ? metadata.version : -1);
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return found;
}

/** Exact in float32. */
function vectorOf(version: number): number[] {
  return Array.from({ length: DIMENSION }, (_, i) => (version + i) % 4_096);
}

async function expectWell(reply: Promise<{ status: number; text: string }>): Promise<string> {
  const { status, text } = await reply;
  if (status === 200 || status === 204) return text;
  throw new Error(`expected 200, received ${String(status)}: ${text}`);
}

function report(): void {
  const middle = (all: number[]): number =>
    Math.round(all.sort((a, b) => a - b)[all.length >> 1] ?? 0);
  const most = (all: number[]): number => Math.round(Math.max(0, ...all));
  const acknowledged = histories.reduce((sum, { acknowledged: count }) => sum + count, 0);
  console.log(
    `machines lost ${losses}, writes acknowledged ${acknowledged}, records checked ${checked}`,
  );
  console.log(
    `acknowledged writes missing: of the last ${middle(lostMs)} ms at p50, ${most(lostMs)} ms at most ` +
      `(interval ${intervalMs} ms)`,
  );
  console.log(
    `restore p50 ${middle(restoreMs)} ms, until a server answers p50 ${middle(startMs)} ms, at most ${most(startMs)} ms`,
  );
  const isWell = faults === 0 && losses === lossCount;
  if (isWell) rmSync(place, { recursive: true, force: true });
  else console.log(`seed ${seed}; the folders are kept: ${place}`);
  console.log(`${isWell ? losses : losses - 1} passed, ${isWell ? 0 : 1} failed`);
  process.exitCode = isWell ? 0 : 1;
}
