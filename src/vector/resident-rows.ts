/**
 * One vector field of one segment in the arenas: codes of one bit a component; or int8 codes with
 * their factors, the graph if there is one and, when the segment is small enough, the float32 rows.
 * What is not resident is read for rescoring, some rows at a time.
 */
import { allDone } from "../base/all-done.ts";
import { InsulaError, assert, isInsulaError } from "../base/errors.ts";
import {
  bitLayout,
  codeStrideBytes,
  int8Layout,
  takeCodeNorms,
  type Extent,
  type KernelMetric,
} from "../math/index.ts";
import { decodeBitHeader, type BitHeader } from "./bit-section.ts";
import { measureHead } from "./graph/code-head.ts";
import type { WalkBreadths, WholeHeader } from "./graph/graph-layout.ts";
import type { GraphTarget } from "./graph/graph-view.ts";
import { graphTarget, openGraph, residentLayout } from "./graph/resident-graph.ts";
import type { RowBlockTarget } from "./row-blocks.ts";
import { RowParts, type SectionBytes } from "./row-parts.ts";
import type { VectorField } from "./vector-field.ts";
import type { BitTarget, CodeTarget } from "./scan.ts";
import type { SearchMemory } from "./search-memory.ts";

export interface ResidentSource {
  readonly field: VectorField;
  readonly rowCount: number;
  readonly codes: SectionBytes;
  readonly factors: SectionBytes;
  readonly rows: SectionBytes;
  /** Undefined for a segment without one. */
  readonly graph: SectionBytes | undefined;
  /** Codes of one bit a component: when they are there, nothing else is loaded. */
  readonly bits?: SectionBytes | undefined;
  readonly metric: KernelMetric;
  /** What a check of the int8 codes said ({@link codeRescore}); undefined where there was none. */
  readonly codeCounts?: readonly number[] | undefined;
  /** Float32 rows are loaded too when they take at most this much … */
  readonly residentRowsBytesMax: number;
  /** … or at most this much and there is room. */
  readonly spareBytes: number;
  /** Of float32 rows, bytes in one extent at most. */
  readonly rowPartBytesMax: number;
}

/** A graph over codes; the same object each time. */
interface ResidentGraph extends WalkBreadths {
  readonly target: GraphTarget;
}

export class ResidentRows {
  readonly rowCount: number;
  readonly dimension: number;
  /** How many rows to compare after a scan of int8 codes; undefined where that was not measured. */
  readonly codeCounts: readonly number[] | undefined;
  readonly #memory: SearchMemory;
  readonly #codes: Extent;
  #rows: RowParts | undefined;
  /** Where float32 rows are being read to. */
  #coming: RowParts | undefined;
  readonly #rowPartBytesMax: number;
  readonly #metric: KernelMetric;
  readonly #graph: WholeHeader | undefined;
  readonly #bits: BitHeader | undefined;
  #walked: ResidentGraph | undefined;
  #isReleased = false;

  private constructor(
    memory: SearchMemory,
    source: ResidentSource,
    parts: {
      readonly codes: Extent;
      readonly rows: RowParts | undefined;
      readonly graph: WholeHeader | undefined;
      readonly bits: BitHeader | undefined;
    },
  ) {
    this.#memory = memory;
    this.rowCount = source.rowCount;
    this.dimension = source.field.dimension;
    this.codeCounts = source.codeCounts;
    this.#codes = parts.codes;
    this.#rows = parts.rows;
    this.#rowPartBytesMax = source.rowPartBytesMax;
    this.#metric = source.metric;
    this.#graph = parts.graph;
    this.#bits = parts.bits;
  }

  /** @throws InsulaError `memory_exhausted`, `data_damaged`; nothing is held then. */
  static async load(memory: SearchMemory, source: ResidentSource): Promise<ResidentRows> {
    if (source.bits !== undefined) return ResidentRows.#loadBits(memory, source, source.bits);
    const { arenas } = memory;
    const layout = residentLayout(source);
    const codes = arenas.allocate(Math.max(layout.bytes, 16));
    let graph: WholeHeader | undefined;
    let rows: RowParts | undefined;
    try {
      const factors = bytesOf(memory, codes, source.codes.length, source.factors.length);
      await allDone([
        source.codes.readInto(0, bytesOf(memory, codes, 0, source.codes.length)),
        source.factors.readInto(0, factors),
      ]);
      rows = allocateRows(memory, source);
      const { inverseNorms } = int8Layout(source.field.dimension, source.rowCount);
      // The inverse norms stand beside the rows too: the extents may lie in different arenas.
      const readNorms = (first: number, target: Uint8Array): void => {
        target.set(bytesOf(memory, codes, inverseNorms + first * 4, target.length));
      };
      await rows?.read({ rows: source.rows, readNorms });
      if (source.metric === "cosine") takeCodeNormsOf(memory, codes, source);
      if (source.graph !== undefined) {
        await source.graph.readInto(0, bytesOf(memory, codes, layout.graph, source.graph.length));
        graph = openGraph(memory, codes, source);
      }
    } catch (error) {
      arenas.free(codes);
      rows?.release();
      throw error;
    }
    return new ResidentRows(memory, source, { codes, rows, graph, bits: undefined });
  }

  static async #loadBits(
    memory: SearchMemory,
    source: ResidentSource,
    section: SectionBytes,
  ): Promise<ResidentRows> {
    const { field, rowCount } = source;
    const { dimension } = field;
    const codes = memory.arenas.allocate(section.length);
    try {
      const bytes = bytesOf(memory, codes, 0, section.length);
      await section.readInto(0, bytes);
      if (section.length !== bitLayout(dimension, rowCount).bytes) {
        throw new InsulaError("data_damaged", "Cannot read codes of bits: they are cut off.");
      }
      const bits = decodeBitHeader(bytes, { dimension, rowCount });
      return new ResidentRows(memory, source, { codes, rows: undefined, graph: undefined, bits });
    } catch (error) {
      memory.arenas.free(codes);
      throw error;
    }
  }

  get bytes(): number {
    return this.#codes.bytes + ((this.#rows ?? this.#coming)?.bytes ?? 0);
  }

  /** Arena of the codes. */
  get arena(): number {
    return this.#codes.arena;
  }

  get hasRows(): boolean {
    return this.#rows !== undefined;
  }

  /**
   * Loads the float32 rows after all. Their memory is taken before this returns, and they are used
   * when the promise resolves; not to be released before that. Reads all of them.
   *
   * @param open their section and that of the factors, which has their norms.
   * @throws InsulaError `memory_exhausted`, `data_damaged`; nothing has changed then.
   */
  async addRows(
    open: () => Promise<{ readonly rows: SectionBytes; readonly factors: SectionBytes }>,
  ): Promise<void> {
    assert(this.#rows === undefined && this.#coming === undefined, "rows are loaded once");
    const { rowCount, dimension } = this;
    const { scales, inverseNorms } = int8Layout(dimension, rowCount);
    const shape = { rowCount, dimension, partBytesMax: this.#rowPartBytesMax };
    const coming = RowParts.allocate(this.#memory, shape);
    this.#coming = coming;
    try {
      const { rows, factors } = await open();
      const readNorms = (first: number, target: Uint8Array): Promise<void> =>
        factors.readInto(inverseNorms - scales + first * 4, target);
      await coming.read({ rows, readNorms });
      this.#rows = coming;
    } catch (error) {
      coming.release();
      throw error;
    } finally {
      this.#coming = undefined;
    }
  }

  /** Copy of one float32 row. */
  row(row: number): Float32Array {
    assert(this.#rows !== undefined, "the float32 rows are resident");
    return this.#rows.row(row);
  }

  /**
   * Codes of one bit a component, with how many rows must be compared exactly after a scan of them
   * ({@link rescoreCount}); undefined where int8 codes are there instead.
   */
  bits(): { readonly target: BitTarget; readonly counts: readonly number[] } | undefined {
    if (this.#bits === undefined) return undefined;
    const { offset } = this.#codes;
    const layout = bitLayout(this.dimension, this.rowCount);
    const target: BitTarget = {
      kind: "bits",
      strideBytes: layout.strideBytes,
      codes: offset + layout.codes,
      columns: offset + layout.columns,
      columnBytes: layout.columnBytes,
      middle: offset + layout.middle,
    };
    return { target, counts: this.#bits.counts };
  }

  codeTarget(): CodeTarget {
    assert(this.#bits === undefined, "the int8 codes are resident");
    const { offset } = this.#codes;
    const layout = int8Layout(this.dimension, this.rowCount);
    return {
      kind: "codes",
      strideBytes: codeStrideBytes(this.dimension),
      codes: offset + layout.codes,
      scales: offset + layout.scales,
      squaredNorms: offset + layout.squaredNorms,
      inverseNorms: offset + layout.inverseNorms,
    };
  }

  /** The graph over the codes, and how broad a search of it must be; undefined without one. */
  graph(): ResidentGraph | undefined {
    const header = this.#graph;
    if (header === undefined) return undefined;
    const { rowCount, dimension } = this;
    const { offset } = this.#codes;
    if (this.#walked !== undefined) return this.#walked;
    const place = { offset, rowCount, dimension, metric: this.#metric };
    const target = graphTarget(header, place);
    const head = measureHead(this.#memory.memory(this.arena), target);
    const { efs, reaches } = header;
    this.#walked = { target: { ...target, head }, efs, reaches };
    return this.#walked;
  }

  /** The float32 rows in their order; undefined when they are not resident. */
  rowTargets(): readonly RowBlockTarget[] | undefined {
    return this.#rows?.targets;
  }

  release(): void {
    assert(!this.#isReleased, "released once");
    this.#isReleased = true;
    this.#memory.arenas.free(this.#codes);
    this.#rows?.release();
  }
}

/**
 * Room for the float32 rows; undefined when they stay in their file.
 *
 * @throws InsulaError `memory_exhausted` for rows that are to be in memory whatever else is.
 */
function allocateRows(memory: SearchMemory, source: ResidentSource): RowParts | undefined {
  const { field, rowCount, rows, residentRowsBytesMax, spareBytes, rowPartBytesMax } = source;
  const shape = { rowCount, dimension: field.dimension, partBytesMax: rowPartBytesMax };
  if (rows.length === 0) return undefined;
  if (rows.length <= residentRowsBytesMax) return RowParts.allocate(memory, shape);
  if (rows.length > spareBytes) return undefined;
  try {
    return RowParts.allocate(memory, shape);
  } catch (error) {
    if (isInsulaError(error) && error.code === "memory_exhausted") return undefined;
    throw error;
  }
}

/** The columns of codes as they are scanned; the float32 rows have norms of their own. */
function takeCodeNormsOf(memory: SearchMemory, codes: Extent, source: ResidentSource): void {
  const { rowCount, field } = source;
  const { squaredNorms, inverseNorms } = int8Layout(field.dimension, rowCount);
  const { buffer } = memory.memory(codes.arena);
  takeCodeNorms(
    new Float32Array(buffer, codes.offset + squaredNorms, rowCount),
    new Float32Array(buffer, codes.offset + inverseNorms, rowCount),
  );
}

function bytesOf(memory: SearchMemory, extent: Extent, start: number, length: number): Uint8Array {
  return new Uint8Array(memory.memory(extent.arena).buffer, extent.offset + start, length);
}
