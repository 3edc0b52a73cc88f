/**
 * A large batch through the whole engine: its work is done in many turns of the event loop, between
 * which others are answered and nothing of it is seen. Turns are counted, not timed.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  FaultyFileSystem,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  type FileFault,
} from "../io/index.ts";
import type { Place, RecordView } from "../model/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE: Place = { database: "db", collection: "c" };
const DIMENSION = 6;
const ROWS = 5_000;
const NOTHING = { vectors: false, metadata: false };

/** Time stands; a turn of the event loop is one, and is counted. */
class CountingClock extends ManualClock {
  turns = 0;
  onTurn: () => void = () => undefined;

  override yield(): Promise<void> {
    this.turns++;
    this.onTurn();
    return new Promise((resolve) => setImmediate(resolve));
  }
}

let faults: FileFault[];
let engine: Engine;
let clock: CountingClock;

beforeEach(async () => {
  clock = new CountingClock();
  faults = [];
  const files = new FaultyFileSystem(new MemoryFileSystem(), faults);
  engine = await openEngine({ files, clock, random: new SeededRandom(1), workerCount: 0 });
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      vectors: [{ name: "", dimension: DIMENSION, metric: "dot" }],
      sparseVectors: [{ name: "terms" }],
      identity: "key",
      unfilterable: [],
    },
  });
});

afterEach(async () => {
  await engine.close();
});

function batch(count: number, version: number): Parameters<Engine["upsert"]>[1] {
  const keys = Array.from({ length: count }, (_, i) => `key-${String(i)}`);
  const starts = Uint32Array.from({ length: count + 1 }, (_, i) => i);
  return {
    keys,
    vectors: [{ field: "", values: new Float32Array(count * DIMENSION).fill(version) }],
    sparse: [
      {
        ...{ field: "terms", starts, indices: new Uint32Array(count) },
        values: new Float32Array(count).fill(version),
      },
    ],
    metadata: keys.map(() => ({ version, text: "some words that a record has" })),
  };
}

function lineOf(record: RecordView | undefined): string {
  const dense = record?.vectors?.get("")?.join() ?? "";
  const sparse = record?.sparse?.get("terms")?.values[0] ?? 0;
  return `${dense} ${String(sparse)} ${JSON.stringify(record?.metadata?.["version"])}`;
}

it("writes a large batch in many turns, and all of it or nothing is seen at each", async () => {
  await engine.upsert(PLACE, batch(ROWS, 1));
  const before = clock.turns;
  const versions = new Set<string>();
  let looks = 0;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const keys = ["key-0", `key-${String(ROWS >> 1)}`, `key-${String(ROWS - 1)}`];
    const found = await engine.get(PLACE, keys, { vectors: true, metadata: true });
    versions.add(found.map(lineOf).join("; "));
    looks++;
    looking = undefined;
  };
  clock.onTurn = () => {
    looking ??= look();
  };
  await engine.upsert(PLACE, batch(ROWS, 2));
  clock.onTurn = () => undefined;
  await looking;
  await look();
  expect(clock.turns - before).toBeGreaterThan(10);
  expect(looks).toBeGreaterThan(3);
  expect([...versions]).toEqual([
    "1,1,1,1,1,1 1 1; 1,1,1,1,1,1 1 1; 1,1,1,1,1,1 1 1",
    "2,2,2,2,2,2 2 2; 2,2,2,2,2,2 2 2; 2,2,2,2,2,2 2 2",
  ]);
  expect(await engine.count(PLACE)).toBe(ROWS);
});

it("leaves nothing of a batch behind that the log refused", async () => {
  await engine.upsert(PLACE, batch(300, 1));
  faults.push({ kinds: ["write-and-sync"], path: "log/", nth: 1, effect: "ENOSPC" });
  await expect(engine.upsert(PLACE, batch(400, 2))).rejects.toMatchObject({ code: "disk_full" });
  await engine.upsert(PLACE, { ...batch(200, 3) });
  const found = await engine.get(PLACE, ["key-0", "key-250", "key-350"], {
    vectors: true,
    metadata: false,
  });
  expect(found.map((record) => record?.vectors?.get("")?.[0])).toEqual([3, 1, undefined]);
  const { hits } = await engine.query(PLACE, {
    ...{ field: "", vector: new Float32Array(DIMENSION).fill(1), topK: 10, include: NOTHING },
  });
  expect(new Set(hits.map(({ distance }) => distance)).size).toBe(1);
  expect(await engine.count(PLACE)).toBe(300);
});
