/**
 * A process whose handles are few: many tenants, each with a segment file of its own, are read in
 * turn and at once. Prints what came out as JSON.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openEngine } from "../../src/engine/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../../src/io/index.ts";
import type { Place } from "../../src/model/index.ts";

const TENANTS = 200;
const ROUNDS = 2;
const AT_ONCE = 40;

const folder = mkdtempSync(path.join(tmpdir(), "insula-handles-"));
const engine = await openEngine({
  files: new NodeFileSystem(folder),
  clock: new NodeClock(),
  random: new NodeRandom(),
  workerCount: 0,
  awakeShardsMax: 100,
  policy: { packedBytesMax: 1 },
});
const tally = { tenants: TENANTS, wrong: 0, refused: 0, openFilesMax: 0, handlesMax: 0 };
const include = { vectors: true, metadata: true };

function placeOf(tenant: number): Place {
  return { database: "db", collection: "c", tenant: `t${String(tenant)}` };
}

async function look(tenant: number): Promise<void> {
  try {
    const [found] = await engine.get(placeOf(tenant), ["k"], include);
    if (found?.metadata?.["n"] !== tenant) tally.wrong++;
  } catch {
    tally.refused++;
  }
}

await engine.createDatabase("db");
const vectors = [{ name: "", dimension: 2, metric: "dot" as const }];
const schema = { vectors, identity: "key" as const, unfilterable: [] };
await engine.createCollection("db", "c", { schema, tenancy: "multi" });
for (let tenant = 0; tenant < TENANTS; tenant++) {
  const values = Float32Array.of(tenant, 1);
  const batch = { keys: ["k"], vectors: [{ field: "", values }], metadata: [{ n: tenant }] };
  await engine.upsert(placeOf(tenant), batch);
  await engine.flush(placeOf(tenant));
  await engine.deactivate(placeOf(tenant));
}
for (let round = 0; round < ROUNDS; round++) {
  for (let first = 0; first < TENANTS; first += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => look(first + i)));
    tally.openFilesMax = Math.max(tally.openFilesMax, engine.stats().openFiles);
    const handles = process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
    tally.handlesMax = Math.max(tally.handlesMax, handles);
  }
}
await engine.close();
rmSync(folder, { recursive: true });
console.info(JSON.stringify(tally));
