/**
 * Speed of the kernels against the read loop (the limit), a plain TypeScript loop and `usearch`.
 *
 *   npx tsx bench/kernels.bench.ts --quick
 *
 * Read the ratios: absolute figures wander by a factor of two on shared machines.
 */
import { readFileSync } from "node:fs";
import {
  ArenaPool,
  KERNELS_FILE,
  KernelSet,
  NUMBER_PARSER_FILE,
  NumberParser,
  RowScanner,
  SCRATCH_BYTES,
  codeStrideBytes,
  int8Layout,
  loadKernelModule,
  loadNumberParserModule,
  rowStrideBytes,
  signBytes,
  signWords,
} from "../src/math/index.ts";
import type { Float32Rows, Int8Rows, Kernels } from "../src/math/index.ts";
import { buildKernels } from "../scripts/build-kernels.mjs";
import { SeededNumbers } from "./support/clustered-vectors.ts";
import { loadPeer } from "./support/peer-package.ts";
import { openReport, type Row } from "./support/report.ts";
import { median } from "./support/samples.ts";

const USEARCH = "usearch@2.25.3";
/** A run is repeated until it takes about this long: short ones drown in the clock's steps. */
const RUN_MS_MIN = 5;

const report = openReport({
  path: "bench/kernels.bench.ts",
  purpose: "Exact and quantized scans against the memory limit, a plain loop and usearch.",
  example: "npx tsx bench/kernels.bench.ts --rows 100000 --peer off",
  sizes: {
    rows: { description: "largest number of rows", full: 100_000, quick: 10_000 },
    repetitions: { description: "the median of so many", full: 21, quick: 5 },
  },
  texts: {
    peer: { description: "off: without usearch, which npm installs once", placeholder: "off" },
  },
  remarks: [
    `${USEARCH} is installed into .cache/bench when it is missing (once, through npm).`,
    "",
  ],
});

interface Bench {
  readonly name: string;
  readonly run: () => void;
  /** Bytes one run reads; 0 where a rate of bytes says nothing. */
  readonly bytes: number;
  readonly rows: number;
}

interface Block {
  readonly dimension: number;
  readonly count: number;
  readonly kernels: Kernels;
  readonly scanner: RowScanner;
  readonly values: Float32Array;
  readonly float32: Float32Rows;
  readonly int8: Int8Rows;
  readonly signs: number;
}

function makeQuery(dimension: number): Float32Array {
  return Float32Array.from({ length: dimension }, (_, j) => Math.sin(j * 12.9898));
}

function makeBlock(dimension: number, count: number, set: KernelSet): Block {
  const pool = new ArenaPool({ bytesMax: 4 * 2 ** 30 });
  const stride = rowStrideBytes(dimension);
  const rows = pool.allocate(stride * count);
  const layout = int8Layout(dimension, count);
  const codes = pool.allocateIn(rows.arena, layout.bytes);
  const signs = pool.allocateIn(rows.arena, signBytes(dimension) * count);
  const scratch = pool.allocateIn(rows.arena, SCRATCH_BYTES);
  const values = pool.float32(rows);
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[i] = i % (stride / 4) < dimension ? state / 2 ** 31 - 1 : 0;
  }
  const memory = pool.memoryOf(rows.arena);
  const kernels = set.kernelsFor(memory);
  const int8 = {
    codes: codes.offset + layout.codes,
    scales: codes.offset + layout.scales,
    squaredNorms: codes.offset + layout.squaredNorms,
    inverseNorms: codes.offset + layout.inverseNorms,
  };
  const { scales, squaredNorms, inverseNorms } = int8;
  const codeStride = codeStrideBytes(dimension);
  kernels.quantizeRows(
    rows.offset,
    stride,
    count,
    int8.codes,
    codeStride,
    scales,
    squaredNorms,
    inverseNorms,
  );
  kernels.signRows(rows.offset, stride, 0, count, signWords(dimension), signs.offset);
  return {
    dimension,
    count,
    kernels,
    values,
    int8,
    signs: signs.offset,
    scanner: new RowScanner(kernels, memory, scratch),
    float32: { rows: rows.offset, inverseNorms },
  };
}

function plainDot(values: Float32Array, query: Float32Array, count: number): number {
  let best = Infinity;
  for (let i = 0; i < count; i++) {
    let sum = 0;
    const start = i * query.length;
    for (let j = 0; j < query.length; j++) sum += (values[start + j] ?? 0) * (query[j] ?? 0);
    best = Math.min(best, -sum);
  }
  return best;
}

function scans(block: Block): Bench[] {
  const { scanner, count, dimension, float32, int8, signs, kernels } = block;
  const query = makeQuery(dimension);
  const all = { rowFirst: 0, rowCount: count, bitmap: 0, idBase: 0 };
  const bytes = rowStrideBytes(dimension) * count;
  const rows = count;
  const benches: Bench[] = [
    { name: "read loop", bytes, rows, run: () => kernels.readLoop(float32.rows, bytes) },
    { name: PLAIN_NAME, bytes, rows, run: () => plainDot(block.values, query, count) },
  ];
  for (const metric of ["dot", "cosine", "euclidean"] as const) {
    const begin = (k: number): void => {
      scanner.prepare(query, metric);
      scanner.begin(k);
    };
    benches.push(
      {
        name: `float32 ${metric}, top 10`,
        bytes,
        rows,
        run: () => {
          begin(10);
          scanner.scanFloat32(float32, all);
          scanner.hits();
        },
      },
      {
        name: `int8 ${metric}, 20 rescored`,
        bytes: codeStrideBytes(dimension) * count,
        rows,
        run: () => {
          begin(20);
          scanner.scanInt8(int8, all);
          scanner.rescore(float32, 10);
          scanner.hits();
        },
      },
    );
  }
  const signScan = signBytes(dimension) * count;
  benches.push(
    {
      name: "signs, 100 selected",
      bytes: signScan,
      rows,
      run: () => {
        scanner.prepareSigns(0);
        scanner.selectHamming(signs, all, 100);
      },
    },
    {
      name: "signs 100, int8 20, float32 10",
      bytes: signScan,
      rows,
      run: () => {
        scanner.prepare(query, "cosine");
        scanner.prepareSigns(0);
        scanner.begin(20);
        scanner.scanInt8Rows(int8, scanner.selectHamming(signs, all, 100));
        scanner.rescore(float32, 10);
        scanner.hits();
      },
    },
    {
      name: "only: prepare a query, all forms",
      bytes: 0,
      rows: 1,
      run: () => {
        scanner.prepare(query, "cosine");
        scanner.prepareSigns(0);
      },
    },
  );
  return benches;
}

interface Usearch {
  exactSearch(
    rows: Float32Array,
    queries: Float32Array,
    dimension: number,
    k: number,
    metric: string,
    threads: number,
  ): unknown;
}

function peers(block: Block, usearch: Usearch | undefined): Bench[] {
  if (usearch === undefined) return [];
  const { dimension, count } = block;
  const rows = block.values.slice(0, dimension * count);
  const query = makeQuery(dimension);
  const run = (): unknown => usearch.exactSearch(rows, query, dimension, 10, "ip", 1);
  return [{ name: PEER_NAME, bytes: rows.byteLength, rows: count, run }];
}

/** Median time of one run in microseconds, for each; all take turns. */
function measure(benches: readonly Bench[], repetitions: number): number[] {
  const runs = benches.map(({ run }) => {
    run();
    const startedAt = performance.now();
    run();
    return Math.max(1, Math.ceil(RUN_MS_MIN / (performance.now() - startedAt + 1e-6)));
  });
  const times = benches.map((): number[] => []);
  const random = new SeededNumbers(17);
  for (let turn = 0; turn < repetitions; turn++) {
    // Shuffled: who always follows a peer with a copy of its own always finds colder caches.
    for (const i of shuffled(benches.length, random)) {
      const run = benches[i]?.run ?? ((): void => undefined);
      const count = runs[i] ?? 1;
      // Not timed: each finds the caches as it leaves them itself, not as its neighbour did.
      run();
      const startedAt = performance.now();
      for (let repeat = 0; repeat < count; repeat++) run();
      times[i]?.push(((performance.now() - startedAt) * 1_000) / count);
    }
  }
  return times.map((values) => median(values));
}

function shuffled(count: number, random: SeededNumbers): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [order[i], order[other]] = [order[other] ?? 0, order[i] ?? 0];
  }
  return order;
}

const PEER_NAME = "usearch exactSearch, dot, one thread";
const EXACT_NAME = "float32 dot, top 10";
const PLAIN_NAME = "plain TypeScript, dot";

/** A faster scan that finds something else is no faster scan. */
function checkAnswers(block: Block, usearch: Usearch | undefined): void {
  if (usearch === undefined) return;
  const { dimension, count, scanner } = block;
  const query = makeQuery(dimension);
  const rows = block.values.slice(0, dimension * count);
  const theirs = usearch.exactSearch(rows, query, dimension, 10, "ip", 1) as {
    readonly keys: BigUint64Array;
  };
  scanner.prepare(query, "dot");
  scanner.begin(10);
  scanner.scanFloat32(block.float32, { rowFirst: 0, rowCount: count, bitmap: 0, idBase: 0 });
  const ours = new Set(scanner.hits().rows);
  const shared = [...theirs.keys].filter((key) => ours.has(Number(key))).length;
  report.remark(`The nearest ten of usearch and of the exact scan have ${shared} in common.`);
}

function compare(dimension: number, count: number, usearch: Usearch | undefined): void {
  report.progress(`${count} rows of ${dimension}`);
  const block = makeBlock(dimension, count, set);
  const benches = [...scans(block), ...peers(block, usearch)];
  const times = measure(benches, report.size("repetitions"));
  const limit = (benches[0]?.bytes ?? 0) / (times[0] ?? 1);
  const exact = times[benches.findIndex(({ name }) => name === EXACT_NAME)] ?? Number.NaN;
  const rows = benches.map(({ name, bytes, rows: rowCount }, i): Row => {
    const time = times[i] ?? Number.NaN;
    return {
      scan: name,
      µs: time,
      "GB/s": bytes === 0 ? "" : (bytes / time / 1_000).toFixed(2),
      "Mrow/s": bytes === 0 ? "" : (rowCount / time).toFixed(2),
      "% of read loop": bytes === 0 ? "" : ((100 * bytes) / time / limit).toFixed(0),
      "this / exact dot": time / exact,
    };
  });
  report.table(`${count.toLocaleString("en-US")} × ${dimension}, one thread`, rows);
  checkAnswers(block, usearch);
  const share = (100 * (times[0] ?? Number.NaN)) / exact;
  report.figure(
    `exact float32 scan of the read loop's bandwidth, ${count} × ${dimension}`,
    share,
    "%",
    {
      min: 75,
    },
  );
  for (const name of [PLAIN_NAME, PEER_NAME]) {
    const i = benches.findIndex((bench) => bench.name === name);
    if (i >= 0) report.figure(`${name} / exact scan`, (times[i] ?? 0) / exact, "×");
  }
}

function compareParsers(): void {
  const parser = new NumberParser(loadNumberParserModule(readFileSync(NUMBER_PARSER_FILE.beside)));
  const target = new Float32Array(1_024);
  for (const digits of [17, 6]) {
    const numbers = [...makeQuery(1_024)].map((value) =>
      Number((value * 0.05).toPrecision(digits)),
    );
    const body = Buffer.from(JSON.stringify(numbers));
    const benches: Bench[] = [
      { name: "number parser", run: () => parser.parse(body, 0, target) },
      {
        name: "JSON.parse",
        run: () => {
          target.set(JSON.parse(body.toString("latin1")) as number[]);
        },
      },
    ].map((bench) => ({ ...bench, bytes: 0, rows: 1 }));
    const times = measure(benches, report.size("repetitions"));
    report.table(
      `1,024 numbers of JSON to float32, ${digits} digits, ${body.length} bytes`,
      benches.map(({ name }, i) => ({ parser: name, µs: times[i] ?? 0 })),
    );
    report.figure("JSON.parse / number parser", (times[1] ?? 0) / (times[0] ?? 1), "×");
  }
}

await buildKernels();
const set = new KernelSet(loadKernelModule(readFileSync(KERNELS_FILE.beside)));
const found =
  report.text("peer") === "off"
    ? undefined
    : ((await loadPeer(USEARCH, (text) => report.remark(text))) as Usearch | undefined);
for (const dimension of [768, 1_024]) {
  for (const count of [1_000, 10_000, 100_000]) {
    if (count <= report.size("rows")) compare(dimension, count, found);
  }
}
compareParsers();
report.finish();
