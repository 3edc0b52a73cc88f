import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import { ArenaPool } from "./arena-pool.ts";
import { exactDistance, inverseNorm, rowStrideBytes } from "./distance.ts";
import type { KernelMetric } from "./distance.ts";
import { KERNELS_FILE, KernelSet, loadKernelModule } from "./kernel-set.ts";
import { codeStrideBytes, int8Layout, signBytes, signWords } from "./quantizer.ts";
import { RowScanner } from "./row-scanner.ts";
import { CANDIDATES_MAX, SCRATCH_BYTES } from "./scratch.ts";

const DIMENSION = 384;
const COUNT = 1_000;
const ALL = { rowFirst: 0, rowCount: COUNT, bitmap: 0, idBase: 0 };

let pool: ArenaPool;
let set: KernelSet;

beforeAll(async () => {
  await buildKernels();
  set = new KernelSet(loadKernelModule(readFileSync(KERNELS_FILE.beside)));
  pool = new ArenaPool({ bytesMax: 256 * 1_048_576 });
});

/** Twenty directions with noise around them: near and far neighbours for every query. */
function makeVectors(count: number, seed: number): Float32Array[] {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const centres = Array.from({ length: 20 }, (_, c) =>
    Float32Array.from({ length: DIMENSION }, (__, j) => Math.sin((c + 1) * (j + 3) * 1.7)),
  );
  return Array.from({ length: count }, (_, i) => {
    const centre = centres[i % 20] ?? new Float32Array(DIMENSION);
    return centre.map((value) => value + next() * 0.8);
  });
}

/** A block with all its forms in one arena, and a scanner over it. */
function setUp(vectors: readonly Float32Array[]) {
  const stride = rowStrideBytes(DIMENSION);
  const layout = int8Layout(DIMENSION, COUNT);
  const rows = pool.allocate(stride * COUNT);
  const codes = pool.allocateIn(rows.arena, layout.bytes);
  const signs = pool.allocateIn(rows.arena, signBytes(DIMENSION) * COUNT);
  const scratch = pool.allocateIn(rows.arena, SCRATCH_BYTES);
  pool.clear(rows);
  const memory = pool.memoryOf(rows.arena);
  const kernels = set.kernelsFor(memory);
  for (const [i, vector] of vectors.entries()) pool.float32(rows).set(vector, (i * stride) / 4);
  const int8 = {
    codes: codes.offset + layout.codes,
    scales: codes.offset + layout.scales,
    squaredNorms: codes.offset + layout.squaredNorms,
    inverseNorms: codes.offset + layout.inverseNorms,
  };
  const { squaredNorms, inverseNorms, scales } = int8;
  const codeStride = codeStrideBytes(DIMENSION);
  kernels.quantizeRows(
    rows.offset,
    stride,
    COUNT,
    int8.codes,
    codeStride,
    scales,
    squaredNorms,
    inverseNorms,
  );
  kernels.signRows(rows.offset, stride, 0, COUNT, signWords(DIMENSION), signs.offset);
  return {
    memory,
    scanner: new RowScanner(kernels, memory, scratch),
    float32: { rows: rows.offset, inverseNorms },
    int8,
    signs: signs.offset,
  };
}

describe("a row scanner", () => {
  it.each([
    [3, 1],
    [3, 700],
    [384, 600],
    [1_001, 90],
  ])("scores rows of %i numbers from outside, %i at once, as any others", (dimension, count) => {
    const { scanner } = setUp(makeVectors(COUNT, 7));
    const cut = (vector: Float32Array): Float32Array =>
      Float32Array.from({ length: dimension }, (_, j) => vector[j % DIMENSION] ?? 0);
    const vectors = makeVectors(count, 5).map(cut);
    const [query = new Float32Array(dimension)] = makeVectors(1, 3).map(cut);
    const rows = new Float32Array(count * dimension);
    for (const [i, vector] of vectors.entries()) rows.set(vector, i * dimension);
    for (const metric of ["cosine", "dot", "euclidean"] as const) {
      scanner.prepare(query, metric);
      const asked = { vector: query, inverseNorm: inverseNorm(query) };
      const judged = vectors.map((vector) =>
        exactDistance(metric, asked, { vector, inverseNorm: inverseNorm(vector) }),
      );
      expect([...scanner.scoreForeign(rows)]).toEqual(judged);
    }
  });

  it.each(["cosine", "dot", "euclidean"] as const)(
    "finds by codes and rescoring what an exact scan finds: %s",
    (metric: KernelMetric) => {
      const vectors = makeVectors(COUNT, 7);
      const { scanner, float32, int8, signs } = setUp(vectors);
      let missedByInt8 = 0;
      let missedBySigns = 0;
      for (const query of makeVectors(40, 99)) {
        scanner.prepare(query, metric);
        scanner.begin(10);
        scanner.scanFloat32(float32, ALL);
        const exact = scanner.hits();
        const asked = { vector: query, inverseNorm: inverseNorm(query) };
        const judged = vectors.map((vector) =>
          exactDistance(metric, asked, { vector, inverseNorm: inverseNorm(vector) }),
        );
        expect([...exact.distances]).toEqual([...exact.rows].map((row) => judged[row]));
        expect([...exact.distances]).toEqual([...judged].sort((a, b) => a - b).slice(0, 10));

        scanner.begin(20);
        scanner.scanInt8(int8, ALL);
        scanner.rescore(float32, 10);
        const byInt8 = scanner.hits();
        missedByInt8 += [...exact.rows].filter((row) => !byInt8.rows.includes(row)).length;
        expect([...byInt8.distances]).toEqual([...byInt8.rows].map((row) => judged[row]));

        scanner.prepareSigns(0);
        const selected = scanner.selectHamming(signs, ALL, 200);
        expect(selected).toBe(200);
        scanner.begin(20);
        scanner.scanInt8Rows(int8, selected);
        scanner.rescore(float32, 10);
        const bySigns = scanner.hits();
        missedBySigns += [...exact.rows].filter((row) => !bySigns.rows.includes(row)).length;
      }
      expect(missedByInt8).toBeLessThanOrEqual(2);
      expect(missedBySigns).toBeLessThanOrEqual(metric === "dot" ? 60 : 20);
    },
  );

  it("keeps the cosine of a query of any length", () => {
    const { scanner, float32 } = setUp(makeVectors(COUNT, 7));
    const [query = new Float32Array(DIMENSION)] = makeVectors(1, 5);
    const results = [1, 2 ** 100, 2 ** -100].map((factor) => {
      scanner.prepare(
        query.map((value) => value * factor),
        "cosine",
      );
      scanner.begin(10);
      scanner.scanFloat32(float32, ALL);
      return scanner.hits();
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it("finds the same by a heap of Hamming distances as by selection", () => {
    const { scanner, signs, memory } = setUp(makeVectors(COUNT, 7));
    const [query = new Float32Array(DIMENSION)] = makeVectors(1, 5);
    scanner.prepare(query, "cosine");
    scanner.prepareSigns(0);
    scanner.begin(50);
    scanner.scanHamming(signs, ALL);
    const rows = [...scanner.hits().rows].sort((a, b) => a - b);
    const count = scanner.selectHamming(signs, ALL, 50);
    expect([...new Uint32Array(memory.buffer, scanner.ids, count)]).toEqual(rows);
  });

  it("refuses what would leave its scratch space", () => {
    const { scanner, signs } = setUp([]);
    const broken = expect.objectContaining({ code: "invariant_broken" });
    expect(() => {
      scanner.prepare(new Float32Array(16_385), "dot");
    }).toThrow(broken);
    expect(() => {
      scanner.prepare(new Float32Array(0), "dot");
    }).toThrow(broken);
    expect(() => {
      scanner.begin(CANDIDATES_MAX + 1);
    }).toThrow(broken);
    expect(() => {
      scanner.begin(0);
    }).toThrow(broken);
    scanner.prepare(new Float32Array(DIMENSION), "dot");
    expect(() => scanner.selectHamming(signs, { ...ALL, rowCount: 300_000 }, 5)).toThrow(broken);
    expect(() => scanner.selectHamming(signs, ALL, CANDIDATES_MAX + 1)).toThrow(broken);
    expect(scanner.hits().rows).toHaveLength(0);
  });

  it("fits its scratch space into one block of a mebibyte", () => {
    expect(SCRATCH_BYTES).toBeLessThanOrEqual(1_048_576);
    expect(SCRATCH_BYTES).toBeGreaterThan(524_288);
  });
});
