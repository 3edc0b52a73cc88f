/**
 * Builds a segment in a worker (or inline when it is small): from a memtable's rows in the arenas
 * or by merging segments. Everything a job needs travels as plain values; what is shared are arenas
 * and immutable files.
 */
import { assert, InsulaError } from "../base/errors.ts";
import type { Clock, FileSystem } from "../io/index.ts";
import type { SegmentSink } from "../storage/index.ts";
import { withHelpers, type MemoryViews } from "../vector/index.ts";
import type { BuildInput } from "./build-input.ts";
import { openMergeSource, type OpenMergeSource } from "./segment-source.ts";
import { memtableRows } from "./memtable-rows.ts";
import { MergePace } from "./merge-control.ts";
import { mergedRows } from "./merged-rows.ts";
import { writeSegment } from "./segment-write.ts";
import { temporaryPath } from "./segment-path.ts";
import type { ShardContext } from "./shard-context.ts";

/** Name of the job in the worker registry. */
export const BUILD_SEGMENT_JOB = "shard/build-segment";
/** Bytes written to the file at once. */
const WRITE_BYTES = 1024 * 1024;

/** Where the bytes are: in a synced file without a name in any manifest, or here. */
export type BuiltBytes =
  | { readonly kind: "file"; readonly bytes: number }
  | { readonly kind: "bytes"; readonly content: Uint8Array };

export interface BuildResult {
  readonly bytes: BuiltBytes;
  readonly rowCount: number;
  /** Row of the memtable for each row of the segment; of a merge empty. */
  readonly order: Uint32Array;
  /** Of a merge: for each source, for each of its rows, the row of the segment or `NO_ROW`. */
  readonly outputRows: readonly Uint32Array[];
}

/** What a build needs of the thread it runs on. */
export interface BuildPlace {
  readonly clock: Clock;
  readonly fileSystem: FileSystem;
  readonly memory: MemoryViews;
  /** Segments below this are handed back as bytes. */
  readonly packedBytesMax: number;
}

/** Inline when the result will be small, else on a worker. */
export async function runBuild(context: ShardContext, input: BuildInput): Promise<BuildResult> {
  const { clock, observer } = context;
  const startMs = clock.monotonicMs();
  try {
    return await build(context, input);
  } finally {
    observer.endStep("build", startMs, clock.monotonicMs());
  }
}

async function build(context: ShardContext, input: BuildInput): Promise<BuildResult> {
  const { packedBytesMax } = context.policy;
  if (input.rows.kind === "memtable" && estimatedBytes(input) < packedBytesMax) {
    const { clock, fileSystem, memory } = context;
    return buildSegment({ clock, fileSystem, memory, packedBytesMax }, input);
  }
  const message = { input, packedBytesMax };
  const run = async (): Promise<BuildResult> =>
    (await context.builders.run(BUILD_SEGMENT_JOB, message)) as BuildResult;
  const { graph } = input.plan;
  if (graph === undefined || graph.helpers === 0) return run();
  const { memory, workers, clock } = context;
  return withHelpers({ memory, workers, clock, ...graph }, run);
}

/** Body of the job. The file, if one is made, is synced; nothing names it yet. */
export async function buildSegment(place: BuildPlace, input: BuildInput): Promise<BuildResult> {
  const { plan } = input;
  const path = temporaryPath(plan.shard, plan.segment);
  const pace =
    input.rows.kind === "merge" ? new MergePace(input.rows.block, place.clock) : undefined;
  const sink = new SpillingSink(place, path, pace);
  const merged =
    input.rows.kind === "merge"
      ? await mergedRows(openerOf(place, pace), plan, input.rows.sources)
      : undefined;
  const rows = input.rows.kind === "memtable" ? memtableRows(place.memory, input.rows) : merged;
  assert(rows !== undefined, "rows of a memtable or of segments");
  try {
    const turn = (): Promise<void> => pace?.turn() ?? place.clock.yield();
    await writeSegment(sink, plan, rows, { memory: place.memory, clock: place.clock, turn });
    const order = "order" in rows ? rows.order : new Uint32Array(0);
    const outputRows = merged?.outputRows() ?? [];
    return { bytes: await sink.finish(), rowCount: rows.count, order, outputRows };
  } catch (error) {
    await sink.abandon();
    throw error;
  } finally {
    await merged?.close();
  }
}

function estimatedBytes(input: BuildInput): number {
  if (input.rows.kind !== "memtable") return Number.POSITIVE_INFINITY;
  const { count, records, sparse } = input.rows;
  const rowBytes = input.plan.fields.reduce((sum, { dimension }) => sum + dimension * 5 + 12, 16);
  // A value is 8 bytes in its row and up to 17 in the index.
  const valueCount = sparse.reduce((sum, { indices }) => sum + indices.length, 0);
  return records.length * 2 + count * rowBytes + valueCount * 25;
}

/** Opens the sources of a merge, each read counted. */
function openerOf({ fileSystem }: BuildPlace, pace: MergePace | undefined): OpenMergeSource {
  return async (source) => {
    const opened = await openMergeSource(fileSystem, source);
    const { length } = opened.source;
    const read: typeof opened.source.read = async (position, target) => {
      await pace?.read(target.length);
      return opened.source.read(position, target);
    };
    return { source: { length, read }, close: () => opened.close() };
  };
}

/** Keeps a small segment in memory, moves to a file when it grows past the pack limit. */
class SpillingSink implements SegmentSink {
  readonly #place: BuildPlace;
  readonly #path: string;
  readonly #pace: MergePace | undefined;
  #parts: Uint8Array[] = [];
  #bufferedBytes = 0;
  #writtenBytes = 0;
  #file: Awaited<ReturnType<FileSystem["create"]>> | undefined;

  constructor(place: BuildPlace, path: string, pace: MergePace | undefined) {
    this.#place = place;
    this.#path = path;
    this.#pace = pace;
  }

  async write(bytes: Uint8Array): Promise<void> {
    // The builder may use its buffers again: what stays here is a copy.
    this.#parts.push(Uint8Array.from(bytes));
    this.#bufferedBytes += bytes.length;
    const limit = this.#file === undefined ? this.#place.packedBytesMax : WRITE_BYTES;
    if (this.#bufferedBytes >= limit) await this.#spill();
  }

  async finish(): Promise<BuiltBytes> {
    if (this.#file === undefined) {
      await this.#pace?.written(this.#bufferedBytes);
      return { kind: "bytes", content: Buffer.concat(this.#parts) };
    }
    await this.#spill();
    await this.#file.sync();
    await this.#file.close();
    await this.#place.fileSystem.syncFolder("tmp");
    return { kind: "file", bytes: this.#writtenBytes };
  }

  async abandon(): Promise<void> {
    if (this.#file === undefined) return;
    try {
      await this.#file.close();
      await this.#place.fileSystem.unlink(this.#path);
    } catch (error) {
      // The next start removes what no manifest names; the first error is the one worth telling.
      if (!(error instanceof InsulaError)) throw error;
    }
  }

  async #spill(): Promise<void> {
    if (this.#file === undefined) {
      await this.#place.fileSystem.makeFolder("tmp");
      this.#file = await this.#place.fileSystem.create(this.#path);
    }
    await this.#pace?.written(this.#bufferedBytes);
    const bytes = Buffer.concat(this.#parts);
    await this.#file.write(this.#writtenBytes, bytes);
    this.#writtenBytes += bytes.length;
    this.#parts = [];
    this.#bufferedBytes = 0;
  }
}
