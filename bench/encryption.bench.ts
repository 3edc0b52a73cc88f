/**
 * What sealing at rest costs: one engine that seals, one that does not, in turn.
 *
 *   npx tsx bench/encryption.bench.ts --quick
 */
import type { Engine } from "../src/engine/index.ts";
import type { Place } from "../src/model/index.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import {
  createIndex,
  EngineFolder,
  nearestQuery,
  putRows,
  rowOf,
} from "./support/engine-folder.ts";
import { openReport } from "./support/report.ts";
import { quantiles, takeTurns, timeMs } from "./support/samples.ts";

const report = openReport({
  path: "bench/encryption.bench.ts",
  purpose: "Writes, flushes, wakes and searches of one tenant, sealed and plain.",
  example: "npx tsx bench/encryption.bench.ts --rows 50000",
  sizes: {
    dimension: { description: "numbers of a vector", full: 384, quick: 384 },
    rows: { description: "vectors of the tenant", full: 20_000, quick: 2_000 },
    batch: { description: "vectors of one write", full: 500, quick: 500 },
    repetitions: { description: "the median of so many", full: 7, quick: 3 },
  },
});
const dimension = report.size("dimension");
const rows = report.size("rows");
const batch = report.size("batch");
const values = clusteredVectors(dimension, rows, 1).next(rows);
const PLACE: Place = { database: "db", collection: "docs" };
const KINDS = ["plain", "sealed"] as const;

interface Body {
  readonly name: (typeof KINDS)[number];
  readonly folder: EngineFolder;
  engine: Engine;
  collections: number;
}

const bodies: Body[] = [];
for (const name of KINDS) {
  const folder = new EngineFolder();
  const engine = await folder.open({ isSealing: name === "sealed" });
  await engine.createDatabase(PLACE.database);
  bodies.push({ name, folder, engine, collections: 0 });
}
try {
  await compare("write", "ms a batch of 500, synced", writeMs);
  await compare("flush", "ms for all rows", flushMs);
  await compare("wake", "ms to the first answer", wakeMs);
  await compare("search", "ms, awake", searchMs);
} finally {
  for (const { engine, folder } of bodies) {
    await engine.close();
    folder.remove();
  }
}
report.finish();

async function compare(
  name: string,
  unit: string,
  run: (body: Body) => Promise<number>,
): Promise<void> {
  const contenders = bodies.map((body) => ({ name: body.name, run: () => run(body) }));
  const [plain = 0, sealed = 0] = await takeTurns(contenders, report.size("repetitions"));
  report.table(name, [{ what: unit, plain: plain.toFixed(3), sealed: sealed.toFixed(3) }]);
  report.figure(`${name}: sealed over plain`, sealed / plain, "×");
}

function place(body: Body): Place {
  return { ...PLACE, collection: `docs-${String(body.collections)}` };
}

/** Mean time of a batch; leaves a collection with all rows in the log. */
async function writeMs(body: Body): Promise<number> {
  body.collections++;
  await createIndex(body.engine, place(body), dimension);
  const samples: number[] = [];
  for (let start = 0; start < rows; start += batch) {
    const end = Math.min(rows, start + batch);
    const keys = Array.from({ length: end - start }, (_, i) => `k${String(start + i)}`);
    const part = values.slice(start * dimension, end * dimension);
    samples.push(await timeMs(() => putRows(body.engine, place(body), keys, part)));
  }
  return quantiles(samples).p50;
}

async function flushMs(body: Body): Promise<number> {
  await writeMs(body);
  return timeMs(() => body.engine.flush(place(body)));
}

async function wakeMs(body: Body): Promise<number> {
  await body.engine.deactivate(place(body));
  return timeMs(() => search(body, 0));
}

async function searchMs(body: Body): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < 50; i++) samples.push(await timeMs(() => search(body, i)));
  return quantiles(samples).p50;
}

async function search(body: Body, i: number): Promise<void> {
  await body.engine.query(place(body), nearestQuery(rowOf(values, dimension, i % rows), 10));
}
