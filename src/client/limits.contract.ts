/** The part of the contract about limits of tenants. A part of insula.contract.ts. */
import { describe, expect, it } from "vitest";
import type { Insula } from "./index.ts";
import { refused } from "./sparse.contract.ts";

export function describeLimits(name: string, insula: () => Insula): void {
  describe(`${name}: limits`, () => {
    it("hold for tenants that have none of their own, and are changed while all goes on", async () => {
      const made = { dimension: 2, tenancy: "multi" as const };
      const plans = await insula().createCollection("shop", "plans", made);
      const [trial, paying] = [plans.tenant("trial"), plans.tenant("paying")];
      for (const tenant of [trial, paying]) await tenant.upsert([{ key: "a", vector: [1, 0] }]);
      expect(await plans.limits()).toEqual({ own: {}, effective: {} });
      await plans.setLimits({ storedRecords: 1, queriesPerSecond: 1_000 });
      const own = await paying.setLimits({ storedRecords: 2 });
      expect(own).toEqual({
        own: { storedRecords: 2 },
        effective: { storedRecords: 2, queriesPerSecond: 1_000 },
      });
      const second = [{ key: "b", vector: [0, 1] }];
      await expect(trial.upsert(second)).rejects.toMatchObject(
        refused("record_quota_exceeded", "resource_exhausted"),
      );
      await paying.upsert(second);
      // What replaces makes nothing larger, and deleting goes on.
      await trial.upsert([{ key: "a", vector: [0, 1] }]);
      expect(await trial.delete(["a"])).toEqual({ rowsAdded: -1, rowsReplaced: 1 });
      await plans.setLimits({ storedRecords: null });
      await trial.upsert([...second, { key: "c", vector: [1, 1] }]);
      expect(await trial.limits()).toEqual({ own: {}, effective: { queriesPerSecond: 1_000 } });
    });

    it("refuse calls beyond a rate with the time to wait, and bytes beyond a quota", async () => {
      const notes = await insula().createCollection("shop", "slow notes", { dimension: 2 });
      await notes.upsert([{ key: "a", vector: [1, 0] }]);
      await notes.setLimits({ queriesPerSecond: 0.01, storedBytes: 10 });
      await notes.query({ vector: [1, 0] });
      const error: unknown = await notes
        .query({ vector: [1, 0] })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        ...refused("limit_exceeded", "resource_exhausted"),
        details: { limit: "queriesPerSecond", value: 0.01 },
      });
      expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(90_000);
      // Other kinds of calls are not held by it.
      expect(await notes.count()).toBe(1);
      await expect(notes.upsert([{ key: "b", vector: [1, 0] }])).rejects.toMatchObject(
        refused("storage_quota_exceeded"),
      );
      await notes.setLimits({ queriesPerSecond: null });
      await notes.query({ vector: [1, 0] });
      const [item] = (await insula().usage({ database: "shop", collection: "slow notes" })).items;
      expect(item).toMatchObject({ queries: 2, refused: 1 });
      expect(item?.throttledMs).toBeGreaterThan(90_000);
    });

    it("have the tenant's share in the turns beside them", async () => {
      const made = { dimension: 2, tenancy: "multi" as const };
      const shares = await insula().createCollection("shop", "shares", made);
      await shares.createTenant("payer");
      await shares.setLimits({ weight: 0.5 });
      const payer = shares.tenant("payer");
      expect(await payer.setLimits({ weight: 3 })).toEqual({
        own: { weight: 3 },
        effective: { weight: 3 },
      });
      expect((await payer.setLimits({ weight: null })).effective).toEqual({ weight: 0.5 });
    });

    it("go with their tenant", async () => {
      const made = { dimension: 2, tenancy: "multi" as const };
      const people = await insula().createCollection("shop", "leavers", made);
      await people.createTenant("eve");
      await people.tenant("eve").setLimits({ storedRecords: 0 });
      await people.deleteTenant("eve");
      await expect(people.tenant("eve").limits()).rejects.toMatchObject(
        refused("tenant_not_found"),
      );
      await people.createTenant("eve");
      expect(await people.tenant("eve").limits()).toEqual({ own: {}, effective: {} });
    });

    it("refuse what is no limit", async () => {
      const notes = await insula().createCollection("shop", "limitless", { dimension: 2 });
      for (const patch of [
        { queriesPerSecond: 0 },
        { callsInFlight: 0.5 },
        { storedRecords: -1 },
        { storedBytes: "1" as unknown as number },
        { weight: 0 },
        { weight: 100.5 },
        { perDay: 1 } as object,
      ]) {
        await expect(notes.setLimits(patch)).rejects.toMatchObject(refused("argument_invalid"));
      }
    });
  });
}
