/**
 * Durable writes: one sync for all who wait (the node log) against one sync for each write.
 *
 *   npx tsx bench/log.bench.ts --quick
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeClock, NodeFileSystem, NodeRandom } from "../src/io/index.ts";
import type { Place } from "../src/model/index.ts";
import { LOG_WAITING_BYTES_MAX, NodeLog, type LogFrame } from "../src/storage/index.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { createIndex, EngineFolder, putRows } from "./support/engine-folder.ts";
import { openReport, type Row } from "./support/report.ts";
import { quantiles, takeTurns, timeMs, type Contender } from "./support/samples.ts";

/** Bytes of keys and lengths that come with each vector of a batch. */
const ROW_OVERHEAD_BYTES = 24;

const report = openReport({
  path: "bench/log.bench.ts",
  purpose: "Durable writes of 1 and 500 vectors by 1 and 64 clients: group commit and its peers.",
  example: "npx tsx bench/log.bench.ts --seconds 5 --folder /mnt/disk",
  sizes: {
    dimension: { description: "numbers of a vector", full: 1_024, quick: 1_024 },
    seconds: { description: "length of one run", full: 3, quick: 0.3 },
    repetitions: { description: "the median of so many", full: 5, quick: 3 },
    tenants: { description: "tenants that write at the same moment", full: 4_000, quick: 400 },
  },
  texts: { folder: { description: "folder on the disk to measure", placeholder: "path" } },
  remarks: ["A memory file system (tmpfs) makes every sync free: name a folder on a disk.", ""],
});
const dimension = report.size("dimension");
const root = mkdtempSync(join(report.text("folder") ?? tmpdir(), "insula-log-"));
let folderNumber = 0;

/** Something that makes a payload durable. */
interface Writer {
  /** @param client  each has a tenant of its own. */
  write(client: number, payload: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const PEERS: readonly { name: string; open: (clients: number) => Promise<Writer> }[] = [
  { name: "node log, one sync for all who wait", open: () => openNodeLog(false) },
  { name: "node log, one write after the other", open: () => openNodeLog(true) },
  { name: "a file per tenant, fdatasync for each write", open: openFilePerTenant },
];

try {
  await syncFloor();
  for (const vectors of [1, 500]) {
    for (const clients of [1, 64]) await compare(vectors, clients);
  }
  await atOnce();
  await throughEngine();
} finally {
  rmSync(root, { recursive: true, force: true });
}
report.finish();

/**
 * What the disk gives: no log can commit more groups than this. Appended to a new file, and over the
 * bytes of a file that was written before, as the log does with a retired one.
 */
async function syncFloor(): Promise<void> {
  const path = join(root, "floor");
  for (const bytes of [4_096, 65_536]) {
    const grown = await syncedWrites(path, "w", bytes);
    const over = await syncedWrites(path, "r+", bytes, grown.length);
    for (const [how, samples] of [
      ["appended", grown],
      ["written over old bytes", over],
    ] as const) {
      const { p50, p99 } = quantiles(samples);
      const times = `${p50.toFixed(3)} ms (p99 ${p99.toFixed(3)} ms)`;
      report.remark(`The disk: ${bytes} bytes ${how} and synced in ${times}.`);
    }
  }
}

/** Milliseconds of each write and sync, `countMax` of them or as many as there is time for. */
async function syncedWrites(
  path: string,
  flags: string,
  bytes: number,
  countMax = Infinity,
): Promise<number[]> {
  const file = await open(path, flags);
  const samples: number[] = [];
  const block = Buffer.alloc(bytes, 1);
  const endAt = performance.now() + report.size("seconds") * 1_000;
  for (let i = 0; i < countMax && performance.now() < endAt; i++) {
    samples.push(
      await timeMs(async () => {
        await file.write(block, 0, bytes, i * bytes);
        await file.datasync();
      }),
    );
  }
  await file.close();
  return samples;
}

function newFolder(): string {
  const folder = join(root, String(folderNumber++));
  mkdirSync(folder);
  return folder;
}

async function openNodeLog(isSerial: boolean): Promise<Writer> {
  const log = await NodeLog.open({
    fileSystem: new NodeFileSystem(newFolder()),
    folder: "log",
    clock: new NodeClock(),
    random: new NodeRandom(),
    from: { file: 0, offset: 0 },
    visit: () => undefined,
  });
  let last: Promise<unknown> = Promise.resolve();
  const frames = new Map<number, number>();
  return {
    write: async (client, payload) => {
      const sequence = (frames.get(client) ?? 0) + 1;
      frames.set(client, sequence);
      if (!isSerial) {
        await log.append(frameOf(client, sequence, payload));
        return;
      }
      const mine = last.then(() => log.append(frameOf(client, sequence, payload)));
      last = mine;
      await mine;
    },
    close: async () => {
      await log.close();
      removeLast();
    },
  };
}

function frameOf(client: number, sequence: number, payload: Uint8Array): LogFrame {
  const shard = Buffer.alloc(16);
  shard.writeUInt32LE(client);
  return {
    shard,
    kind: 1,
    isSealed: false,
    sequenceFirst: sequence,
    sequenceLast: sequence,
    netRows: 1,
    netBytes: payload.length,
    parts: [payload],
  };
}

async function openFilePerTenant(clients: number): Promise<Writer> {
  const folder = newFolder();
  const files: FileHandle[] = [];
  for (let i = 0; i < clients; i++) files.push(await open(join(folder, `tenant${i}.log`), "w"));
  const offsets = new Float64Array(clients);
  return {
    write: async (client, payload) => {
      const file = files[client];
      if (file === undefined) throw new Error("a client without a file");
      const offset = offsets[client] ?? 0;
      offsets[client] = offset + payload.length;
      await file.write(payload, 0, payload.length, offset);
      await file.datasync();
    },
    close: async () => {
      for (const file of files) await file.close();
      removeLast();
    },
  };
}

/** What a run wrote goes before the next: else the disk is full of logs. */
function removeLast(): void {
  rmSync(join(root, String(folderNumber - 1)), { recursive: true, force: true });
}

async function compare(vectors: number, clients: number): Promise<void> {
  report.progress(`${vectors} vectors a write, ${clients} clients`);
  const payload = new Uint8Array(vectors * (dimension * 4 + ROW_OVERHEAD_BYTES)).fill(7);
  if (payload.length * clients > LOG_WAITING_BYTES_MAX) {
    report.remark(
      `${clients} writes of ${payload.length} bytes are more than may wait in the log.`,
    );
    return;
  }
  const latencies = PEERS.map((): number[] => []);
  const contenders = PEERS.map(({ name, open: openPeer }, i): Contender => ({
    name,
    run: async () => {
      const writer = await openPeer(clients);
      try {
        return await writesPerSecond(writer, clients, payload, latencies[i] ?? []);
      } finally {
        await writer.close();
      }
    },
  }));
  const rates = await takeTurns(contenders, report.size("repetitions"));
  const rows = contenders.map(({ name }, i): Row => {
    const { p50, p99 } = quantiles(latencies[i] ?? []);
    const rate = rates[i] ?? 0;
    return {
      how: name,
      "writes/s": rate,
      "vectors/s": rate * vectors,
      "p50 ms": p50,
      "p99 ms": p99,
      "node log / this": (rates[0] ?? 0) / rate,
    };
  });
  report.table(
    `${vectors} × ${dimension} a write, ${clients} client${clients === 1 ? "" : "s"}`,
    rows,
  );
}

/** Each client writes again as soon as its last write is durable. */
async function writesPerSecond(
  writer: Writer,
  clients: number,
  payload: Uint8Array,
  latencies: number[],
): Promise<number> {
  const startedAt = performance.now();
  const endAt = startedAt + report.size("seconds") * 1_000;
  let writes = 0;
  const client = async (number: number): Promise<void> => {
    while (performance.now() < endAt) {
      latencies.push(await timeMs(() => writer.write(number, payload)));
      writes++;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return (writes * 1_000) / (performance.now() - startedAt);
}

/** Many tenants, one small write each, at the same moment: time until the last is durable. */
async function atOnce(): Promise<void> {
  const tenants = report.size("tenants");
  report.progress(`${tenants} tenants at once`);
  const payload = new Uint8Array(1_024).fill(7);
  const peers = [PEERS[0], PEERS[2]].filter((peer) => peer !== undefined);
  const contenders = peers.map(({ name, open: openPeer }): Contender => ({
    name,
    run: async () => {
      const writer = await openPeer(tenants);
      const time = await timeMs(() =>
        Promise.all(Array.from({ length: tenants }, (_, i) => writer.write(i, payload))),
      );
      await writer.close();
      return time;
    },
  }));
  const times = await takeTurns(contenders, report.size("repetitions"));
  report.table(
    `${tenants} tenants write 1 KiB each at the same moment`,
    contenders.map(({ name }, i) => ({ how: name, "ms until all are durable": times[i] ?? 0 })),
  );
  report.figure("a file per tenant / node log", (times[1] ?? 0) / (times[0] ?? 1), "×", { min: 5 });
}

/** The same through the engine: checked, logged, applied, and found by the next query. */
async function throughEngine(): Promise<void> {
  report.progress("through the engine");
  const rows: Row[] = [];
  const seconds = report.size("seconds");
  for (const vectors of [1, 500]) {
    for (const clients of [1, 64]) {
      const folder = new EngineFolder(newFolder());
      const engine = await folder.open();
      await engine.createDatabase("bench");
      const places = Array.from({ length: clients }, (_, i): Place => ({
        database: "bench",
        collection: `tenant${i}`,
      }));
      for (const place of places) await createIndex(engine, place, dimension);
      const block = clusteredVectors(dimension, 500, 5).next(vectors);
      const latencies: number[] = [];
      const startedAt = performance.now();
      const endAt = startedAt + seconds * 1_000;
      let writes = 0;
      await Promise.all(
        places.map(async (place) => {
          for (let turn = 0; performance.now() < endAt; turn++) {
            const keys = Array.from({ length: vectors }, (_, i) => `${turn}-${i}`);
            latencies.push(await timeMs(() => putRows(engine, place, keys, block)));
            writes++;
          }
        }),
      );
      const rate = (writes * 1_000) / (performance.now() - startedAt);
      const { log } = engine.stats();
      await engine.close();
      removeLast();
      const { p50, p99 } = quantiles(latencies);
      rows.push({
        "vectors a put": vectors,
        clients,
        "puts/s": rate,
        "vectors/s": rate * vectors,
        "p50 ms": p50,
        "p99 ms": p99,
        "puts a sync": log.frames / log.syncs,
      });
    }
  }
  report.table("engine.upsert: durable and searchable when the promise resolves", rows);
}
