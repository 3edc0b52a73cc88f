/**
 * VectorDBBench's search over many tenants, through its own unmodified client for Pinecone: rows
 * written, queries per second and their recall, each query in one of the namespaces.
 *
 *   python3 -m venv .cache/vectordbbench
 *   .cache/vectordbbench/bin/pip install vectordb-bench==2.0.0 pinecone==8.1.2
 *   npm run bench -- vectordbbench --quick
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { EngineFolder } from "./support/engine-folder.ts";
import { openReport } from "./support/report.ts";
import { buildServer, startServerProcess } from "./support/server-process.ts";

const PYTHON = resolve(".cache/vectordbbench/bin/python");
const PROGRAM = join(import.meta.dirname, "support/vectordbbench_tenants.py");

const report = openReport({
  path: "bench/vectordbbench.bench.ts",
  purpose: "VectorDBBench's search over many tenants, through its client for Pinecone.",
  example: "npm run bench -- vectordbbench --tenants 1000 --rows 100000",
  sizes: {
    rows: { description: "rows of all tenants", full: 100_000, quick: 5_000 },
    dimension: { description: "numbers of a vector", full: 768, quick: 64 },
    tenants: { description: "tenants, of equal size", full: 1_000, quick: 50 },
    queries: { description: "different queries", full: 1_000, quick: 100 },
    seconds: { description: "time of each number of clients", full: 30, quick: 3 },
  },
  remarks: ["It must be installed by hand (1.3 GB); the head of the file has the lines.", ""],
});

interface Found {
  readonly inserted: number;
  readonly insertSeconds: number;
  readonly recall: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly concurrencies: readonly number[];
  readonly queriesPerSecond: readonly number[];
  readonly p99MsOf: readonly number[];
}

if (existsSync(PYTHON)) await measure();
else report.remark(`${PYTHON} is not there: the head of this file says how to install it.`);
report.finish();

async function measure(): Promise<void> {
  buildServer();
  const folder = new EngineFolder();
  const server = await startServerProcess(folder.path);
  try {
    show(runProgram(server.access, folder.path));
  } finally {
    await server.stop();
    folder.remove();
  }
}

/** @param cwd  where the program leaves its log. */
function runProgram(access: { readonly url: string; readonly secret: string }, cwd: string): Found {
  const { url, secret } = access;
  const sizes = ["rows", "dimension", "tenants", "queries", "seconds"].map((name) =>
    String(report.size(name)),
  );
  report.progress("VectorDBBench runs");
  const { status, stdout } = spawnSync(PYTHON, [PROGRAM, ...sizes], {
    cwd,
    env: {
      PATH: process.env["PATH"],
      PYTHONDONTWRITEBYTECODE: "1",
      PINECONE_API_KEY: secret,
      PINECONE_CONTROLLER_HOST: url,
    },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = stdout.split("\n").find((each) => each.startsWith("{"));
  if (status !== 0 || line === undefined) throw new Error(`It ended with ${String(status)}.`);
  return JSON.parse(line) as Found;
}

function show(found: Found): void {
  const { inserted, insertSeconds, recall, p50Ms, p95Ms, p99Ms } = found;
  if (inserted !== report.size("rows")) throw new Error(`${String(inserted)} rows are written`);
  report.figure("rows written", inserted / insertSeconds, "/s");
  report.figure("recall at 10", recall, "", { min: 0.95 });
  report.table("Queries one after the other, ms", [{ p50: p50Ms, p95: p95Ms, p99: p99Ms }]);
  report.table(
    "Queries of several clients, each a process",
    found.concurrencies.map((clients, i) => ({
      clients,
      "queries/s": found.queriesPerSecond[i] ?? Number.NaN,
      "p99 ms": found.p99MsOf[i] ?? Number.NaN,
    })),
  );
}
