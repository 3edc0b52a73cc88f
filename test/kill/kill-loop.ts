/**
 * One server that is killed during writes, over and over, on a folder of its own.
 *
 * The ledger lives in this process. After each kill the server starts again on the same folder, and
 * everything it holds is compared: acknowledged batches wholly there, the one unanswered batch of
 * each writer whole or absent, nothing else; contents, filters, vectors and counts agree.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
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

/** What one loop did, or several together. */
export class KillTally {
  kills = 0;
  /** Kills that met a batch nobody had answered yet. */
  inFlight = 0;
  /** Records compared. */
  checked = 0;
  probes = 0;
  filters = 0;
  faults = 0;
  acknowledged = 0;
  unknown = 0;
  /** From spawn to ready, of each start after a kill. */
  readonly startMs: number[] = [];

  add(other: KillTally): void {
    this.kills += other.kills;
    this.inFlight += other.inFlight;
    this.checked += other.checked;
    this.probes += other.probes;
    this.filters += other.filters;
    this.faults += other.faults;
    this.acknowledged += other.acknowledged;
    this.unknown += other.unknown;
    this.startMs.push(...other.startMs);
  }
}

export class KillLoop {
  readonly tally: KillTally = new KillTally();
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #ledgers: readonly Ledger[];
  readonly #dataDir = mkdtempSync(path.join(tmpdir(), "insula-kill-"));

  constructor(seed: number) {
    this.#seed = seed;
    this.#chance = new Chance(seed);
    this.#ledgers = SHAPES.map((shape, i) => new Ledger(shape, new Chance(seed * 1_000 + i)));
  }

  /** Ends early at the first fault; the folder is kept then. */
  async run(killCount: number): Promise<void> {
    const { tally } = this;
    let server = await ServerChild.start({ dataDir: this.#dataDir, port: 0 });
    const port = Number(server.url.port);
    const first = new OssCaller(server.url);
    await makeIndexes(first, this.#ledgers);
    first.close();
    for (let kill = 1; kill <= killCount && tally.faults === 0; kill++) {
      await this.#liveAndDie(server);
      tally.kills++;
      if (this.#ledgers.some((ledger) => ledger.open !== undefined)) tally.inFlight++;
      server = await ServerChild.start({ dataDir: this.#dataDir, port });
      tally.startMs.push(server.startMs);
      await this.#judge(server, kill);
      if (kill % 20 === 0) {
        console.log(`seed ${this.#seed}: ${kill} kills, ${tally.checked} records checked`);
      }
    }
    await server.stop();
    for (const { acknowledgedCount, unknownCount } of this.#ledgers) {
      tally.acknowledged += acknowledgedCount;
      tally.unknown += unknownCount;
    }
    if (tally.faults === 0) rmSync(this.#dataDir, { recursive: true, force: true });
    else console.log(`seed ${this.#seed}; the folder is kept: ${this.#dataDir}`);
  }

  /** One writer for each index until the server is gone. */
  async #liveAndDie(server: ServerChild): Promise<void> {
    const caller = new OssCaller(server.url);
    const lifeMs = this.#chance.between(LIFE_MS.min, LIFE_MS.max);
    const timer = setTimeout(() => void server.kill(), lifeMs);
    await Promise.all(this.#ledgers.map((ledger) => write(caller, ledger)));
    clearTimeout(timer);
    await server.kill();
    caller.close();
  }

  async #judge(server: ServerChild, kill: number): Promise<void> {
    const caller = new OssCaller(server.url);
    for (const ledger of this.#ledgers) {
      const found = await listAll(caller, ledger);
      const faults = [...ledger.judge(found)];
      this.tally.checked += found.length;
      faults.push(
        ...(await this.#probe(caller, ledger)),
        ...(await this.#probeFilter(caller, ledger)),
      );
      for (const fault of faults) console.log(`FAULT after kill ${kill}: ${fault}`);
      this.tally.faults += faults.length;
    }
    caller.close();
  }

  /** A record is found by its own vector, first and at distance 0, and comes back bit for bit. */
  async #probe(caller: OssCaller, ledger: Ledger): Promise<readonly string[]> {
    const faults: string[] = [];
    const live = ledger.live();
    for (let i = 0; i < Math.min(PROBES, live.length); i++) {
      const { key, version } = this.#chance.pick(live);
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
      this.tally.probes++;
    }
    return faults;
  }

  /** A filter on a batch finds exactly the records that are still of it. */
  async #probeFilter(caller: OssCaller, ledger: Ledger): Promise<readonly string[]> {
    const live = ledger.live();
    if (live.length === 0) return [];
    const { batch, key, version } = this.#chance.pick(live);
    const expected = live.filter((record) => record.batch === batch).map((record) => record.key);
    const { vectors } = await ask<{ vectors: { key: string }[] }>(caller, "queryVectors", {
      indexName: ledger.index,
      topK: 500,
      queryVector: { float32: ledger.vector(key, version) },
      filter: { batch },
    });
    this.tally.filters++;
    const found = vectors.map((record) => record.key).sort();
    return found.join() === expected.sort().join() ? [] : [`the filter on ${batch} differs`];
  }
}

async function write(caller: OssCaller, ledger: Ledger): Promise<void> {
  try {
    while (await writeNext(caller, ledger));
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}
