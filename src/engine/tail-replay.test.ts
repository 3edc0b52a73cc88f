import { expect, it } from "vitest";
import { CountingFileSystem, ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place } from "../model/index.ts";
import { inspectLogFile, LogReader } from "../storage/index.ts";
import type { Engine } from "./api.ts";
import { openEngine } from "./engine.ts";

const TENANTS = 20;
const ROUNDS = 6;

function placeOf(tenant: number): Place {
  return { database: "d", collection: "c", tenant: `t${String(tenant)}` };
}

function open(files: MemoryFileSystem | CountingFileSystem): Promise<Engine> {
  return openEngine({
    files,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    logFileBytesMax: 8_192,
  });
}

/** Frames of many tenants in turn, over several files of the log. */
async function writeInTurn(disk: MemoryFileSystem): Promise<void> {
  const engine = await open(disk);
  await engine.createDatabase("d");
  const schema = {
    vectors: [{ name: "", dimension: 2, metric: "cosine" as const }],
    identity: "key" as const,
    unfilterable: [],
  };
  await engine.createCollection("d", "c", { schema, tenancy: "multi" });
  for (let n = 0; n < ROUNDS * TENANTS; n++) {
    await engine.upsert(placeOf(n % TENANTS), {
      keys: [`k${String(n)}`],
      vectors: [{ field: "", values: Float32Array.of(n, 1) }],
      metadata: [{ text: "x".repeat(100) }],
    });
  }
  await engine.close();
}

it("reads of the log only the frames of the tenant that wakes", async () => {
  const disk = new MemoryFileSystem();
  await writeInTurn(disk);
  const names = (await disk.listFolder("log")).filter((name) => name.endsWith(".log"));
  expect(names.length).toBeGreaterThan(3);
  const lengths = new Map<string, number>();
  for (const name of names) {
    const file = await inspectLogFile(disk, "log", Number(name.slice(0, 10)));
    for await (const { frames } of file?.groups() ?? []) {
      for (const { extent, kind } of frames) {
        if (kind > 1) lengths.set(`log/${name} ${String(extent.offset)}`, extent.length);
      }
    }
    await file?.close();
  }
  expect(lengths.size).toBe(ROUNDS * TENANTS);
  const counting = new CountingFileSystem(disk);
  const engine = await open(counting);
  counting.reset();
  const include = { vectors: false, metadata: true };
  const { items } = await engine.list(placeOf(7), { limit: 100, include });
  expect(items).toHaveLength(ROUNDS);
  const reads = counting.reads("log/");
  expect(reads).toHaveLength(ROUNDS);
  for (const { path, position, length } of reads) {
    expect(lengths.get(`${path} ${String(position)}`)).toBe(length);
  }
  await engine.close();
});

it("finds by footers alone what of a tenant lies in finished files", async () => {
  const disk = new MemoryFileSystem();
  await writeInTurn(disk);
  const counting = new CountingFileSystem(disk);
  const reader = new LogReader(counting, "log");
  const perShard = new Map<string, number>();
  for (const name of await disk.listFolder("log")) {
    const header = await reader.readHeader(Number(name.slice(0, 10)));
    const footer = header && (await reader.readFooter(header));
    for (let n = 0; footer !== undefined && n < footer.count; n++) {
      const { shard, kind } = footer.entry(n);
      const owner = Buffer.from(shard).toString("hex");
      if (kind === 1) continue;
      expect(footer.entriesOf(shard).some(({ extent }) => extent.file === header?.file)).toBe(true);
      perShard.set(owner, (perShard.get(owner) ?? 0) + 1);
    }
    // Header, trailer, length and content of the footer: no group is touched.
    expect(counting.reads(name)).toHaveLength(4);
    const { groupsEnd } = footer?.place ?? { groupsEnd: 0 };
    const touched = counting.reads(name).filter(({ position }) => position > 0);
    expect(touched.every(({ position }) => position >= groupsEnd)).toBe(true);
  }
  expect([...perShard.values()]).toEqual(Array.from({ length: TENANTS }, () => ROUNDS));
  await reader.close();
});
