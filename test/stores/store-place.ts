/** A folder and the programs of a store that runs in it: all of them end with it. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const runFile = promisify(execFile);
/** One that does not end when it is asked to is killed, ms. */
const STOP_MS_MAX = 5_000;
const START_MS_MAX = 120_000;
/** A step of the preparations, ms. */
const STEP_MS_MAX = 60_000;
const TURN_MS = 100;
/** Of the log of a program that failed, characters. */
const LOG_TEXT_MAX = 3_000;

interface StoreProgram {
  readonly child: ChildProcess;
  readonly log: string;
  readonly ended: Promise<void>;
}

export class StorePlace {
  /** Short: the path of a socket in it has at most 107 bytes. */
  readonly folder: string = mkdtempSync(path.join(tmpdir(), "insula-st-"));
  readonly #environment: Readonly<Record<string, string>>;
  readonly #programs: StoreProgram[] = [];
  #isStopped = false;

  /** @param environment of all programs, beside PATH and a HOME of their own */
  constructor(environment: Readonly<Record<string, string>> = {}) {
    // Settings and keys of the person who runs the tests stay with them.
    this.#environment = { PATH: process.env["PATH"] ?? "", HOME: this.folder, ...environment };
  }

  makeFolder(name: string): string {
    const made = path.join(this.folder, name);
    mkdirSync(made, { recursive: true });
    return made;
  }

  /** Runs a program to its end; its output. */
  async run(program: string, words: readonly string[]): Promise<string> {
    this.#expectInUse();
    const options = { env: this.#environment, timeout: STEP_MS_MAX };
    return (await runFile(program, words, options)).stdout;
  }

  /** Starts a program that stays until {@link StorePlace.stop}. */
  start(program: string, words: readonly string[], more: Record<string, string> = {}): void {
    this.#expectInUse();
    const log = path.join(this.folder, `${path.basename(program)}.txt`);
    const output = openSync(log, "a");
    const child = spawn(program, words, {
      cwd: this.folder,
      env: { ...this.#environment, ...more },
      stdio: ["ignore", output, output],
      // Ctrl-C is for the runner, which stops it in order.
      detached: true,
    });
    closeSync(output);
    const ended = new Promise<void>((resolve) => {
      child.once("error", () => {
        resolve();
      });
      child.once("exit", () => {
        resolve();
      });
    });
    this.#programs.push({ child, log, ended });
  }

  /** @throws when a program ended, or nothing answers in time */
  async waitUntilAnswers(url: string): Promise<void> {
    const begun = performance.now();
    for (;;) {
      this.#expectAlive();
      const isThere = await fetch(url).then(
        async (response) => {
          await response.arrayBuffer();
          return response.status < 500;
        },
        () => false,
      );
      if (isThere) return;
      if (performance.now() - begun > START_MS_MAX) throw new Error(`${url} does not answer.`);
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    }
  }

  /** Ends the programs, the last first, and removes the folder. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { child, ended } of this.#programs.splice(0).reverse()) {
      signal(child, "SIGTERM");
      const timer = setTimeout(() => {
        signal(child, "SIGKILL");
      }, STOP_MS_MAX);
      await ended;
      clearTimeout(timer);
      // What it started itself.
      signal(child, "SIGKILL");
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Who was still starting it when it was stopped starts nothing more. */
  #expectInUse(): void {
    if (this.#isStopped) throw new Error("The store was stopped.");
  }

  #expectAlive(): void {
    this.#expectInUse();
    const dead = this.#programs.find(
      ({ child }) =>
        child.pid === undefined || child.exitCode !== null || child.signalCode !== null,
    );
    if (dead === undefined) return;
    const said = readFileSync(dead.log, "utf8").slice(-LOG_TEXT_MAX);
    throw new Error(`${path.basename(dead.log, ".txt")} ended by itself: ${said}`);
  }
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
