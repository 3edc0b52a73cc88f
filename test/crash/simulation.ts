/**
 * A whole life of an engine out of one seed: clients at the same time, files whose calls are
 * answered in a drawn order, failing calls, power cuts, restarts, a wall clock that jumps. Nothing
 * in it is real, so the same seed is the same run, call by call.
 */
import type { Engine } from "../../src/engine/api.ts";
import { InsulaError, isInsulaError } from "../../src/base/errors.ts";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import { ManualClock, SimulatedDisk, type FileCall } from "../../src/io/index.ts";
import type { Schema } from "../../src/model/index.ts";
import { checkAgreement } from "../model/agreement.ts";
import { Chance } from "../model/chance.ts";
import { judgeHistory, type HistoryCall } from "./history.ts";
import { Scheduler, ScheduledFileSystem } from "./scheduler.ts";
import {
  CALL_DIMENSION,
  CallMaker,
  isWrite,
  printCall,
  sendCall,
  TENANT_MODEL,
  type TenantCall,
} from "./tenant-calls.ts";

const DATABASE = "db";
const COLLECTION = "docs";
const TENANTS = ["a", "b", "c"];
const CLIENTS = 4;
const LIVES = 3;
const CALLS_PER_LIFE = 40;
/** Failing file calls of a life at most. */
const FAULTS_MAX = 2;
const HOUR_MS = 3_600_000;
const SCHEMA: Schema = {
  vectors: [{ name: "", dimension: CALL_DIMENSION, metric: "euclidean" }],
  identity: "key",
  unfilterable: ["text"],
};

export interface SimulationTally {
  readonly calls: number;
  readonly turns: number;
  readonly cuts: number;
  readonly faults: number;
  /** Equal for runs that did the same file calls in the same order. */
  readonly digest: string;
}

interface Life {
  readonly clock: ManualClock;
  engine: Engine | undefined;
  /** What the power cut left; answers after it reach nobody. */
  cut: SimulatedDisk | undefined;
  /** Changes of the disk until the cut; Infinity: none. */
  changesLeft: number;
  faultsLeft: number;
  faults: number;
  callsLeft: number;
  isClosing: boolean;
}

export class Simulation {
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #scheduler: Scheduler;
  readonly #policy: NonNullable<EngineOptions["policy"]>;
  readonly #maker = new CallMaker();
  readonly #histories = new Map<string, HistoryCall<TenantCall>[]>(TENANTS.map((t) => [t, []]));
  #disk = new SimulatedDisk();
  #wallMs = 1_700_000_000_000;
  #now = 0;
  #failure: { readonly error: unknown } | undefined;
  #calls = 0;
  #cuts = 0;
  #faults = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#chance = new Chance(seed * 2);
    this.#scheduler = new Scheduler(new Chance(seed * 2 + 1));
    this.#policy = this.#chance.policy();
  }

  /** @throws the first lie */
  async run(): Promise<SimulationTally> {
    for (let i = 0; i <= LIVES; i++) await this.#live(i, i === LIVES);
    for (const [tenant, calls] of this.#histories) judgeTenant(tenant, calls);
    return {
      calls: this.#calls,
      turns: this.#scheduler.count,
      cuts: this.#cuts,
      faults: this.#faults,
      digest: this.#scheduler.digest(),
    };
  }

  async #live(index: number, isLast: boolean): Promise<void> {
    const chance = this.#chance;
    const life: Life = {
      clock: new ManualClock(this.#wallMs),
      engine: undefined,
      cut: undefined,
      changesLeft: isLast || chance.once(3) ? Infinity : 5 + chance.below(250),
      faultsLeft: isLast || chance.once(2) ? 0 : 1 + chance.below(FAULTS_MAX),
      faults: 0,
      callsLeft: isLast ? 0 : CALLS_PER_LIFE,
      isClosing: false,
    };
    this.#attach(life);
    const idle = (ms: number): void => {
      life.clock.advance(ms);
    };
    const work = this.#work(index, life);
    let isDone = false;
    const settle = (): void => {
      isDone = true;
    };
    work.then(settle, settle);
    const isOver = (): boolean => isDone || life.cut !== undefined;
    await this.#scheduler.run(isOver, (ms) => {
      if (life.engine !== undefined) idle(ms);
    });
    if (life.cut === undefined) await work;
    else this.#end(life.cut);
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#wallMs = life.clock.wallMs();
    this.#faults += life.faults;
  }

  /** The disk with this life's eyes on it. */
  #attach(life: Life): void {
    const random = this.#chance.random;
    const disk: SimulatedDisk = this.#disk.crash(random, {
      onChange: () => {
        if (--life.changesLeft > 0 || life.cut !== undefined) return;
        // This change is not done yet: the power is gone before it.
        life.cut = disk.crash(random);
      },
    });
    this.#disk = disk;
  }

  #end(cut: SimulatedDisk): void {
    this.#disk = cut;
    this.#scheduler.abandon();
    this.#cuts++;
  }

  async #work(index: number, life: Life): Promise<void> {
    const engine = await this.#open(index, life);
    life.engine = engine;
    await this.#readAll(engine, life);
    const clients = Array.from({ length: CLIENTS }, (_, client) => this.#client(client, life));
    await Promise.all([...clients, this.#house(life)]);
    life.isClosing = true;
    await engine.close().catch((error: unknown) => {
      this.#expectHonest(error, life);
    });
    // A clean stop may be followed by a power cut: what was told is on the disk.
    if (life.cut === undefined) this.#disk = this.#disk.crash(this.#chance.random);
  }

  async #open(index: number, life: Life): Promise<Engine> {
    const options: EngineOptions = {
      files: new ScheduledFileSystem(this.#disk, this.#scheduler, (call) => this.#hook(life, call)),
      clock: life.clock,
      random: new Chance(this.#seed * 100 + index).random,
      policy: this.#policy,
      logFileBytesMax: 64 * 1024,
      logBytesMax: 128 * 1024,
      awakeShardsMax: 2,
      workerCount: 0,
      memoryBudget: 256 * 1024 * 1024,
      onFault: (error) => {
        this.#expectHonest(error, life);
      },
    };
    for (;;) {
      let engine: Engine | undefined;
      try {
        engine = await openEngine(options);
        if ((await engine.getDatabase(DATABASE)) === undefined) {
          await engine.createDatabase(DATABASE);
        }
        if ((await engine.getCollection(DATABASE, COLLECTION)) === undefined) {
          const shape = { schema: SCHEMA, tenancy: "multi" } as const;
          await engine.createCollection(DATABASE, COLLECTION, shape);
        }
        return engine;
      } catch (error) {
        this.#expectHonest(error, life);
        if (this.#failure !== undefined) throw error;
        await engine?.close().catch(() => undefined);
      }
    }
  }

  /** After each recovery: the parts of each shard agree, and what they hold is part of history. */
  async #readAll(engine: Engine, life: Life): Promise<void> {
    for (const tenant of TENANTS) {
      for (const kind of ["count", "list", "search"] as const) {
        await this.#call(engine, life, { client: -1, tenant, call: { kind } });
      }
      if (life.faultsLeft > 0) continue;
      const place = { database: DATABASE, collection: COLLECTION, tenant };
      await checkAgreement(engine, place, SCHEMA);
    }
  }

  async #client(client: number, life: Life): Promise<void> {
    while (life.callsLeft-- > 0 && this.#failure === undefined) {
      await this.#scheduler.turn(`client ${String(client)}`);
      if (life.engine === undefined || life.isClosing) return;
      const tenant = this.#chance.pick(TENANTS);
      const call = this.#maker.next(this.#chance);
      await this.#call(life.engine, life, { client, tenant, call });
    }
  }

  async #call(
    engine: Engine,
    life: Life,
    sent: { readonly client: number; readonly tenant: string; readonly call: TenantCall },
  ): Promise<void> {
    const { client, tenant, call } = sent;
    const history = this.#histories.get(tenant) ?? [];
    const beganAt = ++this.#now;
    this.#calls++;
    let end: HistoryCall<TenantCall>["end"];
    const at = history.length;
    // Without an answer until one is heard.
    history.push({ client, call, beganAt, end });
    try {
      const answer = await sendCall(
        engine,
        { database: DATABASE, collection: COLLECTION, tenant },
        call,
      );
      if (life.cut !== undefined) return;
      if (answer === undefined) history[at] = { client: -2, call: { kind: "count" }, beganAt, end };
      else history[at] = { client, call, beganAt, end: { at: ++this.#now, answer } };
    } catch (error) {
      if (life.cut === undefined) this.#expectHonest(error, life);
    }
  }

  /** What an operator and time itself do. */
  async #house(life: Life): Promise<void> {
    const chance = this.#chance;
    while (life.callsLeft > 0 && this.#failure === undefined) {
      await this.#scheduler.turn("house");
      const { engine, clock } = life;
      if (engine === undefined || !chance.once(3)) continue;
      const place = { database: DATABASE, collection: COLLECTION, tenant: chance.pick(TENANTS) };
      try {
        const kind = chance.below(7);
        if (kind < 2) await engine.flush(place);
        else if (kind === 2) await engine.compact(place);
        else if (kind === 3) await engine.deactivate(place);
        else if (kind === 4) await engine.flush();
        else if (kind === 5) clock.advance(chance.pick([60, 600, 700_000]));
        else clock.jumpWall(chance.pick([-24 * HOUR_MS, -HOUR_MS, HOUR_MS, 24 * HOUR_MS]));
      } catch (error) {
        if (isInsulaError(error) && error.code === "tenant_not_found") continue;
        if (life.cut === undefined) this.#expectHonest(error, life);
      }
    }
  }

  #hook(life: Life, call: FileCall): number {
    if (life.faultsLeft === 0 || life.cut !== undefined || !this.#chance.once(60)) {
      return call.length;
    }
    life.faultsLeft--;
    life.faults++;
    const isWriting = call.kind === "write" || call.kind === "write-and-sync";
    const effect = this.#chance.pick(["io_failed", "disk_full", "short"] as const);
    this.#scheduler.note(`fault ${effect}`);
    if (effect === "short" && isWriting) return Math.floor(call.length / 2);
    const code = effect === "short" ? "io_failed" : effect;
    throw new InsulaError(code, `Cannot ${call.kind} "${call.path}": drawn from the seed.`);
  }

  /** Only a disk that failed may be complained of, in words that say so. */
  #expectHonest(error: unknown, life: Life): void {
    if (life.cut !== undefined) return;
    const codes = ["io_failed", "disk_full", "log_poisoned"];
    if (isInsulaError(error) && life.faults > 0 && codes.includes(error.code)) return;
    this.#failure ??= { error };
  }
}

function judgeTenant(tenant: string, calls: readonly HistoryCall<TenantCall>[]): void {
  const told = calls.filter(({ call, end }) => end !== undefined || isWrite(call));
  const verdict = judgeHistory(told, TENANT_MODEL);
  if (verdict.kind === "possible") return;
  const stuck = verdict.kind === "impossible" ? verdict : { state: "unknown", stuck: [] };
  throw new Error(
    `the history of tenant ${tenant} is ${verdict.kind}; records: ${stuck.state}; next could be\n` +
      `${stuck.stuck.map(printCall).join("\n")}\nall calls\n${told.map(printCall).join("\n")}`,
  );
}
