/** Real servers for the clients: a fresh data folder, a free port, the built command. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export interface TestServer {
  readonly url: string;
  readonly accountId: string;
  readonly keyId: string;
  readonly secret: string;
  readonly dataDir: string;
  stop(): Promise<void>;
}

/** Time a server may take until it answers, ms. */
const START_MS_MAX = 60_000;

/** The admin id and secret are given, so that clients need not read the data folder. */
export async function startTestServer(
  variables: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const dataDir = mkdtempSync(path.join(tmpdir(), "insula-clients-"));
  const backupDir = `${dataDir}-backups`;
  const keyId = "TESTADMINKEYID000001";
  const secret = "test-admin-secret-of-one-run";
  const accountId = "1234567890";
  const child = spawn(process.execPath, [...entry(), "serve", "--json", "--data-dir", dataDir], {
    env: {
      ...withoutOurs(process.env),
      INSULA_HTTP_PORT: "0",
      INSULA_ADMIN_ID: keyId,
      INSULA_ADMIN_SECRET: secret,
      INSULA_ACCOUNT_ID: accountId,
      INSULA_LOG_LEVEL: "error",
      INSULA_BACKUP_STORE: backupDir,
      ...variables,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await readUrl(child);
  return {
    url,
    accountId,
    keyId,
    secret,
    dataDir,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      for (const folder of [dataDir, backupDir]) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The built command when there is one, as users have it; else the sources. */
function entry(): readonly string[] {
  const built = path.resolve("dist/cli/main.js");
  if (existsSync(built) && process.env["INSULA_TEST_SOURCES"] === undefined) return [built];
  return ["--import", "tsx", path.resolve("src/cli/main.ts")];
}

/** Variables of the person who runs the tests must not configure the server. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith("INSULA_")),
  );
}

function readUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
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
      for (const line of text.split("\n").slice(0, -1)) {
        const message = parseLine(line);
        if (message?.event !== "listening" || message.url === undefined) continue;
        clearTimeout(timer);
        resolve(message.url);
      }
    });
  });
}

function parseLine(line: string): { event?: string; url?: string } | undefined {
  try {
    return JSON.parse(line) as { event?: string; url?: string };
  } catch {
    return undefined;
  }
}
