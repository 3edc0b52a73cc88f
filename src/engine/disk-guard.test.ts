import { beforeEach, describe, expect, it } from "vitest";
import { FaultyFileSystem, ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, WriteBatch } from "../model/index.ts";
import { DiskGuard } from "./disk-guard.ts";
import { openEngine } from "./engine.ts";
import type { Engine } from "./api.ts";
import { SmallDisk } from "./small-disk.contract.ts";

const GIB = 1024 ** 3;
const PLACE: Place = { database: "db", collection: "c", tenant: "t" };

let clock: ManualClock;
let disk: SmallDisk;
let engine: Engine;

function batch(key: string): WriteBatch {
  return {
    keys: [key],
    vectors: [{ field: "", values: Float32Array.of(1, 2) }],
    metadata: [{ n: 1 }],
  };
}

async function look(): Promise<void> {
  clock.advance(1_000);
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

beforeEach(async () => {
  clock = new ManualClock();
  disk = new SmallDisk();
  engine = await openEngine({ files: disk, clock, random: new SeededRandom(1), workerCount: 0 });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 2, metric: "dot" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
  await engine.upsert(PLACE, batch("a"));
});

describe("the reserve of a disk", () => {
  it("is a tenth of it, at most 1 GiB, or what was said; 0 is none", async () => {
    const onFault = (): void => undefined;
    const reserve = async (total: number, reserveBytes?: number): Promise<number> => {
      disk.total = total;
      const guard = await DiskGuard.open({ clock, files: disk, reserveBytes, onFault });
      await guard.stop();
      return guard.reserveBytes;
    };
    expect(await reserve(100 * GIB)).toBe(GIB);
    expect(await reserve(GIB)).toBe(GIB / 10);
    expect(await reserve(GIB, 5)).toBe(5);
    expect(await reserve(GIB, 0)).toBe(0);
    const unbounded = { clock, files: new MemoryFileSystem(), reserveBytes: undefined, onFault };
    const guard = await DiskGuard.open(unbounded);
    expect([guard.isLow, guard.freeBytes]).toEqual([false, undefined]);
  });
});

describe("an engine on a disk that is almost full", () => {
  it("refuses what takes room, in words that help, and goes on reading and deleting", async () => {
    disk.free = GIB - 1;
    await look();
    expect(engine.stats().disk).toEqual({ freeBytes: GIB - 1, reserveBytes: GIB, isLow: true });
    const schema = { vectors: [], identity: "key" as const, unfilterable: [] };
    for (const call of [
      () => engine.upsert(PLACE, batch("b")),
      () => engine.insert(PLACE, batch("b")),
      () => engine.createDatabase("other"),
      () => engine.createCollection("db", "other", { schema }),
      () => engine.createTenant({ database: "db", collection: "c", tenant: "u" }),
      () => engine.compact(PLACE),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: "disk_full",
        message: expect.stringMatching(/1073741823 bytes are free, 1073741824 are kept/) as string,
        retryAfterMs: 5_000,
      });
    }
    const include = { vectors: true, metadata: true };
    expect(await engine.get(PLACE, ["a"], include)).toMatchObject([{ key: "a" }]);
    await engine.flush(PLACE);
    expect(await engine.delete(PLACE, ["a"])).toMatchObject({ rowsReplaced: 1 });
    await engine.deleteAll(PLACE);
    await engine.deleteTenant({ database: "db", collection: "c", tenant: "t" });
    await engine.deleteCollection("db", "c");
    await engine.deleteDatabase("db");
    await engine.close();
  });

  it("takes writes again by itself, a little above the reserve", async () => {
    disk.free = GIB - 1;
    await look();
    disk.free = GIB + 1;
    await look();
    await expect(engine.upsert(PLACE, batch("b"))).rejects.toMatchObject({ code: "disk_full" });
    disk.free = GIB * 1.2;
    await look();
    await engine.upsert(PLACE, batch("b"));
    expect(await engine.count(PLACE)).toBe(2);
    await engine.close();
  });

  it("does not merge meanwhile, and does afterwards", async () => {
    await engine.upsert(PLACE, batch("b"));
    await engine.flush(PLACE);
    disk.free = GIB / 2;
    await look();
    const before = engine.stats().compactions;
    await engine.delete(PLACE, ["b"]);
    await engine.flush(PLACE);
    for (let i = 0; i < 5; i++) await look();
    expect(engine.stats().compactions).toBe(before);
    disk.free = 2 * GIB;
    for (let i = 0; i < 5; i++) await look();
    expect(engine.stats().compactions).toBeGreaterThan(before);
    await engine.close();
  });
});

describe("an engine on a disk that is full, or out of handles", () => {
  it("loses nothing acknowledged and goes on without a restart, whichever call meets it first", async () => {
    await engine.close();
    for (const effect of ["ENOSPC", "EMFILE"] as const) {
      for (let nth = 1; nth <= 24; nth += 1) {
        const memory = new MemoryFileSystem();
        const kinds =
          effect === "EMFILE" ? (["open-synced", "create", "open-read"] as const) : undefined;
        const faulty = new FaultyFileSystem(memory, [
          { nth: nth + 60, count: 3, effect, ...(kinds === undefined ? {} : { kinds, nth }) },
        ]);
        await live(memory, faulty, `${effect} at call ${String(nth)}`);
      }
    }
  });
});

/** Writes until everything succeeds again; what was acknowledged is there in the next life. */
async function live(
  memory: MemoryFileSystem,
  faulty: FaultyFileSystem,
  name: string,
): Promise<void> {
  const options = {
    clock,
    workerCount: 0,
    logFileBytesMax: 2_048,
    policy: { packedBytesMax: 64 },
  };
  let first: Engine | undefined;
  for (let tries = 0; first === undefined && tries < 5; tries++) {
    const opening = openEngine({ ...options, files: faulty, random: new SeededRandom(3) });
    first = await opening.catch((error: unknown) => {
      expect(error, name).toMatchObject({
        code: expect.stringMatching(/disk_full|io_failed/) as string,
      });
      return undefined;
    });
  }
  if (first === undefined) throw new Error(name);
  const acknowledged: string[] = [];
  const vectors = [{ name: "", dimension: 2, metric: "dot" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await persist(() => first.createDatabase("db"), name);
  await persist(() => first.createCollection("db", "c", { schema, tenancy: "multi" }), name);
  for (let i = 0; i < 12; i++) {
    await persist(() => first.upsert(PLACE, batch(`k${String(i)}`)), name);
    acknowledged.push(`k${String(i)}`);
    if (i % 3 === 0) await persist(() => first.flush(PLACE), name);
    if (i % 4 === 0) await persist(() => first.deactivate(PLACE), name);
  }
  // What a stop cannot write is in the log.
  await first.close().catch(() => undefined);
  const second = await openEngine({ ...options, files: memory, random: new SeededRandom(4) });
  const include = { vectors: true, metadata: true };
  const found = await second.get(PLACE, acknowledged, include);
  expect(
    found.map((record) => record?.key),
    name,
  ).toEqual(acknowledged);
  await second.close();
}

/** Repeats a call while it is refused for want of room or handles. */
async function persist(call: () => Promise<unknown>, name: string): Promise<void> {
  for (let tries = 0; tries < 8; tries++) {
    try {
      await call();
      return;
    } catch (error) {
      const codes = /disk_full|io_failed|database_exists|collection_exists/;
      expect(error, name).toMatchObject({ code: expect.stringMatching(codes) as string });
      if (error instanceof Error && "code" in error && /exists/.test(String(error.code))) return;
    }
  }
  throw new Error(`${name}: the call is refused for ever`);
}
