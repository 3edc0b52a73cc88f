import { beforeEach, describe, expect, it } from "vitest";
import type { InsulaError } from "../base/errors.ts";
import {
  CountingFileSystem,
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
} from "../io/index.ts";
import type { Place } from "../model/index.ts";
import type { Engine } from "./api.ts";
import { openEngine } from "./engine.ts";
import { listFolderFiles } from "./inspect-file.ts";
import type { EngineOptions } from "./node-context.ts";
import { SCRUB_PAUSE_MS, SCRUB_SHARD_BYTES, SCRUB_START_MS } from "./scrub.ts";

const TENANTS = ["a", "b", "c", "d"];
const INCLUDE = { vectors: true, metadata: true };

let files: MemoryFileSystem;
let clock: ManualClock;
let damages: InsulaError[];
let faults: unknown[];

function place(tenant: string): Place {
  return { database: "db", collection: "many", tenant };
}

function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
  damages = [];
  faults = [];
  return openEngine({
    files,
    clock,
    random: new SeededRandom(7),
    workerCount: 0,
    policy: { packedBytesMax: 4_096 },
    onDamage: (error) => damages.push(error),
    onFault: (error) => faults.push(error),
    ...options,
  });
}

async function fill(engine: Engine, tenant: string, count: number): Promise<void> {
  await engine.upsert(place(tenant), {
    keys: Array.from({ length: count }, (_, i) => `k${String(i)}`),
    vectors: [{ field: "", values: new Float32Array(count * 2).fill(1) }],
    metadata: Array.from({ length: count }, (_, n) => ({ n })),
  });
}

/** Lets so much time pass in small steps, each with turns for what is read. */
async function pass(ms: number, steps = 40): Promise<void> {
  for (let i = 0; i < steps; i++) {
    clock.advance(ms / steps);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  }
}

async function passRound(engine: Engine): Promise<void> {
  const before = engine.stats().scrub.rounds;
  await pass(SCRUB_START_MS);
  for (let i = 0; i < 200 && engine.stats().scrub.rounds === before; i++) await pass(2_000, 4);
  expect(engine.stats().scrub.rounds).toBe(before + 1);
}

async function overwrite(path: string, at: number, length = 4): Promise<void> {
  const bytes = (await files.readWhole(path)) ?? new Uint8Array(0);
  const file = await files.openWrite(path);
  await file.write(
    at,
    bytes.subarray(at, at + length).map((byte) => byte ^ 0x41),
  );
}

/** As a kill leaves the folder. */
async function copyOf(source: MemoryFileSystem): Promise<MemoryFileSystem> {
  const copy = new MemoryFileSystem();
  const segments = (await source.listFolder("seg")).map((name) => `seg/${name}`);
  for (const folder of ["log", "catalog", "keys", "pack", ...segments]) {
    await copy.makeFolder(folder);
    for (const name of await source.listFolder(folder)) {
      const bytes = await source.readWhole(`${folder}/${name}`);
      await copy.replaceWhole(`${folder}/${name}`, bytes ?? new Uint8Array(0));
    }
  }
  await copy.replaceWhole(
    "master-key",
    (await source.readWhole("master-key")) ?? new Uint8Array(0),
  );
  return copy;
}

async function largest(folder: string): Promise<string> {
  const listed = (await listFolderFiles(files)).filter(({ file }) => file.startsWith(folder));
  return listed.sort((a, b) => b.bytes - a.bytes)[0]?.file ?? "";
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  clock = new ManualClock();
  const engine = await open({ scrubBytesPerSecond: 0 });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "many", { schema, tenancy: "multi" });
  for (const [i, tenant] of TENANTS.entries())
    await fill(engine, tenant, [400, 20, 300, 5][i] ?? 0);
  for (const tenant of ["a", "b", "c"]) await engine.flush(place(tenant));
  await engine.close();
});

describe("the scrub", () => {
  it("reads everything of a sound folder, wakes nobody, finds nothing", async () => {
    const engine = await open();
    await passRound(engine);
    const { bytes, damages: found } = engine.stats().scrub;
    const stored = (await listFolderFiles(files)).filter(({ file }) => /^(seg|pack)/.test(file));
    expect(bytes).toBeGreaterThan(stored.reduce((sum, file) => sum + file.bytes, 0));
    expect([found, damages, faults, engine.stats().shardsAwake]).toEqual([0, [], [], 0]);
    await engine.close();
  });

  it.each([true, false])(
    "leaves tenants in service whose segments were copied from others, sealed: %s",
    async (isSealing) => {
      files = new MemoryFileSystem();
      const engine = await open({ isSealing });
      await engine.createDatabase("db");
      const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
      const schema = { vectors, identity: "key" as const, unfilterable: [] };
      await engine.createCollection("db", "many", { schema, tenancy: "multi" });
      for (const [tenant, count] of [["file", 400] as const, ["pack", 20] as const]) {
        await fill(engine, tenant, count);
        await engine.flush(place(tenant));
        const from = { database: "db", collection: "many", tenant };
        await engine.copyTenant(from, { ...from, tenant: `copy of ${tenant}` });
      }
      const store = new MemoryObjectStore();
      await engine.backup(store);
      await engine.restore(store, { database: "db", as: { database: "back" } });
      await passRound(engine);
      expect([damages, faults]).toEqual([[], []]);
      for (const database of ["db", "back"]) {
        const copy = { ...place("copy of file"), database };
        expect((await engine.get(copy, ["k399"], INCLUDE))[0]?.key).toBe("k399");
      }
      expect(engine.stats().quarantinedShards).toBe(0);
      await engine.close();
    },
  );

  it("tells damage in the files of keys, and nobody is taken out of service for it", async () => {
    const engine = await open();
    await overwrite("keys/0000000001.slots", 64 + 900 * 64);
    await overwrite("keys/root", 50);
    await overwrite("master-key", 3, 1);
    await passRound(engine);
    expect(damages.map(({ message }) => message)).toEqual([
      expect.stringMatching(/damage in master-key: /),
      expect.stringMatching(/damage in keys\/root: .*it is damaged/),
      expect.stringMatching(/keys\/0000000001\.slots: 1 of its slots .* the first is slot 901/),
    ]);
    expect(engine.stats()).toMatchObject({ quarantinedShards: 0, scrub: { damages: 3 } });
    expect(faults).toEqual([]);
    expect(await engine.count(place("a"))).toBe(400);
    await engine.close();
  });

  it("finds damage of a tenant that sleeps, names it, takes it alone out of service (R-23)", async () => {
    const path = await largest("seg/");
    const engine = await open();
    await overwrite(path, 300);
    await passRound(engine);
    expect(engine.stats()).toMatchObject({ quarantinedShards: 1, scrub: { damages: 1 } });
    expect(damages.map(({ message }) => message)).toEqual([
      expect.stringMatching(new RegExp(`of db/many/a is out of service: ${path}: `)),
    ]);
    await expect(engine.get(place("a"), ["k1"], INCLUDE)).rejects.toMatchObject({
      code: "data_damaged",
    });
    for (const tenant of ["b", "c", "d"]) {
      expect(await engine.get(place(tenant), ["k1"], INCLUDE)).toMatchObject([{ key: "k1" }]);
    }
    await engine.close();
  });

  it("finds damage in packs, in frames of the log and in key slots", async () => {
    await overwrite(await largest("pack/"), 48 + 120);
    await overwrite("keys/0000000001.slots", 64 + 64 * 3 + 20);
    const first = await open();
    await passRound(first);
    const located = await first.locate(place("d"));
    const frame = located.extents.find(({ kind, isLive }) => kind === "log" && isLive);
    await overwrite(frame?.file ?? "", (frame?.offset ?? 0) + 9);
    await pass(SCRUB_PAUSE_MS, 4);
    await passRound(first);
    const owners = damages.map(({ message }) => /of (db\/many\/.) is/.exec(message)?.[1]);
    expect(owners).toEqual([
      // The file of keys, each round.
      undefined,
      "db/many/b",
      "db/many/c",
      undefined,
      "db/many/d",
    ]);
    expect(first.stats().quarantinedShards).toBe(3);
    await first.close();
  });

  it("tells damage in the catalogue's tables, and the node goes on", async () => {
    const path = await largest("catalog/");
    const engine = await open();
    await overwrite(path, 40);
    await passRound(engine);
    expect(damages[0]?.message).toContain(`The scrub found damage in ${path}`);
    await engine.close();
  });

  it("makes a damaged log file harmless that only the next start would have met", async () => {
    const killed = await open();
    await killed.flush();
    for (const name of ["x", "y"]) await killed.createTenant({ ...place(name), tenant: name });
    const log = `log/${(await files.listFolder("log")).at(-1) ?? ""}`;
    files = await copyOf(files);
    const engine = await open();
    await overwrite(log, 300);
    await passRound(engine);
    expect(damages.map(({ message }) => message)).toEqual([expect.stringContaining(log)]);
    // Whoever starts after the next kill does not need the file.
    const next = await open({ files: await copyOf(files) });
    expect((await next.listTenants("db", "many", { limit: 99 })).items).toHaveLength(6);
    await next.close();
    await engine.close();
    await killed.close();
  });

  it("reads no faster than it may, and nothing with a rate of 0", async () => {
    const counting = new CountingFileSystem(files);
    const engine = await open({ files: counting, scrubBytesPerSecond: 2_048 });
    await pass(SCRUB_START_MS + 1);
    counting.reset();
    const before = engine.stats().scrub.bytes;
    await pass(20_000);
    expect(engine.stats().scrub.bytes - before).toBeLessThan(2_048 * 20 + 1_048_576);
    expect(engine.stats().scrub.rounds).toBe(0);
    await engine.close();
    const off = await open({ files: counting, scrubBytesPerSecond: 0 });
    counting.reset();
    await pass(SCRUB_START_MS * 3);
    expect(counting.readBytes()).toBe(0);
    await off.close();
  });

  it("takes its time for each tenant, however little it holds", async () => {
    const many = 40;
    const engine = await open({ scrubBytesPerSecond: SCRUB_SHARD_BYTES });
    for (let i = 0; i < many; i++) await fill(engine, `small-${String(i)}`, 1);
    await pass(SCRUB_START_MS, 4);
    const [startMs, before] = [clock.monotonicMs(), engine.stats().scrub.bytes];
    for (let i = 0; i < 200 && engine.stats().scrub.rounds === 0; i++) await pass(1_000, 2);
    expect(engine.stats().scrub.rounds).toBe(1);
    const readMs = ((engine.stats().scrub.bytes - before) / SCRUB_SHARD_BYTES) * 1_000;
    expect(clock.monotonicMs() - startMs).toBeGreaterThan(readMs + (many - 2) * 1_000);
    await engine.close();
  });

  it("goes on after a restart where it was, and ends at once when the engine closes", async () => {
    const slow = await open({ scrubBytesPerSecond: 4_096 });
    await pass(SCRUB_START_MS, 4);
    // Keys, tables and log files take about 320 s at this rate; the first shards some seconds each.
    const counting = new CountingFileSystem(files);
    for (let i = 0; i < 440 && !(await isBehind(slow)); i++) await pass(1_000, 1);
    await slow.close();
    const second = await open({ files: counting });
    counting.reset();
    await passRound(second);
    expect(counting.count("open-read", "catalog/")).toBe(0);
    expect(counting.readBytes((await second.locate(place("a"))).extents[0]?.file ?? "?")).toBe(0);
    await second.close();
  });
});

/** The first shard has been looked at. */
async function isBehind(engine: Engine): Promise<boolean> {
  const located = await engine.locate(place("a"));
  const bytes = located.extents.find(({ kind }) => kind === "segment")?.length ?? 0;
  const keyBytes = 65_700;
  return engine.stats().scrub.bytes > keyBytes + 1_048_576 + bytes + 8_192;
}
