/**
 * The dense fields of one open segment: codes and graphs come into the arenas with the first
 * search; float32 rows, several times as large, stay in their file until searches have read so much
 * of it that loading them whole would have cost no more (the break-even rule of ski rental: at most
 * twice what knowing the future would cost). Whoever is searched once after a sleep loads little;
 * whoever is searched all the time has all in memory.
 */
import { assert } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import type { DocId } from "../base/brands.ts";
import { rowStrideBytes } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import type { SectionReader, SegmentReader } from "../storage/index.ts";
import { ResidentRows, type SectionBytes } from "../vector/index.ts";
import { codeMetric, kernelMetric } from "./kernel-metric.ts";
import { loadBytes, rowsAtOnceMax, rowsBytes } from "./load-estimate.ts";
import { SECTION } from "./section-types.ts";
import { decodeSegmentStats } from "./segment-write.ts";
import type { ShardContext } from "./shard-context.ts";
import { isRemote, type SegmentEntry } from "./shard-state.ts";

/** What the fields need of their segment. */
export interface DenseSegment {
  readonly entry: SegmentEntry;
  readonly open: () => Promise<SegmentReader>;
  /** Nobody removes the segment until what is returned is called. */
  readonly hold: () => () => void;
  /** False: the last reader has gone, and what is loaded now is to be given back at once. */
  readonly isHeld: () => boolean;
  /** Of the shard: rows of all its segments on their way into memory, also of retired ones. */
  readonly coming: Set<Promise<void>>;
}

/** Of listed rows that are read together, and then copied or compared without a pause. */
const LISTED_BYTES = 131_072;
const LISTED_ROWS_MAX = 128;

/** Rows of a field that are read together where they are in the file. */
export function listedRowsMax({ dimension }: VectorField): number {
  const fitting = Math.floor(LISTED_BYTES / rowStrideBytes(dimension));
  return Math.max(1, Math.min(LISTED_ROWS_MAX, fitting));
}

/**
 * A listed row costs as much as so many bytes read in one go: a read, and a seal to open. Less
 * where several share a chunk.
 */
const ALONE_BYTES = 24_576;

export class SegmentDense {
  readonly #segment: DenseSegment;
  readonly #context: ShardContext;
  readonly #resident = new Map<string, ResidentRows>();
  readonly #loads = new Map<string, Promise<ResidentRows>>();
  /** By field: what searches have read of float32 rows that are not in memory. */
  readonly #missedBytes = new Map<string, number>();
  /** Loads of rows on their way into memory. */
  #comingCount = 0;
  /** Ends them. */
  #ended: AbortController | undefined;

  constructor(context: ShardContext, segment: DenseSegment) {
    this.#context = context;
    this.#segment = segment;
  }

  /** Bytes in the arenas. */
  get bytes(): number {
    let bytes = 0;
    for (const rows of this.#resident.values()) bytes += rows.bytes;
    return bytes;
  }

  get isLoading(): boolean {
    return this.#loads.size > 0 || this.#comingCount > 0;
  }

  /** One float32 row, owned by the caller. */
  async row(field: VectorField, row: DocId): Promise<Float32Array> {
    const [values] = await this.rows(field, [row]);
    assert(values !== undefined, "one vector for one row");
    return values;
  }

  /** Listed float32 rows, each owned by the caller; at most {@link listedRowsMax}. */
  async rows(
    field: VectorField,
    rows: readonly DocId[],
    pace?: Pace,
  ): Promise<readonly Float32Array[]> {
    const resident = this.#resident.get(field.name);
    if (resident?.hasRows === true) return rows.map((row) => resident.row(row));
    const { dimension } = field;
    const read = await this.readListed(field, rows, pace);
    if (rows.length === 1) return [read];
    return rows.map((_, i) => read.slice(i * dimension, (i + 1) * dimension));
  }

  /**
   * Listed float32 rows out of the file, one behind the other, without padding; at most
   * {@link listedRowsMax}.
   */
  async readListed(
    field: VectorField,
    rows: readonly DocId[],
    pace?: Pace,
  ): Promise<Float32Array<ArrayBuffer>> {
    const section = await this.#rowSection(field);
    const strideBytes = section.length / this.#segment.entry.rowCount;
    const starts = rows.map((row) => row * strideBytes);
    return new Float32Array((await section.readPieces(starts, field.dimension * 4, pace)).buffer);
  }

  /** Fills `target` with float32 rows, padding included, from row `first` on. */
  async readRows(field: VectorField, first: DocId, target: Uint8Array, pace?: Pace): Promise<void> {
    const section = await this.#rowSection(field);
    const strideBytes = section.length / this.#segment.entry.rowCount;
    await section.readInto(first * strideBytes, target, pace);
  }

  /** Codes of a field in the arenas, with its graph, and float32 rows where they belong there. */
  resident(field: VectorField): ResidentRows | Promise<ResidentRows> {
    const { name } = field;
    const known = this.#resident.get(name) ?? this.#loads.get(name);
    if (known !== undefined) return known;
    // A failed load may be tried again.
    const load = this.#load(field).finally(() => this.#loads.delete(name));
    this.#loads.set(name, load);
    return load;
  }

  /** Roughly what {@link SegmentDense.resident} would take of the arenas; 0 when it is there. */
  unloadedBytes(field: VectorField): number {
    const { rowCount } = this.#segment.entry;
    // One without rows, that says only which others are gone, is never searched.
    if (rowCount === 0 || this.#resident.has(field.name)) return 0;
    return loadBytes(this.#segment.entry, field, this.#context.policy);
  }

  /** A search read so many listed rows out of the file. */
  missedRows(field: VectorField, count: number): void {
    this.missed(field, count * Math.max(ALONE_BYTES, rowStrideBytes(field.dimension)));
  }

  /** A search read so many bytes of float32 rows out of the file. */
  missed({ name }: VectorField, bytes: number): void {
    this.#missedBytes.set(name, (this.#missedBytes.get(name) ?? 0) + bytes);
  }

  /**
   * What the float32 rows would take of the arenas, of a field whose rows are read from the file so
   * often that they had better be there; else 0, and of a segment that is far away.
   */
  wantedBytes(field: VectorField): number {
    const missed = this.#missedBytes.get(field.name);
    if (missed === undefined) return 0;
    const { entry } = this.#segment;
    if (isRemote(entry) || missed < this.#rowBytes(field)) return 0;
    const resident = this.#resident.get(field.name);
    if (resident === undefined || resident.hasRows || this.isLoading) return 0;
    return this.#mayHaveRows(field) ? rowsBytes(entry.rowCount, field.dimension) : 0;
  }

  /**
   * Begins to load the float32 rows of a field that wants them: their memory is taken before this
   * returns, and searches go on without them meanwhile. Rows that cannot be loaded stay where they
   * are: whoever reads one of them is told why.
   *
   * @returns resolves when they are there, or will not be.
   */
  bringRows(field: VectorField): Promise<void> {
    const resident = this.#resident.get(field.name);
    if (resident === undefined) return Promise.resolve();
    this.#missedBytes.delete(field.name);
    const { coming } = this.#segment;
    const letGo = this.#segment.hold();
    this.#comingCount++;
    const brought = this.#bring(field, resident)
      .catch(() => undefined)
      .finally(() => {
        this.#comingCount--;
        coming.delete(brought);
        letGo();
      });
    coming.add(brought);
    return brought;
  }

  /** Rows that are on their way are given up, soon; nothing may be asked for any more. */
  abandon(): void {
    this.#ended?.abort();
  }

  /** Gives all back; it comes again from the file. @returns bytes; 0 while anybody loads. */
  shed(): number {
    if (this.isLoading) return 0;
    const { bytes } = this;
    this.release();
    return bytes;
  }

  release(): void {
    for (const rows of this.#resident.values()) rows.release();
    this.#resident.clear();
    this.#missedBytes.clear();
  }

  async #load(field: VectorField): Promise<ResidentRows> {
    const reader = await this.#segment.open();
    const { memory, policy } = this.#context;
    const isSmall = field.memory === "small";
    const pace = new Pace(() => this.#context.turn("waking"));
    const sectionOf = (type: number): SectionBytes =>
      paced(mustHave(reader, type, field.name), pace);
    const graph = isSmall ? undefined : reader.section(SECTION.graph, field.name);
    const bits = isSmall ? reader.section(SECTION.bits, field.name) : undefined;
    const rows = await ResidentRows.load(memory, {
      field,
      rowCount: this.#segment.entry.rowCount,
      codes: sectionOf(SECTION.codes),
      factors: sectionOf(SECTION.rowFactors),
      rows: sectionOf(SECTION.vectors),
      graph: graph && paced(graph, pace),
      bits: bits && paced(bits, pace),
      metric: kernelMetric(field),
      codeCounts: decodeSegmentStats(reader.stats).codeCounts.get(field.name),
      residentRowsBytesMax: rowsAtOnceMax(field, policy),
      // Larger ones, of those without which there is no search.
      spareBytes: isSmall || codeMetric(field) !== undefined ? 0 : this.#spareBytes,
      rowPartBytesMax: policy.rowPartBytesMax,
    });
    if (!this.#segment.isHeld()) {
      rows.release();
      return rows;
    }
    this.#resident.set(field.name, rows);
    return rows;
  }

  get #spareBytes(): number {
    const { arenas } = this.#context.memory;
    return arenas.bytesMax * this.#context.policy.residentRowsShare - arenas.usedBytes;
  }

  #rowBytes({ dimension }: VectorField): number {
    return this.#segment.entry.rowCount * rowStrideBytes(dimension);
  }

  #mayHaveRows(field: VectorField): boolean {
    if (field.memory === "small") return false;
    const bytes = this.#rowBytes(field);
    return bytes <= this.#context.policy.residentRowsBytesMax || bytes <= this.#spareBytes;
  }

  /** Takes the memory before anything is awaited. */
  #bring({ name }: VectorField, resident: ResidentRows): Promise<void> {
    this.#ended ??= new AbortController();
    const pace = new Pace(() => this.#context.turn("waking"), this.#ended.signal);
    return resident.addRows(async () => {
      const reader = await this.#segment.open();
      return {
        rows: paced(mustHave(reader, SECTION.vectors, name), pace),
        factors: paced(mustHave(reader, SECTION.rowFactors, name), pace),
      };
    });
  }

  async #rowSection({ name }: VectorField): Promise<SectionReader> {
    return mustHave(await this.#segment.open(), SECTION.vectors, name);
  }
}

/** A section that is read in slices. */
function paced(section: SectionReader, pace: Pace): SectionBytes {
  return {
    length: section.length,
    readInto: (start, target) => section.readInto(start, target, pace),
  };
}

function mustHave(reader: SegmentReader, type: number, name: string): SectionReader {
  const section = reader.section(type, name);
  assert(section !== undefined, "every segment has the sections of its dense fields");
  return section;
}
