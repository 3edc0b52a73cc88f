/** Many tenants made by one call: whole frames, names that are taken, bounds, a death between. */
import { beforeEach, expect, it } from "vitest";
import { TENANTS_CREATED_MAX } from "../base/limits.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { openEngine, type Engine } from "./index.ts";

const PLACE = { database: "db", collection: "c" };
const SCHEMA = {
  vectors: [{ name: "", dimension: 2, metric: "euclidean" as const }],
  identity: "key" as const,
  unfilterable: [],
};

let files: MemoryFileSystem;
let engine: Engine;

function open(seed: number): Promise<Engine> {
  const clock = new ManualClock();
  return openEngine({ files, clock, random: new SeededRandom(seed), workerCount: 0 });
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `t${String(i).padStart(5, "0")}`);
}

function put(tenant: string): Promise<unknown> {
  const vectors = [{ field: "", values: new Float32Array([1, 2]) }];
  return engine.upsert({ ...PLACE, tenant }, { keys: ["k"], vectors, metadata: [undefined] });
}

async function listed(): Promise<string[]> {
  const page = await engine.listTenants(PLACE.database, PLACE.collection, { limit: 10_000 });
  return page.items.map(({ name }) => name);
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  engine = await open(1);
  await engine.createDatabase("db");
  await engine.createCollection("db", "c", { schema: SCHEMA, tenancy: "multi" });
  return () => engine.close();
});

it("makes what is missing, counts what was there, and wakes nobody", async () => {
  await put("t00003");
  await engine.deactivate({ ...PLACE, tenant: "t00003" });
  const names = namesOf(1_700);
  expect(await engine.createTenants("db", "c", [...names, "t00001"])).toEqual({
    created: 1_699,
    existing: 1,
  });
  expect(await engine.createTenants("db", "c", names)).toEqual({ created: 0, existing: 1_700 });
  expect(await listed()).toEqual(names);
  expect(engine.tenantFigures().counts.ACTIVE).toBe(1_700);
  expect((await engine.getCollection("db", "c"))?.tenantCount).toBe(1_700);
  expect(engine.stats().shardsAwake).toBe(0);
  expect(await engine.count({ ...PLACE, tenant: "t00003" })).toBe(1);
});

it("shares names with calls that come at the same time: each tenant is made once", async () => {
  const names = namesOf(900);
  const counts = await Promise.all([
    engine.createTenants("db", "c", names.slice(0, 600)),
    put("t00500"),
    engine.createTenants("db", "c", names.slice(300).reverse()),
    put("t00899"),
    engine.createTenants("db", "c", names),
  ]);
  const created = counts.map((answer) => (answer as { created?: number }).created ?? 0);
  expect(created.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(900);
  expect(await listed()).toEqual(names);
  expect(engine.tenantFigures().counts.ACTIVE).toBe(900);
  for (const tenant of ["t00500", "t00899"]) {
    expect(await engine.count({ ...PLACE, tenant })).toBe(1);
  }
});

it("changes nothing when one name is bad, there are too many, or there are no tenants", async () => {
  const bad = engine.createTenants("db", "c", [...namesOf(1_000), ""]);
  await expect(bad).rejects.toMatchObject({ code: "name_invalid" });
  const many = engine.createTenants("db", "c", namesOf(TENANTS_CREATED_MAX + 1));
  await expect(many).rejects.toMatchObject({ code: "argument_invalid" });
  await engine.createCollection("db", "single", { schema: SCHEMA });
  const single = engine.createTenants("db", "single", ["t"]);
  await expect(single).rejects.toMatchObject({ code: "argument_invalid" });
  const missing = engine.createTenants("db", "nope", ["t"]);
  await expect(missing).rejects.toMatchObject({ code: "collection_not_found" });
  expect(await listed()).toEqual([]);
  expect(await engine.createTenants("db", "c", namesOf(TENANTS_CREATED_MAX))).toEqual({
    created: TENANTS_CREATED_MAX,
    existing: 0,
  });
});

it("is there after a start that follows", async () => {
  const names = namesOf(1_200);
  await engine.createTenants("db", "c", names);
  await put("t01100");
  await engine.close();
  engine = await open(2);
  expect(await listed()).toEqual(names);
  expect(engine.tenantFigures().counts.ACTIVE).toBe(1_200);
  expect(await engine.count({ ...PLACE, tenant: "t01100" })).toBe(1);
});
