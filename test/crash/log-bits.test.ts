/**
 * Every bit of a log is turned over, one after the other. A frame comes back as it was written, or
 * is named as damaged, or the log does not open: never another answer, and never a frame that is
 * missing in silence. Only the last group of a killed node, which nothing proves to have been
 * acknowledged, may be cut off, and its bytes are counted.
 */
import { describe, expect, it } from "vitest";
import { openEngine, type EngineOptions } from "../../src/engine/index.ts";
import { isInsulaError } from "../../src/base/errors.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../../src/io/index.ts";
import type { Place } from "../../src/model/index.ts";
import { auditLog, LOG_COMMIT_MARK_MS, NodeLog } from "../../src/storage/index.ts";

const FRAMES = 6;
const PAYLOAD_BYTES = 40;
/** One byte in so many is damaged where a whole engine has to start for each. */
const ENGINE_STRIDE = 23;

type End = "killed" | "killed after the mark" | "closed";

interface Written {
  readonly files: MemoryFileSystem;
  readonly texts: readonly string[];
}

async function writeLog(end: End, fileBytesMax: number): Promise<Written> {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  const log = await NodeLog.open({
    fileSystem: files,
    folder: "log",
    clock,
    random: new SeededRandom(1),
    fileBytesMax,
    from: { file: 0, offset: 0 },
    visit: () => undefined,
  });
  const texts: string[] = [];
  for (let n = 0; n < FRAMES; n += 2) {
    const pair = [n, n + 1].map((i) => `${String(i)}:`.padEnd(PAYLOAD_BYTES, "x"));
    texts.push(...pair);
    await Promise.all(pair.map((text, i) => log.append(frameOf(n + i, text))));
  }
  if (end === "closed") await log.close();
  if (end === "killed after the mark") {
    await turn();
    clock.advance(LOG_COMMIT_MARK_MS);
    await turn();
  }
  return { files, texts };
}

function frameOf(n: number, text: string): Parameters<NodeLog["append"]>[0] {
  return {
    shard: new Uint8Array(16).fill(1 + (n % 3)),
    kind: 2,
    isSealed: false,
    sequenceFirst: n,
    sequenceLast: n,
    netRows: 1,
    netBytes: text.length,
    parts: [Buffer.from(text)],
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The frames as a start would find them, and the bytes it would cut; undefined: it would refuse. */
async function readLog(
  files: MemoryFileSystem,
): Promise<{ texts: readonly string[]; cutBytes: number } | undefined> {
  const texts: string[] = [];
  try {
    const { cutBytes } = await auditLog(files, "log", async (entry) => {
      const owner = Buffer.alloc(16, 1 + (entry.sequenceLast % 3));
      if (!owner.equals(entry.shard)) expect.fail("a frame of a stranger");
      const damaged = `damaged ${String(entry.sequenceLast)}`;
      texts.push(entry.isDamaged ? damaged : Buffer.from(await entry.payload()).toString());
    });
    return { texts, cutBytes };
  } catch (error) {
    if (isInsulaError(error) && error.code === "data_damaged") return undefined;
    throw error;
  }
}

/** Calls `look` with each bit of each file turned over, and turns it back. */
async function forEachBit(
  files: MemoryFileSystem,
  look: (where: string) => Promise<void>,
): Promise<number> {
  let bits = 0;
  for (const name of await files.listFolder("log")) {
    const path = `log/${name}`;
    const bytes = (await files.readWhole(path)) ?? new Uint8Array();
    const file = await files.openWrite(path);
    for (const [at, byte] of bytes.entries()) {
      for (let bit = 0; bit < 8; bit++) {
        await file.write(at, Uint8Array.of(byte ^ (1 << bit)));
        await look(`${path}, byte ${String(at)}, bit ${String(bit)}`);
        bits++;
      }
      await file.write(at, Uint8Array.of(byte));
    }
    await file.close();
  }
  return bits;
}

describe("a log with one bit turned over", () => {
  it.each([
    ["killed", 1 << 20],
    ["killed after the mark", 1 << 20],
    ["closed", 600],
  ] as const)(
    "gives back every frame, names it or does not open: %s, files of %i bytes",
    async (end, fileBytesMax) => {
      const { files, texts } = await writeLog(end, fileBytesMax);
      expect((await readLog(files))?.texts).toEqual(texts);
      let refused = 0;
      let cut = 0;
      const bits = await forEachBit(files, async (where) => {
        const found = await readLog(files);
        if (found === undefined) {
          refused++;
          return;
        }
        for (const [i, text] of found.texts.entries()) {
          if (text !== texts[i] && text !== `damaged ${String(i)}`) {
            expect.fail(`${where}: expected ${String(texts[i])}, received ${text}`);
          }
        }
        if (found.texts.length === texts.length) return;
        cut++;
        // The last pair of a killed log, and it is said that bytes were cut.
        if (end !== "killed") expect.fail(`${where}: ${String(found.texts.length)} frames`);
        expect(found.texts.length, where).toBe(texts.length - 2);
        expect(found.cutBytes, where).toBeGreaterThan(2 * PAYLOAD_BYTES);
      });
      expect(bits).toBeGreaterThan(FRAMES * PAYLOAD_BYTES * 8);
      expect(refused).toBeGreaterThan(0);
      expect(cut > 0).toBe(end === "killed");
    },
    60_000,
  );
});

const PLACES: readonly Place[] = ["a", "b", "c"].map((tenant) => ({
  database: "d",
  collection: "c",
  tenant,
}));

describe("a node whose log has one bit turned over", () => {
  it("answers right or says damaged, tenant by tenant, or does not start", async () => {
    let files = new MemoryFileSystem();
    const options = (): EngineOptions => ({
      files,
      clock: new ManualClock(),
      random: new SeededRandom(2),
      workerCount: 0,
      memoryBudget: 256 * 1024 * 1024,
    });
    const engine = await openEngine(options());
    await engine.createDatabase("d");
    const schema = {
      vectors: [{ name: "", dimension: 2, metric: "cosine" as const }],
      identity: "key" as const,
      unfilterable: [],
    };
    await engine.createCollection("d", "c", { schema, tenancy: "multi" });
    for (const [i, place] of [...PLACES, ...PLACES].entries()) {
      await engine.upsert(place, {
        keys: [`k${String(i)}`],
        vectors: [{ field: "", values: Float32Array.of(i, 1) }],
        metadata: [{ i }],
      });
    }
    await engine.close();
    const whole = await snapshot(files);
    const counts = { right: 0, damaged: 0, refused: 0 };
    for (const [path, bytes] of whole) {
      for (let at = 0; path.startsWith("log/") && at < bytes.length; at += ENGINE_STRIDE) {
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
        files = await folderOf(new Map([...whole, [path, flipped]]));
        try {
          const opened = await openEngine(options());
          for (const [i, place] of PLACES.entries()) {
            const outcome = await answerOf(opened, place);
            if (outcome === "data_damaged") counts.damaged++;
            else {
              expect(outcome, `${path}, byte ${String(at)}`).toEqual([i, i + PLACES.length]);
              counts.right++;
            }
          }
          await opened.close();
        } catch (error) {
          if (!isInsulaError(error) || error.code !== "data_damaged") throw error;
          counts.refused++;
        }
      }
    }
    expect(counts.damaged).toBeGreaterThan(0);
    expect(counts.right).toBeGreaterThan(counts.damaged);
  }, 60_000);
});

async function answerOf(
  engine: Awaited<ReturnType<typeof openEngine>>,
  place: Place,
): Promise<unknown> {
  try {
    const { items } = await engine.list(place, {
      limit: 10,
      include: { vectors: false, metadata: true },
    });
    return items.map(({ metadata }) => metadata?.["i"]);
  } catch (error) {
    if (!isInsulaError(error)) throw error;
    return error.code;
  }
}

type Snapshot = ReadonlyMap<string, Uint8Array>;

async function snapshot(files: MemoryFileSystem, folder = ""): Promise<Snapshot> {
  const found = new Map<string, Uint8Array>();
  for (const name of await files.listFolder(folder)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const bytes = await files.readWhole(path);
    if (bytes !== undefined) found.set(path, bytes);
    else for (const [inner, content] of await snapshot(files, path)) found.set(inner, content);
  }
  return found;
}

async function folderOf(content: Snapshot): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  for (const [path, bytes] of content) {
    await files.makeFolder(path.split("/").slice(0, -1).join("/"));
    const file = await files.create(path);
    await file.write(0, bytes);
    await file.close();
  }
  return files;
}
