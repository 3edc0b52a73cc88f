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

beforeAll(async () => {
  const builder = new InvertedBuilder();
  for (let row = 0; row < ROWS; row++) builder.add(row, { n: (row * 7_919) % ROWS });
  section = builder.finish(ROWS).sections[0]?.bytes ?? new Uint8Array(0);
  reader = await InvertedReader.open({
    length: section.length,
    read: (start, length) => {
      note("reads", 1);
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
const VALUES: Filter = {
  kind: "in",
  property: "n",
  values: Array.from({ length: 1_000 }, (_, i) => i * 60),
};
/** Over a segment of a million rows: what costs are the bitmaps. */
const PARTS: Filter = {
  kind: "or",
  filters: Array.from({ length: 300 }, (_, value) => ({ kind: "equal", property: "n", value })),
};
const MANY_ROWS = 1_000_000;

it("a range goes through a bounded part of the values between two turns", async () => {
  expect(await passing(RANGE)).toBe(ROWS - 10);
  expect(turns).toBeGreaterThan(1);
  // A read of 256 KiB, and one more that was begun.
  expect(most.bytes).toBeLessThanOrEqual(2 * SLICE_STEPS);
});

it("a list of values goes through a bounded number of blocks between two turns", async () => {
  expect(await passing(VALUES)).toBe(1_000);
  expect(turns).toBeGreaterThan(5);
  expect(most.reads).toBeLessThanOrEqual(66);
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
