/**
 * R-13 on a real file system of 16 MiB, and R-14 on a real process with few handles.
 *
 * Mounting needs rights that CI has; elsewhere the first test says why it was not run.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import { isInsulaError } from "../../src/base/errors.ts";
import { openEngine, type Engine, type WriteResult } from "../../src/engine/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../../src/io/index.ts";
import type { Place, WriteBatch } from "../../src/model/index.ts";

const PLACE: Place = { database: "db", collection: "c", tenant: "t" };
const DIMENSION = 256;
const ROWS = 100;
const MIB = 1_048_576;
/** Looks for room that has come back, 100 ms each: R-13 allows 5 s. */
const LOOKS_MAX = 50;

let folder: string | undefined;

/** Undefined and the reason where this user may not mount. */
function mount(): string | undefined {
  const made = mkdtempSync(path.join(tmpdir(), "insula-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "none", made], { stdio: "pipe" });
  } catch (error) {
    rmSync(made, { recursive: true });
    if (process.env["CI"] !== undefined) throw error;
    console.warn("R-13 was not run: cannot mount a tmpfs here.", error);
    return undefined;
  }
  folder = made;
  return made;
}

afterEach(() => {
  if (folder === undefined) return;
  execFileSync("umount", ["-l", folder]);
  rmSync(folder, { recursive: true });
  folder = undefined;
});

function open(root: string, diskReserveBytes?: number): Promise<Engine> {
  return openEngine({
    files: new NodeFileSystem(path.join(root, "data")),
    clock: new NodeClock(),
    random: new NodeRandom(),
    workerCount: 0,
    logFileBytesMax: MIB,
    logBytesMax: 2 * MIB,
    ...(diskReserveBytes === undefined ? {} : { diskReserveBytes }),
  });
}

function batch(number: number): WriteBatch {
  const keys = Array.from({ length: ROWS }, (_, i) => `k${String(number * ROWS + i)}`);
  const values = new Float32Array(ROWS * DIMENSION).map((_, i) => number + i / 1_000);
  return { keys, vectors: [{ field: "", values }], metadata: keys.map(() => ({ number })) };
}

async function prepare(engine: Engine): Promise<void> {
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi" });
}

/** Writes until it is refused; how many batches were acknowledged. */
async function fillUp(engine: Engine, first: number): Promise<number> {
  for (let number = first; ; number++) {
    try {
      await engine.upsert(PLACE, batch(number));
    } catch (error) {
      expect(error).toMatchObject({ code: "disk_full", kind: "resource_exhausted" });
      return number;
    }
    if (number > 1_000) throw new Error("a disk of 16 MiB takes no 100 MiB");
  }
}

async function writeAgain(engine: Engine, number: number): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    try {
      await engine.upsert(PLACE, batch(number));
      return;
    } catch (error) {
      if (!isInsulaError(error) || error.code !== "disk_full") throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error("writes are not taken again");
}

/** A flush that is under way may have the last of the room, until it fails and gives it back. */
async function deleteSoon(engine: Engine, keys: readonly string[]): Promise<WriteResult> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    try {
      return await engine.delete(PLACE, keys);
    } catch (error) {
      if (!isInsulaError(error) || error.code !== "disk_full") throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error("deletes are not taken");
}

async function expectAll(engine: Engine, batches: number): Promise<void> {
  const include = { vectors: true, metadata: true };
  for (let number = 0; number < batches; number++) {
    const { keys } = batch(number);
    const found = await engine.get(PLACE, keys, include);
    expect(found.map((record) => record?.metadata?.["number"])).toEqual(keys.map(() => number));
  }
}

async function closeOnFull(engine: Engine): Promise<void> {
  await engine.close().catch((error: unknown) => {
    expect(error).toMatchObject({ code: "disk_full" });
  });
}

it.each([
  ["before it is full", undefined],
  ["when it is full", 0],
])(
  "refuses writes to a small disk %s, goes on reading and deleting, and recovers by itself",
  async (_, reserve) => {
    const root = mount();
    if (root === undefined) return;
    const ballast = path.join(root, "ballast");
    writeFileSync(ballast, Buffer.alloc(6 * MIB));
    const engine = await open(root, reserve);
    await prepare(engine);
    const full = await fillUp(engine, 0);
    expect(full).toBeGreaterThan(3);
    const { disk } = engine.stats();
    expect(disk.isLow).toBe(reserve === undefined);
    await expectAll(engine, full);
    if (reserve === undefined) {
      expect(disk.freeBytes).toBeGreaterThan(0);
      expect(await deleteSoon(engine, ["k0", "nobody"])).toMatchObject({ rowsReplaced: 1 });
    }
    unlinkSync(ballast);
    await writeAgain(engine, 0);
    await writeAgain(engine, full);
    // The last flush may find no room; what it would have written is in the log.
    await closeOnFull(engine);
    const again = await open(root, reserve);
    await expectAll(again, full + 1);
    expect(again.stats().quarantinedShards).toBe(0);
    await closeOnFull(again);
  },
);

it("serves 200 tenants, 40 at once, with 160 handles: no caller sees one missing (R-14)", async () => {
  const program = path.join(import.meta.dirname, "handles-program.ts");
  const run = promisify(execFile);
  const script = `ulimit -n 160; exec "${process.execPath}" --import tsx "${program}"`;
  const { stdout } = await run("sh", ["-c", script]);
  expect(JSON.parse(stdout)).toMatchObject({ tenants: 200, wrong: 0, refused: 0 });
});
