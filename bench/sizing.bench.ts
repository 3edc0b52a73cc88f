/**
 * What a vector and a tenant cost: on disk, asleep and awake, against the formula of
 * docs/sizing.md.
 *
 *   npx tsx bench/sizing.bench.ts --quick
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../src/engine/index.ts";
import { DEFAULT_VECTOR, type Place } from "../src/model/index.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import {
  createIndex,
  EngineFolder,
  nearestQuery,
  putRows,
  rowOf,
} from "./support/engine-folder.ts";
import { measureFolder } from "./support/machine.ts";
import { openReport, type Row } from "./support/report.ts";
import { timeMs } from "./support/samples.ts";

const DATABASE = "bench";
const DIMENSIONS = [128, 384, 768, 1_024, 1_536, 3_072];
const MIB = 1_048_576;
const BATCH_BYTES = 8 * MIB;
/** Float32 rows of a segment are kept in memory up to here. */
const RESIDENT_ROWS_BYTES_MAX = 64 * MIB;

const report = openReport({
  path: "bench/sizing.bench.ts",
  purpose: "Disk and memory of a vector and of a tenant, measured and computed.",
  example: "npx tsx bench/sizing.bench.ts --rows 5000",
  sizes: {
    rows: { description: "vectors of one collection", full: 5_000, quick: 1_000 },
    tenants: { description: "small tenants", full: 10_000, quick: 1_000 },
    records: { description: "records of a small tenant", full: 10, quick: 10 },
    large: { description: "large tenants of the check", full: 4, quick: 2 },
    largeRows: { description: "vectors of each", full: 20_000, quick: 2_000 },
    largeDimension: { description: "numbers of each", full: 1_536, quick: 256 },
  },
});

const perVector: Row[] = [];
for (const dimension of DIMENSIONS) perVector.push(await measureVectors(dimension));
report.table("one vector, bytes", perVector);
report.table("one small tenant", [await measureTenants()]);
report.table("the worked example, built smaller", [await measureLarge()]);
report.finish();

/** Bytes of one float32 row and of one row of int8 codes, each a multiple of 16. */
function strides(dimension: number): { readonly row: number; readonly code: number } {
  return { row: Math.ceil((dimension * 4) / 16) * 16, code: Math.ceil(dimension / 16) * 16 };
}

/** Rows, codes and factors; keys of seven bytes with their filter and fences take about 30. */
function diskFormula(dimension: number): number {
  const { row, code } = strides(dimension);
  return row + code + 12 + 30;
}

/** Blocks are powers of two, at least 4 KiB; rows only when a segment's are small enough. */
function memoryFormula(rows: number, dimension: number): number {
  const { row, code } = strides(dimension);
  const extents = [rows * (code + 12)];
  if (rows * row <= RESIDENT_ROWS_BYTES_MAX) extents.push(rows * row);
  return extents.reduce((sum, bytes) => sum + 2 ** Math.ceil(Math.log2(Math.max(4_096, bytes))), 0);
}

async function measureVectors(dimension: number): Promise<Row> {
  report.progress(`${dimension} numbers`);
  const rows = report.size("rows");
  const folder = new EngineFolder();
  try {
    const place: Place = { database: DATABASE, collection: "one" };
    const engine = await folder.open();
    await engine.createDatabase(DATABASE);
    await createIndex(engine, place, dimension);
    const probe = await fill(engine, place, { rows, dimension });
    await engine.compact(place);
    const disk = (await settledBytes(folder.path)) / rows;
    const awake = (await awakeBytes(engine, [place], probe)) / rows;
    await engine.close();
    return {
      dimension,
      disk: Math.round(disk),
      "disk by formula": diskFormula(dimension),
      "memory awake": Math.round(awake),
      "memory by formula": Math.round(memoryFormula(rows, dimension) / rows),
    };
  } finally {
    folder.remove();
  }
}

async function measureTenants(): Promise<Row> {
  const tenants = report.size("tenants");
  const records = report.size("records");
  const dimension = 384;
  const folder = new EngineFolder();
  try {
    let engine = await folder.open();
    await engine.createDatabase(DATABASE);
    await engine.createCollection(DATABASE, "many", {
      schema: {
        vectors: [{ name: DEFAULT_VECTOR, dimension, metric: "cosine" }],
        identity: "key",
        unfilterable: [],
      },
      tenancy: "multi",
    });
    const values = clusteredVectors(dimension, records, 5).next(records);
    const keys = Array.from({ length: records }, (_, i) => `k${i}`);
    const placeOf = (i: number): Place => ({
      database: DATABASE,
      collection: "many",
      tenant: `t${i}`,
    });
    for (let start = 0; start < tenants; start += 256) {
      report.progress(`tenant ${start} of ${tenants}`);
      const count = Math.min(256, tenants - start);
      await Promise.all(
        Array.from({ length: count }, (_, i) => putRows(engine, placeOf(start + i), keys, values)),
      );
    }
    await engine.close();
    const disk = (measureFolder(folder.path).mib * MIB) / tenants;
    const startMs = await timeMs(async () => {
      engine = await folder.open();
    });
    const awake = Array.from({ length: Math.min(1_000, tenants) }, (_, i) => placeOf(i));
    const bytes = await awakeBytes(engine, awake, rowOf(values, dimension, 0));
    await engine.close();
    return {
      tenants,
      "records each": records,
      numbers: dimension,
      "disk KiB each": Number((disk / 1_024).toFixed(1)),
      "start ms": Math.round(startMs),
      "awake KiB each": Number((bytes / awake.length / 1_024).toFixed(1)),
    };
  } finally {
    folder.remove();
  }
}

async function measureLarge(): Promise<Row> {
  const count = report.size("large");
  const rows = report.size("largeRows");
  const dimension = report.size("largeDimension");
  const folder = new EngineFolder();
  try {
    const engine = await folder.open();
    await engine.createDatabase(DATABASE);
    let probe: Float32Array = new Float32Array(dimension);
    const places = Array.from({ length: count }, (_, i): Place => ({
      database: DATABASE,
      collection: `large${i}`,
    }));
    for (const place of places) {
      report.progress(place.collection);
      await createIndex(engine, place, dimension);
      probe = await fill(engine, place, { rows, dimension });
      await engine.compact(place);
      await engine.deactivate(place);
    }
    const disk = await settledBytes(folder.path);
    const awake = await awakeBytes(engine, places.slice(0, 1), probe);
    await engine.close();
    const diskWanted = count * rows * diskFormula(dimension);
    const awakeWanted = memoryFormula(rows, dimension);
    return {
      tenants: count,
      vectors: rows,
      numbers: dimension,
      "disk MiB": Math.round(disk / MIB),
      "disk formula off by %": Number(((diskWanted / disk - 1) * 100).toFixed(1)),
      "one awake MiB": Number((awake / MIB).toFixed(1)),
      "memory formula off by %": Number(((awakeWanted / awake - 1) * 100).toFixed(1)),
    };
  } finally {
    folder.remove();
  }
}

/** What places hold in the arenas after a search, and give back when they sleep. */
async function awakeBytes(
  engine: Engine,
  places: readonly Place[],
  probe: Float32Array,
): Promise<number> {
  for (const place of places) await engine.deactivate(place);
  for (const place of places) await engine.query(place, nearestQuery(probe, 3));
  const awake = engine.stats().arenaBytesUsed;
  for (const place of places) await engine.deactivate(place);
  return awake - engine.stats().arenaBytesUsed;
}

/** Returns the last vector written. */
async function fill(
  engine: Engine,
  place: Place,
  { rows, dimension }: { readonly rows: number; readonly dimension: number },
): Promise<Float32Array> {
  const source = clusteredVectors(dimension, rows, 7);
  const batch = Math.max(1, Math.min(5_000, Math.floor(BATCH_BYTES / (dimension * 4))));
  let last: Float32Array = new Float32Array(dimension);
  for (let start = 0; start < rows; start += batch) {
    const count = Math.min(batch, rows - start);
    const values = source.next(count);
    const keys = Array.from({ length: count }, (_, i) => `k${String(start + i).padStart(6, "0")}`);
    await putRows(engine, place, keys, values);
    last = rowOf(values, dimension, count - 1);
  }
  return last;
}

/** Merged segments are unlinked in the background: what remains when nothing goes any more. */
async function settledBytes(folder: string): Promise<number> {
  for (let bytes = segmentBytes(folder), quiet = 0; ;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const now = segmentBytes(folder);
    quiet = now === bytes ? quiet + 1 : 0;
    bytes = now;
    if (quiet === 5) return bytes;
  }
}

/** Segments in files of their own and in packs, as allocated on the disk. */
function segmentBytes(folder: string): number {
  const folders = ["seg", "pack"].filter((name) => existsSync(join(folder, name)));
  return folders.reduce((sum, name) => sum + measureFolder(join(folder, name)).mib * MIB, 0);
}
