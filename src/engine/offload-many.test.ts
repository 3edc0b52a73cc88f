/** Three hundred tenants in an S3-compatible store: gone, and back for whoever asks for one. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { S3ObjectStore } from "../backup/s3-store.ts";
import { startS3Server } from "../backup/s3-server.contract.ts";
import { ManualClock, MemoryFileSystem, NodeClock, SeededRandom } from "../io/index.ts";
import { openEngine, type Engine, type EngineOptions } from "./index.ts";

const TENANTS = 300;
const ACCESSES = 200;
const PLACE = { database: "db", collection: "c" };

function nameOf(n: number): string {
  return `team-${String(n).padStart(3, "0")}`;
}

async function write(engine: Engine, tenant: string, random: SeededRandom): Promise<void> {
  // None, a few, or more than fit into one object.
  const count = [0, 1, 7, 30, 1_500][random.below(random.below(20) === 0 ? 5 : 4)] ?? 0;
  if (count === 0) {
    await engine.createTenant({ ...PLACE, tenant });
    return;
  }
  const keys = Array.from({ length: count }, (_, i) => `k${String(i)}`);
  const values = Float32Array.from({ length: count * 8 }, () => random.below(1_000) / 7);
  const metadata = keys.map((key) => ({ key, tenant, n: random.below(100) }));
  await engine.upsert({ ...PLACE, tenant }, { keys, vectors: [{ field: "", values }], metadata });
  if (random.below(2) === 0) await engine.flush({ ...PLACE, tenant });
  if (random.below(3) === 0) await engine.delete({ ...PLACE, tenant }, keys.slice(0, 2));
}

async function hashOf(engine: Engine, tenant: string): Promise<string> {
  const include = { vectors: true, metadata: true };
  const { items } = await engine.list({ ...PLACE, tenant }, { limit: 10_000, include });
  const hash = createHash("sha256");
  for (const { key, metadata, vectors } of items) {
    hash.update(JSON.stringify([key, metadata]));
    for (const vector of vectors?.values() ?? []) hash.update(vector);
  }
  return hash.digest("hex");
}

it("300 tenants have the same contents when random calls have brought them back", async () => {
  await using server = await startS3Server();
  const clock = new NodeClock();
  const random = new SeededRandom(7);
  const store = new S3ObjectStore(server.settings, "node-1/", { clock, random });
  const options: EngineOptions = {
    files: new MemoryFileSystem(),
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
    offload: { open: () => Promise.resolve(store) },
    awakeShardsMax: 50,
  };
  let engine = await openEngine(options);
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", {
    schema: {
      identity: "key",
      vectors: [{ name: "", dimension: 8, metric: "cosine" }],
      unfilterable: [],
    },
    tenancy: "multi",
    activatesTenants: true,
  });
  const names = Array.from({ length: TENANTS }, (_, n) => nameOf(n));
  const before = new Map<string, string>();
  for (const tenant of names) {
    await write(engine, tenant, random);
    before.set(tenant, await hashOf(engine, tenant));
  }
  const gone = await engine.setTenantStates("db", "c", {
    pattern: "team-*",
    state: "OFFLOADED",
    limit: 1_000,
  });
  expect(gone).toMatchObject({ changed: TENANTS, failed: 0 });
  await engine.close();

  engine = await openEngine(options);
  expect(engine.tenantFigures().counts).toMatchObject({ OFFLOADED: TENANTS, ACTIVE: 0 });
  for (let access = 0; access < ACCESSES; access += 10) {
    const asked = Array.from({ length: 10 }, () => nameOf(random.below(TENANTS)));
    const found = await Promise.all(asked.map((tenant) => hashOf(engine, tenant)));
    expect(found).toEqual(asked.map((tenant) => before.get(tenant)));
    // Some go again, while others come.
    if (access % 100 === 0) {
      const tenant = nameOf(random.below(TENANTS));
      await engine.setTenantState({ ...PLACE, tenant }, "OFFLOADED");
    }
  }
  for (const tenant of names) expect(await hashOf(engine, tenant)).toBe(before.get(tenant));
  // Those that were asked last are still on their way.
  while (engine.tenantFigures().counts.ONLOADING > 0) await new Promise(setImmediate);
  expect(engine.tenantFigures().counts).toMatchObject({ OFFLOADED: 0, ACTIVE: TENANTS });
  await engine.close();
}, 300_000);
