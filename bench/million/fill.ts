/** Makes the data of one way, or finds them in a kept folder; then weighs them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../../src/engine/index.ts";
import { clusteredVectors } from "../support/clustered-vectors.ts";
import { putRows, type EngineFolder } from "../support/engine-folder.ts";
import { measureFolder } from "../support/machine.ts";
import { median, runConcurrently, timeMs } from "../support/samples.ts";
import type { Figure, Figures } from "./figures.ts";
import { DIMENSION, LARGE_DIMENSION, LARGE_ROWS, nameOf, numberOf, type Sizes } from "./sizes.ts";
import { DATABASE, LARGE_DATABASE, type Way } from "./way.ts";

const NAMES_AT_ONCE = 10_000;
const WRITES_AT_ONCE = 512;
const BATCH_ROWS_MAX = 2_000;
/** Beginnings of batches in the numbers that all of them share. */
const STARTS = 64;
const MIB = 1_048_576;
const CREATED_MIN = { tenants: 20_000, collections: 5_000 };

interface Stamp {
  readonly sizes: string;
  /** Of the run that made the data. */
  readonly figures: readonly Figure[];
}

export async function fill(
  way: Way,
  { folder, sizes, figures }: { folder: EngineFolder; sizes: Sizes; figures: Figures },
): Promise<void> {
  const path = join(folder.path, "bench-sizes.json");
  if (existsSync(path)) {
    const stamp = JSON.parse(readFileSync(path, "utf8")) as Stamp;
    if (stamp.sizes !== sizes.stamp) {
      throw new Error(`${folder.path} holds data of other sizes: name another folder.`);
    }
    figures.remark("data of an earlier run; what their creation took was measured then.");
    for (const figure of stamp.figures) figures.add(figure);
  } else {
    await make(way, { folder, sizes, figures });
    const stamp: Stamp = { sizes: sizes.stamp, figures: figures.all };
    writeFileSync(path, JSON.stringify(stamp));
  }
  weigh(folder.path, { sizes, figures });
}

async function make(
  way: Way,
  { folder, sizes, figures }: { folder: EngineFolder; sizes: Sizes; figures: Figures },
): Promise<void> {
  const engine = await folder.open();
  try {
    await way.prepare(engine);
    await createAll(engine, way, { sizes, figures });
    await fillSmall(engine, way, { sizes, figures });
    await fillLarge(engine, way, { sizes, figures });
  } finally {
    figures.progress("closing");
    await engine.close();
  }
}

interface Making {
  readonly sizes: Sizes;
  readonly figures: Figures;
}

async function createAll(engine: Engine, way: Way, { sizes, figures }: Making): Promise<void> {
  const { count } = sizes;
  figures.progress(`creating ${String(count)}`);
  const rates: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let first = 0; first < count; first += NAMES_AT_ONCE) {
    const names = Array.from({ length: Math.min(NAMES_AT_ONCE, count - first) }, (_, i) =>
      nameOf(first + i),
    );
    const ms = await timeMs(() => way.create(engine, names));
    rates.push((names.length * 1_000) / ms);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const wanted = { min: CREATED_MIN[way.name] };
  figures.add({ what: "created, durable", value: median(rates), unit: "/s", wanted });
  figures.add({ what: "the slowest 10,000 of them", value: Math.min(...rates), unit: "/s" });
  const each = (user + system) / count;
  figures.add({ what: "creation, time of the processors", value: each, unit: "µs each" });
}

async function fillSmall(engine: Engine, way: Way, { sizes, figures }: Making): Promise<void> {
  const { count } = sizes;
  let rows = 0;
  const writer = new SmallWriter(engine, way, sizes);
  const ms = await timeMs(() =>
    runConcurrently(count, WRITES_AT_ONCE, async (i) => {
      const written = await writer.write(i);
      rows += written;
      if (i % 50_000 === 49_999) figures.progress(`${String(i + 1)} filled`);
    }),
  );
  const value = (count * 1_000) / ms;
  figures.add({ what: "first writes to sleepers, 512 at once", value, unit: "/s" });
  const mib = Math.round((rows * DIMENSION * 4) / MIB);
  figures.remark(`${String(rows)} rows of ${String(DIMENSION)} numbers, ${String(mib)} MiB.`);
}

class SmallWriter {
  readonly #engine: Engine;
  readonly #way: Way;
  readonly #sizes: Sizes;
  readonly #block = clusteredVectors(DIMENSION, 4_000, 21).next(BATCH_ROWS_MAX + STARTS);

  constructor(engine: Engine, way: Way, sizes: Sizes) {
    this.#engine = engine;
    this.#way = way;
    this.#sizes = sizes;
  }

  /** @returns rows written. */
  async write(i: number): Promise<number> {
    const place = this.#way.placeOf(DATABASE, nameOf(i));
    const rowCount = this.#sizes.rowsOf(i);
    for (let first = 0; first < rowCount; first += BATCH_ROWS_MAX) {
      const part = Math.min(BATCH_ROWS_MAX, rowCount - first);
      const keys = Array.from({ length: part }, (_, row) => `k${String(first + row)}`);
      const start = (i % STARTS) * DIMENSION;
      const values = this.#block.subarray(start, start + part * DIMENSION);
      await putRows(this.#engine, place, keys, values);
    }
    return rowCount;
  }
}

/** Makes those again that were erased, so that the next run on a kept folder finds them all. */
export async function putBack(
  way: Way,
  { folder, sizes }: { folder: EngineFolder; sizes: Sizes },
): Promise<void> {
  const engine = await folder.open();
  try {
    const { erased } = sizes.pick();
    await way.create(engine, erased);
    const writer = new SmallWriter(engine, way, sizes);
    for (const name of erased) await writer.write(numberOf(name));
  } finally {
    await engine.close();
  }
}

async function fillLarge(engine: Engine, way: Way, { sizes, figures }: Making): Promise<void> {
  const { largeCount } = sizes;
  figures.progress(
    `${String(largeCount)} of ${String(LARGE_ROWS)} × ${String(LARGE_DIMENSION)} more`,
  );
  const source = clusteredVectors(LARGE_DIMENSION, 20_000, 22);
  const keys = Array.from({ length: LARGE_ROWS }, (_, row) => `k${String(row)}`);
  for (let i = 0; i < largeCount; i++) {
    const place = way.placeOf(LARGE_DATABASE, nameOf(i));
    await way.createLarge(engine, nameOf(i));
    await putRows(engine, place, keys, source.next(LARGE_ROWS));
    await engine.flush(place);
  }
}

function weigh(path: string, { sizes, figures }: Making): void {
  const { mib, files, folders } = measureFolder(path);
  const max = (1.5 * sizes.bytes + sizes.count * 1_024) / MIB;
  figures.add({ what: "on disk", value: mib, unit: "MiB", wanted: { max } });
  figures.add({ what: "inodes: files and folders", value: files + folders, unit: "" });
}
