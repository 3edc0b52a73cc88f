/** A change of a collection's schema or policy touches its own row: sleepers are not looked at. */
import { expect, it } from "vitest";
import { CountingFileSystem, ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { openEngine } from "./index.ts";

const SLEEPERS = 2_000;

it("a change of the schema wakes none of its sleepers, opens nothing and is few frames", async () => {
  const files = new CountingFileSystem(new MemoryFileSystem());
  const open = () =>
    openEngine({ files, clock: new ManualClock(), random: new SeededRandom(1), workerCount: 0 });
  const first = await open();
  await first.createDatabase("d");
  const vectors = [{ name: "", dimension: 2, metric: "cosine" as const }];
  const schema = { identity: "key" as const, vectors, unfilterable: [] };
  for (const [name, count] of Object.entries({ few: 1, many: SLEEPERS })) {
    await first.createCollection("d", name, { schema, tenancy: "multi" });
    const names = Array.from({ length: count }, (_, i) => `t${String(i)}`);
    await first.createTenants("d", name, names);
    const batch = { keys: ["a"], vectors: [{ field: "", values: Float32Array.of(1, 2) }] };
    for (const tenant of names.slice(0, 20)) {
      const place = { database: "d", collection: name, tenant };
      await first.upsert(place, { ...batch, metadata: [undefined] });
    }
  }
  await first.close();

  const engine = await open();
  const costs: { readonly written: number; readonly read: number }[] = [];
  for (const name of ["few", "many"]) {
    // Finds the collection: what is counted is the change.
    await engine.getCollection("d", name);
    files.reset();
    const patch = { vectors: [{ name: "", recall: 0.9 }], policy: { inactiveAfter: "90d" } };
    await engine.updateCollection("d", name, patch);
    for (const kind of ["open-read", "open-write", "read-whole"] as const) {
      expect(files.count(kind)).toBe(0);
    }
    const written = files.count("write") + files.count("write-and-sync");
    costs.push({ written, read: files.reads().length });
  }
  expect(costs[1]).toEqual(costs[0]);
  expect(costs[0]?.written).toBeGreaterThan(0);
  expect(engine.stats().usage.activations).toBe(0);
  expect(engine.stats().shardsAwake).toBe(0);
  await engine.close();
});
