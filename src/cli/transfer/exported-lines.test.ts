/** Lines of a customer's export over HTTP, as an import takes them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runImport, type ImportReport } from "./import-run.ts";
import { JsonlSource } from "./jsonl-source.ts";
import { refuseOthersAlone } from "./passed-over.ts";
import type { MemberNames } from "./record-members.ts";
import { SOURCE_START, type SourceBatch } from "./record-source.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-lines-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const EACH: MemberNames = {
  ...{ metadata: [], isLax: false },
  collections: { kind: "each", tenant: "ann" },
};
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
  readonly source: JsonlSource;
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
    return { batches, passedOver: source.passedOver.records, error, source };
  }
  return { batches, passedOver: source.passedOver.records, source };
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

it("of a customer may say its name", async () => {
  const { batches } = await read([FIRST, { ...FIRST, key: "second", tenant: "ann" }], EACH);
  expect(batches.map(({ batch }) => batch.keys)).toEqual([["first"], ["second"]]);
});

it("are no lines of an export where the member is asked for as metadata", async () => {
  const names: MemberNames = { metadata: ["collection"], isLax: false };
  const { batches } = await read([FIRST], names);
  expect(batches[0]?.batch.metadata).toEqual([{ collection: "mails" }]);
});

describe("where options use the member, or pass over what means nothing", () => {
  const LAX: MemberNames = { metadata: [], isLax: true };
  const LAX_ONE: MemberNames = { ...ONE, isLax: true };
  const OWN = [
    { collection: "shoes", key: "a", vector: [1, 2], price: 7 },
    { key: "b", vector: [1, 2], collection: 7 },
    { collection: "shoes", id: "c", vector: [1, 2] },
    { collection: "", key: "d", vector: [1, 2] },
    { collection: "shoes", key: 5, vector: [1, 2] },
    { collection: "shoes", tenant: "t", key: "e", vector: [1, 2] },
    { collection: "shoes", key: "f", vectors: { "": [1, 2] } },
    { collection: "shoes", key: "g", vector: [1, 2], metadata: null },
  ];
  const OWN_KEYS = ["a", "b", "c", "d", "5", "e", "f", "g"];

  const keysOf = (batches: readonly SourceBatch[]): readonly string[] =>
    batches.flatMap(({ batch }) => batch.keys);

  it("is a key, and the vector", async () => {
    const keyed = await read([{ collection: "a", vector: [1, 2] }], { ...ONE, key: "collection" });
    expect(keysOf(keyed.batches)).toEqual(["a"]);
    const measured = await read([{ key: "a", collection: [1, 2] }], {
      ...{ ...ONE, vector: "collection" },
    });
    expect(measured.batches[0]?.batch.vectors[0]?.values).toEqual(Float32Array.of(1, 2));
  });

  it("means nothing in lines that are not as the export writes them", async () => {
    const { batches, passedOver, error } = await read(OWN, LAX_ONE);
    expect(error).toBeUndefined();
    expect([keysOf(batches), passedOver]).toEqual([OWN_KEYS, 0]);
  });

  it("still chooses among lines that are, however they are laid out", async () => {
    const other = { ...FIRST, collection: "notes" };
    const whole = {
      ...{
        metadata: { n: { $int: "9007199254740993" } },
        sparse: [{ field: "t", indices: [1], values: [1] }],
      },
      ...{ vectors: [{ field: "v", values: [1] }], key: "whole", collection: "mails" },
    };
    const lines = [other, FIRST, ` ${JSON.stringify(other)}`, whole];
    const { batches, passedOver } = await read(lines, LAX_ONE);
    expect([keysOf(batches), passedOver]).toEqual([["first", "whole"], 2]);
    expect(batches[1]?.batch.metadata).toEqual([{ n: 9_007_199_254_740_993n }]);
  });

  it("means nothing in any line where no collection is chosen", async () => {
    const { batches, error } = await read([...OWN, FIRST], LAX);
    expect(error).toBeUndefined();
    expect(keysOf(batches)).toEqual([...OWN_KEYS, "first"]);
  });

  it("is where the record goes in every line of a customer", async () => {
    const { batches } = await read(OWN.slice(0, 1), { ...EACH, isLax: true });
    expect(batches[0]?.collection).toBe("shoes");
  });
});

describe("all of other collections", () => {
  async function refusalOf(lines: readonly object[]): Promise<string> {
    const { source } = await read(lines, ONE);
    try {
      refuseOthersAlone([source]);
    } catch (error) {
      return String(error);
    }
    return "";
  }

  it("are an error that names these", async () => {
    const notes = { ...FIRST, collection: "notes" };
    const refusal = await refusalOf([notes, { ...FIRST, collection: 'a "b"' }, notes]);
    expect(refusal).toContain(
      'Nothing was imported: 3 records passed over, all of other collections: "notes", "a \\"b\\"".',
    );
  });

  it("of which a few are named, and of a long name the beginning", async () => {
    const named = (collection: string): object => ({ ...FIRST, collection });
    const ten = Array.from({ length: 10 }, (_, i) => named(`c${String(i)}`));
    expect(await refusalOf([...ten, named("c3")])).toMatch(/"c8", "c9"\.$/);
    const refusal = await refusalOf([named("x".repeat(100_000)), ...ten, named("c11"), ...ten]);
    expect(refusal).toMatch(/: "x{64}"…, "c0", .*"c8", others\.$/);
  });

  it("end an import that took nothing, not one that took a record", async () => {
    const run = async (lines: readonly object[]): Promise<ImportReport> => {
      const { source } = await read(lines, ONE);
      return runImport({
        sources: [source],
        target: { upsert: (_, { keys }) => Promise.resolve({ added: keys.length, replaced: 0 }) },
        placeOf: () => ({ database: "d", collection: "mails" }),
        bounds: { recordsMax: 10, bytesMax: 1_000_000 },
        ...{ checkpoint: undefined, from: undefined, onBatch: () => undefined },
        signal: new AbortController().signal,
      });
    };
    const other = { ...FIRST, collection: "notes" };
    await expect(run([other, other])).rejects.toThrow('"notes"');
    expect(await run([other, FIRST])).toMatchObject({ records: 1, isComplete: true });
    expect(await run([])).toMatchObject({ records: 0, isComplete: true });
  });
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
  [EACH, { ...FIRST, tenant: "bob" }, 'it is of tenant "bob", and --customer says "ann"'],
  [{ ...EACH, isLax: true }, { ...FIRST, namespace: "bob" }, 'it is of tenant "bob"'],
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
