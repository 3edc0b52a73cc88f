import { expect, it, test } from "vitest";
import { joinSparse, type RecordView } from "../../model/index.ts";
import { parseJsonBytes, type JsonObject } from "../../wire/index.ts";
import { BatchBuilder } from "./batch-builder.ts";
import { ContentHash } from "./content-hash.ts";
import { printRecord } from "./jsonl-sink.ts";
import { toRecord, type SourceRecord } from "./record-members.ts";

const NAMES = { metadata: [], isLax: false };
const TERMS = { indices: Uint32Array.of(4, 4_294_967_295), values: Float32Array.of(0.5, -2) };
const RECORD: RecordView = {
  key: "a",
  vectors: new Map([["", Float32Array.of(1)]]),
  sparse: new Map([["terms", TERMS]]),
};

function read(text: string): SourceRecord {
  return toRecord(parseJsonBytes(Buffer.from(text)) as JsonObject, NAMES);
}

it("sparse vectors are read as they were written", () => {
  const record = read(printRecord({ tenant: undefined, record: RECORD }));
  expect(record.sparse).toEqual(RECORD.sparse);
  expect(record.vectors).toEqual(RECORD.vectors);
});

it("a record may have sparse vectors only, their indices in any order", () => {
  const { vectors, sparse } = read('{"key":"a","sparse":{"t":{"indices":[9,4],"values":[1,2]}}}');
  expect(vectors.size).toBe(0);
  expect(sparse.get("t")).toEqual({
    indices: Uint32Array.of(4, 9),
    values: Float32Array.of(2, 1),
  });
});

test.each([
  ["a list", "[1]"],
  ["no object for a field", '{"t":[1]}'],
  ["without indices", '{"t":{"values":[1]}}'],
  ["without values", '{"t":{"indices":[1]}}'],
  ["of different lengths", '{"t":{"indices":[1,2],"values":[1]}}'],
  ["empty", '{"t":{"indices":[],"values":[]}}'],
  ["with a negative index", '{"t":{"indices":[-1],"values":[1]}}'],
  ["with an index that is too large", '{"t":{"indices":[4294967296],"values":[1]}}'],
  ["with a value that is too large", '{"t":{"indices":[1],"values":[1e39]}}'],
])("sparse vectors are refused: %s", (_, sparse) => {
  expect(() => read(`{"key":"a","vector":[1],"sparse":${sparse}}`)).toThrow(RangeError);
});

it("records with and without them are one batch", () => {
  const builder = new BatchBuilder({ recordsMax: 10, bytesMax: 1_000 });
  const records = [
    read('{"key":"a","vector":[1]}'),
    read('{"key":"b","vector":[1],"sparse":{"t":{"indices":[4],"values":[2]}}}'),
  ];
  for (const record of records) {
    expect(builder.mustBegin(record)).toBe(false);
    builder.add(record, 1);
  }
  const batch = builder.take({ records: 2, bytes: 2 })?.batch;
  const vectors = records.map(({ sparse }) => sparse.get("t"));
  expect(batch?.sparse).toEqual([{ field: "t", ...joinSparse(vectors) }]);
});

it("they count in the content hash", () => {
  const hashOf = (record: RecordView): string => {
    const hash = new ContentHash();
    hash.add(undefined, record);
    return hash.finish();
  };
  const other = { ...TERMS, values: Float32Array.of(0.5, 2) };
  const { sparse: _, ...without } = RECORD;
  const hashes = [RECORD, without, { ...RECORD, sparse: new Map([["terms", other]]) }].map(hashOf);
  expect(new Set(hashes).size).toBe(3);
});
