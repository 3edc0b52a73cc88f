/** The true nearest rows, by an exact scan of float32 rows. */
import { readFileSync } from "node:fs";
import { InlinePool } from "../../src/io/index.ts";
import {
  ArenaPool,
  KERNELS_FILE,
  loadKernelModule,
  rowStrideBytes,
  type RowHits,
} from "../../src/math/index.ts";
import { FlatScan, SearchMemory, mergeResults, type FlatPart } from "../../src/vector/index.ts";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import { rowAt, type RowFilter, type SearchData } from "./contender.ts";
import { UNPACED } from "../support/unpaced.ts";

export type Truth = readonly ReadonlySet<number>[];

/** Bytes of rows in one extent, which has 1 GiB at most. */
const BLOCK_BYTES = 2 ** 29;

interface Block {
  readonly first: number;
  readonly count: number;
  readonly extent: ReturnType<ArenaPool["allocate"]>;
}

/** Holds the rows a second time until {@link ExactTruth.release}. */
export class ExactTruth {
  readonly #data: SearchData;
  readonly #memory: SearchMemory;
  readonly #threads = new InlinePool({ jobs: {}, onBroadcast: () => undefined });
  readonly #blocks: Block[] = [];

  private constructor(data: SearchData, memory: SearchMemory) {
    this.#data = data;
    this.#memory = memory;
    // A multiple of 8, so that the bits of a block begin at a byte.
    const step = Math.max(8, Math.floor(BLOCK_BYTES / rowStrideBytes(data.dimension) / 8) * 8);
    for (let first = 0; first < data.rowCount; first += step) {
      this.#blocks.push(this.#place(first, Math.min(step, data.rowCount - first)));
    }
  }

  #place(first: number, count: number): Block {
    const stride = rowStrideBytes(this.#data.dimension);
    const extent = this.#memory.arenas.allocate(count * (stride + 4) + 16);
    const { arena, offset } = extent;
    const { buffer } = this.#memory.memory(arena);
    const rows = new Float32Array(buffer, offset, (count * stride) / 4).fill(0);
    for (let i = 0; i < count; i++) rows.set(rowAt(this.#data, first + i), (i * stride) / 4);
    this.#memory.kernels(arena).normRows(offset, stride, count, 0, offset + rows.byteLength);
    return { first, count, extent };
  }

  static async open(data: SearchData): Promise<ExactTruth> {
    await buildKernels();
    const kernels = loadKernelModule(readFileSync(KERNELS_FILE.beside));
    const bytesMax = data.rows.byteLength * 2 + 2 ** 28;
    return new ExactTruth(data, new SearchMemory(kernels, new ArenaPool({ bytesMax })));
  }

  nearest(queries: readonly Float32Array[], k: number, filter?: RowFilter): Truth {
    const strideBytes = rowStrideBytes(this.#data.dimension);
    const bits = filter && this.#bits(filter);
    const parts = this.#blocks.map(({ first, count, extent: { arena, offset } }): FlatPart => {
      const inverseNorms = offset + count * strideBytes;
      const target = { kind: "float32" as const, rows: offset, strideBytes, inverseNorms };
      const passing = bits?.subarray(first / 8, (first + count + 7) >>> 3);
      return { arena, target, rowCount: count, rowBase: first, bits: passing };
    });
    return queries.map((query) => {
      const scan = new FlatScan(this.#memory, this.#threads, "cosine", query);
      const hits = scan.scan(parts, k, UNPACED) as RowHits[];
      scan.close();
      return new Set(mergeResults(hits, k).rows);
    });
  }

  release(): void {
    for (const { extent } of this.#blocks) this.#memory.arenas.free(extent);
  }

  #bits({ property, below }: RowFilter): Uint8Array {
    const { rowCount, buckets, sides } = this.#data;
    const values = property === "bucket" ? buckets : sides;
    const bits = new Uint8Array(Math.ceil(rowCount / 8));
    for (let row = 0; row < rowCount; row++) {
      if ((values[row] ?? 0) < below) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (1 << (row & 7));
    }
    return bits;
  }
}
