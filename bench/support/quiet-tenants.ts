/**
 * Quiet tenants that are asked one after the other at a steady rate, whether or not those before
 * are answered, and whose answers must stay those they gave when nobody else was there.
 */
import { Worker } from "node:worker_threads";
import { SeededNumbers } from "./clustered-vectors.ts";
import { quantiles } from "./samples.ts";

export interface Asked {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
  /** Refusals, failures, and answers that are not the one that was given alone. */
  readonly errors: number;
}

/**
 * Sends the time every so often, from a thread of its own: a loop that is held up is late by that.
 */
const PACER = `
const { parentPort, workerData } = require("node:worker_threads");
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const startedAt = performance.timeOrigin + performance.now();
for (let n = 0; n < workerData.count; n++) {
  const dueAt = startedAt + n * workerData.everyMs;
  const waitMs = dueAt - performance.timeOrigin - performance.now();
  if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
  parentPort.postMessage(performance.timeOrigin + performance.now());
}
`;

export class QuietTenants {
  readonly #count: number;
  readonly #ask: (tenant: number) => Promise<string>;
  readonly #truths = new Map<number, string>();
  readonly #numbers = new SeededNumbers(11);

  /** @param ask gives the answer as a text; rejects when there is none. */
  constructor(count: number, ask: (tenant: number) => Promise<string>) {
    this.#count = count;
    this.#ask = ask;
  }

  /** Each once: their answers of now are those that are right. */
  async wake(): Promise<void> {
    for (let i = 0; i < this.#count; i++) this.#truths.set(i, await this.#ask(i));
  }

  /** @param perSecond of all together. */
  askFor(seconds: number, perSecond: number): Promise<Asked> {
    return this.#askUntil(new Promise(() => undefined), Math.ceil(seconds * perSecond), perSecond);
  }

  /** Until `over` resolves, an hour at most. */
  askDuring(over: Promise<unknown>, perSecond: number): Promise<Asked> {
    return this.#askUntil(over, 3_600 * perSecond, perSecond);
  }

  async #askUntil(over: Promise<unknown>, count: number, perSecond: number): Promise<Asked> {
    const latencies: number[] = [];
    const running: Promise<boolean>[] = [];
    const workerData = { count, everyMs: 1_000 / perSecond };
    const pacer = new Worker(PACER, { eval: true, workerData });
    pacer.on("message", (sentAt: number) => {
      running.push(this.#one(this.#numbers.below(this.#count), sentAt, latencies));
    });
    const ended = new Promise((resolve) => pacer.once("exit", resolve));
    await Promise.race([over.then(() => pacer.terminate()), ended]);
    const isRight = await Promise.all(running);
    const { mean: _, ...asked } = quantiles(latencies);
    return { ...asked, errors: isRight.filter((each) => !each).length };
  }

  async #one(tenant: number, sentAt: number, latencies: number[]): Promise<boolean> {
    const answer = await this.#ask(tenant).catch(() => undefined);
    latencies.push(performance.timeOrigin + performance.now() - sentAt);
    return answer === this.#truths.get(tenant);
  }
}
