/**
 * A server as a child process that can be killed and started again on the same folder and port.
 * The checks that judge it live in the parent, so what they know survives the kill.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

export interface ServerCredentials {
  readonly accountId: string;
  readonly keyId: string;
  readonly secret: string;
}

export const CREDENTIALS: ServerCredentials = {
  accountId: "1234567890",
  keyId: "TESTADMINKEYID000001",
  secret: "test-admin-secret-of-one-run",
};

/** Time a server may take until it answers, ms. */
const START_MS_MAX = 30_000;
/** Of the error stream kept for a report, characters. */
const ERROR_TEXT_MAX = 20_000;

export interface ServerChildOptions {
  readonly dataDir: string;
  /** 0: a free one; the same is taken again after a restart. */
  readonly port: number;
  /** Arguments of node in front of `serve`; default: the built command. */
  readonly program?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
}

export class ServerChild {
  readonly url: URL;
  readonly pid: number;
  /** From the spawn to the line that says it listens, ms. */
  readonly startMs: number;
  readonly #child: ChildProcess;
  readonly #errors: { text: string };
  /** Resolves with what the child ended with. */
  readonly ended: Promise<string>;

  private constructor(parts: {
    readonly child: ChildProcess;
    readonly url: string;
    readonly startMs: number;
    readonly ended: Promise<string>;
    readonly errors: { text: string };
  }) {
    this.#child = parts.child;
    this.url = new URL(parts.url);
    this.pid = parts.child.pid ?? 0;
    this.startMs = parts.startMs;
    this.ended = parts.ended;
    this.#errors = parts.errors;
  }

  static async start(options: ServerChildOptions): Promise<ServerChild> {
    const startedAtMs = performance.now();
    const { child, ended, errors } = spawnServer(options);
    const url = await readUrl(child, errors);
    return new ServerChild({ child, url, startMs: performance.now() - startedAtMs, ended, errors });
  }

  /** Starts a server and kills it after the delay, whether it listens by then or not. */
  static async startAndKill(options: ServerChildOptions, afterMs: number): Promise<void> {
    const { child, ended } = spawnServer(options);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    child.kill("SIGKILL");
    await ended;
  }

  /** What the server wrote to its error stream; the end of it when it is long. */
  get errorText(): string {
    return this.#errors.text;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Without a chance to finish anything. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  /** @returns what it ended with; "0" is well. */
  async stop(): Promise<string> {
    this.#child.kill("SIGTERM");
    return this.ended;
  }
}

/** The built command, or the sources when nothing is built. */
export function commandOf(dist: string): readonly string[] {
  const built = path.resolve(dist, "cli/main.js");
  return existsSync(built) ? [built] : ["--import", "tsx", path.resolve("src/cli/main.ts")];
}

function spawnServer(options: ServerChildOptions): {
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
  readonly errors: { text: string };
} {
  const { dataDir, port, program = commandOf("dist"), variables = {} } = options;
  const child = spawn(process.execPath, [...program, "serve", "--json", "--data-dir", dataDir], {
    env: {
      // Variables of the person who runs the tests must not configure the server.
      ...Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !name.startsWith("INSULA_")),
      ),
      INSULA_HTTP_PORT: String(port),
      INSULA_ADMIN_ID: CREDENTIALS.keyId,
      INSULA_ADMIN_SECRET: CREDENTIALS.secret,
      INSULA_ACCOUNT_ID: CREDENTIALS.accountId,
      INSULA_LOG_LEVEL: "error",
      ...variables,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const errors = { text: "" };
  child.stderr.on("data", (part: Buffer) => {
    errors.text = (errors.text + part.toString()).slice(-ERROR_TEXT_MAX);
  });
  const ended = new Promise<string>((resolve) => {
    child.once("close", (code, signal) => {
      resolve(String(signal ?? code));
    });
  });
  return { child, ended, errors };
}

function readUrl(child: ChildProcess, errors: { readonly text: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`The server did not start in time. ${errors.text}`));
    }, START_MS_MAX);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const end = String(signal ?? code);
      reject(new Error(`The server ended with ${end} before it answered. ${errors.text}`));
    });
    child.stdout?.on("data", (part: Buffer) => {
      text += part.toString();
      const url = /"event":"listening".*?"url":"([^"]+)"/.exec(text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}
