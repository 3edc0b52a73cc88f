/**
 * One protocol's run: a server of its own, a warm-up, the counted requests, and the judgement of
 * the answers, the memory, the open files and of those who asked meanwhile.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { Chance } from "../support/chance.ts";
import { ServerChild } from "../support/server-child.ts";
import { CANARY, type Aimed, type Reply, type Sent, type Subject } from "./subject.ts";

const GROWTH_MAX = 0.05;
/** A leak grows by as much with as many requests again, and again; a pool holds still some time. */
const AGAIN_MAX = 0.02;
const AGAIN_ROUNDS = 6;
/** The log, packs and segments of a server are opened when first read, some after the warm-up. */
const MORE_FILES_MAX = 6;
const AT_ONCE = 8;
const HEALTH_MS_MAX = 2_000;
const FAULTS_SHOWN = 20;

export interface FuzzOptions {
  readonly seed: number;
  /** Requests that count. */
  readonly requestCount: number;
  /** Requests before memory and files are counted: caches, compiled code and pools grow first. */
  readonly warmUpCount: number;
}

interface Usage {
  readonly anonymousKb: number;
  readonly files: number;
}

export interface FuzzResult {
  readonly sent: number;
  readonly faultCount: number;
}

/** Runs one protocol and prints what happened. */
export async function runFuzz(
  createSubject: (chance: Chance) => Subject,
  options: FuzzOptions,
): Promise<FuzzResult> {
  const dataDir = mkdtempSync(path.join(tmpdir(), "insula-fuzz-"));
  const hook = new URL("./collect-garbage.mjs", import.meta.url).href;
  const server = await ServerChild.start({
    dataDir,
    port: 0,
    variables: { NODE_OPTIONS: `--expose-gc --import ${hook}` },
  });
  try {
    const run = new FuzzRun(server, createSubject, options);
    const result = await run.run();
    if (result.faultCount === 0) rmSync(dataDir, { recursive: true, force: true });
    else console.log(`seed ${options.seed}; the folder is kept: ${dataDir}`);
    return result;
  } finally {
    await server.stop();
  }
}

class FuzzRun {
  readonly #server: ServerChild;
  readonly #options: FuzzOptions;
  readonly #subject: Subject;
  readonly #chance: Chance;
  readonly #counts = new Map<string, number>();
  readonly #faults: string[] = [];
  /** Each part of the run has connections of its own, closed before anything is counted. */
  #agent = openAgent();
  #sent = 0;
  #reached = 0;
  #slowestHealthMs = 0;

  constructor(
    server: ServerChild,
    createSubject: (chance: Chance) => Subject,
    options: FuzzOptions,
  ) {
    this.#server = server;
    this.#options = options;
    this.#chance = new Chance(options.seed);
    this.#subject = createSubject(this.#chance);
  }

  async run(): Promise<FuzzResult> {
    const { requestCount, warmUpCount } = this.#options;
    await this.#subject.prepare((sent) => this.#exchange(sent));
    await this.#sendMany(warmUpCount);
    const before = await this.#usage();
    this.#sent = 0;
    this.#reached = 0;
    this.#counts.clear();
    const watch = setInterval(() => void this.#checkHealth(), 100);
    await this.#sendMany(requestCount);
    const after = await this.#usageAtRest(before);
    clearInterval(watch);
    this.#judgeEnd(before, after);
    this.#agent.destroy();
    this.#report(before, after);
    return { sent: this.#sent, faultCount: this.#faults.length };
  }

  /** What is held after the requests, or after as many again, until it has stopped growing. */
  async #usageAtRest(before: Usage): Promise<Usage> {
    let last = await this.#usage();
    if (last.anonymousKb <= before.anonymousKb * (1 + GROWTH_MAX)) return last;
    for (let round = 0; round < AGAIN_ROUNDS; round++) {
      await this.#sendMany(this.#options.requestCount);
      const next = await this.#usage();
      console.log(`anonymous memory ${last.anonymousKb} kB, then ${next.anonymousKb} kB`);
      if (next.anonymousKb <= last.anonymousKb * (1 + AGAIN_MAX)) return next;
      last = next;
    }
    this.#faults.push("memory grows with the requests");
    return last;
  }

  async #sendMany(count: number): Promise<void> {
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) await this.#sendOne();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #sendOne(): Promise<void> {
    const aimed = this.#subject.next(this.#chance);
    const { operation } = aimed;
    const reply = await this.#exchange(aimed.sent);
    this.#sent++;
    const code = this.#judge(aimed, reply);
    if (code === undefined || this.#subject.earlyCodes.has(code)) return;
    this.#reached++;
    const name = `${operation} ${code}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** The code of the answer; undefined: it was a fault. */
  #judge({ operation, mayNameAll }: Aimed, reply: Reply): string | undefined {
    const fault = (reason: string): undefined => {
      const text = reply.text.slice(0, 300);
      this.#faults.push(`${operation}: ${reason}: ${reply.status} ${text}`);
    };
    if (reply.headers.date === undefined) return fault("no Date");
    if (mayNameAll !== true && reply.text.includes(CANARY)) return fault("the neighbour's data");
    if (reply.status === 500) return fault("a fault of the server");
    try {
      const verdict = this.#subject.judge(operation, reply);
      return verdict.kind === "answer" ? verdict.code : fault(verdict.reason);
    } catch (error) {
      return fault(String(error));
    }
  }

  #exchange(sent: Sent): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#server.url;
      const { method, body } = sent;
      const headers = { ...sent.headers, "content-length": String(Buffer.byteLength(body)) };
      const target = { agent: this.#agent, hostname, port, method, path: sent.path, headers };
      const outgoing = request(target, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.once("error", reject);
        answer.once("end", () => {
          const text = Buffer.concat(parts).toString();
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
        });
      });
      outgoing.once("error", reject);
      outgoing.end(body);
    });
  }

  async #checkHealth(): Promise<void> {
    const startedAt = performance.now();
    try {
      const answer = await fetch(new URL("/healthz", this.#server.url), {
        headers: { connection: "close" },
        signal: AbortSignal.timeout(10_000),
      });
      await answer.arrayBuffer();
      if (answer.status !== 200) this.#faults.push(`health: ${answer.status}`);
    } catch (error) {
      this.#faults.push(`health: ${String(error)}`);
    }
    this.#slowestHealthMs = Math.max(this.#slowestHealthMs, performance.now() - startedAt);
  }

  /** Anonymous memory after two collections, and open files, without a client connected. */
  async #usage(): Promise<Usage> {
    this.#agent.destroy();
    this.#agent = openAgent();
    const { pid } = this.#server;
    for (let i = 0; i < 2; i++) {
      process.kill(pid, "SIGUSR2");
      await new Promise((resolve) => setTimeout(resolve, 3_000));
    }
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const anonymousKb = Number(/^Anonymous:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    return { anonymousKb, files: readdirSync(`/proc/${pid}/fd`).length };
  }

  #judgeEnd(before: Usage, after: Usage): void {
    const faults = this.#faults;
    if (!this.#server.isAlive) faults.push(`the server ended: ${this.#server.errorText}`);
    if (this.#reached < this.#sent / 2) faults.push("fewer than half reached their operation");
    for (const name of this.#subject.operations) {
      const reached = [...this.#counts].filter(([key]) => key.startsWith(`${name} `));
      const sum = reached.reduce((total, [, count]) => total + count, 0);
      // Of seventy operations one gets a seventieth of the requests, and few of some get through.
      if (sum < Math.min(20, this.#options.requestCount / 800))
        faults.push(`${name} was reached ${sum} times only`);
    }
    if (after.files > before.files + MORE_FILES_MAX) faults.push("open files have grown");
    if (this.#slowestHealthMs > HEALTH_MS_MAX) faults.push("others were not answered meanwhile");
  }

  #report(before: Usage, after: Usage): void {
    console.log(`\n${this.#subject.name}`);
    for (const [name, count] of [...this.#counts].sort()) {
      console.log(`${String(count).padStart(6)}  ${name}`);
    }
    console.log(`requests ${this.#sent}, reached their operation ${this.#reached}`);
    console.log(`anonymous memory ${before.anonymousKb} kB before, ${after.anonymousKb} kB after`);
    console.log(`open files ${before.files} before, ${after.files} after`);
    console.log(`slowest health answer ${Math.round(this.#slowestHealthMs)} ms`);
    for (const fault of this.#faults.slice(0, FAULTS_SHOWN)) console.log(`FAULT ${fault}`);
  }
}

function openAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: AT_ONCE });
}
