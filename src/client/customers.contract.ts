/** The part of the contract about customers. A part of insula.contract.ts. */
import { describe, expect, it } from "vitest";
import type { Insula } from "./index.ts";
import { refused } from "./sparse.contract.ts";

export function describeCustomers(name: string, insula: () => Insula): void {
  describe(`${name}: customers`, () => {
    async function furnish(database: string): Promise<void> {
      await insula().createDatabase(database);
      for (const collection of ["mails", "papers"]) {
        const made = { dimension: 2, tenancy: "multi" as const };
        const handle = await insula().createCollection(database, collection, made);
        for (const tenant of ["ann/e", "bob"]) {
          await handle.tenant(tenant).upsert([
            { key: "a", vector: [1, 0], metadata: { year: 2020 } },
            { key: "b", vector: [0, 1] },
          ]);
        }
      }
    }

    it("are told of, suspended and resumed in all collections at once", async () => {
      await furnish("customers 1");
      const ann = insula().customer("customers 1", "ann/e");
      expect(await ann.get()).toMatchObject({
        ...{ database: "customers 1", tenant: "ann/e", state: "ACTIVE", rowCount: 4 },
        tenants: [{ collection: "mails", state: "ACTIVE", rowCount: 2 }, { collection: "papers" }],
      });
      const { sinceMs } = await ann.suspend();
      expect(sinceMs).toBeGreaterThan(0);
      for (const collection of ["mails", "papers"]) {
        const records = insula().collection("customers 1", collection).tenant("ann/e");
        for (const call of [
          () => records.query({ vector: [1, 0] }),
          () => records.count(),
          () => records.upsert([{ key: "c", vector: [1, 0] }]),
        ]) {
          await expect(call()).rejects.toMatchObject(refused("customer_suspended"));
        }
      }
      expect(await insula().collection("customers 1", "mails").tenant("bob").count()).toBe(2);
      expect(await ann.get()).toMatchObject({ state: "SUSPENDED", sinceMs });
      await insula().customer("customers 1", "bob").suspend();
      const place = { database: "customers 1", tenant: "ann/e" };
      expect(await insula().listSuspended("customers 1", { limit: 1 })).toEqual({
        items: [{ ...place, state: "SUSPENDED", sinceMs }],
        hasMore: true,
      });
      expect(await insula().listSuspended("customers 1", { after: "ann/e" })).toMatchObject({
        items: [{ tenant: "bob" }],
        hasMore: false,
      });
      expect(await ann.resume()).toMatchObject({ state: "ACTIVE", rowCount: 4 });
      expect(await insula().collection("customers 1", "mails").tenant("ann/e").count()).toBe(2);
    });

    it("are copied, read whole, summed, and erased with one receipt", async () => {
      await furnish("customers 2");
      const ann = insula().customer("customers 2", "ann/e");
      const twin = insula().customer("customers 2", "twin");
      expect(await ann.copy("twin")).toMatchObject({ tenant: "twin", rowCount: 4 });
      await expect(ann.copy("bob")).rejects.toMatchObject(refused("tenant_exists"));
      const read: string[] = [];
      for await (const { collection, record } of twin.scan({ vectors: true, pageSize: 1 })) {
        read.push(`${collection} ${record.key} ${String(record.vector?.[0])}`);
      }
      expect(read).toEqual(["mails a 1", "mails b 0", "papers a 1", "papers b 0"]);
      const whole: unknown[] = [];
      for await (const { collection, record } of twin.scan({ vectors: true })) {
        whole.push([collection, record.key, record.vector, record.metadata]);
      }
      expect(whole).toEqual(
        ["mails", "papers"].flatMap((collection) => [
          [collection, "a", Float32Array.of(1, 0), { year: 2020 }],
          [collection, "b", Float32Array.of(0, 1), undefined],
        ]),
      );
      const usage = await ann.usage({ period: "month" });
      expect(usage.total).toMatchObject([{ period: "month", writes: 2, storedRecords: 4 }]);
      expect(usage.items.map(({ collection, writes }) => [collection, writes])).toEqual([
        ["mails", 1],
        ["papers", 1],
      ]);
      expect((await ann.usage({ toMs: 1 })).total).toEqual([]);
      expect(await ann.erase()).toMatchObject({
        ...{ database: "customers 2", tenant: "ann/e", recordCount: 4, wasInterrupted: false },
        tenants: [{ collection: "mails", recordCount: 2 }, { collection: "papers" }],
      });
      expect(await twin.get()).toMatchObject({ rowCount: 4 });
      for (const call of [
        () => ann.get(),
        () => ann.suspend(),
        () => ann.resume(),
        () => ann.erase(),
        () => ann.copy("x"),
        async () => ann.scan().next(),
      ]) {
        await expect(call()).rejects.toMatchObject(refused("tenant_not_found"));
      }
      await expect(insula().customer("no such", "a").get()).rejects.toMatchObject(
        refused("database_not_found"),
      );
    });
  });
}
