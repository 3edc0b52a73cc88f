/**
 * Servers that start on the data of one way, each on an empty page cache: the first answer; then,
 * with all asleep, a listing and a look of the policy; then wakings, writes and erasures.
 */
import { connect, type Insula } from "../../src/client/index.ts";
import { findFreePorts } from "../../test/support/free-ports.ts";
import { dropPageCache } from "../support/machine.ts";
import type { Report, Row } from "../support/report.ts";
import { median, quantiles, timeMs } from "../support/samples.ts";
import { startServerProcess, type ServerProcess } from "../support/server-process.ts";
import type { Figures } from "./figures.ts";
import {
  DIMENSION,
  LARGE_DIMENSION,
  LARGE_ROWS,
  nameOf,
  searchOf,
  vectorOf,
  type Sizes,
} from "./sizes.ts";
import { DATABASE, LARGE_DATABASE, recordsOf, type ErasureTarget, type Way } from "./way.ts";

/** Beside the port of HTTP: those of clients that need one for each index. */
const INDEX_PORTS = 3;
/** Searches of each that compile what all of them run. */
const WARMING_ROUNDS = 20;
const FIRST_MS_MAX = 1_000;
const WAKING_MS_MAX = 5;
const ASLEEP_MIB_MAX = 200;
const OPEN_FILES_MAX = 256;

interface Starts {
  readonly listening: number[];
  readonly first: number[];
  readonly fresh: number[];
  readonly cold: number[];
  readonly warm: number[];
}

export class ColdStarts {
  readonly #way: Way;
  readonly #sizes: Sizes;
  readonly #figures: Figures;
  readonly #report: Report;
  readonly #memory: Row[] = [];
  readonly #times: Row[] = [];

  constructor(
    way: Way,
    { sizes, figures, report }: { sizes: Sizes; figures: Figures; report: Report },
  ) {
    this.#way = way;
    this.#sizes = sizes;
    this.#figures = figures;
    this.#report = report;
  }

  async measure(dataDir: string): Promise<void> {
    const starts: Starts = { listening: [], first: [], fresh: [], cold: [], warm: [] };
    let isCold = true;
    for (let turn = 1; turn <= this.#sizes.turns; turn++) {
      this.#figures.progress(`start ${String(turn)}`);
      isCold = dropPageCache() && isCold;
      const server = await this.#startServer(dataDir);
      const client = await connect({ url: server.access.url, secret: server.access.secret });
      try {
        await this.#search(client, DATABASE, (turn * 31) % this.#sizes.count);
        starts.first.push(performance.now() - server.startedAt);
        starts.listening.push(server.listeningMs);
        const isLast = turn === this.#sizes.turns;
        if (isLast) await this.#whileAsleep(client, server);
        await this.#wakeLarge(client, turn, starts);
        if (isLast) await this.#useSome({ client, dataDir }, server);
      } finally {
        await client.close();
        await server.stop();
      }
    }
    if (!isCold) this.#figures.remark("the page cache could not be emptied: starts are not cold.");
    this.#tell(starts);
  }

  async #startServer(dataDir: string): Promise<ServerProcess> {
    const first = await findFreePorts(INDEX_PORTS);
    const ports = `${String(first)}-${String(first + INDEX_PORTS - 1)}`;
    return startServerProcess(dataDir, { INSULA_INDEX_PORTS: ports });
  }

  async #search(client: Insula, database: string, i: number, seed = i): Promise<void> {
    const dimension = database === DATABASE ? DIMENSION : LARGE_DIMENSION;
    const place = this.#way.placeOf(database, nameOf(i));
    const { hits } = await recordsOf(client, place).query(searchOf(dimension, seed));
    if (hits.length === 0) throw new Error(`Nothing was found in ${nameOf(i)}.`);
  }

  async #whileAsleep(client: Insula, server: ServerProcess): Promise<void> {
    this.#weigh("after the first answer", server);
    let count = 0;
    const cpuBefore = server.cpuMs();
    const listMs = await timeMs(async () => {
      count = await this.#way.list(client);
    });
    const cpuMs = server.cpuMs() - cpuBefore;
    if (count !== this.#sizes.count) throw new Error(`${String(count)} are listed.`);
    const { anonymousMib, residentMib } = this.#weigh("asleep, after one full listing", server);
    const add = this.#figures.add.bind(this.#figures);
    add({ what: "one full listing", value: listMs, unit: "ms" });
    add({ what: "one full listing, time of the server's processors", value: cpuMs, unit: "ms" });
    const wanted = { max: ASLEEP_MIB_MAX };
    add({ what: "asleep and listed, anonymous", value: anonymousMib, unit: "MiB", wanted });
    add({ what: "asleep and listed, resident", value: residentMib, unit: "MiB" });
    await server.loopDelay();
    let looked: number | undefined;
    const sweepMs = await timeMs(async () => {
      looked = await this.#way.sweep(client);
    });
    if (looked === undefined) return;
    if (looked !== this.#sizes.count) throw new Error(`The policy looked at ${String(looked)}.`);
    this.#weigh("asleep, after a policy sweep", server);
    add({ what: "a policy sweep", value: sweepMs, unit: "ms" });
    const { max } = await server.loopDelay();
    add({ what: "the loop in it, at most late by", value: max, unit: "ms" });
  }

  /**
   * One half wakes in a process that has just started, and is then searched until all of it is
   * compiled; the other half wakes after that, from a disk whose cache was emptied once more.
   */
  async #wakeLarge(client: Insula, turn: number, { fresh, cold, warm }: Starts): Promise<void> {
    const half = Math.floor(this.#sizes.largeCount / 2);
    const wake = async (into: number[], first: number, end: number): Promise<void> => {
      for (let i = first; i < end; i++) {
        into.push(await timeMs(() => this.#search(client, LARGE_DATABASE, i, turn)));
      }
    };
    await wake(fresh, 0, half);
    for (let round = 0; round < WARMING_ROUNDS; round++) await wake([], 0, half);
    dropPageCache();
    for (const into of [cold, warm]) await wake(into, half, this.#sizes.largeCount);
  }

  async #useSome(target: ErasureTarget, server: ServerProcess): Promise<void> {
    const { client } = target;
    const names = this.#sizes.pick();
    const woken: number[] = [];
    for (const [i, name] of names.woken.entries()) {
      const records = recordsOf(client, this.#way.placeOf(DATABASE, name));
      woken.push(await timeMs(() => records.query(searchOf(DIMENSION, i))));
    }
    this.#weigh(`${String(woken.length)} at random awake`, server);
    const written: number[] = [];
    for (const [i, name] of names.written.entries()) {
      const records = recordsOf(client, this.#way.placeOf(DATABASE, name));
      const vector = vectorOf(DIMENSION, i);
      written.push(await timeMs(() => records.upsert([{ key: "new", vector }])));
    }
    const erased: number[] = [];
    for (const name of names.erased) erased.push(await this.#way.erase(target, name));
    this.#weigh("after writing and erasing", server);
    this.#times.push(
      this.#timesOf("query of a small sleeper", woken),
      this.#timesOf("write to a sleeper", written),
      this.#timesOf("erasure, key gone", erased),
    );
  }

  #tell({ listening, first, fresh, cold, warm }: Starts): void {
    const add = this.#figures.add.bind(this.#figures);
    add({ what: "all listeners open", value: median(listening), unit: "ms" });
    const value = median(first);
    add({ what: "first answer", value, unit: "ms", wanted: { max: FIRST_MS_MAX } });
    add({ what: "first answer, slowest start", value: Math.max(...first), unit: "ms" });
    const size = `${String(LARGE_ROWS)} × ${String(LARGE_DIMENSION)}`;
    const wanted = { max: WAKING_MS_MAX };
    this.#times.unshift(
      this.#timesOf(`waking ${size} in a process just started`, fresh),
      this.#timesOf(`waking ${size} from disk`, cold, wanted),
      this.#timesOf("the same, awake", warm),
    );
    this.#report.table(`${this.#way.name}: over HTTP, ms`, this.#times);
    this.#report.table(`${this.#way.name}: memory and descriptors of the server`, this.#memory);
    const most = Math.max(...this.#memory.map((row) => Number(row["open files"])));
    add({ what: "open descriptors", value: most, unit: "", wanted: { max: OPEN_FILES_MAX } });
  }

  #timesOf(what: string, samples: readonly number[], wanted?: { readonly max: number }): Row {
    const { p50, p99, count } = quantiles(samples);
    this.#figures.add({ what: `${what}, p50`, value: p50, unit: "ms" });
    this.#figures.add({ what: `${what}, p99`, value: p99, unit: "ms", ...(wanted && { wanted }) });
    return { what, p50, p99, count };
  }

  #weigh(moment: string, server: ServerProcess): { anonymousMib: number; residentMib: number } {
    const { anonymousMib, residentMib } = server.memory();
    this.#memory.push({
      moment,
      "anonymous MiB": anonymousMib,
      "resident MiB": residentMib,
      "open files": server.openFiles(),
    });
    return { anonymousMib, residentMib };
  }
}
