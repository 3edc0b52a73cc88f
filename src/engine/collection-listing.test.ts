/** Listings of very many collections: whole, in turns with others, and nobody else's names lost. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { Catalog } from "./catalog.ts";
import { collectionKey } from "./catalog-keys.ts";
import { openEngine, type Engine } from "./index.ts";

const COUNT = 450;

let engine: Engine;
let clock: ManualClock;
let files: MemoryFileSystem;

function open(): Promise<Engine> {
  return openEngine({ files, clock, random: new SeededRandom(1), workerCount: 0 });
}

function nameOf(i: number): string {
  return `c${String(i).padStart(3, "0")}`;
}

beforeAll(async () => {
  clock = new ManualClock();
  files = new MemoryFileSystem();
  engine = await open();
  await engine.createDatabase("d");
  const vectors = [{ name: "", dimension: 4, metric: "cosine" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  const names = Array.from({ length: COUNT }, (_, i) => nameOf(i));
  await Promise.all(names.map((name) => engine.createCollection("d", name, { schema })));
});

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(() => engine.close());

it.each([1_000, COUNT, 200, 199, 7])("has all of them in pages of %i", async (limit) => {
  const names: string[] = [];
  for (let after: string | undefined; ;) {
    const page = { limit, ...(after === undefined ? {} : { after }) };
    const { items, hasMore } = await engine.listCollections("d", page);
    expect(items.length === limit || !hasMore).toBe(true);
    names.push(...items.map(({ name }) => name));
    after = items.at(-1)?.name;
    if (!hasMore) break;
  }
  expect(names).toEqual(Array.from({ length: COUNT }, (_, i) => nameOf(i)));
});

it("keeps to a prefix, and refuses a limit that is none", async () => {
  const { items, hasMore } = await engine.listCollections("d", { prefix: "c01", limit: 100 });
  expect(items.map(({ name }) => name)).toEqual(
    Array.from({ length: 10 }, (_, i) => nameOf(10 + i)),
  );
  expect(hasMore).toBe(false);
  await expect(engine.listCollections("d", { limit: 0 })).rejects.toMatchObject({
    code: "argument_invalid",
  });
});

it("gives the thread back every few hundred", async () => {
  const turns = vi.spyOn(clock, "yield");
  await engine.listCollections("d", { limit: 1_000 });
  expect(turns.mock.calls.length).toBeGreaterThanOrEqual(2);
});

it("does not take the room of names that are in use", async () => {
  await engine.close();
  engine = await open();
  const { items } = await engine.listCollections("d", { limit: 1_000 });
  expect(items).toHaveLength(COUNT);
  const reads = vi.spyOn(Catalog.prototype, "get");
  const name = nameOf(7);
  await engine.getCollection("d", name);
  const key = collectionKey(1, name);
  const readCount = (): number => reads.mock.calls.filter(([each]) => each === key).length;
  expect(readCount()).toBe(1);
  // What somebody asks for by name is kept.
  await engine.getCollection("d", name);
  expect(readCount()).toBe(1);
});
