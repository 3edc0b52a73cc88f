/**
 * Writes the batches of one source after another into a collection: the next is read while one is
 * being written. Holds two batches.
 */
import type { Place, WriteBatch } from "../../model/index.ts";
import type { Checkpoint, ImportCounts, ImportProgress } from "./checkpoint.ts";
import { SOURCE_START, type BatchBounds, type RecordSource } from "./record-source.ts";

export interface ImportTarget {
  /** What the write did, where the other side says it. */
  upsert(
    place: Place,
    batch: WriteBatch,
  ): Promise<{ readonly added: number; readonly replaced: number } | undefined>;
}

export interface ImportOptions {
  readonly sources: readonly RecordSource[];
  readonly target: ImportTarget;
  /** Of the records of a tenant named in the source, or of all others. */
  placeOf(tenant: string | undefined): Place;
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

export async function runImport(options: ImportOptions): Promise<ImportReport> {
  const { sources, from, signal, checkpoint } = options;
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
    for await (const { tenant, batch, end } of ahead(source.batches(start, options.bounds))) {
      if (signal.aborted) return { ...counts, batches, before, isComplete: false };
      const result = await options.target.upsert(options.placeOf(tenant), batch);
      batches++;
      counts.records += batch.keys.length;
      if (result === undefined) {
        counts.added = undefined;
        counts.replaced = undefined;
      } else {
        if (counts.added !== undefined) counts.added += result.added;
        if (counts.replaced !== undefined) counts.replaced += result.replaced;
      }
      await checkpoint?.write({ file, position: end, counts });
      options.onBatch(counts, bytesBefore + end.bytes);
    }
    bytesBefore += source.byteLength ?? 0;
  }
  await checkpoint?.remove();
  return { ...counts, batches, before, isComplete: true };
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
