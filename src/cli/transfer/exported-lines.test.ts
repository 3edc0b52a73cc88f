/** Lines of a customer's export over HTTP, as an import takes them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { JsonlSource } from "./jsonl-source.ts";
import type { MemberNames } from "./record-members.ts";
import { SOURCE_START, type SourceBatch } from "./record-source.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-lines-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const EACH: MemberNames = { metadata: [], isLax: false, collections: { kind: "each" } };
const ONE: MemberNames = {
  ...EACH,
  collections: { kind: "one", name: "mails" },
};
const FIRST = { collection: "mails", key: "first", vector: [1, 2] };

async function read(
  lines: readonly (object | string)[],
  names: MemberNames,
): Promise<{
  readonly batches: readonly SourceBatch[];
  readonly passedOver: number;
  readonly error?: unknown;
}> {
  const file = path.join(folder, "lines.jsonl");
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  writeFileSync(file, `${text.join("\n")}\n`);
  const source = new JsonlSource(file, 0, names);
  const batches: SourceBatch[] = [];
  try {
    for await (const batch of source.batches(SOURCE_START, {
      recordsMax: 10,
      bytesMax: 1_000_000,
    })) {
      batches.push(batch);
    }
  } catch (error) {
    return { batches, passedOver: source.passedOver, error };
  }
  return { batches, passedOver: source.passedOver };
}

it("go to the collections they name, in batches of one each, with all they have", async () => {
  const { batches } = await read(
    [
      FIRST,
      {
        ...{ collection: "notes", key: "all" },
        vectors: [
          { field: "a", values: [0.5] },
          { field: "b", values: [1, 2] },
        ],
        sparse: [{ field: "t", indices: [9, 4], values: [1, 2] }],
        metadata: { n: { $int: "9007199254740993" }, at: { $date: "2024-05-01T00:00:00.000Z" } },
      },
      // Numbers are doubles, also those that look like integers of 64 bits.
      '{"collection":"notes","key":"next","vectors":[{"field":"a","values":[1]},{"field":"b","values":[1,2]}],"metadata":{"d":1152921504606846976,"o":{"$number":"7"}}}',
      FIRST,
    ],
    EACH,
  );
  expect(batches.map(({ collection, batch }) => [collection, batch.keys])).toEqual([
    ["mails", ["first"]],
    ["notes", ["all", "next"]],
    ["mails", ["first"]],
  ]);
  const { vectors, sparse, metadata } = batches[1]?.batch ?? {};
  expect(vectors).toEqual([
    { field: "a", values: Float32Array.of(0.5, 1) },
    { field: "b", values: Float32Array.of(1, 2, 1, 2) },
  ]);
  expect(sparse?.[0]).toMatchObject({ field: "t", indices: Uint32Array.of(4, 9) });
  expect(metadata).toEqual([
    { n: 9_007_199_254_740_993n, at: new Date("2024-05-01T00:00:00.000Z") },
    { d: 2 ** 60, o: { $number: "7" } },
  ]);
});

it("of two collections are never in one batch, alike as they are", async () => {
  const { batches } = await read([FIRST, { ...FIRST, collection: "notes", key: "second" }], EACH);
  expect(batches.map(({ collection, batch }) => [collection, batch.keys])).toEqual([
    ["mails", ["first"]],
    ["notes", ["second"]],
  ]);
});

it("of another collection are passed over and counted, and the place in the file goes on", async () => {
  const other = { ...FIRST, collection: "notes" };
  const lines = [other, FIRST, other, { ...FIRST, key: "second" }];
  const { batches, passedOver } = await read(lines, ONE);
  expect(batches).toMatchObject([{ batch: { keys: ["first", "second"] }, end: { records: 4 } }]);
  expect(batches[0]).not.toHaveProperty("collection");
  expect(passedOver).toBe(2);
});

it("are no lines of an export where the member is asked for as metadata", async () => {
  const names: MemberNames = { metadata: ["collection"], isLax: false };
  const { batches } = await read([FIRST], names);
  expect(batches[0]?.batch.metadata).toEqual([{ collection: "mails" }]);
});

it.each([
  [EACH, '{"key":"a","vector":[1,2]}', "expected a member collection"],
  [EACH, '{"collection":"mails","key":"a","vec', "it is no JSON"],
  [EACH, '{"problem":{"code":"customer_suspended","detail":"No."}}', "the export was not whole"],
  [ONE, '{"problem":{"code":"customer_suspended","detail":"No."}}', "the export was not whole"],
  [EACH, '{"collection":7,"key":"a","vector":[1]}', "the collection: expected a string"],
  [EACH, { ...FIRST, metadata: { a: { $date: "soon" } } }, "$date"],
  [EACH, { ...FIRST, metadata: [1] }, "metadata: expected an object"],
  [
    EACH,
    {
      ...FIRST,
      vectors: [
        { field: "a", values: [1] },
        { field: "a", values: [1] },
      ],
    },
    '"a" stands twice',
  ],
  [EACH, { ...FIRST, sparse: [{ indices: [1], values: [1] }] }, "sparse: expected a field"],
  [EACH, { ...FIRST, vectors: [7] }, "vectors: expected a field"],
  [EACH, { ...FIRST, tag: 1 }, 'a member "tag"'],
  [{ ...EACH, collections: undefined }, FIRST, "--customer sends each into its own"],
] as const)(
  "are refused with their number, and what came before is given: %#",
  async (names, line, reason) => {
    const isBefore = names.collections !== undefined;
    const plain = names as MemberNames;
    const { batches, error } = await read(isBefore ? [FIRST, line] : [line], plain);
    expect(String(error)).toContain(reason);
    expect(String(error)).toContain(`line ${isBefore ? "2" : "1"}: `);
    expect(batches.map(({ batch }) => batch.keys)).toEqual(isBefore ? [["first"]] : []);
  },
);
