/**
 * The parts a shard is made of at this moment: memtables and segments, and where a key lives in
 * them.
 *
 * A key lives in at most one place. Only the writer's turn changes the structure.
 */
import { SPARSE_VALUE_BYTES, type Schema } from "../model/index.ts";
import { Memtable } from "./memtable.ts";
import { SegmentHandle } from "./segment-handle.ts";
import type { ShardContext } from "./shard-context.ts";
import type { ShardSeal } from "./shard-seal.ts";
import { isRemote, type SegmentEntry, type ShardState } from "./shard-state.ts";

/** Where a live record is, and its size as counted in totals. */
export type RowPlace =
  | {
      readonly kind: "memtable";
      readonly memtable: Memtable;
      readonly row: number;
      readonly bytes: number;
    }
  | {
      readonly kind: "segment";
      readonly segment: SegmentHandle;
      readonly row: number;
      readonly bytes: number;
    };

export class ShardStructure {
  readonly context: ShardContext;
  readonly state: ShardState;
  readonly schema: Schema;
  /** Undefined when the shard is not sealed. */
  readonly seal: ShardSeal | undefined;
  /** Takes the writes. */
  active: Memtable;
  /** Being written as a segment; takes no rows but can still lose some. */
  frozen: Memtable | undefined;
  /** In no particular order: no key is live in two of them. */
  segments: readonly SegmentHandle[];
  /** Segments that are being written anew: nobody else takes them meanwhile. */
  readonly held: Set<SegmentHandle> = new Set<SegmentHandle>();
  /** Float32 rows on their way into memory, also of segments that were retired meanwhile. */
  readonly coming: Set<Promise<void>> = new Set<Promise<void>>();
  readonly #vectorBytes: number;

  constructor(parts: Pick<ShardStructure, "context" | "state" | "schema" | "seal">) {
    const { context, state, schema } = parts;
    this.context = context;
    this.state = state;
    this.schema = schema;
    this.seal = parts.seal;
    this.active = this.newMemtable();
    this.segments = state.segments.map((entry) => this.handleOf(entry));
    this.#vectorBytes = schema.vectors.reduce((sum, { dimension }) => sum + dimension * 4, 0);
  }

  /** True when there is nothing at all, dead or alive. */
  get isBlank(): boolean {
    return this.segments.length === 0 && this.active.isEmpty && this.frozen === undefined;
  }

  /**
   * The place of a key; undefined when there is no live record. Answers at once when no file is
   * needed.
   */
  locate(key: string): RowPlace | undefined | Promise<RowPlace | undefined> {
    for (const memtable of this.memtables()) {
      const row = memtable.rowOf(key);
      if (row !== undefined)
        return { kind: "memtable", memtable, row, bytes: memtable.recordBytes(row) };
    }
    if (this.segments.length === 0) return undefined;
    const encoded = Buffer.from(key, "utf8");
    const unsure = this.segments.filter((segment) => !segment.knowsItLacks(encoded));
    return unsure.length === 0 ? undefined : this.#locateInSegments(unsure, encoded);
  }

  /** Segments that a merge or a build of a graph may take: on this disk, and nobody else's. */
  get freeSegments(): readonly SegmentHandle[] {
    const isFree = (segment: SegmentHandle): boolean =>
      !this.held.has(segment) && !isRemote(segment.entry);
    return this.segments.every(isFree) ? this.segments : this.segments.filter(isFree);
  }

  newMemtable(): Memtable {
    return new Memtable(this.schema, this.context.memory);
  }

  handleOf(entry: SegmentEntry): SegmentHandle {
    const { coming, seal, state } = this;
    return new SegmentHandle(this.context, { uid: state.uid, seal, coming }, entry);
  }

  /** Newest first. */
  memtables(): readonly Memtable[] {
    return this.frozen === undefined ? [this.active] : [this.active, this.frozen];
  }

  /** Everything is gone: new empty memtable, no segments. Readers keep what they hold. */
  reset(): void {
    for (const memtable of this.memtables()) memtable.release();
    this.active = this.newMemtable();
    // A flush or merge under way finds its inputs gone and gives up.
    this.frozen = undefined;
    for (const segment of this.segments) segment.retire();
    this.segments = [];
  }

  /** Lets go of memory and files; the structure must not be used afterwards. */
  release(): void {
    for (const memtable of this.memtables()) memtable.release();
    for (const segment of this.segments) segment.release();
    this.segments = [];
  }

  async #locateInSegments(
    segments: readonly SegmentHandle[],
    key: Uint8Array,
  ): Promise<RowPlace | undefined> {
    for (const segment of segments) {
      const found = await segment.find(key);
      if (found === undefined || !segment.isLive(found.row)) continue;
      let bytes = key.length + (found.entry.metadata?.length ?? 0) + this.#vectorBytes;
      for (const { name } of this.schema.sparseVectors ?? []) {
        bytes += (await segment.sparse.length(name, found.row)) * SPARSE_VALUE_BYTES;
      }
      return { kind: "segment", segment, row: found.row, bytes };
    }
    return undefined;
  }
}
