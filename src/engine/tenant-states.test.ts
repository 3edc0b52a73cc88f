/** States of tenants: what they do to calls about records, to the shard, and what a start finds. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { openEngine, type CollectionOptions, type Engine } from "./index.ts";

const TEAM = { database: "d", collection: "c", tenant: "team" };
const OPTIONS: CollectionOptions = {
  schema: {
    identity: "key",
    vectors: [{ name: "", dimension: 2, metric: "dot" }],
    unfilterable: [],
  },
  tenancy: "multi",
};
const RECORD = {
  keys: ["a"],
  vectors: [{ field: "", values: Float32Array.of(1, 2) }],
  metadata: [{ year: 2020 }],
};
const INCLUDE = { vectors: false, metadata: false };
const refused = { code: "tenant_not_active", kind: "failed_precondition" };

let files: MemoryFileSystem;
let engine: Engine;

function open(): Promise<Engine> {
  return openEngine({ files, clock: new ManualClock(), random: new SeededRandom(1) });
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  engine = await open();
  await engine.createDatabase("d");
  await engine.createCollection("d", "c", OPTIONS);
  await engine.upsert(TEAM, RECORD);
});
afterEach(() => engine.close());

async function stateOf(tenant = "team"): Promise<string | undefined> {
  return (await engine.getTenant({ ...TEAM, tenant }))?.state;
}

describe("an INACTIVE tenant", () => {
  it("sleeps at once, is refused with what to do, and answers again when it is ACTIVE", async () => {
    expect(engine.stats().shardsAwake).toBe(1);
    expect(await engine.setTenantState(TEAM, "INACTIVE")).toMatchObject({
      name: "team",
      state: "INACTIVE",
      rowCount: 1,
    });
    expect(engine.stats().shardsAwake).toBe(0);
    await expect(engine.get(TEAM, ["a"], INCLUDE)).rejects.toMatchObject(refused);
    await expect(engine.upsert(TEAM, RECORD)).rejects.toThrow(/activatesTenants/);
    await expect(engine.flush(TEAM)).rejects.toMatchObject(refused);
    await expect(engine.compact(TEAM)).rejects.toMatchObject(refused);
    await expect(
      engine.measureRecall(TEAM, { field: "", topK: 1, sample: 1 }),
    ).rejects.toMatchObject(refused);
    expect(engine.stats().shardsAwake).toBe(0);
    expect(engine.tenantFigures().counts).toMatchObject({ ACTIVE: 0, INACTIVE: 1 });
    await engine.setTenantState(TEAM, "ACTIVE");
    expect(await engine.count(TEAM)).toBe(1);
    expect(engine.tenantFigures().counts).toMatchObject({ ACTIVE: 1, INACTIVE: 0 });
  });

  it("is named beside the hits of the others in a search over many", async () => {
    await engine.upsert({ ...TEAM, tenant: "other" }, RECORD);
    await engine.setTenantState(TEAM, "INACTIVE");
    const query = { field: "", vector: Float32Array.of(1, 0), topK: 5, include: INCLUDE };
    const places = ["team", "other"].map((tenant) => ({ ...TEAM, tenant }));
    const { hits, failures } = await engine.queryMany(places, query);
    expect(hits.map(({ place }) => place.tenant)).toEqual(["other"]);
    expect(failures).toMatchObject([{ place: { tenant: "team" }, error: refused }]);
  });

  it("is INACTIVE after a start, also without a flush of the catalogue before", async () => {
    await engine.createCollection("d", "strict", { ...OPTIONS, createsTenants: false });
    await engine.updateCollection("d", "strict", { activatesTenants: true });
    await engine.setTenantState(TEAM, "INACTIVE");
    for (let start = 0; start < 2; start++) {
      await engine.close();
      engine = await open();
      expect(await stateOf()).toBe("INACTIVE");
      expect(engine.tenantFigures().counts).toMatchObject({ ACTIVE: 0, INACTIVE: 1 });
      expect(await engine.getCollection("d", "strict")).toMatchObject({
        createsTenants: false,
        activatesTenants: true,
      });
      await engine.flush();
    }
    await expect(engine.get(TEAM, ["a"], INCLUDE)).rejects.toMatchObject(refused);
  });

  it("can be deleted, and is no longer counted", async () => {
    await engine.setTenantState(TEAM, "INACTIVE");
    await engine.deleteTenant(TEAM);
    expect(engine.tenantFigures().counts).toMatchObject({ ACTIVE: 0, INACTIVE: 0 });
    await expect(engine.setTenantState(TEAM, "ACTIVE")).rejects.toMatchObject({
      code: "tenant_not_found",
    });
  });

  it("stays ACTIVE when nobody asked: eviction is no state", async () => {
    await engine.deactivate(TEAM);
    expect(engine.stats().shardsAwake).toBe(0);
    expect(await stateOf()).toBe("ACTIVE");
  });
});

describe("automatic activation", () => {
  beforeEach(async () => {
    await engine.updateCollection("d", "c", { activatesTenants: true });
    await engine.setTenantState(TEAM, "INACTIVE");
  });

  it("makes a tenant ACTIVE by the call that needs it, and says so", async () => {
    const query = { field: "", vector: Float32Array.of(1, 0), topK: 5, include: INCLUDE };
    const { hits, activation } = await engine.query(TEAM, query);
    expect(hits).toHaveLength(1);
    expect(activation).toMatchObject({ state: "INACTIVE", wasAsleep: true });
    expect(await stateOf()).toBe("ACTIVE");
  });

  it("does not end a deactivation that others run into: all calls are answered", async () => {
    const calls = Array.from({ length: 40 }, (_, i) =>
      i % 5 === 0
        ? engine.setTenantState(TEAM, i % 2 === 0 ? "INACTIVE" : "ACTIVE").then(() => 1)
        : engine.get(TEAM, ["a"], INCLUDE).then((found) => found.length),
    );
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 40 }, () => 1));
  });

  it("can be turned off again", async () => {
    await engine.updateCollection("d", "c", { activatesTenants: false });
    await expect(engine.get(TEAM, ["a"], INCLUDE)).rejects.toMatchObject(refused);
    expect(await stateOf()).toBe("INACTIVE");
  });
});

describe("the last change of a state", () => {
  it("is told with its reason and time, also after a start, and absent before there is one", async () => {
    const changeOf = async () => (await engine.getTenant(TEAM))?.lastChange;
    expect(await engine.getTenant(TEAM)).not.toHaveProperty("lastChange");
    await engine.setTenantState(TEAM, "ACTIVE");
    expect(await changeOf()).toBeUndefined();
    await engine.setTenantState(TEAM, "INACTIVE");
    const asked = { from: "ACTIVE", reason: "asked", atMs: expect.any(Number) as number };
    expect(await changeOf()).toEqual(asked);
    await engine.updateCollection("d", "c", { activatesTenants: true });
    await engine.get(TEAM, ["a"], INCLUDE);
    const used = { from: "INACTIVE", reason: "used", atMs: expect.any(Number) as number };
    expect(await changeOf()).toEqual(used);
    await engine.close();
    engine = await open();
    const { items } = await engine.listTenants("d", "c", { limit: 5 });
    expect(items).toMatchObject([{ name: "team", state: "ACTIVE", lastChange: used }]);
  });
});

describe("a call that races with a deactivation", () => {
  it("is answered before or refused after it, and never wakes an INACTIVE tenant", async () => {
    for (let round = 0; round < 20; round++) {
      await engine.setTenantState(TEAM, "ACTIVE");
      if (round % 3 === 0) await engine.deactivate(TEAM);
      const reads = Array.from({ length: 4 }, () =>
        engine.get(TEAM, ["a"], INCLUDE).then(
          () => "answered",
          (error: unknown) => (error as { code?: string }).code,
        ),
      );
      const asked = engine.setTenantState(TEAM, "INACTIVE");
      const outcomes = await Promise.all([...reads, engine.count(TEAM).catch(() => 0)]);
      await asked;
      for (const outcome of outcomes.slice(0, 4)) {
        expect(["answered", "tenant_not_active"]).toContain(outcome);
      }
      expect(engine.stats().shardsAwake).toBe(0);
    }
  });
});

describe("what cannot be asked for", () => {
  it("is refused: offload without a store, other words, tenants that are not there", async () => {
    await expect(engine.setTenantState(TEAM, "OFFLOADED")).rejects.toMatchObject({
      code: "offload_not_configured",
      details: { requested: "OFFLOADED" },
    });
    await expect(engine.setTenantState(TEAM, "HOT" as "ACTIVE")).rejects.toMatchObject({
      code: "argument_invalid",
    });
    await expect(
      engine.setTenantState({ ...TEAM, tenant: "nobody" }, "ACTIVE"),
    ).rejects.toMatchObject({ code: "tenant_not_found" });
    await engine.createCollection("d", "single", { schema: OPTIONS.schema });
    await expect(
      engine.updateCollection("d", "single", { activatesTenants: true }),
    ).rejects.toMatchObject({ code: "argument_invalid" });
    await expect(
      engine.createCollection("d", "other", { schema: OPTIONS.schema, createsTenants: false }),
    ).rejects.toMatchObject({ code: "argument_invalid" });
  });

  it("a collection that creates no tenants refuses the write, and takes it once there is one", async () => {
    await engine.updateCollection("d", "c", { createsTenants: false });
    const place = { ...TEAM, tenant: "new" };
    await expect(engine.upsert(place, RECORD)).rejects.toMatchObject({ code: "tenant_not_found" });
    await engine.createTenant(place);
    expect(await engine.upsert(place, RECORD)).toEqual({ rowsAdded: 1, rowsReplaced: 0 });
  });
});
