/** Tenants woken before they are needed. */
import { expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { openEngine } from "./index.ts";

it("wakes those that sleep, tells those that were awake, and activates none", async () => {
  const [clock, random] = [new ManualClock(), new SeededRandom(1)];
  const files = new MemoryFileSystem();
  const engine = await openEngine({ files, clock, random, workerCount: 0 });
  await engine.createDatabase("d");
  const vectors = [{ name: "", dimension: 3, metric: "cosine" as const }];
  const sparseVectors = [{ name: "words" }];
  const schema = { identity: "key" as const, vectors, sparseVectors, unfilterable: [] };
  await engine.createCollection("d", "c", { schema, tenancy: "multi", activatesTenants: true });
  const placeOf = (tenant: string) => ({ database: "d", collection: "c", tenant });
  for (const tenant of ["t1", "t2", "t3", "t4", "other"]) {
    const values = Float32Array.of(1, 2, 3);
    const batch = { keys: ["a"], vectors: [{ field: "", values }], metadata: [undefined] };
    await engine.upsert(placeOf(tenant), batch);
    await engine.flush(placeOf(tenant));
    await engine.deactivate(placeOf(tenant));
  }
  await engine.setTenantState(placeOf("t3"), "INACTIVE");
  await engine.count(placeOf("t2"), { kind: "equal", property: "p", value: 1 });
  expect(engine.stats().shardsAwake).toBe(1);
  const first = await engine.warmTenants("d", "c", { pattern: "t*", limit: 3 });
  expect(first).toMatchObject({ changed: 1, unchanged: 1, missing: 0, failed: 1, next: "t3" });
  expect(first.failures).toMatchObject([{ tenant: "t3", error: { code: "tenant_not_active" } }]);
  const rest = await engine.warmTenants("d", "c", { pattern: "t*", limit: 3, after: "t3" });
  expect(rest).toEqual({ changed: 1, unchanged: 0, missing: 0, failed: 0, failures: [] });
  expect(engine.stats().shardsAwake).toBe(3);
  expect((await engine.getTenant(placeOf("t3")))?.state).toBe("INACTIVE");
  const named = { names: ["nobody", "other"], limit: 10 };
  expect(await engine.warmTenants("d", "c", named)).toMatchObject({ changed: 1, missing: 1 });
  await expect(engine.warmTenants("d", "c", { limit: 5 })).rejects.toMatchObject({
    code: "argument_invalid",
  });
  await engine.close();
});
