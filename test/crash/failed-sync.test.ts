/**
 * A sync that the kernel fails: a node of its own under `strace`, which makes the n-th fdatasync of
 * the log answer EIO. Only that one: a second try would succeed, and must not be made.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openEngine } from "../../src/engine/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../../src/io/index.ts";
import type { Place } from "../../src/model/index.ts";

const HAS_STRACE = spawnSync("strace", ["-e", "trace=none", "true"]).status === 0;
/** Syncs before the one that fails; the first few make the log and the collection. */
const FAILS_AT: readonly number[] = [4, 9, 30];
const WRITES = 40;
const PLACE: Place = { database: "d", collection: "c" };

const root = mkdtempSync(join(tmpdir(), "insula-failed-sync-"));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Writes one record after the other and says of each what became of it; then reads all. */
const WRITER = `
  const load = (path) => import(new URL(path, ${JSON.stringify(import.meta.url)}).href);
  const { openEngine } = await load("../../src/engine/index.ts");
  const io = await load("../../src/io/index.ts");
  const engine = await openEngine({ files: new io.NodeFileSystem(process.argv[1]),
    clock: new io.NodeClock(), random: new io.NodeRandom(), workerCount: 0 });
  const place = ${JSON.stringify(PLACE)};
  const schema = { vectors: [{ name: "", dimension: 2, metric: "cosine" }], identity: "key",
    unfilterable: [] };
  const report = { told: [], refused: [], found: 0, isPoisoned: false };
  const tell = async (name, work) => {
    try { await work(); report.told.push(name); }
    catch (error) { report.refused.push([name, error.code]); }
  };
  await tell("database", () => engine.createDatabase("d"));
  await tell("collection", () => engine.createCollection("d", "c", { schema }));
  for (let i = 0; i < ${String(WRITES)}; i++) {
    await tell("k" + i, () => engine.upsert(place, { keys: ["k" + i], metadata: [{}],
      vectors: [{ field: "", values: new Float32Array([i, 1]) }] }));
  }
  report.found = await engine.count(place).catch(() => 0);
  report.isPoisoned = engine.stats().log.isPoisoned;
  process.stdout.write(JSON.stringify(report));
  process.exit(0);`;

interface Report {
  readonly told: readonly string[];
  readonly refused: readonly (readonly [string, string])[];
  readonly found: number;
  readonly isPoisoned: boolean;
}

function runWriter(folder: string, failsAt: number): { report: Report; trace: readonly string[] } {
  const tracePath = join(root, `trace-${String(failsAt)}`);
  const inject = `inject=fdatasync:error=EIO:when=${String(failsAt)}`;
  // strace counts for each thread by itself, and others sync other files.
  const log = join(folder, "log/0000000001.log");
  const strace = ["-f", "-y", "-P", log, "-e", "trace=fdatasync", "-e", inject, "-o", tracePath];
  const node = [process.execPath, "--import", "tsx", "--input-type=module", "-e", WRITER, folder];
  const { stdout, stderr, status } = spawnSync("strace", [...strace, ...node], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  const trace = readFileSync(tracePath, "utf8").split("\n");
  return { report: JSON.parse(stdout) as Report, trace };
}

it.for(FAILS_AT)(
  "answers nothing after the kernel failed sync %i, and never syncs that file again",
  { timeout: 60_000 },
  async (failsAt: number, context) => {
    if (!HAS_STRACE) context.skip("strace is not installed or may not trace");
    const folder = join(root, String(failsAt));
    const { report, trace } = runWriter(folder, failsAt);

    expect(report.isPoisoned).toBe(true);
    const [first] = report.refused;
    expect(first?.[1]).toBe("log_poisoned");
    const all = ["database", "collection", ...Array.from({ length: WRITES }, (_, i) => `k${i}`)];
    // What was taken before the failure, all of it, and nothing after.
    expect(report.told).toEqual(all.slice(0, all.indexOf(first?.[0] ?? "")));
    const records = report.told.filter((name) => name.startsWith("k"));
    expect(report.found).toBe(records.length);

    const at = trace.findIndex((line) => line.includes("(INJECTED)"));
    const path = /<(.+?)>/.exec(trace[at] ?? "")?.[1];
    expect(path).toContain("/log/");
    const later = trace.slice(at + 1).filter((line) => line.includes(path ?? "?"));
    expect(later).toEqual([]);

    const engine = await openEngine({
      files: new NodeFileSystem(folder),
      clock: new NodeClock(),
      random: new NodeRandom(),
      workerCount: 0,
    });
    try {
      const found =
        records.length === 0
          ? []
          : await engine.get(PLACE, records, { vectors: false, metadata: true });
      expect(found.every((record) => record !== undefined)).toBe(true);
      expect(engine.stats().log.isPoisoned).toBe(false);
    } finally {
      await engine.close();
    }
  },
);
