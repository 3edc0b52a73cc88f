/** What is read is what was asked for: every read of a file is held against a map of the file. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/api.ts";
import { openEngine } from "../../src/engine/index.ts";
import {
  CountingFileSystem,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  type FileCall,
} from "../../src/io/index.ts";
import type { Place, Schema } from "../../src/model/index.ts";
import { mapSegments, partsOf, type SegmentMaps } from "./segment-map.ts";

const SEGMENTS = 10;
const ROWS = 400;
const DIMENSION = 24;
const PROPERTIES = ["alpha", "beta", "gamma", "delta", "epsilon"];
const SCHEMA: Schema = {
  vectors: [{ name: "", dimension: DIMENSION, metric: "cosine" }],
  identity: "key",
  unfilterable: [],
};
const PLACE: Place = { database: "db", collection: "many" };
const NOTHING = { vectors: false, metadata: false };

function open(files: CountingFileSystem | MemoryFileSystem): Promise<Engine> {
  return openEngine({
    files,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    isSealing: false,
    workerCount: 0,
    policy: { packedBytesMax: 0, mergeFanIn: 1_000, smallShardBytes: 0, deadShareMax: 1 },
  });
}

function keyOf(segment: number, row: number): string {
  return `s${String(segment)}-${String(row).padStart(5, "0")}`;
}

/** Ten segments that share no key, each with five properties of many values. */
async function writeSegments(files: MemoryFileSystem): Promise<void> {
  const engine = await open(files);
  const random = new SeededRandom(2);
  await engine.createDatabase("db");
  await engine.createCollection("db", "many", { schema: SCHEMA });
  for (let segment = 0; segment < SEGMENTS; segment++) {
    const rows = Array.from({ length: ROWS }, (_, row) => row);
    await engine.upsert(PLACE, {
      keys: rows.map((row) => keyOf(segment, row)),
      vectors: [
        {
          field: "",
          values: Float32Array.from({ length: ROWS * DIMENSION }, () => random.below(1_000) - 500),
        },
      ],
      metadata: rows.map((row) =>
        Object.fromEntries(
          PROPERTIES.map((name) => [name, `${name} ${String(segment)} ${String(row)}`]),
        ),
      ),
    });
    await engine.flush(PLACE);
  }
  await engine.close();
}

let engine: Engine;
let files: CountingFileSystem;
let maps: SegmentMaps;

beforeEach(async () => {
  const memory = new MemoryFileSystem();
  await writeSegments(memory);
  maps = await mapSegments(memory);
  expect(maps.size).toBe(SEGMENTS);
  files = new CountingFileSystem(memory);
  engine = await open(files);
  files.reset();
});
afterEach(async () => {
  await engine.close();
});

/** Reads of anything but the catalogue. */
function dataReads(): readonly FileCall[] {
  const kinds = ["read", "read-whole"];
  return files.calls.filter(
    ({ kind, path }) => kinds.includes(kind) && !path.startsWith("catalog/"),
  );
}

/** The parts read of each file, every part as often as it was read. */
function partsRead(): ReadonlyMap<string, readonly string[]> {
  const parts = new Map<string, string[]>();
  for (const read of dataReads()) {
    parts.set(read.path, [...(parts.get(read.path) ?? []), ...partsOf(maps, read)]);
  }
  return parts;
}

/** The first use of a sleeping collection, without a question. */
async function wake(): Promise<void> {
  await engine.get(PLACE, [], NOTHING);
  expect(engine.stats().shardsAwake).toBe(1);
  files.reset();
}

describe("a collection of ten segments with five properties", () => {
  it("is opened by the trailer and the footer of each segment, no byte of any section", async () => {
    await engine.get(PLACE, [], NOTHING);
    expect(engine.stats().shardsAwake).toBe(1);
    const parts = partsRead();
    expect(parts.size).toBe(SEGMENTS);
    for (const [path, names] of parts) expect(names, path).toEqual(["trailer", "footer"]);
  });

  it("reads for one key the key filters, and records of one segment: its fences and one block", async () => {
    await wake();
    const [record] = await engine.get(PLACE, [keyOf(3, 77)], { vectors: false, metadata: true });
    expect(record?.metadata?.["beta"]).toBe("beta 3 77");
    let asked = 0;
    for (const [path, names] of partsRead()) {
      const filter = ["table of keyFilter", "keyFilter"];
      // A filter that is wrong once in a hundred keys may let another segment be asked.
      const block = ["table of recordFences", "recordFences", "table of records", "records"];
      if (names.length > filter.length) asked++;
      expect([filter, [...filter, ...block]], path).toContainEqual(names);
      const blocks = dataReads().filter(
        (read) => read.path === path && partsOf(maps, read).includes("records"),
      );
      // A block is about 4 KiB and touches two chunks of 4 KiB, three when its last record is long.
      for (const read of blocks) expect(read.length).toBeLessThanOrEqual(3 * 4_096);
    }
    expect(asked).toBeGreaterThanOrEqual(1);
    expect(asked).toBeLessThanOrEqual(2);
  });

  it("reads nothing for a key it knows to be absent, once the filters are loaded", async () => {
    await wake();
    await engine.get(PLACE, ["nobody"], NOTHING);
    files.reset();
    const absent = Array.from({ length: 20 }, (_, i) => `absent ${String(i)}`);
    expect(await engine.get(PLACE, absent, NOTHING)).toEqual(absent.map(() => undefined));
    for (const names of partsRead().values()) {
      // False positives of the filters: a block, never another part.
      for (const name of names) expect(name).toMatch(/^(table of )?(recordFences|records)$/);
    }
    expect(dataReads().length).toBeLessThan(12);
  });

  it("reads vectors of the records asked for alone", async () => {
    await wake();
    await engine.get(PLACE, [keyOf(5, 1)], { vectors: true, metadata: false });
    const vectorReads = dataReads().filter((read) => partsOf(maps, read).includes("vectors"));
    expect(vectorReads.map(({ length }) => length)).toEqual([4_032]);
  });

  it.each(PROPERTIES)("filters by %s without a byte of the other properties", async (property) => {
    await wake();
    const value = `${property} 4 123`;
    const filter = { kind: "equal", property, value } as const;
    expect(await engine.count(PLACE, filter)).toBe(1);
    for (const [path, names] of partsRead()) {
      const own = [`table of inverted ${property}`, `inverted ${property}`];
      expect(new Set(names), path).toEqual(new Set(own));
    }
    const vector = new Float32Array(DIMENSION).fill(1);
    const query = { field: "", vector, topK: 5, include: { vectors: false, metadata: true } };
    const { hits } = await engine.query(PLACE, { ...query, filter });
    expect(hits.map(({ key }) => key)).toEqual([keyOf(4, 123)]);
    const all = new Set([...partsRead().values()].flat());
    const inverted = [...all].filter((name) => name.includes("inverted"));
    expect(inverted.sort()).toEqual([`inverted ${property}`, `table of inverted ${property}`]);
    expect(all).not.toContain("padding");
    expect(all).not.toContain("header");
  });

  it("is searched without its records but those of the hits, and without properties", async () => {
    await wake();
    const vector = new Float32Array(DIMENSION).fill(1);
    const { hits } = await engine.query(PLACE, { field: "", vector, topK: 1, include: NOTHING });
    expect(hits).toHaveLength(1);
    const sections = ["codes", "rowFactors", "vectors"];
    const record = ["records", "recordFences"];
    let withRecords = 0;
    for (const [path, names] of partsRead()) {
      const plain = new Set(names.map((name) => name.replace("table of ", "")));
      for (const name of plain) expect([...sections, ...record], path).toContain(name);
      if (plain.has("records")) withRecords++;
    }
    expect(withRecords).toBe(1);
  });

  it("takes a new record while it sleeps by footers and key filters, and counts it exactly", async () => {
    const values = new Float32Array(DIMENSION).fill(1);
    const batch = { keys: ["new"], vectors: [{ field: "", values }], metadata: [{ alpha: "a" }] };
    expect(await engine.upsert(PLACE, batch)).toEqual({ rowsAdded: 1, rowsReplaced: 0 });
    const known = ["trailer", "footer", "table of keyFilter", "keyFilter"];
    const parts = partsRead();
    expect(parts.size).toBe(SEGMENTS);
    for (const [path, names] of parts) {
      expect(names.slice(0, known.length), path).toEqual(known);
      // A filter that is wrong once in a hundred keys lets its segment be asked: a block.
      for (const name of names.slice(known.length)) {
        expect(name, path).toMatch(/^(table of )?(recordFences|records)$/);
      }
    }
    expect(engine.stats().arenaBytesUsed).toBeLessThan(64 * 1_024);
    files.reset();
    expect(await engine.count(PLACE)).toBe(SEGMENTS * ROWS + 1);
    expect(dataReads()).toEqual([]);
  });

  it.each(["upsert", "delete"] as const)(
    "replaces by %s while it sleeps, with one block of records and no vector, code or property",
    async (kind) => {
      const values = new Float32Array(DIMENSION).fill(1);
      const key = keyOf(3, 77);
      const batch = { keys: [key], vectors: [{ field: "", values }], metadata: [undefined] };
      const { rowsReplaced } = await (kind === "upsert"
        ? engine.upsert(PLACE, batch)
        : engine.delete(PLACE, [key]));
      expect(rowsReplaced).toBe(1);
      const all = new Set([...partsRead().values()].flat());
      const parts = ["footer", "keyFilter", "recordFences", "records", "trailer"];
      const plain = [...all].map((name) => name.replace("table of ", ""));
      expect([...new Set(plain)].sort()).toEqual(parts);
      const blocks = dataReads().filter((read) => partsOf(maps, read).includes("records"));
      expect(blocks.length).toBeLessThanOrEqual(4);
      files.reset();
      expect(await engine.count(PLACE)).toBe(SEGMENTS * ROWS - (kind === "delete" ? 1 : 0));
      expect(dataReads()).toEqual([]);
    },
  );

  it("is counted from the catalogue: no file is read, nobody wakes", async () => {
    expect(await engine.count(PLACE)).toBe(SEGMENTS * ROWS);
    expect(dataReads()).toEqual([]);
    files.reset();
    expect(await engine.count(PLACE)).toBe(SEGMENTS * ROWS);
    expect(files.calls).toEqual([]);
    expect(engine.stats().shardsAwake).toBe(0);
  });

  it("is listed from the catalogue: no file is read, nobody wakes", async () => {
    const page = { limit: 100 };
    const { items } = await engine.listCollections("db", page);
    expect(items.map(({ name, rowCount }) => [name, rowCount])).toEqual([
      ["many", SEGMENTS * ROWS],
    ]);
    await engine.getCollection("db", "many");
    await engine.listDatabases(page);
    await engine.getDatabase("db");
    expect(dataReads()).toEqual([]);
    expect(engine.stats().shardsAwake).toBe(0);
  });
});

describe("tenants that sleep", () => {
  it("are listed with their counts while nobody wakes", async () => {
    const memory = new MemoryFileSystem();
    const first = await open(memory);
    await first.createDatabase("db");
    await first.createCollection("db", "t", { schema: SCHEMA, tenancy: "multi" });
    for (let i = 0; i < 40; i++) {
      const place = { database: "db", collection: "t", tenant: `t${String(i)}` };
      const values = new Float32Array(DIMENSION).fill(i);
      await first.upsert(place, {
        keys: ["k"],
        vectors: [{ field: "", values }],
        metadata: [undefined],
      });
    }
    await first.close();
    const counting = new CountingFileSystem(memory);
    const second = await open(counting);
    counting.reset();
    const { items } = await second.listTenants("db", "t", { limit: 1_000 });
    expect(items.map(({ rowCount }) => rowCount)).toEqual(new Array(40).fill(1));
    const place = { database: "db", collection: "t", tenant: "t7" };
    expect((await second.getTenant(place))?.rowCount).toBe(1);
    expect(await second.count(place)).toBe(1);
    expect(counting.calls.filter(({ path }) => !path.startsWith("catalog/"))).toEqual([]);
    expect(second.stats().shardsAwake).toBe(0);
    await second.close();
  });
});

/** Kinds of calls of one start, of a folder with so many collections and tenants. */
async function callsOfStart(count: number): Promise<Record<string, number>> {
  const memory = new MemoryFileSystem();
  const first = await open(memory);
  await first.createDatabase("db");
  await first.createCollection("db", "tenants", { schema: SCHEMA, tenancy: "multi" });
  for (let i = 0; i < count; i++) {
    await first.createCollection("db", `c${String(i)}`, { schema: SCHEMA });
    await first.createTenant({ database: "db", collection: "tenants", tenant: `t${String(i)}` });
  }
  await first.close();
  const counting = new CountingFileSystem(memory);
  const second = await open(counting);
  const kinds: Record<string, number> = {};
  for (const { kind } of counting.calls) kinds[kind] = (kinds[kind] ?? 0) + 1;
  expect(second.stats().collectionCount).toBe(count + 1);
  await second.close();
  return kinds;
}

describe("a start", () => {
  it("makes as many file operations with 2,000 collections and tenants as with 10", async () => {
    expect(await callsOfStart(2_000)).toEqual(await callsOfStart(10));
  });
});
