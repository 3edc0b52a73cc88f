/** Recalls of vector fields: kept in the row of the collection, apart from its schema. */
import { describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { NO_POLICY } from "../model/index.ts";
import { decodeCollection, encodeCollection, type CollectionRow } from "./catalog-rows.ts";
import { openEngine, type Engine } from "./index.ts";

const ROW: CollectionRow = {
  number: 7,
  schemaNumber: 3,
  shard: undefined,
  isEnabled: true,
  createdAtMs: 5,
  embeddingModel: "m",
  attributes: { a: "b" },
  recalls: new Map(),
  createsTenants: true,
  activatesTenants: false,
  policy: NO_POLICY,
};

function open(files: MemoryFileSystem): Promise<Engine> {
  const random = new SeededRandom(1);
  return openEngine({ files, clock: new ManualClock(), random, workerCount: 0 });
}

describe("the row of a collection", () => {
  it("keeps the recalls of its fields", () => {
    const recalls = new Map([
      ["", 0.5],
      ["title", 0.999],
    ]);
    expect(decodeCollection(encodeCollection({ ...ROW, recalls })).recalls).toEqual(recalls);
  });

  it("without any has the bytes it always had, and with some begins as for older readers", () => {
    const plain = encodeCollection(ROW);
    const aimed = encodeCollection({ ...ROW, recalls: new Map([["", 0.9]]) });
    const flagsAt = 3;
    expect((plain[flagsAt] ?? 0) | 8).toBe(aimed[flagsAt]);
    expect(aimed.subarray(flagsAt + 1, plain.length)).toEqual(plain.subarray(flagsAt + 1));
    expect(decodeCollection(plain).recalls.size).toBe(0);
  });
});

it("a recall is there again after a restart, and does not make the schema another one", async () => {
  const files = new MemoryFileSystem();
  const field = { name: "", dimension: 2, metric: "dot" as const };
  const schemaOf = (recall: number | undefined) => ({
    vectors: [recall === undefined ? field : { ...field, recall }],
    identity: "key" as const,
    unfilterable: [],
  });
  const first = await open(files);
  await first.createDatabase("db");
  await first.createCollection("db", "a", { schema: schemaOf(0.9), tenancy: "multi" });
  await first.createCollection("db", "b", { schema: schemaOf(undefined), tenancy: "multi" });
  await first.createTenant({ database: "db", collection: "a", tenant: "t" });
  // Copies need equal schemas.
  await first.copyTenant(
    { database: "db", collection: "a", tenant: "t" },
    { database: "db", collection: "b", tenant: "t" },
  );
  await first.close();
  const again = await open(files);
  expect((await again.getCollection("db", "a"))?.schema.vectors).toEqual([
    { ...field, recall: 0.9 },
  ]);
  expect((await again.getCollection("db", "b"))?.schema.vectors).toEqual([field]);
  await again.close();
});
