/**
 * The part of the contract about searches by record, within a distance, several at once, diverse,
 * explained, and measured. A part of insula.contract.ts.
 */
import { describe, expect, it } from "vitest";
import { MMR_CANDIDATES_MAX, QUERIES_MAX } from "../base/limits.ts";
import type { Collection, Records } from "./index.ts";

const refused = (code: string): object => ({ name: "InsulaError", code });

export interface Note {
  readonly year?: number;
  readonly tags?: readonly string[];
  readonly isDone?: boolean;
  readonly due?: Date;
  readonly serial?: bigint;
  readonly [name: string]: unknown;
}

/** A collection of vectors of two numbers, and tenants of it with ten records k0 to k9. */
interface Stage {
  readonly notes: () => Collection<Note>;
  readonly tenantOfTen: (tenant: string) => Promise<Records<Note>>;
}

export function describeSearchShapes(name: string, { notes, tenantOfTen }: Stage): void {
  describe(`${name}: shapes of searches`, () => {
    it("go no farther than the distance given, which may be that of a hit", async () => {
      const records = await tenantOfTen("limited");
      const { hits } = await records.query({ vector: [1, 0], topK: 4 });
      const maxDistance = hits[2]?.distance ?? 0;
      const limited = await records.query({ vector: [1, 0], maxDistance });
      expect(limited.hits).toEqual(hits.slice(0, 3));
      expect((await records.query({ vector: [1, 0], maxDistance: -1 })).hits).toEqual([]);
    });

    it("for the vector of a record, with it or without", async () => {
      const records = await tenantOfTen("alike");
      const found = await records.query({ like: { key: "k4" }, topK: 1 });
      expect(found.hits).toMatchObject([{ key: "k4" }]);
      const others = await records.query({ like: { key: "k4", isLeftOut: true }, topK: 2 });
      expect(others.hits.map(({ key }) => key).toSorted()).toEqual(["k3", "k5"]);
      for (const place of [records, notes().tenant("nobody-alike")]) {
        await expect(place.query({ like: { key: "gone" } })).rejects.toMatchObject(
          refused("record_not_found"),
        );
      }
    });

    it("several at once are answered in their order, an error of one is that of all", async () => {
      const records = await tenantOfTen("several");
      const [near, far, like] = await records.queryAll([
        { vector: [1, 0], topK: 1 },
        { vector: [0, 1], topK: 2, where: { isDone: true } },
        { like: { key: "k7" }, topK: 1, metadata: false },
      ]);
      expect(near?.hits.map(({ key }) => key)).toEqual(["k0"]);
      expect(far?.hits.map(({ key }) => key)).toEqual(["k4", "k3"]);
      expect(like?.hits).toMatchObject([{ key: "k7" }]);
      const good = { vector: [1, 0] };
      await expect(records.queryAll([])).rejects.toMatchObject(refused("argument_invalid"));
      await expect(records.queryAll([good, { like: { key: "gone" } }])).rejects.toMatchObject(
        refused("record_not_found"),
      );
      const tooMany = Array.from({ length: QUERIES_MAX + 1 }, () => ({ ...good, topK: 1 }));
      await expect(records.queryAll(tooMany)).rejects.toMatchObject(refused("argument_invalid"));
      expect(await records.queryAll(tooMany.slice(1))).toHaveLength(QUERIES_MAX);
    });

    it("page by page see one state of the place, and are given up when the loop is left", async () => {
      const records = await tenantOfTen("paged");
      const query = { vector: [1, 0], vectors: true };
      const { hits } = await records.query({ ...query, topK: 7 });
      const pages: (readonly unknown[])[] = [];
      for await (const page of records.queryPages({ ...query, topK: 7 }, { pageSize: 3 })) {
        if (pages.length === 0) await records.deleteAll();
        pages.push(page);
      }
      expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
      expect(pages.flat()).toEqual(hits);
      for await (const page of records.queryPages(query)) expect(page).toEqual([]);
    });

    it("page by page cannot go on when the tenant sleeps, nor be diverse", async () => {
      const records = await tenantOfTen("unpaged");
      const left = records.queryPages({ vector: [1, 0] }, { pageSize: 3 });
      for await (const page of left) {
        expect(page).toHaveLength(3);
        break;
      }
      expect(await left.next()).toEqual({ done: true, value: undefined });
      const pages = records.queryPages({ vector: [1, 0] }, { pageSize: 3 });
      await pages.next();
      await notes().setTenantState("unpaged", "INACTIVE");
      await expect(pages.next()).rejects.toMatchObject(refused("search_not_found"));
      await notes().setTenantState("unpaged", "ACTIVE");
      const diverse = records.queryPages({ vector: [1, 0], mmr: { lambda: 0.5 } });
      await expect(diverse.next()).rejects.toMatchObject(refused("argument_invalid"));
    });

    it("aim at a recall of their own, which has bounds", async () => {
      const records = await tenantOfTen("aimed");
      const { hits } = await records.query({ vector: [1, 0], topK: 3, recall: 0.999 });
      expect(hits).toHaveLength(3);
      for (const recall of [0.4, 1]) {
        await expect(records.query({ vector: [1, 0], recall })).rejects.toMatchObject(
          refused("argument_invalid"),
        );
      }
    });

    it("choose hits that differ from one another", async () => {
      const records = notes().tenant("diverse");
      await records.upsert([
        { key: "a", vector: [1, 0] },
        { key: "b", vector: [1, 0.01] },
        { key: "c", vector: [1, -0.5] },
        { key: "d", vector: [1, 0.9] },
      ]);
      const keysOf = async (lambda: number): Promise<readonly string[]> => {
        const { hits } = await records.query({ vector: [1, 0], topK: 3, mmr: { lambda } });
        return hits.map(({ key }) => key);
      };
      expect(await keysOf(1)).toEqual(["a", "b", "c"]);
      expect(await keysOf(0)).toEqual(["a", "d", "c"]);
    });

    it("are explained when that is asked for: parts, bytes, work and time by phase", async () => {
      const records = await tenantOfTen("explained");
      expect((await records.query({ vector: [1, 0] })).explanation).toBeUndefined();
      const { explanation } = await records.query({
        vector: [1, 0],
        where: { isDone: true },
        isExplained: true,
      });
      expect(explanation).toMatchObject({
        reason: "Rows that are in no segment yet are compared exactly.",
        parts: [{ kind: "memtable", rowCount: 10, matchCount: 5, method: "exact", rowsScanned: 5 }],
        bytesRead: 0,
      });
      expect(Object.keys(explanation?.ms ?? {}).toSorted()).toEqual([
        "fetch",
        "filter",
        "load",
        "rescore",
        "scan",
        "total",
        "wake",
      ]);
      const none = await notes()
        .tenant("nobody-explained")
        .query({ vector: [1, 0], isExplained: true });
      expect(none.explanation).toMatchObject({ parts: [], workUnits: 0 });
    });

    it("can be measured: how much they find of what exact ones do", async () => {
      const records = await tenantOfTen("measured");
      const all = { recall: 1, recallMin: 1, queryCount: 10, wanted: 30, found: 30 };
      expect(await records.measureRecall({ topK: 3 })).toMatchObject({
        ...all,
        paths: { exact: 10 },
      });
      expect(await records.measureRecall({ sample: 4, topK: 9 })).toMatchObject({ wanted: 36 });
      const vectors = [
        [1, 0],
        [0, 1],
      ];
      const some = await records.measureRecall({ vectors, where: { isDone: true } });
      expect(some).toMatchObject({ queryCount: 2, wanted: 10, found: 10 });
      const none = { recall: 1, queryCount: 0, wanted: 0 };
      expect(await notes().tenant("nobody-measured").measureRecall()).toMatchObject(none);
      for (const what of [
        { vectors, sample: 2 },
        { sample: 0 },
        { sample: QUERIES_MAX + 1 },
        { sample: QUERIES_MAX, topK: 101 },
        { vectors: [] },
        { topK: 0 },
      ]) {
        await expect(records.measureRecall(what)).rejects.toMatchObject(
          refused("argument_invalid"),
        );
      }
      await expect(records.measureRecall({ vectors: [[1, 0, 0]] })).rejects.toMatchObject(
        refused("dimension_mismatch"),
      );
    });

    it.each([
      ["neither vector nor record", {}],
      ["both", { vector: [1, 0], like: { key: "k0" } }],
      ["a distance that is no number", { vector: [1, 0], maxDistance: Number.NaN }],
      ["lambda above 1", { vector: [1, 0], mmr: { lambda: 1.1 } }],
      ["fewer candidates than hits", { vector: [1, 0], mmr: { lambda: 1, candidates: 9 } }],
      ["too many", { vector: [1, 0], mmr: { lambda: 1, candidates: MMR_CANDIDATES_MAX + 1 } }],
    ])("are refused with %s", async (_, query) => {
      const records = await tenantOfTen("refused");
      await expect(records.query(query)).rejects.toMatchObject(refused("argument_invalid"));
    });

    it("over many places are refused by record and with a diverse choice", async () => {
      for (const query of [{ like: { key: "k0" } }, { vector: [1, 0], mmr: { lambda: 1 } }]) {
        await expect(notes().queryTenants(["a"], query)).rejects.toMatchObject(
          refused("argument_invalid"),
        );
      }
    });
  });
}
