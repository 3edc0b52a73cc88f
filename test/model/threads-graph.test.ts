/**
 * Graphs that the engine builds on real threads: the builder, and threads of searches that help.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine } from "../../src/engine/index.ts";
import { NodeClock, NodeFileSystem, SeededRandom } from "../../src/io/index.ts";
import type { Place, QueryResult } from "../../src/model/index.ts";
import { Chance } from "./chance.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 24;
const ROWS = 6_000;
const QUERIES = 40;
const NOTHING = { vectors: false, metadata: false };

let folder = "";
const faults: unknown[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "insula-graph-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  expect(faults.splice(0)).toEqual([]);
});

function open(): Promise<Engine> {
  return openEngine({
    files: new NodeFileSystem(folder),
    clock: new NodeClock(),
    random: new SeededRandom(1),
    workerCount: 3,
    policy: { graphRowsMin: 2_000, scannedPerEf: 2, packedBytesMax: 0 },
    onFault: (error) => faults.push(error),
  });
}

const chance = new Chance(5);
const centres = Array.from({ length: 50 }, () => numbers());
function numbers(): Float32Array {
  return Float32Array.from({ length: DIMENSION }, () => chance.below(2_001) / 1_000 - 1);
}

function vectorOf(i: number): Float32Array {
  const centre = centres[i % centres.length];
  return numbers().map((x, j) => x * 0.6 + (centre?.[j] ?? 0));
}

async function fill(engine: Engine): Promise<void> {
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema });
  for (let first = 0; first < ROWS; first += 500) {
    const rows = Array.from({ length: 500 }, (_, i) => first + i);
    const values = Float32Array.from(rows.flatMap((row) => [...vectorOf(row)]));
    const keys = rows.map((row) => `k${String(row)}`);
    const metadata = rows.map(() => ({}));
    await engine.upsert(PLACE, { keys, vectors: [{ field: "", values }], metadata });
  }
}

function ask(engine: Engine, vector: Float32Array, isExact: boolean): Promise<QueryResult> {
  return engine.query(PLACE, { field: "", vector, topK: 10, include: NOTHING, isExact });
}

/** Asks until a walk answers. */
async function waitForGraph(engine: Engine): Promise<void> {
  const vector = vectorOf(0);
  for (;;) {
    const { hits, plan } = await ask(engine, vector, false);
    expect(hits).toHaveLength(10);
    if (plan.path === "graph") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function recallOf(engine: Engine): Promise<number> {
  let found = 0;
  for (let i = 0; i < QUERIES; i++) {
    const vector = vectorOf(i);
    const exact = await ask(engine, vector, true);
    const keys = new Set(exact.hits.map(({ key }) => key));
    const { hits } = await ask(engine, vector, false);
    found += hits.filter(({ key }) => keys.has(key)).length;
  }
  return found / (QUERIES * 10);
}

it("a graph that threads of searches helped with answers, also after a restart", async () => {
  const first = await open();
  await fill(first);
  await waitForGraph(first);
  expect(await recallOf(first)).toBeGreaterThan(0.93);
  await first.close();
  const second = await open();
  await waitForGraph(second);
  expect(await recallOf(second)).toBeGreaterThan(0.93);
  await second.close();
});

it("an engine that is closed while its threads build a graph loses nothing and builds it later", async () => {
  const first = await open();
  await fill(first);
  // Segments are at rest after two seconds; most of these closes meet the build at work.
  for (const waitMs of [2_100, 2_300, 2_600]) {
    const engine = waitMs === 2_100 ? first : await open();
    expect(await engine.count(PLACE)).toBe(ROWS);
    await ask(engine, vectorOf(1), false);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    await engine.close();
  }
  const last = await open();
  expect(await last.count(PLACE)).toBe(ROWS);
  await waitForGraph(last);
  await last.close();
});
