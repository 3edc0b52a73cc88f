/** Callers that wait no longer: what is given up, what goes on for others, what is written. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { InsulaError } from "../base/errors.ts";
import { UPDATE_RECORDS_MAX } from "../base/limits.ts";
import {
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  readBy,
  type ReadableFile,
  type SyncedFile,
} from "../io/index.ts";
import { filterFromWhere, type Place, type WriteBatch } from "../model/index.ts";
import { Shard } from "../shard/index.ts";
import { openEngine, type Engine } from "./index.ts";

const ACME = { database: "db", collection: "c", tenant: "acme" };
const NEW = { database: "db", collection: "c", tenant: "new" };
const INCLUDE = { vectors: true, metadata: true };
const ODD = filterFromWhere({ odd: true });
const ROWS = 300;

/** A disk that answers nothing while it is held. */
class HeldFiles extends MemoryFileSystem {
  /** What is held: reads, or writes that are to be durable. */
  held: "reads" | "syncs" | undefined;
  readonly waiting: (() => void)[] = [];
  reads = 0;

  override async openRead(path: string): Promise<ReadableFile | undefined> {
    await this.#wait("reads");
    const file = await super.openRead(path);
    if (file === undefined) return undefined;
    return readBy(file, async (position, target) => {
      await this.#wait("reads");
      return file.read(position, target);
    });
  }

  override async openSynced(path: string): Promise<SyncedFile> {
    const file = await super.openSynced(path);
    return {
      path: file.path,
      writeAndSync: async (position, parts) => {
        await this.#wait("syncs");
        await file.writeAndSync(position, parts);
      },
      close: () => file.close(),
    };
  }

  release(): void {
    this.held = undefined;
    for (const go of this.waiting.splice(0)) go();
  }

  async #wait(kind: HeldFiles["held"]): Promise<void> {
    if (kind === "reads") this.reads++;
    if (this.held === kind) await new Promise<void>((go) => this.waiting.push(go));
  }
}

let files: HeldFiles;
let engine: Engine;
let stop: AbortController;
const GONE = new Error("no longer wanted");

beforeEach(async () => {
  files = new HeldFiles();
  stop = new AbortController();
  engine = await open();
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: 4, metric: "dot" }],
      identity: "key",
      unfilterable: [],
    },
    tenancy: "multi",
  });
  await engine.createTenant(ACME);
  await engine.upsert(ACME, batch(ROWS));
  await engine.flush(ACME);
});

afterEach(async () => {
  files.release();
  await engine.close();
});

function open(): Promise<Engine> {
  return openEngine({
    ...{ files, clock: new ManualClock(), random: new SeededRandom(1), workerCount: 0 },
  });
}

function batch(count: number, prefix = "k"): WriteBatch {
  const keys = Array.from({ length: count }, (_, i) => `${prefix}${String(i)}`);
  const values = Float32Array.from({ length: count * 4 }, (_, i) => Math.sin(i));
  return {
    keys,
    vectors: [{ field: "", values }],
    metadata: keys.map((_, i) => ({ odd: i % 2 === 1 })),
  };
}

function aborted<P extends Place>(place: P): P {
  return { ...place, signal: stop.signal };
}

async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

const READS: readonly [string, (place: Place) => Promise<unknown>][] = [
  ["get", (place) => engine.get(place, ["k1", "k2"], INCLUDE)],
  ["count", (place) => engine.count(place, ODD)],
  ["list", (place) => engine.list(place, { limit: 10, include: INCLUDE })],
  ["query", (place) => engine.query(place, search())],
  ["queryAll", (place) => engine.queryAll(place, [search()])],
  ["keepQuery", (place) => engine.keepQuery(place, search(), 2)],
  ["measureRecall", (place) => engine.measureRecall(place, { field: "", topK: 2, sample: 2 })],
];

function search() {
  return { field: "", vector: Float32Array.of(1, 0, 0, 0), topK: 5, include: INCLUDE };
}

it.each(READS)(
  "a %s that waits for the waking ends, and another goes on with it",
  async (_, read) => {
    // Asleep, and with nothing of its files at hand.
    await engine.close();
    engine = await open();
    files.held = "reads";
    const given = read(aborted(ACME));
    const other = read(ACME);
    await turns();
    expect(files.waiting.length).toBeGreaterThan(0);
    const { reads } = files;
    stop.abort(GONE);
    await expect(given).rejects.toBe(GONE);
    await turns();
    expect(files.reads).toBe(reads);
    files.release();
    expect(await other).toBeDefined();
    expect(engine.stats().shardsAwake).toBe(1);
  },
);

it.each(READS)("a %s of somebody who is gone already is not begun", async (_, read) => {
  stop.abort(GONE);
  await expect(read(aborted(ACME))).rejects.toBe(GONE);
});

/** The node starts anew, and whoever had the tenant woken has gone before it was. */
async function wokenForNobody(): Promise<void> {
  await engine.close();
  engine = await open();
  files.held = "reads";
  const given = engine.get(aborted(ACME), ["k1"], INCLUDE);
  await turns();
  stop.abort(GONE);
  await expect(given).rejects.toBe(GONE);
  files.release();
  await turns();
}

it("a tenant whose only caller has gone is woken all the same, and can be put to sleep", async () => {
  await engine.deactivate(ACME);
  await wokenForNobody();
  await engine.deactivate(ACME);
  expect(engine.stats().shardsAwake).toBe(0);
  expect((await engine.get(ACME, ["k1"], INCLUDE))[0]?.key).toBe("k1");
});

const WRITES: readonly [string, (place: Place) => Promise<unknown>][] = [
  ["upsert", (place) => engine.upsert(place, batch(1, "new"))],
  ["insert", (place) => engine.insert(place, batch(1, "new"))],
  ["update", (place) => engine.update(place, [{ key: "k1", metadata: { odd: false } }])],
  ["updateWhere", (place) => engine.updateWhere(place, ODD, { odd: false })],
  ["delete", (place) => engine.delete(place, ["k1"])],
  ["deleteWhere", (place) => engine.deleteWhere(place, ODD)],
  ["deleteAll", (place) => engine.deleteAll(place)],
];

async function state(): Promise<readonly number[]> {
  return [await engine.count(ACME), await engine.count(ACME, ODD)];
}

it.each(WRITES)(
  "%s that waits behind another write ends, and nothing of it is written",
  async (_, write) => {
    files.held = "syncs";
    const before = engine.upsert(ACME, batch(1, "first"));
    await turns();
    const given = write(aborted(ACME));
    await turns();
    stop.abort(GONE);
    await expect(given).rejects.toBe(GONE);
    files.release();
    await before;
    await turns();
    expect(await state()).toEqual([ROWS + 1, ROWS / 2]);
  },
);

it.each(WRITES)("%s that is on its way to the log tells its end", async (_, write) => {
  files.held = "syncs";
  const asked = write(aborted(ACME));
  await turns();
  expect(files.waiting).toHaveLength(1);
  stop.abort(GONE);
  await turns();
  files.release();
  expect(await asked).toMatchObject({ rowsAdded: expect.any(Number) });
  expect(await state()).not.toEqual([ROWS, ROWS / 2]);
});

it.each(WRITES)(
  "%s that waits for the waking ends, and nothing of it is written",
  async (_, write) => {
    // What is in the log is read again by who wakes it.
    await engine.upsert(ACME, batch(1));
    await engine.close();
    engine = await open();
    files.held = "reads";
    const given = write(aborted(ACME));
    await turns();
    expect(files.waiting.length).toBeGreaterThan(0);
    stop.abort(GONE);
    await expect(given).rejects.toBe(GONE);
    files.release();
    await turns();
    expect(await state()).toEqual([ROWS, ROWS / 2]);
  },
);

it("a write whose caller is gone makes no tenant", async () => {
  stop.abort(GONE);
  await expect(engine.upsert(aborted(NEW), batch(1))).rejects.toBe(GONE);
  expect(await engine.getTenant(NEW)).toBeUndefined();
});

it("a write that waits for its turn ends, and its turn goes to the others", async () => {
  const others = Array.from({ length: 400 }, (_, i) =>
    engine.upsert(ACME, batch(1, `o${String(i)}-`)),
  );
  const given = engine.upsert(aborted(ACME), batch(1, "given"));
  stop.abort(GONE);
  await expect(given).rejects.toBe(GONE);
  await Promise.all(others);
  expect(await engine.count(ACME)).toBe(ROWS + 400);
});

it("a search over many places names the places without the signal", async () => {
  const { hits, searched } = await engine.queryMany([aborted(ACME)], search());
  expect([hits[0]?.place, searched[0]?.place]).toEqual([ACME, ACME]);
});

it("whoever finds a tenant awake that another had woken did not wait for it", async () => {
  await wokenForNobody();
  const { activation } = await engine.query(ACME, search());
  expect(activation).toMatchObject({ wasAsleep: false, wakeMs: 0 });
  const { items } = await engine.usage({ limit: 10, period: "day" });
  expect(items[0]?.activations).toBe(2);
});

it("many that find a tenant asleep at once are one activation", async () => {
  await engine.close();
  engine = await open();
  await Promise.all(Array.from({ length: 4 }, () => engine.query(ACME, search())));
  const { items } = await engine.usage({ limit: 10, period: "day" });
  // And one for the first writes.
  expect(items[0]?.activations).toBe(2);
});

it("many calls under one signal are no leak that is warned of", async () => {
  const warnings: string[] = [];
  const warn = ({ name }: Error): void => void warnings.push(name);
  process.on("warning", warn);
  const reads = Array.from({ length: 30 }, () => engine.get(aborted(ACME), ["k1"], INCLUDE));
  await Promise.all(reads);
  await turns(2);
  process.off("warning", warn);
  expect(warnings).toEqual([]);
});

it("an update of which a step is done is not told to be given up, whatever else goes wrong", async () => {
  for (const prefix of ["a", "b"]) await engine.upsert(NEW, batch(UPDATE_RECORDS_MAX, prefix));
  let steps = 0;
  const original = Shard.prototype.write;
  const spy = vi.spyOn(Shard.prototype, "write").mockImplementation(async function (
    this: Shard,
    ...args
  ) {
    if (++steps === 2) {
      stop.abort(GONE);
      throw new InsulaError("memory_exhausted", "as the test asks", { details: { bytes: 1 } });
    }
    return original.apply(this, args);
  });
  const all = filterFromWhere({ odd: { $exists: true } });
  const done = await engine.updateWhere(aborted(NEW), all, { odd: false });
  spy.mockRestore();
  expect(done.rowsReplaced).toBeGreaterThan(0);
  expect(await engine.count(NEW, ODD)).toBe(0);
});
