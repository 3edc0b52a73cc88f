/**
 * Writes the batches of one source after another into a collection: the next is read, and already
 * sent when it has none of the same keys, while one is being written. Holds three batches.
 */
import type { Place, WriteBatch } from "../../model/index.ts";
import type { Checkpoint, ImportCounts, ImportProgress, NotedTenants } from "./checkpoint.ts";
import { refuseOthersAlone } from "./passed-over.ts";
import {
  SOURCE_START,
  type BatchBounds,
  type RecordSource,
  type SourceBatch,
} from "./record-source.ts";

export interface ImportTarget {
  /** When each tenant that is written was made, where the records say which; for the checkpoint. */
  readonly tenants?: ReadonlyMap<string, number>;
  /** The collection of one that is no longer there, or another; undefined: the import goes on. */
  findOther?(noted: NotedTenants): Promise<string | undefined>;
  /** What the write did, where the other side says it. */
  upsert(
    place: Place,
    batch: WriteBatch,
  ): Promise<{ readonly added: number; readonly replaced: number } | undefined>;
}

export interface ImportOptions {
  readonly sources: readonly RecordSource[];
  readonly target: ImportTarget;
  /** Of the records of a collection and a tenant named in the source, or of all others. */
  placeOf(named: Pick<SourceBatch, "collection" | "tenant">): Place;
  readonly bounds: BatchBounds;
  readonly checkpoint: Checkpoint | undefined;
  readonly from: ImportProgress | undefined;
  /** Aborted: the batch under way is finished and noted, then the run ends. */
  readonly signal: AbortSignal;
  onBatch(counts: ImportCounts, bytesDone: number): void;
}

export interface ImportReport extends Readonly<ImportCounts> {
  readonly batches: number;
  /** Records that an earlier run had written. */
  readonly before: number;
  readonly isComplete: boolean;
}

/** @throws CommandError for records that are all of other collections than the one imported. */
export async function runImport(options: ImportOptions): Promise<ImportReport> {
  const { sources, from, checkpoint } = options;
  const counts: ImportCounts = { ...(from?.counts ?? { records: 0, added: 0, replaced: 0 }) };
  const before = counts.records;
  let batches = 0;
  let bytesBefore = 0;
  for (const [file, source] of sources.entries()) {
    if (file < (from?.file ?? 0)) {
      bytesBefore += source.byteLength ?? 0;
      continue;
    }
    const start = file === from?.file ? from.position : SOURCE_START;
    const found = source.batches(start, options.bounds);
    for await (const written of inOrder(found, options)) {
      if (written === undefined) return { ...counts, batches, before, isComplete: false };
      const { batch, end, result } = written;
      batches++;
      counts.records += batch.keys.length;
      if (result === undefined) {
        counts.added = undefined;
        counts.replaced = undefined;
      } else {
        if (counts.added !== undefined) counts.added += result.added;
        if (counts.replaced !== undefined) counts.replaced += result.replaced;
      }
      const tenants = [...(options.target.tenants ?? [])];
      await checkpoint?.write({ file, position: end, counts, tenants });
      options.onBatch(counts, bytesBefore + end.bytes);
    }
    bytesBefore += source.byteLength ?? 0;
  }
  if (counts.records === 0) refuseOthersAlone(sources);
  await checkpoint?.remove();
  return { ...counts, batches, before, isComplete: true };
}

type Written = SourceBatch & { readonly result: Awaited<ReturnType<ImportTarget["upsert"]>> };

/**
 * Two writes at once, unless they have a key in common: of one key the later record must win.
 * Yields in the order of the source, and undefined at the end when the run was cut short.
 */
async function* inOrder(
  batches: AsyncIterable<SourceBatch>,
  options: ImportOptions,
): AsyncIterable<Written | undefined> {
  const write = async (found: SourceBatch): Promise<Written> => {
    return {
      ...found,
      result: await options.target.upsert(options.placeOf(found), found.batch),
    };
  };
  let earlier: { readonly keys: readonly string[]; readonly written: Promise<Written> } | undefined;
  let end: unknown = undefined;
  try {
    for await (const found of withFailure(ahead(batches))) {
      if (found instanceof SourceFailure || options.signal.aborted) {
        end = found;
        break;
      }
      const { keys } = found.batch;
      if (earlier !== undefined && haveCommon(earlier.keys, keys)) {
        yield await earlier.written;
        earlier = undefined;
      }
      const before: Promise<Written> | undefined = earlier?.written;
      const written = write(found);
      // A failure is met when it is this one's turn, not before.
      written.catch(() => undefined);
      earlier = { keys, written };
      if (before !== undefined) yield await before;
    }
    // Also before a source that cannot be read further: what was written is noted.
    if (earlier !== undefined) yield await earlier.written;
    if (end instanceof SourceFailure) throw end.cause;
    if (end !== undefined) yield undefined;
  } finally {
    await earlier?.written.catch(() => undefined);
  }
}

class SourceFailure {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** A failure of the source becomes its last item. */
async function* withFailure<Item>(items: AsyncIterable<Item>): AsyncIterable<Item | SourceFailure> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      let item: IteratorResult<Item>;
      try {
        item = await iterator.next();
      } catch (error) {
        yield new SourceFailure(error);
        return;
      }
      if (item.done === true) return;
      yield item.value;
    }
  } finally {
    await iterator.return?.();
  }
}

function haveCommon(some: readonly string[], others: readonly string[]): boolean {
  const known = new Set(some);
  return others.some((key) => known.has(key));
}

/** Asks for the next item before the last one is done with. */
async function* ahead<Item>(items: AsyncIterable<Item>): AsyncIterable<Item> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const item = await next;
      if (item.done === true) return;
      next = iterator.next();
      // A failure is met when it is this one's turn, not before.
      next.catch(() => undefined);
      yield item.value;
    }
  } finally {
    await next.catch(() => undefined);
    await iterator.return?.();
  }
}
