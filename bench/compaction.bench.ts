/**
 * What merges do to queries: the latency of one client that asks one tenant, alone, beside a writer
 * whose segments are never merged, and beside the same writer with merges.
 *
 *   npx tsx bench/compaction.bench.ts --quick
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine, type Engine, type EngineOptions } from "../src/engine/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../src/io/index.ts";
import type { Place } from "../src/model/index.ts";
import { openReport, type Row } from "./support/report.ts";

const DIMENSION = 256;
const BATCH = 200;
/** The writer's memtable, so that segments come every second or two. */
const MEMTABLE_BYTES = 4 * 1024 * 1024;
const NEVER = 1_000_000;

const report = openReport({
  path: "bench/compaction.bench.ts",
  purpose: "Latency of queries alone, beside a writer, and beside a writer with merges.",
  example: "npx tsx bench/compaction.bench.ts --seconds 60 --folder /mnt/disk",
  sizes: {
    rows: { description: "records of the tenant that is asked", full: 40_000, quick: 4_000 },
    seconds: { description: "time of each of the three", full: 40, quick: 3 },
    batches: { description: "batches of 200 a second of the writer", full: 20, quick: 20 },
  },
  texts: { folder: { description: "folder on the disk to measure", placeholder: "path" } },
});

const KINDS = [
  { name: "alone", isWriting: false, mergeFanIn: 4 },
  { name: "writer, nothing merged", isWriting: true, mergeFanIn: NEVER },
  { name: "writer and merges", isWriting: true, mergeFanIn: 4 },
] as const;

type Outcome = Row & {
  readonly kind: string;
  readonly queries: number;
  readonly "p50 ms": number;
  readonly "p99 ms": number;
  readonly "p99.9 ms": number;
  readonly flushes: number;
  readonly merges: number;
};

const root = mkdtempSync(join(report.text("folder") ?? tmpdir(), "insula-compaction-"));
try {
  const outcomes: Outcome[] = [];
  for (const kind of KINDS) outcomes.push(await measure(kind));
  report.table(`${report.size("rows")} × ${DIMENSION}, one client, exact over codes`, outcomes);
  const [alone, plain, merged] = outcomes;
  if (alone !== undefined && plain !== undefined && merged !== undefined) {
    report.figure("p99 beside a writer / alone", plain["p99 ms"] / alone["p99 ms"], "×");
    report.figure("p99 with merges / without", merged["p99 ms"] / plain["p99 ms"], "×");
    report.figure("p50 with merges / without", merged["p50 ms"] / plain["p50 ms"], "×");
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
report.finish();

async function measure(kind: (typeof KINDS)[number]): Promise<Outcome> {
  report.progress(kind.name);
  const engine = await openEngine(optionsOf(kind));
  try {
    await makePlaces(engine);
    await fill(engine, placeOf("asked"), report.size("rows"));
    await engine.flush(placeOf("asked"));
    await engine.compact(placeOf("asked"));
    const before = engine.stats();
    let isOver = false;
    const writing = kind.isWriting ? write(engine, () => isOver) : Promise.resolve();
    const samples = await ask(engine, report.size("seconds") * 1_000);
    isOver = true;
    await writing;
    const after = engine.stats();
    const sorted = Float64Array.from(samples).sort();
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
    return {
      kind: kind.name,
      queries: samples.length,
      "p50 ms": at(0.5),
      "p99 ms": at(0.99),
      "p99.9 ms": at(0.999),
      flushes: after.flushes - before.flushes,
      merges: after.compactions - before.compactions,
    };
  } finally {
    await engine.close();
  }
}

function optionsOf({ name, mergeFanIn }: (typeof KINDS)[number]): EngineOptions {
  return {
    files: new NodeFileSystem(join(root, name.replaceAll(/\W+/g, "-"))),
    clock: new NodeClock(),
    random: new NodeRandom(),
    policy: {
      memtableBytesMax: MEMTABLE_BYTES,
      mergeFanIn,
      // Without merges the segments pile up, and nobody is slowed for it.
      ...(mergeFanIn === NEVER && { segmentsSlow: NEVER, segmentsMax: NEVER, quietMergeMs: 1e9 }),
    },
  };
}

async function makePlaces(engine: Engine): Promise<void> {
  await engine.createDatabase("d");
  const schema = {
    vectors: [{ name: "", dimension: DIMENSION, metric: "cosine" as const }],
    identity: "key" as const,
    unfilterable: [],
  };
  await engine.createCollection("d", "c", { schema, tenancy: "multi" });
}

function placeOf(tenant: string): Place {
  return { database: "d", collection: "c", tenant };
}

async function fill(engine: Engine, place: Place, rows: number): Promise<void> {
  for (let from = 0; from < rows; from += 1_000) {
    await put(engine, place, from, Math.min(1_000, rows - from));
  }
}

async function put(engine: Engine, place: Place, from: number, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `k${from + i}`);
  const values = Float32Array.from({ length: count * DIMENSION }, () => Math.random() - 0.5);
  const metadata = keys.map(() => ({}));
  await engine.upsert(place, { keys, vectors: [{ field: "", values }], metadata });
}

/** The same rate whatever else happens, half of the records written before. */
async function write(engine: Engine, isOver: () => boolean): Promise<void> {
  const everyMs = 1_000 / report.size("batches");
  const began = performance.now();
  for (let batch = 0; !isOver(); batch++) {
    await put(engine, placeOf("written"), Math.floor(batch / 2) * BATCH, BATCH);
    const waitMs = began + (batch + 1) * everyMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

/** @returns milliseconds of each query */
async function ask(engine: Engine, durationMs: number): Promise<readonly number[]> {
  const samples: number[] = [];
  const include = { vectors: false, metadata: false };
  const vector = Float32Array.from({ length: DIMENSION }, (_, i) => Math.sin(i));
  const until = performance.now() + durationMs;
  while (performance.now() < until) {
    const began = performance.now();
    await engine.query(placeOf("asked"), { field: "", vector, topK: 10, include });
    samples.push(performance.now() - began);
    // A client that thinks: the event loop is not this query's alone.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return samples;
}
