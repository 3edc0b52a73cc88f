/**
 * A file of vectors into a collection and out again: through a server, into the folder without one,
 * and what is in both by their content hashes.
 *
 *   npx tsx bench/import.bench.ts --rows 100000
 */
import { spawn } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openAsBlob,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { runCommand, type CommandRun } from "./support/command.ts";
import { measureFolder } from "./support/machine.ts";
import { openReport, type Row } from "./support/report.ts";
import { buildServer, startServerProcess } from "./support/server-process.ts";

const BLOCK_ROWS = 10_000;
const MIB = 1_048_576;
const SINK = resolve(import.meta.dirname, "support/byte-sink.mjs");
const DATABASE = "bench";

const report = openReport({
  path: "bench/import.bench.ts",
  purpose: "insula import and export: records per second, memory, disk, and equality.",
  example: "npx tsx bench/import.bench.ts --rows 100000",
  sizes: {
    rows: { description: "vectors of the file", full: 1_000_000, quick: 20_000 },
    dimension: { description: "numbers of a vector", full: 128, quick: 128 },
  },
});
const rowCount = report.size("rows");
const dimension = report.size("dimension");

buildServer();
const work = mkdtempSync(join(tmpdir(), "insula-import-"));
try {
  const file = join(work, "vectors.fvecs");
  report.progress(`writing ${file}`);
  writeFvecs(file);
  await streamToNobody(file);
  await throughServer(file);
  await withoutServer(file);
} finally {
  rmSync(work, { recursive: true, force: true });
}
report.finish();

/** fvecs: for each row its dimension as int32 and its numbers as float32, little-endian. */
function writeFvecs(file: string): void {
  const source = clusteredVectors(dimension, Math.min(rowCount, 40_000), 31);
  const out = openSync(file, "w");
  for (let first = 0; first < rowCount; first += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, rowCount - first);
    const values = source.next(count);
    const words = new Int32Array(count * (dimension + 1));
    const numbers = new Int32Array(values.buffer);
    for (let i = 0; i < count; i++) {
      words[i * (dimension + 1)] = dimension;
      words.set(numbers.subarray(i * dimension, (i + 1) * dimension), i * (dimension + 1) + 1);
    }
    writeSync(out, words);
  }
  closeSync(out);
}

/** The peer: the bytes of the same file to a server that only reads them. */
async function streamToNobody(file: string): Promise<void> {
  const child = spawn(process.execPath, [SINK], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((found) => {
    child.stdout.once("data", (line: Buffer) => {
      found(Number(/port (\d+)/.exec(line.toString())?.[1]));
    });
  });
  const startedAt = performance.now();
  const body = await openAsBlob(file);
  const { status } = await fetch(`http://127.0.0.1:${String(port)}/`, { method: "POST", body });
  const seconds = (performance.now() - startedAt) / 1_000;
  child.kill("SIGTERM");
  if (status !== 200) throw new Error(`The peer answered ${String(status)}.`);
  report.figure("bare server: the same bytes, only read", rowCount / seconds, "rows/s");
}

async function throughServer(file: string): Promise<void> {
  const folder = join(work, "served");
  const server = await startServerProcess(folder);
  const secret = { INSULA_ADMIN_SECRET: server.access.secret };
  const ask = (words: readonly string[]): Promise<CommandRun> =>
    runCommand([...words, "--url", server.access.url, "--database", DATABASE], secret);
  const rows: Row[] = [];
  try {
    report.progress("importing through the server");
    const first = await ask(["import", "--create", "--collection", "first", file]);
    report.figure("import through the server", rateOf(first), "rows/s", { min: 40_000 });
    rows.push(rowFor("import", first, server.memory().peakResidentMib));
    const copy = join(work, "copy.fvecs");
    const exported = await ask(["export", "--collection", "first", copy]);
    rows.push(rowFor("export", exported, server.memory().peakResidentMib));
    const second = await ask(["import", "--create", "--collection", "second", copy]);
    rows.push(rowFor("import of what was exported", second, server.memory().peakResidentMib));
    const hashed = await ask(["export", "--collection", "second", "--hash-only"]);
    rows.push(rowFor("export --hash-only", hashed, server.memory().peakResidentMib));
    const isEqual = exported.result["contentHash"] === hashed.result["contentHash"];
    report.table("Through a server, one after the other", rows);
    report.figure("content hashes that are equal", isEqual ? 1 : 0, "of 1", { min: 1 });
    if (sameBytes(file, copy)) report.remark("The exported file has the bytes of the imported.");
  } finally {
    await server.stop();
  }
}

async function withoutServer(file: string): Promise<void> {
  const folder = join(work, "alone");
  report.progress("importing into the folder");
  const words = ["--data-dir", folder, "--database", DATABASE, "--collection", "first"];
  const run = await runCommand(["import", "--create", ...words, file]);
  report.figure("import into the folder, no server", rateOf(run), "rows/s");
  report.table("Without a server", [rowFor("import", run, 0)]);
  const { mib } = measureFolder(folder);
  report.table("On disk, MiB", [
    { what: "the file", MiB: statSync(file).size / MIB },
    { what: "the data folder of one collection, closed", MiB: mib },
  ]);
}

function rateOf({ result }: CommandRun): number {
  return rowCount / Number(result["seconds"]);
}

function rowFor(step: string, run: CommandRun, serverMib: number): Row {
  return {
    step,
    "rows/s": rateOf(run),
    "s with start and end": run.seconds,
    "command, peak MiB": run.peakMib,
    ...(serverMib > 0 && { "server, peak so far MiB": serverMib }),
  };
}

/** Keys are the row numbers as text, so rows come out in the order of the texts. */
function sameBytes(a: string, b: string): boolean {
  const [first, second] = [readFileSync(a), readFileSync(b)];
  if (first.length !== second.length) return false;
  const rowBytes = 4 * (dimension + 1);
  const order = Array.from({ length: rowCount }, (_, i) => String(i)).sort();
  return order.every((key, i) => {
    const at = Number(key) * rowBytes;
    return first.compare(second, i * rowBytes, (i + 1) * rowBytes, at, at + rowBytes) === 0;
  });
}
