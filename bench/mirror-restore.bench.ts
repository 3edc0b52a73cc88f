/**
 * An empty machine out of a mirror: how long `insula restore --latest` and the start take, by the
 * data size, with a log that grew by one small write a point for a long time. The store is a
 * folder; with `--delayMs` each of its calls takes so much longer, as that of a distant one.
 *
 *   node --import tsx bench/mirror-restore.bench.ts --quick
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine, restoreFolder, type EngineOptions } from "../src/engine/index.ts";
import {
  FolderObjectStore,
  NodeClock,
  NodeFileSystem,
  NodeRandom,
  sleep,
  type ByteRange,
  type ObjectStore,
} from "../src/io/index.ts";
import { openReport } from "./support/report.ts";

const DIMENSION = 768;
const BATCH_ROWS = 2_000;
const ROW_BYTES = DIMENSION * 4;
const MASTER_KEY = new Uint8Array(32).fill(7);

const report = openReport({
  path: "bench/mirror-restore.bench.ts",
  purpose: "An empty machine out of a mirror: seconds until tenants are served, by the data size.",
  example: "npx tsx bench/mirror-restore.bench.ts --dataMiB 4096 --points 8000",
  sizes: {
    dataMiB: { description: "vectors in segments", full: 2_048, quick: 16 },
    tenants: { description: "tenants that share them", full: 64, quick: 4 },
    points: { description: "points with one small write each", full: 8_000, quick: 200 },
    delayMs: { description: "added to each call of the store by a restore", full: 50, quick: 5 },
  },
  texts: { folder: { description: "folder on the disk to measure", placeholder: "path" } },
});

/** Takes longer, and counts. */
class DistantStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #delayMs: number;
  readonly #clock = new NodeClock();
  gets = 0;
  bytes = 0;

  constructor(inner: ObjectStore, delayMs: number) {
    this.#inner = inner;
    this.#delayMs = delayMs;
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    await this.#travel();
    const body = await this.#inner.get(key, range);
    this.gets++;
    this.bytes += body?.length ?? 0;
    return body;
  }

  async head(key: string): Promise<number | undefined> {
    await this.#travel();
    return this.#inner.head(key);
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    await this.#travel();
    return this.#inner.list(prefix, options);
  }

  async putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    await this.#travel();
    return this.#inner.putIfAbsent(key, body);
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#travel();
    await this.#inner.put(key, body);
  }

  async delete(key: string): Promise<void> {
    await this.#travel();
    await this.#inner.delete(key);
  }

  async #travel(): Promise<void> {
    // The process would end: a timer of ours never keeps it alive.
    const alive = setInterval(() => undefined, 1_000);
    await sleep(this.#clock, this.#delayMs).finally(() => {
      clearInterval(alive);
    });
  }
}

const root = mkdtempSync(join(report.text("folder") ?? tmpdir(), "insula-restore-"));
for (const name of ["data", "store", "near", "far"]) mkdirSync(join(root, name));
const store = new FolderObjectStore(new NodeFileSystem(join(root, "store")), "");
const tenants = report.size("tenants");
try {
  const { rows } = await live();
  await comeBack("near", { delayMs: 0, rows });
  await comeBack("far", { delayMs: report.size("delayMs"), rows });
} finally {
  rmSync(root, { recursive: true, force: true });
}
report.finish();

function optionsOf(name: string): EngineOptions {
  return {
    files: new NodeFileSystem(join(root, name)),
    clock: new NodeClock(),
    random: new NodeRandom(),
    masterKey: MASTER_KEY,
  };
}

function placeOf(n: number): { database: string; collection: string; tenant: string } {
  return { database: "d", collection: "c", tenant: `t${n % tenants}` };
}

function valuesOf(start: number, count: number): Float32Array {
  return Float32Array.from({ length: count * DIMENSION }, (_, i) => ((start + i) * 7919) % 1_009);
}

async function live(): Promise<{ readonly rows: number }> {
  const engine = await openEngine({
    ...optionsOf("data"),
    // Points are made by the bench alone.
    mirror: { store, intervalMs: 3_600_000 },
  });
  await engine.createDatabase("d");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "euclidean" as const }];
  const schema = { identity: "key" as const, vectors, unfilterable: [] };
  await engine.createCollection("d", "c", { schema, tenancy: "multi" });
  const rows = Math.ceil((report.size("dataMiB") * 1_048_576) / ROW_BYTES);
  const write = async (n: number, first: number, count: number): Promise<void> => {
    const keys = Array.from({ length: count }, (_, i) => `k${first + i}`);
    const values = valuesOf(first, count);
    await engine.upsert(placeOf(n), {
      keys,
      vectors: [{ field: "", values }],
      metadata: keys.map(() => undefined),
    });
  };
  report.progress("data");
  for (let first = 0, n = 0; first < rows; first += BATCH_ROWS, n++) {
    await write(n, first, Math.min(BATCH_ROWS, rows - first));
  }
  await engine.flush();
  await engine.syncMirror();
  report.progress("points");
  for (let n = 0; n < report.size("points"); n++) {
    await write(n, rows + n, 1);
    await engine.syncMirror();
  }
  await engine.close();
  return { rows: rows + report.size("points") };
}

async function comeBack(
  name: string,
  { delayMs, rows }: { readonly delayMs: number; readonly rows: number },
): Promise<void> {
  report.progress(`${delayMs} ms a call`);
  const distant = new DistantStore(store, delayMs);
  const options = optionsOf(name);
  const startedAt = performance.now();
  const restored = await restoreFolder({
    store: distant,
    target: "the store",
    files: options.files,
    random: options.random,
    masterKey: MASTER_KEY,
  });
  const restoredAt = performance.now();
  const { gets, bytes } = distant;
  const engine = await openEngine({
    ...options,
    openRemote: () => Promise.resolve(distant),
  });
  const { items } = await engine.listTenants("d", "c", { limit: 1_000 });
  const openAt = performance.now();
  const counted = items.reduce((sum, { rowCount }) => sum + rowCount, 0);
  if (counted !== rows) throw new Error(`expected ${rows} records, found ${counted}`);
  const hits = await engine.query(placeOf(0), {
    field: "",
    vector: valuesOf(0, 1),
    topK: 3,
    include: { vectors: false, metadata: false },
  });
  const queriedAt = performance.now();
  if (hits.hits.length !== 3) throw new Error("a tenant that is not whole");
  await engine.close();
  report.table(`${report.size("dataMiB")} MiB, ${delayMs} ms a call of the store`, [
    {
      objects: gets,
      "MiB fetched": bytes / 1_048_576,
      "MiB left": restored.remoteBytes / 1_048_576,
      "restore s": (restoredAt - startedAt) / 1_000,
      "all tenants listed s": (openAt - startedAt) / 1_000,
      "first query s": (queriedAt - startedAt) / 1_000,
    },
  ]);
  report.figure(`served after, ${delayMs} ms a call`, (openAt - startedAt) / 1_000, "s", {
    max: 60,
  });
}
