/** A distant object store: the S3 server of the tests, not in the process that is measured. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { S3Settings } from "../../src/backup/s3-request.ts";
import type { S3Kind, S3Traffic } from "../../src/backup/s3-server.contract.ts";

const ENTRY = fileURLToPath(new URL("./s3-child.ts", import.meta.url));

/** Both are answered with the state of then. */
export type S3ChildOrder =
  { readonly kind: "state" } | { readonly kind: "delay"; readonly delayMs: number };

export interface S3State {
  readonly traffic: Readonly<Record<S3Kind, Readonly<S3Traffic>>>;
  readonly objects: number;
  /** Bytes of all objects. */
  readonly stored: number;
}

export type S3ChildAnswer =
  | { readonly kind: "listening"; readonly settings: S3Settings }
  | ({ readonly kind: "state" } & S3State);

export class S3Process {
  readonly settings: S3Settings;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, settings: S3Settings) {
    this.#child = child;
    this.settings = settings;
  }

  static async start(): Promise<S3Process> {
    const child = fork(ENTRY, { execArgv: ["--import", "tsx"] });
    const [answer] = (await once(child, "message")) as [S3ChildAnswer];
    if (answer.kind !== "listening") throw new Error("The store says something else first.");
    return new S3Process(child, answer.settings);
  }

  state(): Promise<S3State> {
    return this.#order({ kind: "state" });
  }

  /** Each answer takes so much longer from now on. */
  async delay(delayMs: number): Promise<void> {
    await this.#order({ kind: "delay", delayMs });
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }

  async #order(order: S3ChildOrder): Promise<S3State> {
    const answered = once(this.#child, "message") as Promise<[S3ChildAnswer]>;
    this.#child.send(order);
    const [answer] = await answered;
    if (answer.kind !== "state") throw new Error("The store has begun anew.");
    return answer;
  }
}
