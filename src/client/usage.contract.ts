/** The part of the contract about the ledger of usage. A part of insula.contract.ts. */
import { describe, expect, it } from "vitest";
import type { Insula } from "./index.ts";
import { refused } from "./sparse.contract.ts";

export function describeUsage(name: string, insula: () => Insula): void {
  describe(`${name}: usage`, () => {
    it("tells what a tenant did, alone and in every collection", async () => {
      for (const [collection, writes] of [
        ["bills", 1],
        ["notices", 2],
      ] as const) {
        const made = { dimension: 2, tenancy: "multi" as const };
        const people = await insula().createCollection("shop", collection, made);
        const records = people.tenant("payer");
        for (let i = 0; i < writes; i++) await records.upsert([{ key: "a", vector: [1, 0] }]);
        await records.query({ vector: [1, 0] });
        await people.tenant("other").upsert([{ key: "a", vector: [1, 0] }]);
      }
      const { items, hasMore } = await insula().usage({ tenant: "payer" });
      expect(hasMore).toBe(false);
      expect(items).toMatchObject([
        { collection: "bills", tenant: "payer", period: "day", writes: 1, queries: 1 },
        { collection: "notices", tenant: "payer", writes: 2, queries: 1, storedRecords: 1 },
      ]);
      const startMs = items[0]?.startMs ?? 0;
      const endMs = items[0]?.endMs ?? 0;
      expect(endMs - startMs).toBe(86_400_000);
      const place = { database: "shop", collection: "bills" };
      const alone = await insula().usage({ ...place, tenant: "payer", period: "hour" });
      expect(alone.items).toMatchObject([{ period: "hour", writes: 1, writeUnits: 1 }]);
      expect((await insula().usage({ tenant: "payer", toMs: startMs })).items).toEqual([]);
      expect((await insula().usage({ tenant: "payer", fromMs: endMs })).items).toEqual([]);
    });

    it("comes page by page, each after the last place of the one before", async () => {
      const made = { dimension: 2, tenancy: "multi" as const };
      const collection = await insula().createCollection("shop", "paged usage", made);
      const names = ["a", "a/b", "c"];
      for (const tenant of names) {
        await collection.tenant(tenant).upsert([{ key: "a", vector: [1, 0] }]);
      }
      const asked = { database: "shop", collection: "paged usage", limit: 1 };
      const found: (string | undefined)[] = [];
      let page = await insula().usage(asked);
      for (; page.hasMore && page.last !== undefined;) {
        found.push(...page.items.map(({ tenant }) => tenant));
        page = await insula().usage({ ...asked, after: page.last });
      }
      found.push(...page.items.map(({ tenant }) => tenant));
      expect(found).toEqual(names);
    });

    it("refuses what it cannot tell", async () => {
      await expect(insula().usage({ limit: 0 })).rejects.toMatchObject(refused("argument_invalid"));
      await expect(insula().usage({ collection: "c" })).rejects.toMatchObject(
        refused("argument_invalid"),
      );
    });
  });
}
