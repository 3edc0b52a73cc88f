/**
 * The other way to hold tenants apart, by a metadata field in one namespace: what it can do, what
 * it cannot, and what it costs. Each test is a row of docs/dialects/pinecone.md.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { ADMIN_KEY, PineconeBench } from "../../../test/support/pinecone-bench.ts";
import type { Place } from "../../model/index.ts";

const TENANTS = ["a", "b", "c"];
const RECORDS = [0, 1, 2, 3];
let bench: PineconeBench;

/** The same records twice: in a namespace for each tenant, and together with the tenant's name. */
beforeEach(async () => {
  bench = await PineconeBench.open();
  await bench.withIndex("apart");
  await bench.withIndex("shared");
  for (const tenant of TENANTS) {
    const vectors = RECORDS.map((i) => ({
      ...{ id: `${tenant}#${String(i)}`, values: [1, i], metadata: { tenant, year: 2000 + i } },
    }));
    await post("apart", "vectors/upsert", { namespace: tenant, vectors });
    await post("shared", "vectors/upsert", { vectors });
  }
});
afterEach(() => bench.close());

async function post(index: string, call: string, body: object, apiKey = ADMIN_KEY): Promise<Json> {
  const answer = await bench.send(`POST /ix/${index}/${call}`, { body, apiKey });
  expect(answer.status, answer.text).toBe(200);
  return answer.json as Json;
}

type Json = Readonly<Record<string, unknown>>;

async function idsFound(index: string, asked: object, apiKey?: string): Promise<string[]> {
  const found = await post(index, "query", { vector: [1, 0], topK: 100, ...asked }, apiKey);
  return (found["matches"] as { id: string }[]).map(({ id }) => id).sort();
}

const idsOf = (...tenants: string[]): string[] =>
  tenants.flatMap((tenant) => RECORDS.map((i) => `${tenant}#${String(i)}`));

test("a query finds the records of its tenant alone, either way", async () => {
  expect(await idsFound("shared", { filter: { tenant: "b" } })).toEqual(idsOf("b"));
  const filter = { tenant: "b", year: { $gte: 2002 } };
  expect(await idsFound("shared", { filter })).toEqual(["b#2", "b#3"]);
  expect(await idsFound("apart", { namespace: "b" })).toEqual(idsOf("b"));
});

test("a filter that is forgotten shows every tenant, a namespace that is forgotten none", async () => {
  expect(await idsFound("shared", {})).toEqual(idsOf(...TENANTS));
  expect(await idsFound("apart", {})).toEqual([]);
});

test("several tenants are asked by one query in one namespace, and by one query each apart", async () => {
  const filter = { tenant: { $in: ["a", "c"] } };
  expect(await idsFound("shared", { filter })).toEqual(idsOf("a", "c"));
  const each = await Promise.all(["a", "c"].map((namespace) => idsFound("apart", { namespace })));
  expect(each.flat()).toEqual(idsOf("a", "c"));
});

test("one id of two tenants is one record in one namespace, and two apart", async () => {
  for (const tenant of ["a", "b"]) {
    const vectors = [{ id: "same", values: [1, 1], metadata: { tenant } }];
    await post("shared", "vectors/upsert", { vectors });
    await post("apart", "vectors/upsert", { namespace: tenant, vectors });
  }
  expect(await idsFound("shared", { filter: { tenant: "a" } })).toEqual(idsOf("a"));
  expect(await idsFound("apart", { namespace: "a" })).toEqual([...idsOf("a"), "same"]);
});

test("a key can be held to a namespace, and not to a value of a field", async () => {
  const grant = { actions: ["*"], databases: ["pinecone"] };
  const ofA = await bench.keyWith({ ...grant, collections: ["apart"], tenants: ["a"] });
  expect(await idsFound("apart", { namespace: "a" }, ofA)).toEqual(idsOf("a"));
  const body = { namespace: "b", vector: [1, 0], topK: 9 };
  expect((await bench.send("POST /ix/apart/query", { body, apiKey: ofA })).status).toBe(403);
  const ofShared = await bench.keyWith({
    ...grant,
    ...{ collections: ["shared"], tenants: ["__default__"] },
  });
  expect(await idsFound("shared", { filter: { tenant: "b" } }, ofShared)).toEqual(idsOf("b"));
});

test("who leaves is deleted by a filter, record by record, or with the namespace at once", async () => {
  await post("shared", "vectors/delete", { filter: { tenant: "a" } });
  expect(await idsFound("shared", {})).toEqual(idsOf("b", "c"));
  await post("apart", "vectors/delete", { namespace: "a", deleteAll: true });
  const tenant = { database: "pinecone", collection: "apart", tenant: "a" };
  expect(await bench.engine.getTenant(tenant)).toBeUndefined();
});

test("counts are told for a namespace, and not for a value of a field", async () => {
  const apart = await post("apart", "describe_index_stats", {});
  expect(Object.keys(apart["namespaces"] as object)).toEqual(TENANTS);
  const shared = await post("shared", "describe_index_stats", {});
  expect(shared["namespaces"]).toEqual({ "": { vectorCount: 12 } });
  const body = { filter: { tenant: "a" } };
  expect((await bench.send("POST /ix/shared/describe_index_stats", { body })).status).toBe(400);
});

test("a query among many reads as many rows either way once they lie in a segment", async () => {
  const [apart, shared] = await plansAmong(50, true);
  expect(apart?.rowsScanned).toBe(20);
  expect(shared?.rowsScanned).toBe(20);
});

test("before that the filter looks at every tenant's rows, and the query costs more", async () => {
  const [apart, shared] = await plansAmong(50, false);
  expect(apart?.rowsScanned).toBe(20);
  expect(shared?.workUnits).toBeGreaterThan(apart?.workUnits ?? Infinity);
});

/** How one tenant of many with twenty records each is searched, apart and together. */
async function plansAmong(tenantCount: number, isFlushed: boolean) {
  for (let i = 0; i < tenantCount; i++) {
    const tenant = `many-${String(i)}`;
    const vectors = Array.from({ length: 20 }, (_, j) => ({
      ...{ id: `${tenant}#${String(j)}`, values: [i + 1, j], metadata: { tenant } },
    }));
    await post("apart", "vectors/upsert", { namespace: tenant, vectors });
    await post("shared", "vectors/upsert", { vectors });
  }
  const places: readonly Place[] = [
    { database: "pinecone", collection: "apart", tenant: "many-7" },
    { database: "pinecone", collection: "shared", tenant: "__default__" },
  ];
  const filter = { kind: "equal", property: "tenant", value: "many-7" } as const;
  return Promise.all(
    places.map(async (place) => {
      if (isFlushed) await bench.engine.flush(place);
      const { plan } = await bench.engine.query(place, {
        ...{ field: "", vector: Float32Array.of(1, 0), topK: 10 },
        ...(place.collection === "shared" ? { filter } : {}),
        include: { vectors: false, metadata: true },
      });
      return plan;
    }),
  );
}
