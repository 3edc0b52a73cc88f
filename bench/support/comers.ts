/** Tenants that come and go while something else is measured. */
import type { Engine } from "../../src/engine/index.ts";
import type { Place } from "../../src/model/index.ts";
import { runConcurrently } from "./samples.ts";

const TURN_MS = 100;
/** Turns under way at once: a machine that is late makes fewer. */
const TURNS_MAX = 20;

/** Makes tenants and erases them again, so many in a second. */
export class Comers {
  readonly #engine: Engine;
  readonly #place: Place;
  readonly #perTurn: number;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #running = new Set<Promise<void>>();
  #count = 0;
  #next = 0;

  constructor(engine: Engine, place: Place, perSecond: number) {
    this.#engine = engine;
    this.#place = place;
    this.#perTurn = Math.ceil((perSecond * TURN_MS) / 1_000);
    this.#timer = setInterval(() => {
      // Those that are late are made up for: only what was done counts.
      if (this.#running.size >= TURNS_MAX) return;
      const work: Promise<void> = this.#turn().finally(() => this.#running.delete(work));
      this.#running.add(work);
    }, TURN_MS);
  }

  /** @returns how many in a second. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const rate = this.#count / seconds;
    await Promise.all(this.#running);
    return rate;
  }

  async #turn(): Promise<void> {
    const names = Array.from({ length: this.#perTurn }, () => `comer${String(this.#next++)}`);
    const { database, collection } = this.#place;
    await this.#engine.createTenants(database, collection, names);
    await runConcurrently(names.length, names.length, async (i) => {
      await this.#engine.eraseTenant({ ...this.#place, tenant: names[i] ?? "" });
    });
    this.#count += names.length;
  }
}
