/** A server of the built command on a data folder, for what must be measured from outside. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { countOpenFiles, readCpuMs, readMemory, type ProcessMemory } from "./machine.ts";
import type { OssAccess } from "./oss-client.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const ENTRY = resolve(ROOT, "dist/cli/main.js");
const KEY_ID = "BENCHADMINKEYID00001";
const SECRET = "bench-admin-secret-of-one-run";
const ACCOUNT = "1234567890";
/** Time a server may take until it listens, ms. */
const START_MS_MAX = 120_000;

const LOOP_DELAY = new URL("./loop-delay.mjs", import.meta.url);

/** How late the event loop was, ms. */
export interface LoopDelay {
  readonly p99: number;
  readonly max: number;
}

export interface ServerProcess {
  readonly access: OssAccess;
  readonly pid: number;
  /** From the start of the process to the line that says that all its ports listen, ms. */
  readonly listeningMs: number;
  /** `performance.now()` at the start of the process. */
  readonly startedAt: number;
  memory(): ProcessMemory;
  openFiles(): number;
  /** Time of the processors since the start, ms. */
  cpuMs(): number;
  /** Of its control thread since this was asked last. */
  loopDelay(): Promise<LoopDelay>;
  stop(): Promise<void>;
}

/** Builds dist/ when the sources are newer; costs nothing when they are not. */
export function buildServer(): void {
  const script = 'import("./scripts/build.mjs").then((m) => m.ensureBuilt({ isChecked: false }))';
  const { status } = spawnSync(process.execPath, ["-e", script], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0 || !existsSync(ENTRY)) {
    throw new Error("The server could not be built: see `npm start`.");
  }
}

/** The server that was built must exist: {@link buildServer}. */
export async function startServerProcess(
  dataDir: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const startedAt = performance.now();
  const command = [ENTRY, "serve", "--json", "--data-dir", dataDir];
  const child = spawn(process.execPath, ["--import", LOOP_DELAY.href, ...command], {
    env: {
      ...withoutOurs(process.env),
      INSULA_HTTP_PORT: "0",
      INSULA_ADMIN_ID: KEY_ID,
      INSULA_ADMIN_SECRET: SECRET,
      INSULA_ACCOUNT_ID: ACCOUNT,
      INSULA_LOG_LEVEL: "error",
      ...variables,
    },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const url = await readUrl(child);
  const listeningMs = performance.now() - startedAt;
  const pid = child.pid ?? 0;
  return {
    access: { url, keyId: KEY_ID, secret: SECRET, accountId: ACCOUNT },
    pid,
    listeningMs,
    startedAt,
    memory: () => readMemory(pid),
    openFiles: () => countOpenFiles(pid),
    cpuMs: () => readCpuMs(pid),
    loopDelay: () => {
      const answered = new Promise<LoopDelay>((resolve) => {
        child.once("message", (delay: LoopDelay) => {
          resolve(delay);
        });
      });
      child.send("loop delay");
      return answered;
    },
    stop: async () => {
      const ended = new Promise((end) => child.once("exit", end));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Variables of the person at the keyboard must not configure the server. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith("INSULA_")),
  );
}

function readUrl(child: ChildProcess): Promise<string> {
  return new Promise((found, reject) => {
    let text = "";
    const timer = setTimeout(() => {
      child.kill();
      reject(new Error("The server did not start in time."));
    }, START_MS_MAX);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`The server ended with ${String(code)} before it answered.`));
    });
    child.stdout?.on("data", (part: Buffer) => {
      text += part.toString();
      const url = /^\{.*"event":"listening".*"url":"([^"]+)".*\}$/m.exec(text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      found(url);
    });
  });
}
