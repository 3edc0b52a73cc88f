/**
 * The log over its life: what is written for each byte that clients give (write amplification), and
 * how long a start takes after a kill with a full log.
 *
 *   npx tsx bench/log-life.bench.ts --quick
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "../src/engine/index.ts";
import { InterceptedFileSystem, NodeClock, NodeFileSystem, NodeRandom } from "../src/io/index.ts";
import type { Place } from "../src/model/index.ts";
import { LOG_COMMIT_MARK_MS, NodeLog } from "../src/storage/index.ts";
import { openReport } from "./support/report.ts";
import { timeMs } from "./support/samples.ts";

const DIMENSION = 256;
const TEXT_BYTES = 200;
/** Of a frame of the log that is read back. */
const FRAME_BYTES = 4_300;

const report = openReport({
  path: "bench/log-life.bench.ts",
  purpose: "Bytes written for each byte given under a mixed load; the start with a full log.",
  example: "npx tsx bench/log-life.bench.ts --tenants 5000 --folder /mnt/disk",
  sizes: {
    tenants: { description: "tenants of the mixed load", full: 2_000, quick: 200 },
    writes: { description: "writes of the mixed load", full: 40_000, quick: 2_000 },
    logMiB: { description: "log budget of the mixed load", full: 32, quick: 2 },
    recoverMiB: { description: "log read by a start", full: 1_024, quick: 32 },
  },
  texts: { folder: { description: "folder on the disk to measure", placeholder: "path" } },
});
const root = mkdtempSync(join(report.text("folder") ?? tmpdir(), "insula-log-life-"));
mkdirSync(join(root, "mixed"));
mkdirSync(join(root, "start"));
try {
  await mixedLoad();
  await startWithFullLog();
} finally {
  rmSync(root, { recursive: true, force: true });
}
report.finish();

/**
 * Nine of ten writes are one record of any tenant, half of them new; the tenth is 50 records of one
 * of ten busy tenants. One write of twenty deletes.
 */
async function mixedLoad(): Promise<void> {
  report.progress("mixed load");
  const written = new Map<string, number>();
  const files = new InterceptedFileSystem(
    new NodeFileSystem(join(root, "mixed")),
    ({ kind, path, length }) => {
      const folder = path.includes("/") ? path.slice(0, path.indexOf("/")) : "other";
      const isWrite = kind === "write" || kind === "write-and-sync";
      if (isWrite) written.set(folder, (written.get(folder) ?? 0) + length);
      return length;
    },
  );
  const logBytesMax = report.size("logMiB") * 1_048_576;
  const engine = await openEngine({
    files,
    clock: new NodeClock(),
    random: new NodeRandom(),
    workerCount: 0,
    logBytesMax,
    logFileBytesMax: logBytesMax / 4,
    awakeShardsMax: 500,
  });
  await engine.createDatabase("d");
  const schema = {
    vectors: [{ name: "", dimension: DIMENSION, metric: "cosine" as const }],
    identity: "key" as const,
    unfilterable: [],
  };
  await engine.createCollection("d", "c", { schema, tenancy: "multi" });
  const tenants = report.size("tenants");
  const writes = report.size("writes");
  let given = 0;
  let state = 1;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const one = async (n: number): Promise<void> => {
    const isBusy = below(10) === 0;
    const place: Place = {
      database: "d",
      collection: "c",
      tenant: `t${isBusy ? below(10) : below(tenants)}`,
    };
    if (below(20) === 0) {
      await engine.delete(place, [`k${below(20)}`]);
      return;
    }
    const count = isBusy ? 50 : 1;
    const keys = Array.from({ length: count }, (_, i) =>
      below(2) === 0 ? `k${n}-${i}` : `k${i}-${below(20)}`,
    );
    const values = Float32Array.from({ length: count * DIMENSION }, () => below(1_000) / 1_000);
    const metadata = keys.map(() => ({ text: "x".repeat(TEXT_BYTES) }));
    await engine.upsert(place, { keys, vectors: [{ field: "", values }], metadata });
    given += count * (DIMENSION * 4 + TEXT_BYTES + 8);
  };
  for (let n = 0; n < writes; n += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => one(n + i)));
  }
  const { log } = engine.stats();
  await engine.close();
  const rows = [...written].map(([folder, bytes]) => ({
    folder,
    MiB: bytes / 1_048_576,
    "of what was given": bytes / given,
  }));
  report.table(`${writes} writes of ${tenants} tenants, ${given} bytes given`, rows);
  const all = [...written.values()].reduce((sum, bytes) => sum + bytes, 0);
  report.figure("written / given", all / given, "×");
  report.figure("log: moved / appended", log.movedBytes / (log.bytes - log.movedBytes), "×", {
    max: 0.5,
  });
}

/** Every frame is read and checked, as when no catalogue knows any of it. */
async function startWithFullLog(): Promise<void> {
  report.progress("start with a full log");
  const fileSystem = new NodeFileSystem(join(root, "start"));
  const options = { fileSystem, folder: "log", clock: new NodeClock(), random: new NodeRandom() };
  const from = { file: 0, offset: 0 };
  const log = await NodeLog.open({ ...options, from, visit: () => undefined });
  const parts = [new Uint8Array(FRAME_BYTES).fill(7)];
  const frameCount = Math.ceil((report.size("recoverMiB") * 1_048_576) / FRAME_BYTES);
  for (let n = 0; n < frameCount; n += 1_000) {
    await Promise.all(
      Array.from({ length: Math.min(1_000, frameCount - n) }, (_, i) => {
        const shard = Buffer.alloc(16);
        shard.writeUInt32LE((n + i) % 10_000);
        return log.append({
          shard,
          kind: 2,
          isSealed: false,
          sequenceFirst: n + i,
          sequenceLast: n + i,
          netRows: 1,
          netBytes: FRAME_BYTES,
          parts,
        });
      }),
    );
  }
  // The mark, so that nothing is written while it is read; then left as a kill would leave it.
  await new Promise((resolve) => setTimeout(resolve, LOG_COMMIT_MARK_MS * 4));
  const end = log.position;
  const bytes = log.bytes;
  const openings: NodeLog[] = [log];
  const whole = await timeMs(async () => {
    openings.push(await NodeLog.open({ ...options, from, visit: () => undefined }));
  });
  const last = await timeMs(async () => {
    const start = { file: end.file, offset: 64 };
    openings.push(await NodeLog.open({ ...options, from: start, visit: () => undefined }));
  });
  report.table(`${frameCount} frames of ${FRAME_BYTES} bytes`, [
    { start: "everything", MiB: bytes / 1_048_576, ms: whole, "MiB/s": bytes / 1_048.576 / whole },
    {
      start: "the last file",
      MiB: end.offset / 1_048_576,
      ms: last,
      "MiB/s": end.offset / 1_048.576 / last,
    },
  ]);
  report.figure("start with this log", whole, "ms");
  for (const opened of openings) await opened.close();
}
