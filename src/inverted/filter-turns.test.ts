/** Filters through indexes give the thread back: what is read between two turns is counted. */
import { beforeAll, expect, it } from "vitest";
import { Pace, SLICE_STEPS } from "../base/pace.ts";
import type { Filter } from "../model/index.ts";
import { evaluateFilter, InvertedBuilder, InvertedReader } from "./index.ts";

const ROWS = 60_000;

let section: Uint8Array;
let reader: InvertedReader;
const asked = { bytes: 0, reads: 0, indexes: 0 };
const most = { bytes: 0, reads: 0, indexes: 0 };
let turns = 0;
let reads = 0;

beforeAll(async () => {
  const builder = new InvertedBuilder();
  for (let row = 0; row < ROWS; row++) builder.add(row, { n: (row * 7_919) % ROWS });
  section = builder.finish(ROWS).sections[0]?.bytes ?? new Uint8Array(0);
  reader = await InvertedReader.open({
    length: section.length,
    read: (start, length) => {
      note("reads", 1);
      reads++;
      note("bytes", length);
      return Promise.resolve(section.subarray(start, start + length));
    },
  });
});

function note(what: keyof typeof asked, count: number): void {
  asked[what] += count;
  most[what] = Math.max(most[what], asked[what]);
}

function forget(counts: typeof asked): void {
  Object.assign(counts, { bytes: 0, reads: 0, indexes: 0 });
}

/** Rows that pass, evaluated at a pace that is given up at a turn, if told. */
async function passing(filter: Filter, rowCount = ROWS, abortAt = Infinity): Promise<number> {
  forget(asked);
  forget(most);
  turns = 0;
  reads = 0;
  const abort = new AbortController();
  const pace = new Pace(async () => {
    await new Promise(setImmediate);
    forget(asked);
    if (++turns === abortAt) abort.abort(new RangeError("enough"));
  }, abort.signal);
  const rows = await evaluateFilter(filter, {
    ...{ rowCount, pace },
    indexFor: () => {
      note("indexes", 1);
      return Promise.resolve(rowCount === ROWS ? reader : ("missing" as const));
    },
    fallback: () => expect.fail("the index tells"),
  });
  return rows.count();
}

const RANGE: Filter = {
  kind: "range",
  property: "n",
  lower: { value: 10, isInclusive: true },
};
const VALUES: Extract<Filter, { kind: "in" }> = {
  kind: "in",
  property: "n",
  values: Array.from({ length: 1_000 }, (_, i) => i * 60),
};
/** Over a segment of a million rows: what costs are the bitmaps. */
const PARTS: Filter = {
  kind: "or",
  filters: Array.from({ length: 300 }, (_, i) => ({
    ...{ kind: "equal", property: `n${String(i)}`, value: i },
  })),
};
const MANY_ROWS = 1_000_000;

it("a range goes through a bounded part of the values between two turns", async () => {
  expect(await passing(RANGE)).toBe(ROWS - 10);
  expect(turns).toBeGreaterThan(1);
  // A read of 128 KiB, and one more that was begun.
  expect(most.bytes).toBeLessThanOrEqual(4 * SLICE_STEPS);
});

it("a list of values goes through a bounded number of blocks between two turns", async () => {
  expect(await passing(VALUES)).toBe(1_000);
  expect(turns).toBeGreaterThanOrEqual(2);
  expect(most.reads).toBeLessThanOrEqual(66);
});

it("reads each block of the dictionary once, however many values are asked for", async () => {
  const few = { ...VALUES, values: VALUES.values.filter((_, i) => i % 2 === 0) };
  expect(await passing(few)).toBe(500);
  const before = reads;
  expect(await passing(VALUES)).toBe(1_000);
  // Every block has some of both.
  expect(reads).toBe(before);
  expect(reads).toBeLessThan(200);
});

it("values asked for one by one cost what they cost as a list", async () => {
  const parts: Filter[] = VALUES.values.map((value) => ({ kind: "equal", property: "n", value }));
  expect(await passing({ kind: "or", filters: parts })).toBe(1_000);
  const joined = { reads, indexes: most.indexes };
  expect(await passing(VALUES)).toBe(1_000);
  expect(joined).toEqual({ reads, indexes: 1 });
  const others: Filter[] = parts.map((filter) => ({ kind: "not", filter }));
  expect(await passing({ kind: "and", filters: others })).toBe(ROWS - 1_000);
  expect({ reads, indexes: most.indexes }).toEqual(joined);
});

it("values with many rows each are found, also those asked for twice and those not there", async () => {
  const builder = new InvertedBuilder();
  for (let row = 0; row < 3_000; row++) builder.add(row, { n: row % 300 });
  const { sections } = builder.finish(3_000);
  const values = [5, 5, 7, -1, 299, 1_000, 8, 9, 250];
  const bytes = sections[0]?.bytes ?? new Uint8Array(0);
  const index = await InvertedReader.open({
    length: bytes.length,
    read: (start, length) => Promise.resolve(bytes.subarray(start, start + length)),
  });
  const rows = await evaluateFilter(
    { kind: "in", property: "n", values },
    {
      ...{ rowCount: 3_000, pace: new Pace(() => Promise.resolve()) },
      indexFor: () => Promise.resolve(index),
      fallback: () => expect.fail("the index tells"),
    },
  );
  expect([...rows.toIds()]).toEqual(
    Array.from({ length: 3_000 }, (_, row) => row).filter((row) => values.includes(row % 300)),
  );
});

it("a filter of many parts makes a bounded number of bitmaps between two turns", async () => {
  expect(await passing(PARTS, MANY_ROWS)).toBe(0);
  expect(turns).toBeGreaterThan(30);
  expect(most.indexes).toBeLessThanOrEqual(9);
});

it("a filter that is given up ends inside, whatever its kind", async () => {
  await expect(passing(RANGE, ROWS, 1)).rejects.toThrow("enough");
  await expect(passing(VALUES, ROWS, 2)).rejects.toThrow("enough");
  expect(most.reads).toBeLessThanOrEqual(66);
  await expect(passing(PARTS, MANY_ROWS, 2)).rejects.toThrow("enough");
  expect(turns).toBe(2);
});
