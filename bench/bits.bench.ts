/**
 * Codes of one bit a component: how many rows must be compared exactly after a scan of them, what
 * they take, and what it costs to make them.
 *
 *   npm run bench -- bits --quick
 */
import { readFileSync } from "node:fs";
import { KERNELS_FILE, loadKernelModule } from "../src/math/index.ts";
import { BitQuantizer, RowSample } from "../src/vector/index.ts";
import { decodeBitHeader } from "../src/vector/bit-section.ts";
import { clusteredVectors, SeededNumbers } from "./support/clustered-vectors.ts";
import { openReport, type Row } from "./support/report.ts";

const DIMENSIONS = [128, 384, 768];

const report = openReport({
  path: "bench/bits.bench.ts",
  purpose: "Rows to compare after a scan of codes of one bit, by recall.",
  example: "npm run bench -- bits --rows 100000",
  sizes: {
    rows: {
      description: "most rows of a segment; a tenth and a hundredth too",
      full: 100_000,
      quick: 1_000,
    },
  },
});
const module = loadKernelModule(readFileSync(KERNELS_FILE.beside));
const most = report.size("rows");
const rows: Row[] = [];
for (const rowCount of [most / 100, most / 10, most].map(Math.floor)) {
  if (rowCount < 256) continue;
  for (const dimension of DIMENSIONS) {
    rows.push(
      measure("clustered", clusteredVectors(dimension, rowCount, 3).next(rowCount), dimension),
    );
    const random = new SeededNumbers(11);
    const uniform = Float32Array.from(
      { length: rowCount * dimension },
      () => random.below(2_001) / 1_000 - 1,
    );
    rows.push(measure("uniform", uniform, dimension));
  }
}
report.table(
  "Rows compared for ten neighbours, cosine; 0: more than 2,048, no codes are kept",
  rows,
);
report.finish();

function measure(data: string, values: Float32Array, dimension: number): Row {
  const rowCount = values.length / dimension;
  report.progress(`${data}: ${rowCount} × ${dimension}`);
  const startMs = performance.now();
  const sample = new RowSample(dimension, rowCount);
  sample.add(values);
  const quantizer = new BitQuantizer(module, "cosine", sample);
  quantizer.add(values);
  const section = quantizer.finish();
  const microseconds = ((performance.now() - startMs) * 1_000) / rowCount;
  const shape = { dimension, rowCount };
  const counts = section === undefined ? [] : decodeBitHeader(section, shape).counts;
  return {
    data,
    rows: rowCount,
    components: dimension,
    "recall 0.9": counts[2] ?? 0,
    "0.95": counts[3] ?? 0,
    "0.99": counts[6] ?? 0,
    "bytes a row": section === undefined ? 0 : section.length / rowCount,
    "µs a row to make": microseconds,
  };
}
