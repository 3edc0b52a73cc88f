import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toHex, type ShardUid } from "../base/brands.ts";
import { ManualClock, MemoryFileSystem, SeededRandom, type FileSystem } from "../io/index.ts";
import type { Place } from "../model/index.ts";
import type { Engine } from "./api.ts";
import { openEngine } from "./engine.ts";
import { LogCleaner, type LogCleanerOptions } from "./log-cleaner.ts";
import { TAIL_MOVE_BYTES_PER_SECOND, TAIL_MOVE_SHARE } from "./tail-mover.ts";

const LOG_FILE_BYTES = 16_384;
const LOG_BYTES = 4 * LOG_FILE_BYTES;

let files: MemoryFileSystem;
let clock: ManualClock;
let engine: Engine;
let faults: unknown[];

interface Sizes {
  readonly logFileBytesMax?: number;
  readonly logBytesMax?: number;
}

async function open(sizes: Sizes = {}): Promise<Engine> {
  return openEngine({
    files,
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    logFileBytesMax: LOG_FILE_BYTES,
    logBytesMax: LOG_BYTES,
    // Only the cleaner flushes, and only what the mover leaves to it.
    policy: { quietFlushMs: 1e12, memtableBytesMax: 1 << 30 },
    onFault: (error) => faults.push(error),
    ...sizes,
  });
}

function placeOf(tenant: string): Place {
  return { database: "d", collection: "c", tenant };
}

function put(tenant: string, key: string, bytes = 10): Promise<unknown> {
  return engine.upsert(placeOf(tenant), {
    keys: [key],
    vectors: [{ field: "", values: Float32Array.of(1, 2) }],
    metadata: [{ text: "x".repeat(bytes) }],
  });
}

/** Records that are read, not the total in the catalogue: the shard wakes. */
async function found(place: Place): Promise<number> {
  const include = { vectors: false, metadata: true };
  return (await engine.list(place, { limit: 10_000, include })).items.length;
}

async function turns(count = 200): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Writes so much that the log fills several files, and lets the cleaner run. */
async function fillLog(round: number): Promise<void> {
  for (let i = 0; i < 40; i++) await put("busy", `${String(round)}-${String(i)}`, 1_000);
  clock.advance(1_000);
  await turns();
}

function logBytesOn(disk: FileSystem): Promise<readonly string[]> {
  return disk.listFolder("log");
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  clock = new ManualClock();
  faults = [];
  engine = await open();
  await engine.createDatabase("d");
  const schema = {
    vectors: [{ name: "", dimension: 2, metric: "cosine" as const }],
    identity: "key" as const,
    unfilterable: [],
  };
  await engine.createCollection("d", "c", { schema, tenancy: "multi" });
});

afterEach(async () => {
  await engine.close();
});

describe("the cleaner of the log", () => {
  it("moves small tails of sleeping tenants to the head, and wakes and flushes none", async () => {
    const tenants = Array.from({ length: 10 }, (_, i) => `t${String(i)}`);
    for (const tenant of tenants) {
      await put(tenant, "k");
      await engine.deactivate(placeOf(tenant));
    }
    const [first] = await logBytesOn(files);
    for (let round = 0; (await logBytesOn(files))[0] === first; round++) await fillLog(round);
    const { log, flushes, shardsAwake } = engine.stats();
    expect(log.movedBytes).toBeGreaterThan(0);
    // The busy tenant's tail was too large to be moved.
    expect(flushes).toBeLessThanOrEqual(1);
    expect(shardsAwake).toBe(1);
    for (const tenant of tenants) expect(await found(placeOf(tenant))).toBe(1);
  });

  it("finds moved tails again after a kill, whose rows still name the file that went", async () => {
    for (let i = 0; i < 10; i++) await put(`t${String(i)}`, "k");
    const [first] = await logBytesOn(files);
    for (let round = 0; (await logBytesOn(files))[0] === first; round++) await fillLog(round);
    expect(engine.stats().log.movedBytes).toBeGreaterThan(0);
    const killed = engine;
    const copy = new MemoryFileSystem();
    await copyFolder(files, copy, "");
    await killed.close();
    files = copy;
    engine = await open();
    for (let i = 0; i < 10; i++) {
      const place = placeOf(`t${String(i)}`);
      expect(await found(place)).toBe(1);
      await put(`t${String(i)}`, "later");
      expect(await found(place)).toBe(2);
    }
    expect(faults).toEqual([]);
  });

  it("writes at most half as much again as it was given, when nothing but small tails is written", async () => {
    const written = new Map<string, number>();
    for (let i = 0; i < 600; i++) {
      const tenant = `t${String((i * 7) % 200)}`;
      await put(tenant, `k${String(i)}`, 100);
      written.set(tenant, (written.get(tenant) ?? 0) + 1);
      if (i % 25 !== 24) continue;
      clock.advance(1_000);
      await turns(20);
      const { bytes, movedBytes } = engine.stats().log;
      expect(movedBytes).toBeLessThanOrEqual((bytes - movedBytes) * TAIL_MOVE_SHARE);
    }
    for (let i = 0; i < 40; i++) {
      clock.advance(1_000);
      await turns(50);
    }
    const { log, flushes } = engine.stats();
    // Both ways are gone: some are moved, what appends do not pay for becomes a segment.
    expect(log.movedBytes).toBeGreaterThan(LOG_FILE_BYTES);
    expect(flushes).toBeGreaterThan(10);
    expect((await logBytesOn(files)).length).toBeLessThanOrEqual(6);
    for (const [tenant, count] of written) expect(await found(placeOf(tenant))).toBe(count);
    await engine.close();
    engine = await open();
    for (const [tenant, count] of written) expect(await found(placeOf(tenant))).toBe(count);
    expect(faults).toEqual([]);
  }, 60_000);

  it("moves no more at once than its rate allows, and stops while it waits", async () => {
    await engine.close();
    const large = { logFileBytesMax: 2 << 20, logBytesMax: 4 << 20 };
    engine = await open(large);
    for (let i = 0; i < 40; i++) await put(`t${String(i)}`, "k", 40_000);
    await engine.flush(placeOf("t0"));
    for (let i = 0; i < 4_000; i++) await put("busy", `k${String(i)}`, 1_000);
    clock.advance(1_000);
    await turns();
    const first = engine.stats().log.movedBytes;
    expect(first).toBeGreaterThan(200_000);
    expect(first).toBeLessThan(400_000);
    await turns();
    expect(engine.stats().log.movedBytes).toBe(first);
    clock.advance((400_000 * 1_000) / TAIL_MOVE_BYTES_PER_SECOND);
    await turns();
    expect(engine.stats().log.movedBytes).toBeGreaterThan(first);
    // In the middle of the next wait.
    await engine.close();
    engine = await open(large);
    expect(await found(placeOf("t39"))).toBe(1);
  });

  it("flushes what no append has paid for, and lets those sleep that it woke for that", async () => {
    const tenants = Array.from({ length: 100 }, (_, i) => `t${String(i)}`);
    for (const tenant of tenants) await put(tenant, "k", 1_000);
    await engine.close();
    // After a start nothing was appended yet: all are flushed until the log fits.
    engine = await open({ logBytesMax: 1 });
    await put("t0", "later");
    const awake: number[] = [];
    for (let i = 0; i < 20; i++) {
      clock.advance(1_000);
      await turns(100);
      awake.push(engine.stats().shardsAwake);
    }
    expect(engine.stats().flushes).toBeGreaterThan(50);
    // Few at once, and at the end the one that was used.
    expect(Math.max(...awake)).toBeLessThan(10);
    expect(awake.at(-1)).toBe(1);
    expect(await found(placeOf("t0"))).toBe(2);
    for (const tenant of tenants.slice(1)) expect(await found(placeOf(tenant))).toBe(1);
    expect(faults).toEqual([]);
  });

  it("serves a tenant that wakes while its tail is being moved", async () => {
    for (let i = 0; i < 10; i++) await put(`t${String(i)}`, "k");
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 10; i++) await engine.deactivate(placeOf(`t${String(i)}`));
      for (let i = 0; i < 20; i++) await put("busy", `${String(round)}-${String(i)}`, 1_000);
      clock.advance(1_000);
      for (let i = 0; i < 10; i++) {
        await turns(i);
        expect(await found(placeOf(`t${String(i)}`))).toBe(1);
      }
    }
    expect(engine.stats().log.movedBytes).toBeGreaterThan(0);
    expect(faults).toEqual([]);
  });

  it("keeps a file with a damaged frame, says so once a round, and goes on serving", async () => {
    const [name] = await logBytesOn(files);
    const path = `log/${name ?? ""}`;
    await put("hurt", "k");
    const bytes = (await files.readWhole(path)) ?? new Uint8Array();
    await put("well", "k");
    for (const tenant of ["hurt", "well"]) await engine.deactivate(placeOf(tenant));
    // Behind the payload stands the trailer of its group, 16 bytes.
    const start = bytes.length - 20;
    const file = await files.openWrite(path);
    await file.write(start, Uint8Array.of((bytes[start] ?? 0) ^ 1));
    await file.close();
    for (let round = 0; round < 4; round++) await fillLog(round);
    expect((await logBytesOn(files))[0]).toBe(name);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.length).toBeLessThan(20);
    expect(faults[0]).toMatchObject({ code: "data_damaged" });
    await put("well", "k2");
    expect(await found(placeOf("busy"))).toBe(160);
  });
});

/**
 * Shards flushed at the same time when each of 40 has a tail of so many bytes in the file, and of
 * so many in later ones.
 */
async function flushedAtOnce(bytes: number, later = 0): Promise<number> {
  const state = {
    tail: [
      { file: 1, length: bytes },
      { file: 2, length: later },
    ],
  };
  const flushed = new Set<string>();
  let [now, most, logBytes] = [0, 0, 2];
  const footer = {
    count: 40,
    place: { file: 1 },
    entry: (n: number) => ({ shard: new Uint8Array(16).fill(n), kind: 1, isSealed: true }),
  };
  const cleaner = new LogCleaner({
    clock,
    log: {
      get bytes() {
        return logBytes;
      },
      position: { file: 2 },
      filesBefore: () => [1],
      readFooter: () => Promise.resolve(footer),
      removeFile: () => Promise.resolve(void (logBytes = 0)),
    },
    catalog: {
      recoverFrom: { file: 2 },
      readShard: (uid: ShardUid) => Promise.resolve(flushed.has(toHex(uid)) ? { tail: [] } : state),
      acquireShard: () => Promise.resolve(undefined),
    },
    flushShard: async (uid: ShardUid) => {
      most = Math.max(most, ++now);
      await turns(2);
      now--;
      flushed.add(toHex(uid));
    },
    turn: () => Promise.resolve(),
    logBytesMax: 1,
    smallTailBytesMax: 1,
    isHeld: () => false,
    onFault: (error: unknown) => faults.push(error),
  } as unknown as LogCleanerOptions);
  clock.advance(1_000);
  await turns(400);
  await cleaner.stop();
  expect(flushed.size).toBe(40);
  return most;
}

it("small tails are flushed many at once, so that they share their syncs, large ones not", async () => {
  expect(await flushedAtOnce(1_000)).toBe(16);
  expect(await flushedAtOnce(1_048_576)).toBe(1);
  expect(await flushedAtOnce(1_000, 1_047_576)).toBe(4);
  expect(await flushedAtOnce(1_000, 16_777_216)).toBe(1);
  expect(faults).toEqual([]);
});

async function copyFolder(from: FileSystem, to: MemoryFileSystem, folder: string): Promise<void> {
  await to.makeFolder(folder);
  for (const name of await from.listFolder(folder)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const bytes = await from.readWhole(path);
    if (bytes === undefined) await copyFolder(from, to, path);
    else await to.replaceWhole(path, bytes);
  }
}
