/** The installed clients (scripts/clients-setup.sh) and how they are run against a server. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { PROXIED_HOST } from "./seed-samples.ts";
import type { TestServer } from "./server-process.ts";

const ROOT = path.resolve(".cache/clients");

export const PYTHON: string = path.join(ROOT, "python/bin/python");
export const EMBED: string = path.join(ROOT, "python/bin/oss-vectors-embed");
export const AWS_EMBED: string = path.join(ROOT, "python/bin/s3vectors-embed");
/** Beside the clients for Node: programs load them from there. */
export const NODE_MANIFEST: string = path.join(ROOT, "node/package.json");
export const GO_FOLDER: string = path.resolve("test/clients/go");

/** What is installed, and nothing from elsewhere. */
export const GO_ENVIRONMENT: NodeJS.ProcessEnv = {
  GOMODCACHE: path.join(ROOT, "go-mod"),
  GOCACHE: path.join(ROOT, "go-build"),
  GOFLAGS: "-mod=mod",
  GOTOOLCHAIN: "local",
  GOPROXY: "off",
};

/** Lines of Pinecone's clients that programs run with. */
export const PINECONE_LINES = ["7", "8", "9"] as const;
export type PineconeLine = (typeof PINECONE_LINES)[number];

/** Lines of one package cannot be installed side by side. */
export function pineconePython(line: PineconeLine): string {
  return path.join(ROOT, `pinecone-${line}/bin/python`);
}

export function hasPineconePython(line: PineconeLine): boolean {
  return existsSync(pineconePython(line));
}

/** Needs a line of the client of its own, too. */
export const LANGCHAIN_PINECONE: string = path.join(ROOT, "pinecone-langchain/bin/python");

export function hasLangchainPinecone(): boolean {
  return existsSync(LANGCHAIN_PINECONE);
}

export function hasPython(): boolean {
  return existsSync(PYTHON) && existsSync(EMBED);
}

export function hasNodeClients(): boolean {
  return existsSync(path.join(ROOT, "node/installed.json"));
}

export function hasGo(): boolean {
  return existsSync(path.join(ROOT, "go-mod"));
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Longest run of one program, ms: the quota test waits for a hundred creations at five a second.
 */
const RUN_MS_MAX = 300_000;

export function run(
  command: string,
  words: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, {
      env: options.env,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: RUN_MS_MAX,
    });
    const parts = { stdout: "", stderr: "" };
    child.stdout.on("data", (part: Buffer) => (parts.stdout += part.toString()));
    child.stderr.on("data", (part: Buffer) => (parts.stderr += part.toString()));
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code: code ?? -1, ...parts });
    });
  });
}

/**
 * What the clients read. Python's builds the bucket into the host name, which only a proxy can
 * resolve: the server itself is that proxy.
 */
export function clientEnvironment(server: TestServer): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    PYTHONDONTWRITEBYTECODE: "1",
    OSS_ACCESS_KEY_ID: server.keyId,
    OSS_ACCESS_KEY_SECRET: server.secret,
    DASHSCOPE_API_KEY: server.secret,
    DASHSCOPE_HTTP_BASE_URL: `${server.url}/api/v1`,
    http_proxy: server.url,
    no_proxy: "127.0.0.1",
    INSULA_TEST_ENDPOINT: `http://${PROXIED_HOST}`,
    INSULA_TEST_URL: server.url,
    INSULA_TEST_ACCOUNT: server.accountId,
    ...GO_ENVIRONMENT,
  };
}

/**
 * What AWS clients read. Nothing of the person who runs the tests may reach them, neither keys nor
 * settings, and nothing may leave this machine.
 */
export function awsEnvironment(server: TestServer): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: server.dataDir,
    PYTHONDONTWRITEBYTECODE: "1",
    AWS_ENDPOINT_URL_S3VECTORS: server.url,
    AWS_REGION: AWS_REGION_NAME,
    AWS_DEFAULT_REGION: AWS_REGION_NAME,
    AWS_ACCESS_KEY_ID: server.keyId,
    AWS_SECRET_ACCESS_KEY: server.secret,
    AWS_EC2_METADATA_DISABLED: "true",
    MASTRA_TELEMETRY_DISABLED: "1",
    LANGSMITH_TRACING: "false",
    INSULA_TEST_NODE: NODE_MANIFEST,
    INSULA_TEST_URL: server.url,
    INSULA_TEST_ACCOUNT: server.accountId,
  };
}

export const AWS_REGION_NAME = "us-east-1";
