import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isInsulaError } from "../../base/errors.ts";
import { Pace } from "../../base/pace.ts";
import { SeededRandom } from "../../io/index.ts";
import { joinSparse, sparseRow, type SparseRows, type SparseVector } from "../../model/index.ts";
import {
  scoreAllSparse,
  searchSparse,
  sparseDot,
  SparseIndexBuilder,
  SparseReader,
  type InvertedSource,
  type ListCache,
} from "../index.ts";

const STEP_ROWS = 50;

/** The section of all rows, built with as many passes as the bound makes. */
function build(rows: SparseRows, runPostingsMax?: number): Uint8Array {
  const builder = new SparseIndexBuilder(runPostingsMax);
  const rowCount = rows.starts.length - 1;
  const steps: SparseRows[] = [];
  for (let row = 0; row < rowCount; row += STEP_ROWS) {
    const count = Math.min(STEP_ROWS, rowCount - row);
    steps.push(joinSparse(Array.from({ length: count }, (_, i) => sparseRow(rows, row + i))));
  }
  for (const step of steps) builder.count(step);
  const parts: Uint8Array[] = [];
  while (builder.begin()) {
    for (const step of steps) builder.add(step);
    parts.push(...builder.lists());
  }
  return Buffer.concat([...parts, ...builder.end(rowCount)]);
}

function toSource(bytes: Uint8Array): InvertedSource {
  return {
    length: bytes.length,
    read: (start, length) => {
      if (start < 0 || start + length > bytes.length) throw new RangeError("read outside");
      return Promise.resolve(bytes.subarray(start, start + length));
    },
  };
}

function noCache(): ListCache {
  return { get: () => undefined, set: () => undefined };
}

function open(bytes: Uint8Array, cache = noCache()): Promise<SparseReader> {
  return SparseReader.open(toSource(bytes), cache);
}

interface Found {
  readonly row: number;
  readonly score: number;
}

function bruteForce(
  rows: SparseRows,
  query: SparseVector,
  k: number,
  isCandidate: (row: number) => boolean = () => true,
): Found[] {
  const found: Found[] = [];
  for (let row = 0; row + 1 < rows.starts.length; row++) {
    const vector = sparseRow(rows, row);
    const sum = vector === undefined ? undefined : sparseDot(query, vector);
    if (sum !== undefined && isCandidate(row)) found.push({ row, score: Math.fround(sum) });
  }
  return found.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, k);
}

async function search(
  reader: SparseReader,
  query: SparseVector,
  k: number,
  bits?: Uint8Array,
): Promise<Found[]> {
  const pace = new Pace(() => Promise.resolve());
  const { rows, scores } = await searchSparse(reader, query, { pace, bits, k });
  return Array.from(rows, (row, i) => ({ row, score: scores[i] ?? Number.NaN }));
}

/** Few dimensions and few different values: many rows share dimensions, many scores are equal. */
const vector = (dimensionMax: number): fc.Arbitrary<SparseVector> =>
  fc.uniqueArray(fc.nat(dimensionMax), { minLength: 1, maxLength: 12 }).chain((indices) =>
    fc.record({
      indices: fc.constant(Uint32Array.from(indices).sort()),
      values: fc
        .array(
          fc.oneof(
            fc.constantFrom(0, 1, -1, 0.5),
            fc.float({ noNaN: true, noDefaultInfinity: true }),
          ),
          { minLength: indices.length, maxLength: indices.length },
        )
        .map((values) => Float32Array.from(values)),
    }),
  );

const rowsOf = (dimensionMax: number): fc.Arbitrary<SparseRows> =>
  fc
    .array(fc.option(vector(dimensionMax), { nil: undefined, freq: 5 }), { maxLength: 300 })
    .map(joinSparse);

describe("a sparse index", () => {
  it("finds what a look at every row finds, scores to the bit, for any rows and any k", async () => {
    await fc.assert(
      fc.asyncProperty(
        rowsOf(30),
        vector(35),
        fc.integer({ min: 1, max: 320 }),
        async (rows, query, k) => {
          const reader = await open(build(rows));
          expect(await search(reader, query, k)).toEqual(bruteForce(rows, query, k));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("returns candidates only", async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf(12), vector(12), fc.nat(200), async (rows, query, seed) => {
        const rowCount = rows.starts.length - 1;
        const bits = new Uint8Array((rowCount + 7) >>> 3);
        const isCandidate = (row: number): boolean => (row * 7919 + seed) % 11 < seed % 12;
        for (let row = 0; row < rowCount; row++) {
          if (isCandidate(row)) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (1 << (row & 7));
        }
        const reader = await open(build(rows));
        const expected = bruteForce(rows, query, 10, isCandidate);
        expect(await search(reader, query, 10, bits)).toEqual(expected);
      }),
    );
  });

  it("adds all rows up as the search does", async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf(20), vector(20), async (rows, query) => {
        const reader = await open(build(rows));
        const pace = new Pace(() => Promise.resolve());
        const sums = await scoreAllSparse(reader, query, pace);
        for (const { row, score } of bruteForce(rows, query, Number.POSITIVE_INFINITY)) {
          expect(Math.fround(sums[row] ?? Number.NaN)).toBe(score);
        }
      }),
    );
  });

  it("has the same bytes whatever number of passes makes it", () => {
    fc.assert(
      fc.property(rowsOf(1_000), fc.integer({ min: 1, max: 60 }), (rows, postings) => {
        expect(build(rows, postings)).toEqual(build(rows));
      }),
    );
  });

  it("takes dimensions up to the largest of 32 bits", async () => {
    const indices = Uint32Array.of(0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff);
    const rows = joinSparse([{ indices, values: Float32Array.of(1, 2, 4, 8) }]);
    const reader = await open(build(rows));
    for (const [i, index] of indices.entries()) {
      const query = { indices: Uint32Array.of(index), values: Float32Array.of(1) };
      expect(await search(reader, query, 1)).toEqual([{ row: 0, score: 2 ** i }]);
    }
  });

  it("does not look at blocks whose bound is below what was found", async () => {
    // One row of 64 × 100 has all the weight; the others of its dimension have little.
    const rowCount = 6_400;
    const rows = joinSparse(
      Array.from({ length: rowCount }, (_, row) => ({
        indices: Uint32Array.of(7),
        values: Float32Array.of(row === 3_000 ? 100 : 1),
      })),
    );
    const reader = await open(build(rows));
    const query = { indices: Uint32Array.of(7), values: Float32Array.of(1) };
    const scan = { pace: new Pace(() => Promise.resolve()), bits: undefined, k: 1 };
    const { rows: found, rowsScored } = await searchSparse(reader, query, scan);
    expect([...found]).toEqual([3_000]);
    expect(rowsScored).toBe(64);
  });

  it.each([
    ["rule out little, so that every posting is added", 1, true],
    ["rule out most, so that blocks are looked at one by one", 40, false],
  ])("finds the same where bounds %s", async (_, clusters, isAll) => {
    const rowCount = 4_000;
    const random = new SeededRandom(7);
    const rows = joinSparse(
      Array.from({ length: rowCount }, (_, row) => {
        const indices = new Set<number>();
        const cluster = Math.floor((row * clusters) / rowCount);
        while (indices.size < 12) indices.add(cluster * 50 + random.below(50));
        const sorted = Uint32Array.from(indices).sort();
        const values = Float32Array.from(sorted, () => random.below(1_000) / 1_000 - 0.3);
        return { indices: sorted, values };
      }),
    );
    const reader = await open(build(rows));
    const isCandidate = (row: number): boolean => row % 7 !== 0;
    const bits = new Uint8Array(rowCount / 8);
    for (let row = 0; row < rowCount; row++) {
      if (isCandidate(row)) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (1 << (row & 7));
    }
    const pace = new Pace(() => Promise.resolve());
    for (let i = 0; i < 10; i++) {
      const indices = Uint32Array.from({ length: 20 }, (_, at) => at * 2 + 50 * (i % clusters));
      const query = { indices, values: Float32Array.from(indices, () => random.below(9) / 8) };
      expect(await search(reader, query, 15)).toEqual(bruteForce(rows, query, 15));
      const expected = bruteForce(rows, query, 15, isCandidate);
      expect(await search(reader, query, 15, bits)).toEqual(expected);
      const { rowsScored } = await searchSparse(reader, query, { pace, bits, k: 15 });
      expect(rowsScored >= rowCount).toBe(isAll);
    }
  });

  it("is given up when the signal says so, also within one search", async () => {
    const indices = Uint32Array.from({ length: 100 }, (_, i) => i);
    const values = new Float32Array(100).fill(1);
    const rows = joinSparse(Array.from({ length: 6_000 }, () => ({ indices, values })));
    const reader = await open(build(rows));
    const signal = AbortSignal.abort(new Error("given up"));
    const pace = new Pace(() => Promise.resolve(), signal);
    const scan = { pace, bits: undefined, k: 6_000 };
    await expect(searchSparse(reader, { indices, values }, scan)).rejects.toThrow("given up");
  });

  it("reads a list once where there is a cache", async () => {
    const rows = joinSparse([{ indices: Uint32Array.of(5), values: Float32Array.of(2) }]);
    const kept = new Map<number, Uint8Array>();
    let reads = 0;
    const source = toSource(build(rows));
    const counting: InvertedSource = {
      length: source.length,
      read: (start, length) => {
        reads++;
        return source.read(start, length);
      },
    };
    const cache: ListCache = {
      get: (term) => kept.get(term),
      set: (term, bytes) => kept.set(term, bytes),
    };
    const reader = await SparseReader.open(counting, cache);
    const query = { indices: Uint32Array.of(5, 9), values: Float32Array.of(1, 1) };
    const afterOpen = reads;
    for (let i = 0; i < 3; i++) {
      expect(await search(reader, query, 1)).toEqual([{ row: 0, score: 2 }]);
    }
    expect(reads).toBe(afterOpen + 1);
  });
});

describe("damaged bytes of a sparse index", () => {
  it("end as an error or as an answer about rows of the segment, whichever byte is wrong", async () => {
    const rows = joinSparse(
      Array.from({ length: 150 }, (_, row) => ({
        indices: Uint32Array.of(row % 5, 10 + (row % 3)),
        values: Float32Array.of(row, 1),
      })),
    );
    const whole = build(rows);
    const query = {
      indices: Uint32Array.of(0, 1, 2, 3, 4, 10, 11, 12),
      values: new Float32Array(8).fill(1),
    };
    for (let at = 0; at < whole.length; at++) {
      const bytes = Uint8Array.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      try {
        const found = await search(await open(bytes), query, 20);
        for (const { row } of found) expect(row).toBeLessThan(150);
      } catch (error) {
        if (!isInsulaError(error)) throw error;
        expect(["data_damaged", "format_unsupported"]).toContain(error.code);
      }
    }
  });

  it("that are cut off are an error", async () => {
    const rows = joinSparse([{ indices: Uint32Array.of(5), values: Float32Array.of(2) }]);
    const whole = build(rows);
    for (let length = 0; length < whole.length; length++) {
      await expect(open(whole.subarray(0, length))).rejects.toMatchObject({ name: "InsulaError" });
    }
  });
});
