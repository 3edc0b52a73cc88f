/** The part of the contract about sparse vectors. A part of insula.contract.ts. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Collection, Insula } from "./index.ts";

/** What an error looks like. */
export const refused = (code: string, kind?: string): object => ({
  name: "InsulaError",
  code,
  ...(kind === undefined ? {} : { kind }),
});

export function describeSparseVectors(name: string, insula: () => Insula): void {
  describe(`${name}: records`, () => {
    it("may have sparse vectors beside the others, searched alone or in one score", async () => {
      const pages = await insula().createCollection("shop", "pages", {
        dimension: 2,
        metric: "dot",
        sparseVectors: [{ name: "terms" }],
      });
      await pages.upsert([
        { key: "1", vector: [1, 0], sparse: { terms: { indices: [9, 4], values: [1, 2] } } },
        { key: "2", vector: [0, 1], sparse: new Map([["terms", { indices: [4], values: [4] }]]) },
        { key: "3", vector: [3, 0] },
      ]);
      const sparse = { field: "terms", indices: [4_000_000_000, 4], values: [1, 0.5] };
      const alone = await pages.query({ sparse });
      expect(alone.hits).toEqual([
        { key: "2", distance: -2 },
        { key: "1", distance: -1 },
      ]);
      const both = await pages.query({ vector: [1, 0], sparse, topK: 2, vectors: true });
      const terms = { indices: Uint32Array.of(4, 9), values: Float32Array.of(2, 1) };
      expect(both.hits).toEqual([
        { key: "3", distance: -3, vector: Float32Array.of(3, 0) },
        {
          ...{ key: "1", distance: -2, vector: Float32Array.of(1, 0) },
          sparse: new Map([["terms", terms]]),
        },
      ]);
      const weights = { dense: 0, sparse: 1 };
      const weighted = await pages.query({ vector: [1, 0], sparse, weights });
      expect(weighted.hits.map(({ key }) => key)).toEqual(["2", "1", "3"]);
      const [found] = await pages.get(["1"], { vectors: true });
      expect(found?.sparse).toEqual(new Map([["terms", terms]]));
      for await (const record of pages.scan({ vectors: true })) await pages.upsert([record]);
      expect((await pages.query({ sparse })).hits).toEqual(alone.hits);
    });

    it("may have sparse vectors only, and wrong ones are refused whole", async () => {
      const words = await insula().createCollection("shop", "words", {
        sparseVectors: [{ name: "terms" }],
      });
      const info = await insula().getCollection("shop", "words");
      expect(info?.schema).toMatchObject({ vectors: [], sparseVectors: [{ name: "terms" }] });
      const wrong = [
        { indices: [1, 1], values: [1, 2] },
        { indices: [1], values: [1, 2] },
        { indices: [], values: [] },
        { indices: [1], values: [Number.NaN] },
        { indices: [-1], values: [1] },
        { indices: [0.5], values: [1] },
        { indices: [2 ** 32], values: [1] },
      ];
      for (const terms of wrong) {
        const good = { key: "good", sparse: { terms: { indices: [1], values: [1] } } };
        const batch = [good, { key: "wrong", sparse: { terms } }];
        await expect(words.upsert(batch)).rejects.toMatchObject(refused("vector_invalid"));
      }
      const without = words.upsert([{ key: "a" }]);
      await expect(without).rejects.toMatchObject(refused("vector_invalid"));
      const other = { other: { indices: [1], values: [1] } };
      const elsewhere = words.upsert([{ key: "a", sparse: other }]);
      await expect(elsewhere).rejects.toMatchObject(refused("argument_invalid"));
      expect(await words.count()).toBe(0);
      await words.upsert([{ key: "a", sparse: { terms: { indices: [1], values: [2] } } }]);
      const sparse = { field: "terms", indices: [1], values: [1] };
      expect((await words.query({ sparse })).hits).toEqual([{ key: "a", distance: -2 }]);
    });
  });

  describe(`${name}: searches with sparse vectors`, () => {
    let posts: Collection;
    const terms = (indices: readonly number[], values: readonly number[]): object => ({
      sparse: { terms: { indices, values } },
    });
    const sparse = { field: "terms", indices: [4], values: [1] };

    beforeAll(async () => {
      posts = await insula().createCollection("shop", "posts", {
        ...{ dimension: 2, metric: "dot", recall: 0.9, sparseVectors: [{ name: "terms" }] },
      });
      await posts.upsert([
        { key: "1", vector: [1, 0], ...terms([4, 9], [2, 1]) },
        { key: "2", vector: [0, 1], ...terms([4], [4]) },
        { key: "3", vector: [3, 0] },
        { key: "4", vector: [0, 0], ...terms([9], [1]) },
      ]);
    });

    it("go no farther than the distance given, which is that of their score", async () => {
      const near = await posts.query({ sparse, maxDistance: -4 });
      expect(near.hits).toEqual([{ key: "2", distance: -4 }]);
      const both = await posts.query({ vector: [1, 0], sparse, maxDistance: -3 });
      expect(both.hits.map(({ key }) => key)).toEqual(["2", "1", "3"]);
      expect((await posts.query({ sparse, maxDistance: -5 })).hits).toEqual([]);
    });

    it("take the vector of a record, dense or sparse, with it or without", async () => {
      const like = { key: "1" };
      const dense = await posts.query({ like, sparse, weights: { dense: 2, sparse: 1 } });
      const given = { vector: [1, 0], sparse, weights: { dense: 2, sparse: 1 } };
      expect(dense.hits).toEqual((await posts.query(given)).hits);
      const words = await posts.query({ like, field: "terms", vectors: true });
      expect(words.hits.map(({ key, distance }) => [key, distance])).toEqual([
        ["2", -8],
        ["1", -5],
        ["4", -1],
      ]);
      expect(words.hits[0]?.vector).toBeUndefined();
      expect([...(words.hits[0]?.sparse?.keys() ?? [])]).toEqual(["terms"]);
      const others = await posts.query({ like: { key: "1", isLeftOut: true }, field: "terms" });
      expect(others.hits.map(({ key }) => key)).toEqual(["2", "4"]);
      const none = posts.query({ like: { key: "3" }, field: "terms" });
      await expect(none).rejects.toMatchObject(refused("argument_invalid"));
      const gone = posts.query({ like: { key: "gone" }, field: "terms" });
      await expect(gone).rejects.toMatchObject(refused("record_not_found"));
    });

    it("several at once stand beside those by a vector", async () => {
      const results = await posts.queryAll([
        { sparse, topK: 1 },
        { vector: [1, 0], topK: 1 },
        { vector: [1, 0], sparse, topK: 1 },
        { like: { key: "4" }, field: "terms", topK: 1 },
      ]);
      expect(results.map(({ hits: [hit] }) => [hit?.key, hit?.distance])).toEqual([
        ["2", -4],
        ["3", -3],
        ["2", -4],
        ["1", -1],
      ]);
    });

    it("over many places merge by their scores", async () => {
      const { hits } = await insula().queryMany([posts, posts.place], { sparse, topK: 5 });
      expect(hits.map(({ key, distance }) => [key, distance])).toEqual([
        ["2", -4],
        ["1", -2],
      ]);
    });

    it("are explained: what was compared, and why", async () => {
      const { explanation, plan } = await posts.query({ sparse, isExplained: true });
      expect(plan).toMatchObject({ path: "sparse", rowsScanned: 4 });
      expect(explanation).toMatchObject({
        reason: "Rows that are in no segment yet are compared exactly.",
        parts: [{ kind: "memtable", rowCount: 4, matchCount: 4, method: "exact", rowsScanned: 4 }],
      });
      expect((await posts.query({ sparse })).explanation).toBeUndefined();
    });

    it.each<[string, object]>([
      ["a diverse choice", { sparse, mmr: { lambda: 0.5 } }],
      ["a diverse choice of both", { vector: [1, 0], sparse, mmr: { lambda: 0.5 } }],
      [
        "a diverse choice by record",
        { ...{ like: { key: "1" }, mmr: { lambda: 0.5 } }, field: "terms" },
      ],
      ["a sparse vector and that of a record", { like: { key: "1" }, field: "terms", sparse }],
      ["a vector and a record", { vector: [1, 0], like: { key: "1" }, sparse }],
      ["weights for one vector", { like: { key: "1" }, weights: { dense: 1, sparse: 1 } }],
      ["weights for one sparse vector", { sparse, weights: { dense: 1, sparse: 1 } }],
      ["a record's vector of no field", { like: { key: "1" }, field: "words" }],
    ])("are refused with %s", async (_, query) => {
      await expect(posts.query(query)).rejects.toMatchObject(refused("argument_invalid"));
    });
  });
}
