/** What a program may rely on about names of tenants: many made at once, and other names. */
import { describe, expect, it } from "vitest";
import type { Insula } from "./index.ts";
import { refused } from "./sparse.contract.ts";

/** @param insula with a database "shop". */
export function describeTenantNames(name: string, insula: () => Insula): void {
  describe(`${name}: names of tenants`, () => {
    it("many are made at once, more than one call takes, and again is harmless", async () => {
      const made = { dimension: 1, tenancy: "multi" as const };
      const crowd = await insula().createCollection("shop", "crowd", made);
      await crowd.createTenant("t 7");
      const names = Array.from({ length: 10_003 }, (_, i) => `t ${String(i)}`);
      expect(await crowd.createTenants([...names, "t 0"])).toEqual({
        created: 10_002,
        existing: 1,
      });
      expect(await crowd.createTenants(new Set(["t 0", "new/one"]))).toEqual({
        ...{ created: 1, existing: 1 },
      });
      expect(await crowd.createTenants([])).toEqual({ created: 0, existing: 0 });
      expect((await insula().getCollection("shop", "crowd"))?.tenantCount).toBe(10_004);
      await expect(crowd.createTenants(["fine", ""])).rejects.toMatchObject(
        refused("name_invalid"),
      );
      expect(await crowd.getTenant("fine")).toBeUndefined();
      const plain = await insula().createCollection("shop", "no crowd", { dimension: 1 });
      for (const none of [["a"], []]) {
        await expect(plain.createTenants(none)).rejects.toMatchObject(refused("argument_invalid"));
      }
    });

    it("one gets another name with what it holds, and the old one is free", async () => {
      const made = { dimension: 1, tenancy: "multi" as const };
      const people = await insula().createCollection("shop", "renamed", made);
      await people.tenant("a/b").upsert([{ key: "k", vector: [1] }]);
      expect(await people.renameTenant("a/b", "c/d")).toMatchObject({ name: "c/d", rowCount: 1 });
      expect(await people.getTenant("a/b")).toBeUndefined();
      expect(await people.tenant("c/d").count()).toBe(1);
      await people.createTenant("a/b");
      for (const [from, to, code] of [
        ["a/b", "c/d", "tenant_exists"],
        ["nobody", "new", "tenant_not_found"],
        ["a/b", "", "name_invalid"],
      ] as const) {
        await expect(people.renameTenant(from, to)).rejects.toMatchObject(refused(code));
      }
    });
  });
}
