/**
 * What a program may rely on, whichever body it holds. Run for the embedded one by
 * library/open.test.ts and for the remote one, over real HTTP, by server/connect.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KEY_BYTES_MAX, NAME_BYTES_MAX } from "../base/limits.ts";
import type { Collection, Insula, NewCollection, Records } from "./index.ts";
import { describeSearchShapes, type Note } from "./search-shapes.contract.ts";
import { describeSparseVectors, refused } from "./sparse.contract.ts";
import { describeTenantStates } from "./tenant-states.contract.ts";
import { describeCustomers } from "./customers.contract.ts";
import { describeLimits } from "./limits.contract.ts";
import { describeTenantNames } from "./tenant-names.contract.ts";
import { describeUsage } from "./usage.contract.ts";

/** What a body is tested with: a fresh database, and the end of it. */
export interface InsulaUnderTest {
  readonly insula: Insula;
  close(): Promise<void>;
}

export function insulaContract(name: string, open: () => Promise<InsulaUnderTest>): void {
  let under: InsulaUnderTest;
  let insula: Insula;
  let notes: Collection<Note>;
  beforeAll(async () => {
    under = await open();
    insula = under.insula;
    await insula.createDatabase("shop");
    notes = await insula.createCollection<Note>("shop", "notes", {
      dimension: 2,
      tenancy: "multi",
      unfilterable: ["text"],
    });
  });
  afterAll(() => under.close());

  /** A tenant of its own with ten records on a quarter of the circle. */
  async function tenantOfTen(tenant: string): Promise<Records<Note>> {
    const records = notes.tenant(tenant);
    await records.upsert(
      Array.from({ length: 10 }, (_, i) => ({
        key: `k${String(i)}`,
        vector: [Math.cos(i / 6), Math.sin(i / 6)],
        metadata: { year: 2020 + i, tags: [i % 2 === 0 ? "even" : "odd"], isDone: i < 5 },
      })),
    );
    return records;
  }

  describe(`${name}: names`, () => {
    it("databases and collections are created, found, listed and deleted", async () => {
      await insula.createDatabase("library");
      expect(await insula.getDatabase("library")).toMatchObject({
        name: "library",
        collectionCount: 0,
      });
      await expect(insula.createDatabase("library")).rejects.toMatchObject(
        refused("database_exists", "already_exists"),
      );
      await insula.createCollection("library", "books", {
        vectors: [
          { name: "title", dimension: 2, metric: "dot" },
          { name: "body", dimension: 3, metric: "euclidean" },
        ],
      });
      expect(await insula.getCollection("library", "books")).toMatchObject({
        tenancy: "single",
        status: "enabled",
        schema: { vectors: [{ name: "title" }, { name: "body", dimension: 3 }] },
      });
      await expect(insula.deleteDatabase("library")).rejects.toMatchObject(
        refused("database_not_empty", "failed_precondition"),
      );
      await insula.deleteCollection("library", "books");
      expect(await insula.getCollection("library", "books")).toBeUndefined();
      await insula.deleteDatabase("library");
      expect(await insula.getDatabase("library")).toBeUndefined();
      await expect(insula.deleteDatabase("library")).rejects.toMatchObject(
        refused("database_not_found", "not_found"),
      );
    });

    it("listings come page by page, by prefix, in the order of bytes", async () => {
      for (const page of ["p1", "p2", "p3"]) await insula.createDatabase(page);
      const first = await insula.listDatabases({ prefix: "p", limit: 2 });
      expect(first).toMatchObject({ items: [{ name: "p1" }, { name: "p2" }], hasMore: true });
      const rest = await insula.listDatabases({ prefix: "p", after: "p2" });
      expect(rest).toMatchObject({ items: [{ name: "p3" }], hasMore: false });
      await expect(insula.listDatabases({ limit: 0 })).rejects.toMatchObject(
        refused("argument_invalid"),
      );
      await expect(insula.listCollections("nowhere")).rejects.toMatchObject(
        refused("database_not_found"),
      );
    });

    it("names may hold anything that text can: slashes, dots, tildes, other scripts", async () => {
      for (const strange of [".", "..", "~", "~..", "~~.", "a/b", "a%2Fb", "ü?#&", "𝒳", " "]) {
        await insula.createDatabase(strange);
        await insula.createCollection(strange, strange, { dimension: 1, tenancy: "multi" });
        const records = insula.collection(strange, strange).tenant(strange);
        await records.upsert([{ key: strange, vector: [1] }]);
        expect(await records.count()).toBe(1);
        expect(await insula.getCollection(strange, strange)).toMatchObject({
          name: strange,
          tenantCount: 1,
        });
        await insula.collection(strange, strange).deleteTenant(strange);
        await insula.deleteCollection(strange, strange);
        await insula.deleteDatabase(strange);
      }
    });

    it.each([["\ud800"], ["a\0b"], ["x".repeat(NAME_BYTES_MAX + 1)]])(
      "name %# is refused",
      async (bad) => {
        await expect(insula.createDatabase(bad)).rejects.toMatchObject(refused("name_invalid"));
      },
    );

    it("tenants are created, found, listed and deleted", async () => {
      expect(await notes.createTenant("t1")).toMatchObject({ name: "t1", state: "ACTIVE" });
      await expect(notes.createTenant("t1")).rejects.toMatchObject(refused("tenant_exists"));
      await notes.tenant("t2").upsert([{ key: "a", vector: [1, 0] }]);
      expect(await notes.getTenant("t2")).toMatchObject({ name: "t2", rowCount: 1 });
      expect(await notes.getTenant("t3")).toBeUndefined();
      const { items } = await notes.listTenants({ prefix: "t" });
      expect(items.map((tenant) => tenant.name)).toEqual(["t1", "t2"]);
      await notes.deleteTenant("t1");
      await notes.deleteTenant("t2");
      await expect(notes.deleteTenant("t2")).rejects.toMatchObject(refused("tenant_not_found"));
      const missing = insula.collection("shop", "missing");
      await expect(missing.getTenant("t")).rejects.toMatchObject(refused("collection_not_found"));
    });

    it("a disabled collection refuses records until it is enabled", async () => {
      await insula.createCollection("shop", "closed", { dimension: 1 });
      await insula.updateCollection("shop", "closed", { status: "disabled" });
      const closed = insula.collection("shop", "closed");
      await expect(closed.upsert([{ key: "a", vector: [1] }])).rejects.toMatchObject(
        refused("collection_disabled", "failed_precondition"),
      );
      await insula.updateCollection("shop", "closed", { status: "enabled", embeddingModel: "m" });
      await closed.upsert([{ key: "a", vector: [1] }]);
      expect(await insula.getCollection("shop", "closed")).toMatchObject({ embeddingModel: "m" });
    });

    it("a field that is to cost little memory says so, and finds what another finds", async () => {
      const made = { dimension: 1, metric: "euclidean", memory: "small" } as const;
      const records = await insula.createCollection("shop", "small", made);
      const info = await insula.getCollection("shop", "small");
      expect(info?.schema.vectors[0]?.memory).toBe("small");
      await records.upsert([{ key: "a", vector: [1] }]);
      expect((await records.query({ vector: [3], topK: 1 })).hits[0]?.distance).toBe(2);
      const twice = { vectors: [{ name: "v", dimension: 1, metric: "dot" }], memory: "small" };
      await expect(
        insula.createCollection("shop", "x", twice as NewCollection),
      ).rejects.toMatchObject(refused("argument_invalid"));
      const wrong = { dimension: 1, memory: "tiny" } as unknown as NewCollection;
      await expect(insula.createCollection("shop", "x", wrong)).rejects.toMatchObject(
        refused("argument_invalid"),
      );
      await insula.deleteCollection("shop", "small");
    });

    it("the recall of a field is named, changed, and the usual one again", async () => {
      await insula.createCollection("shop", "aimed", { dimension: 1, recall: 0.9 });
      const recallNow = async (): Promise<unknown> =>
        (await insula.getCollection("shop", "aimed"))?.schema.vectors[0]?.recall;
      expect(await recallNow()).toBe(0.9);
      await insula.updateCollection("shop", "aimed", { vectors: [{ name: "", recall: 0.99 }] });
      expect(await recallNow()).toBe(0.99);
      await insula.updateCollection("shop", "aimed", { status: "enabled" });
      expect(await recallNow()).toBe(0.99);
      await insula.updateCollection("shop", "aimed", { vectors: [{ name: "", recall: null }] });
      expect(await recallNow()).toBeUndefined();
      for (const patch of [
        { name: "other", recall: 0.9 },
        { name: "", recall: 1 },
      ]) {
        await expect(
          insula.updateCollection("shop", "aimed", { vectors: [patch] }),
        ).rejects.toMatchObject(refused("argument_invalid"));
      }
    });

    it.each([
      [{}],
      [{ dimension: 0 }],
      [{ dimension: 2.5 }],
      [{ dimension: 2, metric: "taxicab" as "dot" }],
      [{ dimension: 2, vectors: [] }],
      [{ dimension: 2, recall: 1 }],
      [{ vectors: [{ name: "", dimension: 2, metric: "dot" as const }], recall: 0.9 }],
      [{ vectors: [] }],
      [{ dimension: 2, tenancy: "some" as "multi" }],
    ])("a collection of %j is refused", async (made) => {
      await expect(insula.createCollection("shop", "bad", made)).rejects.toMatchObject(
        refused("argument_invalid"),
      );
    });
  });

  describe(`${name}: records`, () => {
    it("come back as they were written, whatever their values are", async () => {
      const records = notes.tenant("values");
      const metadata = {
        due: new Date("2026-11-25T12:34:56.789Z"),
        serial: 9_007_199_254_740_993n,
        half: 0.1 + 0.2,
        bytes: Uint8Array.of(0, 255, 7),
        nothing: null,
        nested: { $date: "not a date", list: [1, "a", [true]] },
        text: 'quotes " and \\ and\nlines 🏛',
      };
      const vector = Float32Array.of(0.1, -3.4028234663852886e38);
      await records.upsert([
        { key: "a", vector, metadata },
        { key: "b/ü", vector: [1e-45, 16_777_217] },
      ]);
      const [a, b, c] = await records.get(["a", "b/ü", "c"], { vectors: true });
      expect(a).toEqual({ key: "a", vector, metadata });
      expect(b).toEqual({ key: "b/ü", vector: Float32Array.of(1e-45, 16_777_217) });
      expect(c).toBeUndefined();
      expect(await records.get(["a"], { metadata: false })).toEqual([{ key: "a" }]);
    });

    it("are counted, replaced, refused by insert, deleted by key, by filter and all", async () => {
      const records = notes.tenant("life");
      const one = { key: "a", vector: [1, 0], metadata: { year: 1 } };
      expect(await records.upsert([one, { ...one, key: "b" }])).toEqual({
        rowsAdded: 2,
        rowsReplaced: 0,
      });
      expect(await records.upsert([one])).toEqual({ rowsAdded: 0, rowsReplaced: 1 });
      await expect(records.insert([{ ...one, key: "c" }, one])).rejects.toMatchObject(
        refused("record_exists", "already_exists"),
      );
      expect(await records.count()).toBe(2);
      await records.insert([{ ...one, key: "c", metadata: { year: 3 } }]);
      expect(await records.count({ year: { $gt: 1 } })).toBe(1);
      expect((await records.delete(["a", "nobody"])).rowsReplaced).toBe(1);
      expect((await records.deleteWhere({ year: 3 })).rowsReplaced).toBe(1);
      expect(await records.count()).toBe(1);
      await records.deleteAll();
      expect(await records.count()).toBe(0);
    });

    it("may have several vectors, given as a map or as an object, and by columns", async () => {
      const things = await insula.createCollection("shop", "things", {
        vectors: [
          { name: "a", dimension: 1, metric: "dot" },
          { name: "b", dimension: 2, metric: "euclidean" },
        ],
      });
      await things.upsert([
        { key: "1", vectors: { a: [1], b: [1, 2] } },
        {
          key: "2",
          vectors: new Map([
            ["b", [3, 4]],
            ["a", [2]],
          ]),
        },
      ]);
      await things.upsert({
        keys: ["3"],
        vectors: [
          { field: "b", values: Float32Array.of(5, 6) },
          { field: "a", values: Float32Array.of(3) },
        ],
        metadata: [undefined],
      });
      const found = await things.get(["1", "2", "3"], { vectors: true });
      expect(found.map((record) => record?.vectors?.get("b"))).toEqual([
        Float32Array.of(1, 2),
        Float32Array.of(3, 4),
        Float32Array.of(5, 6),
      ]);
      const { hits } = await things.query({ field: "b", vector: [3, 4], topK: 1 });
      expect(hits).toMatchObject([{ key: "2", distance: 0 }]);
      await expect(things.upsert([{ key: "4", vectors: { a: [1] } }])).rejects.toMatchObject(
        refused("argument_invalid"),
      );
    });

    it("that were scanned can be written again as they are", async () => {
      const records = await tenantOfTen("source");
      const copy = notes.tenant("copy");
      for await (const record of records.scan({ vectors: true, pageSize: 3 })) {
        await copy.upsert([record]);
      }
      const both = await Promise.all([records, copy].map((place) => place.list({ vectors: true })));
      expect(both[1]).toEqual(both[0]);
      expect(both[0]?.items).toHaveLength(10);
    });

    it("are scanned all, page by page, by prefix, after a key and by filter", async () => {
      const records = await tenantOfTen("scanned");
      const keysOf = async (options: Parameters<typeof records.scan>[0]): Promise<string> => {
        const keys: string[] = [];
        for await (const { key } of records.scan(options)) keys.push(key);
        return keys.join("");
      };
      expect(await keysOf({ pageSize: 4 })).toBe("k0k1k2k3k4k5k6k7k8k9");
      expect(await keysOf({ pageSize: 2, after: "k6" })).toBe("k7k8k9");
      expect(await keysOf({ prefix: "k3" })).toBe("k3");
      expect(await keysOf({ pageSize: 1, where: { tags: "odd" } })).toBe("k1k3k5k7k9");
      const { items, hasMore } = await records.list({ limit: 3, after: "k1" });
      expect([items.length, hasMore]).toEqual([3, true]);
      expect(await notes.tenant("nobody").list()).toEqual({ items: [], hasMore: false });
    });

    it("come in large batches, and every one arrives", async () => {
      const wide = await insula.createCollection("shop", "wide", { dimension: 512 });
      const count = 700;
      const values = Float32Array.from({ length: count * 512 }, (_, i) => Math.sin(i) / 3);
      const keys = Array.from({ length: count }, (_, i) => `key-${String(i)}`);
      await wide.upsert({
        keys,
        vectors: [{ field: "", values }],
        metadata: keys.map((_, i) => ({ i, text: "ü".repeat(20) })),
      });
      const found = await wide.get(keys, { vectors: true });
      for (const [i, record] of found.entries()) {
        expect(record?.vector).toEqual(values.slice(i * 512, (i + 1) * 512));
        expect(record?.metadata?.["i"]).toBe(i);
      }
    });

    it("none written is nothing done", async () => {
      expect(await notes.tenant("none").upsert([])).toEqual({ rowsAdded: 0, rowsReplaced: 0 });
    });

    it.each([
      ["dimension_mismatch", [{ key: "a", vector: [1] }]],
      [
        "dimension_mismatch",
        [
          { key: "a", vector: [1, 2] },
          { key: "b", vector: [1] },
        ],
      ],
      ["vector_invalid", [{ key: "a", vector: [1, Number.NaN] }]],
      ["vector_invalid", [{ key: "a", vector: [Number.NaN, 1] }]],
      ["vector_invalid", [{ key: "a", vector: [1, 1e39] }]],
      ["vector_invalid", [{ key: "a", vector: [1, "2"] as unknown as number[] }]],
      ["argument_invalid", [{ key: "a" }]],
      ["argument_invalid", [{ key: "a", vector: [1, 2], vectors: { more: [1] } }]],
      ["key_invalid", [{ key: "", vector: [1, 2] }]],
      ["key_invalid", [{ key: "\udc00", vector: [1, 2] }]],
      ["key_invalid", [{ key: "k".repeat(KEY_BYTES_MAX + 1), vector: [1, 2] }]],
      [
        "key_duplicate",
        [
          { key: "a", vector: [1, 2] },
          { key: "a", vector: [3, 4] },
        ],
      ],
      ["metadata_invalid", [{ key: "a", vector: [1, 2], metadata: { x: Number.NaN } }]],
      ["metadata_invalid", [{ key: "a", vector: [1, 2], metadata: { x: undefined } }]],
      ["metadata_invalid", [{ key: "a", vector: [1, 2], metadata: { x: 2n ** 64n } }]],
      ["metadata_invalid", [{ key: "a", vector: [1, 2], metadata: { x: "\ud800" } }]],
    ])("refuse with %s batch %#, and write nothing of it", async (code, batch) => {
      const records = notes.tenant("refused");
      await expect(records.upsert(batch)).rejects.toMatchObject(refused(code, "invalid_argument"));
      expect(await records.count()).toBe(0);
    });

    it("a place that is wrong is refused", async () => {
      const record = [{ key: "a", vector: [1, 2] }];
      await expect(notes.upsert(record)).rejects.toMatchObject(refused("argument_invalid"));
      const missing = insula.collection("shop", "missing");
      await expect(missing.upsert(record)).rejects.toMatchObject(refused("collection_not_found"));
      await expect(missing.count()).rejects.toMatchObject(refused("collection_not_found"));
    });
  });

  describeSparseVectors(name, () => insula);
  describeTenantStates(name, () => insula);
  describeTenantNames(name, () => insula);
  describeUsage(name, () => insula);
  describeLimits(name, () => insula);
  describeCustomers(name, () => insula);

  describe(`${name}: searches`, () => {
    it("find the nearest, with distances, metadata and vectors as asked", async () => {
      const records = await tenantOfTen("searched");
      const { hits, plan, activation } = await records.query({ vector: [1, 0], topK: 3 });
      expect(hits.map(({ key }) => key)).toEqual(["k0", "k1", "k2"]);
      expect(hits[1]?.distance).toBeCloseTo(1 - Math.cos(1 / 6), 6);
      expect(hits[0]?.metadata).toEqual({ year: 2020, tags: ["even"], isDone: true });
      expect(hits[0]?.vector).toBeUndefined();
      expect(plan.rowsScanned).toBe(10);
      expect(activation).toMatchObject({ state: "ACTIVE", wasAsleep: false, wakeMs: 0 });
      const bare = await records.query({ vector: [1, 0], topK: 1, vectors: true, metadata: false });
      expect(bare.hits[0]).toEqual({ key: "k0", distance: 0, vector: Float32Array.of(1, 0) });
      expect((await records.query({ vector: [1, 0] })).hits).toHaveLength(10);
    });

    it.each([
      [{ year: 2021 }, "k1"],
      [{ year: { $gte: 2022, $lt: 2024 } }, "k2k3"],
      [{ year: { $gt: 2027, $lte: 2028 } }, "k8"],
      [{ tags: "odd", isDone: true }, "k1k3"],
      [{ tags: { $in: ["odd", "none"] }, year: { $ne: 2025 } }, "k1k3k7k9"],
      [{ year: { $nin: [2020, 2021, 2022, 2023, 2024, 2025, 2026] } }, "k7k8k9"],
      [{ $or: [{ year: 2020 }, { $and: [{ year: 2029 }, { tags: "odd" }] }] }, "k0k9"],
      [{ $not: { isDone: true }, tags: { $eq: "even" } }, "k6k8"],
      [{ due: { $exists: true } }, ""],
      [{ year: { $exists: true, $gte: 2029 } }, "k9"],
      [{ year: { $gte: 2029, $lt: undefined }, isDone: undefined }, "k9"],
    ])("with the filter %j find %s", async (where, expected) => {
      const records = await tenantOfTen("filtered");
      const { hits } = await records.query({ vector: [1, 0], where });
      expect(
        hits
          .map(({ key }) => key)
          .toSorted()
          .join(""),
      ).toBe(expected);
    });

    it("filter by dates and large integers exactly", async () => {
      const records = notes.tenant("exact");
      const due = new Date(1_700_000_000_000);
      await records.upsert([
        { key: "a", vector: [1, 0], metadata: { due, serial: 2n ** 60n } },
        { key: "b", vector: [1, 0], metadata: { due: new Date(0), serial: 2n ** 60n + 1n } },
      ]);
      expect(await records.count({ due: { $gte: due } })).toBe(1);
      expect(await records.count({ due })).toBe(1);
      expect(await records.count({ serial: 2n ** 60n + 1n })).toBe(1);
    });

    it.each([
      [{}],
      [{ $or: [] }],
      [{ $xor: [{ year: 1 }] }],
      [{ year: {} }],
      [{ year: { $near: 1 } }],
      [{ year: { $gt: true } }],
      [{ year: { $gt: 1, $gte: 2 } }],
      [{ year: { $in: 1 } }],
      [{ year: [1] }],
      [{ year: null }],
      [{ year: Number.NaN }],
      [{ year: { $exists: 1 } }],
    ])("refuse the filter %j", async (where) => {
      const bad = where as { year: number };
      const records = notes.tenant("filtered");
      await expect(records.query({ vector: [1, 0], where: bad })).rejects.toMatchObject(
        refused("filter_invalid"),
      );
      await expect(records.deleteWhere(bad)).rejects.toMatchObject(refused("filter_invalid"));
    });

    it.each([
      ["argument_invalid", { vector: [1, 0], topK: 0 }],
      ["argument_invalid", { vector: [1, 0], topK: 1.5 }],
      ["argument_invalid", { vector: [1, 0], topK: 10_001 }],
      ["argument_invalid", { vector: [1, 0], field: "other" }],
      ["dimension_mismatch", { vector: [1, 0, 0] }],
      ["vector_invalid", { vector: [1, Number.POSITIVE_INFINITY] }],
    ])("refuse with %s the query %o", async (code, query) => {
      const records = await tenantOfTen("queried");
      await expect(records.query(query)).rejects.toMatchObject(refused(code));
    });

    it.each(["euclidean", "dot"] as const)(
      "show distances that float32 cannot hold as its largest number: %s",
      async (metric) => {
        const far = await insula.createCollection("shop", `far-${metric}`, {
          dimension: 2,
          metric,
        });
        await far.upsert([
          { key: "far", vector: [-1e30, 1e30] },
          { key: "near", vector: [1, 0] },
          { key: "nowhere", vector: [1e30, 1e30] },
          { key: "opposite", vector: [1e30, -1e30] },
        ]);
        const { hits } = await far.query({ vector: [-1e30, 1e30] });
        expect(hits).toHaveLength(4);
        const largest = 3.4028234663852886e38;
        for (const { distance } of hits) expect(Math.abs(distance)).toBeLessThanOrEqual(largest);
        expect(hits[0]).toMatchObject({ key: "far", distance: metric === "dot" ? -largest : 0 });
        expect(hits.at(-1)).toMatchObject({ key: "opposite", distance: largest });
      },
    );

    it("over many places merge exactly, name the origins and what failed", async () => {
      const [a, b] = [await tenantOfTen("many-a"), await tenantOfTen("many-b")];
      await b.delete(["k0"]);
      const search = { vector: [1, 0], topK: 3 };
      const tenants = await notes.queryTenants(["many-a", "many-b", "nobody"], search);
      expect(tenants.hits.map(({ place, key }) => `${place.tenant ?? ""} ${key}`)).toEqual([
        "many-a k0",
        "many-a k1",
        "many-b k1",
      ]);
      expect(tenants.failures).toEqual([]);
      expect(tenants.searched.map(({ place }) => place.tenant)).toEqual([
        "many-a",
        "many-b",
        "nobody",
      ]);
      expect(tenants.searched[0]?.activation?.state).toBe("ACTIVE");
      const mixed = await insula.queryMany<Note>([a, { database: "shop", collection: "gone" }, b], {
        ...search,
        where: { year: 2022 },
        vectors: true,
      });
      expect(mixed.hits.map(({ place, key }) => [place.tenant, key])).toEqual([
        ["many-a", "k2"],
        ["many-b", "k2"],
      ]);
      expect(mixed.hits[0]?.vector).toHaveLength(2);
      expect(mixed.failures).toMatchObject([
        {
          place: { database: "shop", collection: "gone" },
          error: refused("collection_not_found"),
        },
      ]);
    });
  });

  describeSearchShapes(name, { notes: () => notes, tenantOfTen });

  describe(`${name}: ends`, () => {
    it("a signal that is aborted ends the call with its reason", async () => {
      const records = await tenantOfTen("aborted");
      const reason = new Error("no longer wanted");
      const signal = AbortSignal.abort(reason);
      await expect(records.query({ vector: [1, 0] }, { signal })).rejects.toBe(reason);
      await expect(records.deleteAll({ signal })).rejects.toBe(reason);
      await expect(insula.getDatabase("shop", { signal })).rejects.toBe(reason);
      await expect(insula.createDatabase("never", { signal })).rejects.toBe(reason);
      expect(await insula.getDatabase("never")).toBeUndefined();
      expect(await records.count()).toBe(10);
      const later = new AbortController();
      const running = records.query({ vector: [1, 0] }, { signal: later.signal });
      later.abort(reason);
      await expect(running).rejects.toBe(reason);
      const bare = new AbortController();
      const counting = records.count(undefined, { signal: bare.signal });
      bare.abort("text, no error");
      await expect(counting).rejects.toBe("text, no error");
      const scanning = new AbortController();
      const scan = async (): Promise<void> => {
        for await (const { key } of records.scan({ pageSize: 2, signal: scanning.signal })) {
          if (key === "k1") scanning.abort(reason);
        }
      };
      await expect(scan()).rejects.toBe(reason);
    });

    it("after its end every call is refused, and ending twice is none the worse", async () => {
      const other = await open();
      await other.insula.createDatabase("brief");
      await other.insula.close();
      await other.insula[Symbol.asyncDispose]();
      await expect(other.insula.collection("brief", "x").count()).rejects.toMatchObject(
        refused("engine_closed", "unavailable"),
      );
      await other.close();
    });
  });
}
