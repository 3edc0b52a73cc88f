/** Listings of tenants by pattern, state and size, page after page, with nobody awake. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import { TENANTS_LOOKED_MAX } from "../base/limits.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { TenantPageRequest } from "./api.ts";
import { endOfPrefix, tenantKey, tenantPrefix } from "./catalog-keys.ts";
import { encodeTenant } from "./catalog-rows.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { openEngine, type Engine } from "./index.ts";
import { countTenants, listTenants, STEP_ROWS, type ListingDoors } from "./tenant-listing.ts";

let engine: Engine;

beforeAll(async () => {
  const [clock, random] = [new ManualClock(), new SeededRandom(1)];
  engine = await openEngine({ files: new MemoryFileSystem(), clock, random, workerCount: 0 });
  await engine.createDatabase("d");
  const vectors = [{ name: "", dimension: 1, metric: "dot" as const }];
  const schema = { identity: "key" as const, vectors, unfilterable: [] };
  await engine.createCollection("d", "c", { schema, tenancy: "multi" });
  await engine.createCollection("d", "many", { schema, tenancy: "multi" });
  for (let i = 0; i < 30; i++) {
    const tenant = `team-${String(i).padStart(2, "0")}${i % 2 === 0 ? "-eu" : "-us"}`;
    // Sizes come in tens: equal ones are in the order of their names.
    const keys = Array.from({ length: (i * 7) % 10 }, (_, k) => `k${String(k)}`);
    const place = { database: "d", collection: "c", tenant };
    await engine.createTenant(place);
    const values = new Float32Array(keys.length);
    const metadata = keys.map(() => undefined);
    await engine.upsert(place, { keys, vectors: [{ field: "", values }], metadata });
    if (i % 3 === 0) await engine.setTenantState(place, "INACTIVE");
    else await engine.deactivate(place);
  }
});
afterAll(() => engine.close());

/** All pages, as callers read them. */
async function all(
  request: Omit<TenantPageRequest, "limit" | "after">,
  limit: number,
  collection = "c",
): Promise<{ readonly names: readonly string[]; readonly pages: number }> {
  const names: string[] = [];
  let pages = 0;
  let after: string | undefined;
  do {
    const asked = { ...request, limit, ...(after === undefined ? {} : { after }) };
    const page = await engine.listTenants("d", collection, asked);
    expect(page.hasMore).toBe(page.next !== undefined);
    names.push(...page.items.map(({ name }) => name));
    after = page.next;
    pages++;
  } while (after !== undefined);
  return { names, pages };
}

describe("a listing of tenants", () => {
  it.each([1, 7, 30, 100])("has those that match, in pages of %i", async (limit) => {
    const everybody = (await all({}, 100)).names;
    expect(everybody).toHaveLength(30);
    expect((await all({}, limit)).names).toEqual(everybody);
    const eu = everybody.filter((name) => name.endsWith("-eu"));
    expect((await all({ pattern: "*-eu" }, limit)).names).toEqual(eu);
    expect((await all({ pattern: "team-1*", prefix: "team-12" }, limit)).names).toEqual([
      "team-12-eu",
    ]);
    expect((await all({ pattern: "team-1*", prefix: "team-2" }, limit)).names).toEqual([]);
    const inactive = everybody.filter((_, i) => i % 3 === 0);
    expect((await all({ state: "INACTIVE" }, limit)).names).toEqual(inactive);
    const both = inactive.filter((name) => name.endsWith("-us"));
    expect((await all({ state: "INACTIVE", pattern: "*-us" }, limit)).names).toEqual(both);
    expect((await all({ state: "OFFLOADED" }, limit)).names).toEqual([]);
  });

  it.each([1, 4, 30, 100])("has the largest first, in pages of %i", async (limit) => {
    const { items } = await engine.listTenants("d", "c", { limit: 100 });
    const wanted = [...items].sort(
      (a, b) => b.byteCount - a.byteCount || (a.name < b.name ? -1 : 1),
    );
    expect((await all({ order: "size" }, limit)).names).toEqual(wanted.map(({ name }) => name));
    const us = wanted.filter(({ name }) => name.endsWith("-us")).map(({ name }) => name);
    expect((await all({ order: "size", pattern: "*-us" }, limit)).names).toEqual(us);
  });

  it("wakes nobody", async () => {
    await all({ order: "size" }, 10);
    await all({ pattern: "*" }, 10);
    expect(engine.stats().shardsAwake).toBe(0);
  });

  it("looks at so many, then says where it is: a page may have none of those meant", async () => {
    const names = Array.from({ length: TENANTS_LOOKED_MAX }, (_, i) => `t${String(i)}`);
    await engine.createTenants("d", "many", names);
    await engine.createTenants("d", "many", ["zebra"]);
    const first = await engine.listTenants("d", "many", { pattern: "*bra", limit: 5 });
    expect(first).toMatchObject({ items: [], hasMore: true });
    expect(await all({ pattern: "*bra" }, 5, "many")).toEqual({ names: ["zebra"], pages: 2 });
  });

  it("ends when its signal says so", async () => {
    const reason = new Error("enough");
    const request = { order: "size" as const, limit: 5, signal: AbortSignal.abort(reason) };
    await expect(engine.listTenants("d", "many", request)).rejects.toBe(reason);
  });

  it.each<Partial<TenantPageRequest>>([
    { limit: 0 },
    { order: "age" as "name" },
    { order: "size", after: "team-01" },
  ])("refuses %j", async (part) => {
    await expect(engine.listTenants("d", "c", { limit: 5, ...part })).rejects.toMatchObject({
      code: "argument_invalid",
    });
  });
});

describe("a count of tenants", () => {
  const count = (prefix: string, most = 1_000): Promise<number> =>
    engine.countTenants({ database: "d", collection: "c" }, { prefix, most });

  it("is of those whose names begin with a prefix, and ends at a bound", async () => {
    expect(await count("")).toBe(30);
    expect(await count("", 29)).toBe(29);
    expect(await count("team-1")).toBe(10);
    expect(await count("team-1", 10)).toBe(10);
    expect(await count("team-1", 9)).toBe(9);
    expect(await count("none")).toBe(0);
    await expect(
      engine.countTenants({ database: "d", collection: "none" }, { most: 1 }),
    ).rejects.toMatchObject({ code: "collection_not_found" });
  });

  it("ends with the reason of its signal", async () => {
    const reason = new Error("enough");
    const request = { prefix: "t", most: 9, signal: AbortSignal.abort(reason) };
    const place = { database: "d", collection: "many" };
    await expect(engine.countTenants(place, request)).rejects.toBe(reason);
  });
});

describe("a walk over 10,000 tenants", () => {
  const row = { shard: toShardUid(new Uint8Array(16)), state: "ACTIVE", createdAtMs: 0 } as const;
  const rows = Array.from({ length: 10_000 }, (_, i) => {
    return [tenantKey(7, `t${String(i).padStart(5, "0")}`), encodeTenant(row)] as const;
  });
  const collection = { row: { number: 7 } } as CollectionEntry;

  /** Doors that note how much is read in one turn of the loop, at most. */
  function watched(): ListingDoors & { readonly most: () => { rows: number; sizes: number } } {
    const turn = { rows: 0, sizes: 0 };
    const most = { rows: 0, sizes: 0 };
    const note = (what: "rows" | "sizes", count: number): void => {
      turn[what] += count;
      most[what] = Math.max(most[what], turn[what]);
    };
    return {
      catalog: {
        scan: ({ start, limit, startIsExclusive = false }) => {
          const isAhead = (key: string): boolean => (startIsExclusive ? key > start : key >= start);
          const found = rows.filter(([key]) => isAhead(key)).slice(0, limit);
          note("rows", found.length);
          return Promise.resolve(found);
        },
      },
      infos: {
        tenant: (name) => {
          note("sizes", 1);
          return Promise.resolve({ ...row, name, rowCount: 0, byteCount: 0 });
        },
        collection: () => Promise.reject(new Error("not asked")),
      },
      pause: () => {
        Object.assign(turn, { rows: 0, sizes: 0 });
        return Promise.resolve();
      },
      most: () => most,
    };
  }

  it("gives the thread back after a few, whatever is asked for", async () => {
    expect(endOfPrefix(tenantPrefix(7)) > (rows.at(-1)?.[0] ?? "")).toBe(true);
    for (const order of ["name", "size"] as const) {
      const doors = watched();
      const page = await listTenants(doors, collection, { limit: 10_000, order });
      expect(page.items).toHaveLength(10_000);
      expect(doors.most()).toEqual({ rows: STEP_ROWS + 1, sizes: STEP_ROWS });
    }
    const doors = watched();
    expect(await countTenants(doors, collection, { prefix: "t", most: 50_000 })).toBe(10_000);
    expect(doors.most()).toEqual({ rows: STEP_ROWS + 1, sizes: 0 });
  });

  it("is as long as the answer, and no longer", async () => {
    const doors = watched();
    await listTenants(doors, collection, { limit: 10 });
    expect(doors.most()).toEqual({ rows: 11, sizes: 10 });
  });
});
