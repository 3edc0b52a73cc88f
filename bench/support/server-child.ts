/** Starts bench/support/serve.ts on a core of its own, signs requests to it, reads its metrics. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { OSS4, ossResourceUri, signHeaders } from "../../src/wire/index.ts";
import { BENCH_KEY } from "./bench-key.ts";

const REGION = "bench";
const SERVE = fileURLToPath(new URL("./serve.ts", import.meta.url));
const BARE = fileURLToPath(new URL("./bare-server.mjs", import.meta.url));

export interface ServerChildOptions {
  readonly dataDir: string;
  /** Vectors are read by JSON.parse. */
  readonly isUnparsed?: boolean;
  /** Folder of compiled sources to run; undefined: the sources. */
  readonly builtDir?: string | undefined;
  /** Flags of Node for the server, for example of a profile. */
  readonly flags?: readonly string[];
  /** The server has every core, and shares them with this process. */
  readonly hasAllCores?: boolean;
}

/** Mean and number of one phase of requests. */
export interface PhaseTotals {
  readonly seconds: number;
  readonly count: number;
}

export class ServerChild {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** The server gets core 0 and this process the others, where `taskset` is there. */
  static async start(options: ServerChildOptions): Promise<ServerChild> {
    const { flags = [] } = options;
    const manner = options.isUnparsed === true ? "unparsed" : "parsed";
    const node = [process.execPath, ...flags, "--import", "tsx", SERVE, options.dataDir, manner];
    if (options.builtDir !== undefined) node.push(options.builtDir);
    return ServerChild.#start(node, options.hasAllCores !== true);
  }

  /** The peer: bare-server.mjs, on the same core. */
  static startBare(): Promise<ServerChild> {
    return ServerChild.#start([process.execPath, BARE], true);
  }

  static async #start(node: readonly string[], isPinned: boolean): Promise<ServerChild> {
    const [command = "", ...rest] =
      isPinned && pinOthers() ? ["taskset", "-c", "0", ...node] : node;
    const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise<number>((resolve, reject) => {
      child.once("exit", () => {
        reject(new Error("The server ended before it listened."));
      });
      child.stdout.on("data", (lines: Buffer) => {
        const port = /^port (\d+)$/m.exec(lines.toString())?.[1];
        if (port !== undefined) resolve(Number(port));
      });
    });
    return new ServerChild(child, port);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** A signed request as the bytes on the wire. Good for 15 minutes. */
  sign(bucket: string, verb: string, body: string | Buffer, method: string = "POST"): Buffer {
    const host = `${bucket}-${BENCH_KEY.accountId}.localhost`;
    const { id, secret, accountId } = BENCH_KEY;
    const headers = signHeaders({
      scheme: OSS4,
      request: { method, path: "/", query: verb, headers: { host, "content-type": JSON_TYPE } },
      credentials: { keyId: id, secret },
      region: REGION,
      canonicalUri: ossResourceUri({ region: REGION, accountId, bucket }),
      nowMs: Date.now(),
    });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const target = verb === "" ? "/" : `/?${verb}`;
    const head =
      `${method} ${target} HTTP/1.1\r\n${lines.join("")}` +
      `content-length: ${String(Buffer.byteLength(body))}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
  }

  /** Sums since the start, with the processor time of all threads as a phase of its own, "cpu". */
  async phases(): Promise<ReadonlyMap<string, PhaseTotals>> {
    const answer = await fetch(`http://127.0.0.1:${String(this.port)}/metrics`);
    const text = await answer.text();
    const read = (name: string): Map<string, number> => {
      const line = new RegExp(
        `^insula_request_phase_seconds_${name}\\{phase="(\\w+)"\\} (\\S+)$`,
        "gm",
      );
      return new Map(
        [...text.matchAll(line)].map(([, phase = "", value]) => [phase, Number(value)]),
      );
    };
    const counts = read("count");
    const cpu = Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)?.[1] ?? 0);
    const verified = counts.get("verify") ?? 0;
    return new Map([
      ...[...read("sum")].map(
        ([phase, seconds]) => [phase, { seconds, count: counts.get(phase) ?? 0 }] as const,
      ),
      ["cpu", { seconds: cpu, count: verified }],
    ]);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await ended;
  }
}

const JSON_TYPE = "application/json";

/** Moves this process off core 0. False where that cannot be done. */
function pinOthers(): boolean {
  const moved = spawnSync("taskset", ["-a", "-p", "-c", "1-1023", String(process.pid)]);
  return moved.status === 0;
}

/** Mean of each phase between two readings, µs. */
export function meanPhases(
  before: ReadonlyMap<string, PhaseTotals>,
  after: ReadonlyMap<string, PhaseTotals>,
): ReadonlyMap<string, number> {
  const means = new Map<string, number>();
  for (const [phase, { seconds, count }] of after) {
    const start = before.get(phase) ?? { seconds: 0, count: 0 };
    const passed = count - start.count;
    if (passed > 0) means.set(phase, ((seconds - start.seconds) / passed) * 1e6);
  }
  return means;
}
