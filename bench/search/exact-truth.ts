/** The true nearest rows, by an exact scan of float32 rows. */
import { readFileSync } from "node:fs";
import { InlinePool } from "../../src/io/index.ts";
import { ArenaPool, KERNELS_FILE, loadKernelModule, rowStrideBytes } from "../../src/math/index.ts";
import { FlatScan, SearchMemory } from "../../src/vector/index.ts";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import { rowAt, type RowFilter, type SearchData } from "./contender.ts";
import { UNPACED } from "../support/unpaced.ts";

export type Truth = readonly ReadonlySet<number>[];

/** Holds the rows a second time until {@link ExactTruth.release}. */
export class ExactTruth {
  readonly #data: SearchData;
  readonly #memory: SearchMemory;
  readonly #threads = new InlinePool({ jobs: {}, onBroadcast: () => undefined });
  readonly #extent: ReturnType<ArenaPool["allocate"]>;

  private constructor(data: SearchData, memory: SearchMemory) {
    this.#data = data;
    this.#memory = memory;
    const stride = rowStrideBytes(data.dimension);
    this.#extent = memory.arenas.allocate(data.rowCount * (stride + 4) + 16);
    const { arena, offset } = this.#extent;
    const { buffer } = memory.memory(arena);
    const rows = new Float32Array(buffer, offset, (data.rowCount * stride) / 4).fill(0);
    for (let i = 0; i < data.rowCount; i++) rows.set(rowAt(data, i), (i * stride) / 4);
    memory.kernels(arena).normRows(offset, stride, data.rowCount, 0, offset + rows.byteLength);
  }

  static async open(data: SearchData): Promise<ExactTruth> {
    await buildKernels();
    const kernels = loadKernelModule(readFileSync(KERNELS_FILE.beside));
    const bytesMax = data.rows.byteLength * 2 + 2 ** 28;
    return new ExactTruth(data, new SearchMemory(kernels, new ArenaPool({ bytesMax })));
  }

  nearest(queries: readonly Float32Array[], k: number, filter?: RowFilter): Truth {
    const { rowCount, dimension } = this.#data;
    const strideBytes = rowStrideBytes(dimension);
    const { arena, offset } = this.#extent;
    const inverseNorms = offset + rowCount * strideBytes;
    const target = { kind: "float32" as const, rows: offset, strideBytes, inverseNorms };
    const bits = filter && this.#bits(filter);
    return queries.map((query) => {
      const scan = new FlatScan(this.#memory, this.#threads, "cosine", query);
      const [hits] = scan.scan([{ arena, target, rowCount, rowBase: 0, bits }], k, UNPACED) as {
        rows: Uint32Array;
      }[];
      scan.close();
      return new Set(hits?.rows);
    });
  }

  release(): void {
    this.#memory.arenas.free(this.#extent);
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
