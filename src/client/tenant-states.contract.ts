/** What a program may rely on about states of tenants, whichever body it holds. */
import { describe, expect, it } from "vitest";
import type { Collection, Insula, TenantPageOptions, TenantsProgress } from "./index.ts";
import { refused } from "./sparse.contract.ts";

/** @param insula with a database "shop". */
export function describeTenantStates(name: string, insula: () => Insula): void {
  let made = 0;

  /** A collection of its own, with tenants that have a record each. */
  async function collectionOf(tenants: readonly string[]): Promise<Collection> {
    const collection = `states-${String(++made)}`;
    const notes = await insula().createCollection("shop", collection, {
      dimension: 1,
      tenancy: "multi",
    });
    for (const tenant of tenants) await notes.tenant(tenant).upsert([{ key: "a", vector: [1] }]);
    return notes;
  }

  async function statesOf(notes: Collection): Promise<readonly string[]> {
    const { items } = await notes.listTenants({ limit: 1_000 });
    return items.map((tenant) => `${tenant.name} ${tenant.state}`);
  }

  describe(`${name}: states of tenants`, () => {
    it("a policy is set and taken away in parts, and a dry run says who it would put to rest", async () => {
      const name = `states-${String(++made)}`;
      const notes = await insula().createCollection("shop", name, {
        dimension: 1,
        tenancy: "multi",
        policy: { inactiveAfter: "90m", offloadAfter: "7d" },
      });
      await notes.tenant("a").upsert([{ key: "a", vector: [1] }]);
      const policyNow = async (): Promise<unknown> =>
        (await insula().getCollection("shop", name))?.policy;
      expect(await policyNow()).toEqual({ inactiveAfter: "90m", offloadAfter: "7d" });
      await insula().updateCollection("shop", name, { policy: { offloadAfter: null } });
      expect(await policyNow()).toEqual({ inactiveAfter: "90m" });
      const bad = { policy: { inactiveAfter: "soon" } };
      const invalid = refused("argument_invalid", "invalid_argument");
      await expect(insula().updateCollection("shop", name, bad)).rejects.toMatchObject(invalid);
      const nothing = { looked: 1, pinned: 0, due: [], failed: 0, failures: [] };
      expect(await notes.sweepTenants()).toEqual(nothing);
      const policy = { inactiveAfter: "1h" };
      expect(await notes.sweepTenants({ isDryRun: true, policy })).toEqual(nothing);
      await expect(notes.sweepTenants({ policy })).rejects.toMatchObject(invalid);
      await expect(
        insula().createCollection("shop", "bad", { dimension: 1, policy }),
      ).rejects.toMatchObject(invalid);
      const byUse = await notes.listTenants({ order: "use" });
      expect(byUse.items.map((tenant) => tenant.name)).toEqual(["a"]);
    });

    it("tenants are pinned by name and pattern, beside a share of the memory, and told so", async () => {
      const notes = await collectionOf(["a", "team-1"]);
      const { database, collection } = notes.place;
      expect(await notes.pinTenants(["team-*", "b"])).toEqual(["b", "team-*"]);
      expect(await notes.unpinTenants(["b", "nobody"])).toEqual(["team-*"]);
      const given = { policy: { memoryShare: 0.5 } };
      const info = await insula().updateCollection(database, collection, given);
      expect(info.policy).toEqual({ memoryShare: 0.5, pin: ["team-*"] });
      expect((await notes.getTenant("team-1"))?.pinnedBy).toBe("team-*");
      expect((await notes.getTenant("a"))?.pinnedBy).toBeUndefined();
      const { memory } = await notes.sweepTenants({ isDryRun: true });
      expect(memory?.loadedBytesMax).toBeGreaterThan(memory?.loadedBytes ?? Infinity);
      const invalid = refused("argument_invalid", "invalid_argument");
      await expect(notes.pinTenants([""])).rejects.toMatchObject(invalid);
      const tooMuch = { policy: { memoryShare: 1.5 } };
      await expect(insula().updateCollection(database, collection, tooMuch)).rejects.toMatchObject(
        invalid,
      );
    });

    it("an INACTIVE tenant is refused, also in a search over many, until it is ACTIVE", async () => {
      const notes = await collectionOf(["a/b", "c"]);
      expect(await notes.setTenantState("a/b", "INACTIVE")).toMatchObject({
        name: "a/b",
        state: "INACTIVE",
        rowCount: 1,
      });
      const tenant = notes.tenant("a/b");
      const notActive = refused("tenant_not_active", "failed_precondition");
      await expect(tenant.get(["a"])).rejects.toMatchObject(notActive);
      await expect(tenant.count()).rejects.toMatchObject(notActive);
      await expect(tenant.upsert([{ key: "b", vector: [1] }])).rejects.toMatchObject(notActive);
      await expect(tenant.measureRecall({ sample: 1 })).rejects.toMatchObject(notActive);
      const found = await notes.queryTenants(["a/b", "c"], { vector: [1] });
      expect(found.hits.map(({ place }) => place.tenant)).toEqual(["c"]);
      expect(found.failures).toMatchObject([{ place: { tenant: "a/b" }, error: notActive }]);
      expect(await notes.getTenant("a/b")).toMatchObject({ state: "INACTIVE" });
      await notes.setTenantState("a/b", "ACTIVE");
      expect(await tenant.count()).toBe(1);
    });

    it("a collection activates tenants and creates none when it is told so, and tells it", async () => {
      const notes = await collectionOf(["a"]);
      const { database, collection } = notes.place;
      expect(await insula().getCollection(database, collection)).toMatchObject({
        createsTenants: true,
        activatesTenants: false,
      });
      const rules = { createsTenants: false, activatesTenants: true };
      expect(await insula().updateCollection(database, collection, rules)).toMatchObject(rules);
      await notes.setTenantState("a", "INACTIVE");
      const { activation } = await notes.tenant("a").query({ vector: [1] });
      expect(activation).toMatchObject({ state: "INACTIVE" });
      expect(await statesOf(notes)).toEqual(["a ACTIVE"]);
      await expect(notes.tenant("b").upsert([{ key: "a", vector: [1] }])).rejects.toMatchObject(
        refused("tenant_not_found", "not_found"),
      );
      const given = { dimension: 1, tenancy: "multi" as const, ...rules };
      await insula().createCollection("shop", `${collection}-b`, given);
      expect(await insula().getCollection("shop", `${collection}-b`)).toMatchObject(rules);
      await expect(
        insula().createCollection("shop", "bad", { dimension: 1, activatesTenants: true }),
      ).rejects.toMatchObject(refused("argument_invalid"));
    });

    it("many tenants change by name or pattern, told slice by slice", async () => {
      const notes = await collectionOf(["x1", "x2", "y1"]);
      const progress: TenantsProgress[] = [];
      const onProgress = (now: TenantsProgress): void => void progress.push(now);
      const change = { state: "INACTIVE" as const, pattern: "x*", onProgress };
      const whole = { changed: 2, unchanged: 0, missing: 0, failed: 0 };
      expect(await notes.setTenantStates(change)).toEqual({ ...whole, failures: [] });
      expect(progress).toEqual([whole]);
      expect(await statesOf(notes)).toEqual(["x1 INACTIVE", "x2 INACTIVE", "y1 ACTIVE"]);
      const named = { state: "INACTIVE" as const, names: ["y1", "x1", "z"] };
      expect(await notes.setTenantStates(named)).toMatchObject({
        changed: 1,
        unchanged: 1,
        missing: 1,
      });
      const later = { state: "ACTIVE" as const, pattern: "*", after: "x1" };
      expect(await notes.setTenantStates(later)).toMatchObject({ changed: 2 });
      expect(await statesOf(notes)).toEqual(["x1 INACTIVE", "x2 ACTIVE", "y1 ACTIVE"]);
    });

    it("tenants are woken by name or pattern, and none of them is activated", async () => {
      const notes = await collectionOf(["w1", "w2", "w3"]);
      await notes.setTenantState("w2", "INACTIVE");
      const told = await notes.warmTenants({ pattern: "w*" });
      expect(told).toMatchObject({ changed: 0, unchanged: 2, missing: 0, failed: 1 });
      expect(told.failures).toMatchObject([
        { tenant: "w2", error: refused("tenant_not_active", "failed_precondition") },
      ]);
      await notes.setTenantState("w2", "ACTIVE");
      expect(await notes.warmTenants({ names: ["w2", "nobody"] })).toMatchObject({
        changed: 1,
        missing: 1,
      });
      const { activation } = await notes.tenant("w2").query({ vector: [1] });
      expect(activation).toMatchObject({ wasAsleep: false });
    });

    it("tenants are warmed by schedules, which are set, told, tried and taken away", async () => {
      const notes = await collectionOf(["w1", "w2", "x1"]);
      const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
      const hours = { days, from: "00:00", to: "24:00", zone: "Europe/Berlin" };
      const daily = { tenants: ["w?", "nobody"], ...hours };
      const kept = { daily: { ...daily, tenants: ["nobody", "w?"] } };
      expect(await notes.setWarmSchedule("daily", daily)).toEqual(kept);
      const { database, collection } = notes.place;
      expect((await insula().getCollection(database, collection))?.policy).toEqual({ warm: kept });
      const { keptWarm } = (await notes.getTenant("w1")) ?? {};
      expect(keptWarm).toMatchObject({ schedule: "daily" });
      expect((await notes.getTenant("x1"))?.keptWarm).toBeUndefined();
      const dry = await notes.warmTenants({ schedule: "daily", isDryRun: true });
      expect(dry).toMatchObject({ unchanged: 2, missing: 1, names: [] });
      expect(dry.windows?.map(({ toMs }) => toMs)).toContain(keptWarm?.untilMs);
      await notes.setTenantState("x1", "INACTIVE");
      await notes.setTenantState("x1", "ACTIVE");
      const policy = { warm: { other: { ...hours, tenants: ["*"] } } };
      const tried = await notes.warmTenants({ schedule: "other", policy, isDryRun: true });
      expect(tried.names).toEqual(["x1"]);
      expect(await notes.warmTenants({ pattern: "x*", isDryRun: true })).toMatchObject({
        ...{ changed: 1, names: ["x1"] },
      });
      const invalid = refused("argument_invalid", "invalid_argument");
      for (const wrong of [{ zone: "Nowhere" }, { days: [] }, { from: "8" }, { to: "00:00" }]) {
        const given = { ...daily, ...wrong };
        await expect(notes.setWarmSchedule("daily", given)).rejects.toMatchObject(invalid);
      }
      await expect(notes.warmTenants({ schedule: "other" })).rejects.toMatchObject(invalid);
      expect(await notes.setWarmSchedule("daily", null)).toEqual({});
    });

    it("tenants are listed by pattern, state and size, page after page", async () => {
      const notes = await collectionOf(["a1", "a2", "b1"]);
      await notes.tenant("a2").upsert([{ key: "longer", vector: [1] }]);
      await notes.setTenantState("a1", "INACTIVE");
      const namesOf = async (page: TenantPageOptions): Promise<readonly string[]> =>
        (await notes.listTenants(page)).items.map((tenant) => tenant.name);
      expect(await namesOf({ pattern: "?1" })).toEqual(["a1", "b1"]);
      expect(await namesOf({ state: "INACTIVE" })).toEqual(["a1"]);
      const first = await notes.listTenants({ order: "size", limit: 2 });
      expect(first).toMatchObject({ items: [{ name: "a2" }, { name: "a1" }], hasMore: true });
      expect(await namesOf({ order: "size", after: first.next ?? "" })).toEqual(["b1"]);
      for (const bad of [{ order: "age" as "name" }, { order: "size" as const, after: "a1" }]) {
        await expect(notes.listTenants(bad)).rejects.toMatchObject(refused("argument_invalid"));
      }
    });

    it("what cannot be asked for is refused, with the same codes", async () => {
      const notes = await collectionOf(["a"]);
      await expect(notes.setTenantState("nobody", "INACTIVE")).rejects.toMatchObject(
        refused("tenant_not_found", "not_found"),
      );
      await expect(notes.setTenantState("a", "COLD" as "ACTIVE")).rejects.toMatchObject(
        refused("argument_invalid"),
      );
      const both = { state: "ACTIVE" as const, names: ["a"], pattern: "a" };
      await expect(notes.setTenantStates(both)).rejects.toMatchObject(refused("argument_invalid"));
      const reason = new Error("enough");
      const signal = AbortSignal.abort(reason);
      await expect(notes.setTenantStates({ state: "ACTIVE", pattern: "*", signal })).rejects.toBe(
        reason,
      );
    });
  });
}
