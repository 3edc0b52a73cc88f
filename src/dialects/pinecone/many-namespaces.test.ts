/** An index of very many sleeping namespaces: listed and counted, and nobody is woken. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PineconeBench } from "../../../test/support/pinecone-bench.ts";
import type { WorkStep } from "../../base/work-observer.ts";
import { PINECONE_LIMITS } from "./limits.ts";

const COUNT = 20_000;
const AT_ONCE = 10_000;
const FILLED = ["n00000", "n00007", "n19999"];

const steps: WorkStep[] = [];
let bench: PineconeBench;

beforeAll(async () => {
  bench = await PineconeBench.open(undefined, {}, { endStep: (step) => steps.push(step) });
  await bench.withIndex("docs");
  const names = Array.from({ length: COUNT }, (_, i) => `n${String(i).padStart(5, "0")}`);
  for (let first = 0; first < COUNT; first += AT_ONCE) {
    await bench.engine.createTenants("pinecone", "docs", names.slice(first, first + AT_ONCE));
  }
  for (const namespace of FILLED) {
    const body = { namespace, vectors: [{ id: "a", values: [1, 0] }] };
    await bench.send("POST /ix/docs/vectors/upsert", { body });
    const place = { database: "pinecone", collection: "docs", tenant: namespace };
    await bench.engine.deactivate(place);
  }
  steps.length = 0;
});
afterAll(() => bench.close());

function expectAsleep(): void {
  expect(bench.engine.stats().shardsAwake).toBe(0);
  expect(steps.filter((step) => step === "activation")).toEqual([]);
}

test("statistics count all records, name the first namespaces and stay small", async () => {
  const { json, text } = await bench.send("POST /ix/docs/describe_index_stats", { body: {} });
  const { namespaces, totalVectorCount } = json as {
    readonly namespaces: Readonly<Record<string, { readonly vectorCount: number }>>;
    readonly totalVectorCount: number;
  };
  expect(totalVectorCount).toBe(FILLED.length);
  expect(Object.keys(namespaces)).toHaveLength(PINECONE_LIMITS.statsNamespacesOfMany);
  expect(namespaces["n00007"]).toEqual({ vectorCount: 1 });
  expect(namespaces["n00008"]).toEqual({ vectorCount: 0 });
  expect(text.length).toBeLessThan(40 * PINECONE_LIMITS.statsNamespacesOfMany);
  expectAsleep();
});

test("namespaces are listed page by page, with the number of all", async () => {
  interface Listed {
    readonly namespaces: readonly { readonly name: string; readonly record_count: string }[];
    readonly pagination: { readonly next: string } | null;
    readonly total_count: number;
  }
  const list = async (query: string): Promise<Listed> =>
    (await bench.send(`GET /ix/docs/namespaces?${query}`)).json as Listed;
  const first = await list("limit=100");
  expect(first.namespaces).toHaveLength(100);
  expect(first.total_count).toBe(COUNT);
  expect(first.namespaces[0]).toMatchObject({ name: "n00000", record_count: "1" });
  const next = encodeURIComponent(first.pagination?.next ?? "");
  const second = await list(`limit=100&paginationToken=${next}`);
  expect(second.namespaces[0]?.name).toBe("n00100");
  const last = await list("prefix=n1999");
  expect(last.namespaces.at(-1)).toMatchObject({ name: "n19999", record_count: "1" });
  expect([last.total_count, last.pagination]).toEqual([10, null]);
  expectAsleep();
});

test("a query wakes the one namespace that it names", async () => {
  const body = { namespace: "n19999", vector: [1, 0], topK: 1 };
  await bench.send("POST /ix/docs/query", { body });
  expect(bench.engine.stats().shardsAwake).toBe(1);
  expect(steps.filter((step) => step === "activation")).toHaveLength(1);
});
