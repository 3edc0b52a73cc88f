/** A stored segment looked at from outside: for checks and for people, not for searches. */
import { toSegmentUid } from "../base/brands.ts";
import type { FileSystem } from "../io/index.ts";
import type { SegmentReader, SegmentSource } from "../storage/index.ts";
import { RecordBlock, RecordFences } from "./record-blocks.ts";
import { SECTION } from "./section-types.ts";
import { openMergeSource } from "./segment-source.ts";
import type { SegmentEntry } from "./shard-state.ts";

export interface StoredSegment {
  readonly source: SegmentSource;
  readonly close: () => Promise<void>;
}

/**
 * @param key what it is sealed with, undefined when it is not.
 * @throws InsulaError `data_damaged` when its file is missing.
 */
export function openStoredSegment(
  fileSystem: FileSystem,
  owner: { readonly shard: Uint8Array; readonly key: Uint8Array | undefined },
  entry: SegmentEntry,
): Promise<StoredSegment> {
  const { location } = entry;
  const segment = toSegmentUid(entry.uid);
  return openMergeSource(fileSystem, {
    segment,
    shard: owner.shard,
    location,
    key: owner.key,
    origin: undefined,
    rowCount: entry.rowCount,
    liveBits: undefined,
  });
}

/** Keys and encoded metadata in key order. @throws InsulaError `data_damaged` */
export async function* walkRecords(
  reader: SegmentReader,
): AsyncIterable<{ readonly key: Uint8Array; readonly metadata: Uint8Array | undefined }> {
  const records = reader.section(SECTION.records, "");
  const fenceBytes = reader.section(SECTION.recordFences, "");
  if (records === undefined || fenceBytes === undefined) return;
  const fences = new RecordFences(await fenceBytes.read(0, fenceBytes.length));
  for (let number = 0; number < fences.blockCount; number++) {
    const { offset, length, firstRow } = fences.block(number);
    const block = new RecordBlock(await records.read(offset, length), firstRow);
    for (let i = 0; i < block.count; i++) yield block.entry(i);
  }
}
