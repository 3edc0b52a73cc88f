/** Changes to records that are there: read, changed and written in the writer's turn. */
import type { UntilBegun } from "../base/until-begun.ts";
import { InsulaError } from "../base/errors.ts";
import { BATCH_BYTES_MAX, UPDATE_RECORDS_MAX } from "../base/limits.ts";
import {
  checkMetadata,
  encodeMetadata,
  joinSparse,
  matchesFilter,
  mergeMetadata,
  type Filter,
  type Metadata,
  type RecordPatch,
  type RecordView,
} from "../model/index.ts";
import type { UpsertOperation } from "./frame-codec.ts";
import { ReadView } from "./read-view.ts";
import { collectKeys, fetchRecords } from "./shard-fetch.ts";
import type { ShardState } from "./shard-state.ts";
import type { ShardStructure } from "./shard-structure.ts";
import type { FoundWrite } from "./shard-writer.ts";
import type { WorkTally } from "./work-tally.ts";

/** Bytes that the records of one frame of an update by filter have on average. */
const STEP_BYTES = 16 * 1024 * 1024;

/** All of them in one frame. Keys that are not there are passed over. */
export function updateOfKeys(
  structure: ShardStructure,
  patches: readonly RecordPatch[],
  work: WorkTally,
): FoundWrite {
  const byKey = new Map(patches.map((patch) => [patch.key, patch]));
  return {
    kind: "found",
    find: () => Promise.resolve([...byKey.keys()]),
    stepKeys: byKey.size,
    writeOf: (keys) => patched(structure, keys, { patchOf: ({ key }) => byKey.get(key), work }),
  };
}

/** What an update by filter does. */
export interface FoundChange {
  readonly filter: Filter;
  readonly metadata: Metadata;
  readonly work: WorkTally;
  /** Ends the looking for records that pass. */
  readonly until?: UntilBegun | undefined;
}

/** Sets properties of the records of `keys` that still pass the filter when their turn comes. */
export function updateOfMatches(
  structure: ShardStructure,
  keys: readonly string[],
  { filter, metadata, work }: FoundChange,
): FoundWrite {
  return {
    kind: "found",
    find: () => Promise.resolve(keys),
    stepKeys: keys.length,
    writeOf: (step) =>
      patched(structure, step, {
        patchOf: ({ key, metadata: stored }) =>
          matchesFilter(filter, stored) ? { key, metadata } : undefined,
        work,
      }),
  };
}

/** As {@link updateOfMatches}, of all that pass the filter when the turn comes. */
export function updateOfAllMatches(structure: ShardStructure, change: FoundChange): FoundWrite {
  return {
    ...updateOfMatches(structure, [], change),
    find: keysToChange(structure, change),
    stepKeys: stepOf(structure.state),
  };
}

/** Records of one frame of an update by filter. */
export function stepOf({ rowCount, byteCount }: ShardState): number {
  const bytesOfOne = byteCount / Math.max(1, rowCount);
  return Math.max(1, Math.min(UPDATE_RECORDS_MAX, Math.floor(STEP_BYTES / (bytesOfOne + 1))));
}

/** Of all records that pass the filter now. */
export async function keysOf(
  structure: ShardStructure,
  { filter, work, until }: Omit<FoundChange, "metadata">,
): Promise<readonly string[]> {
  const view = new ReadView(structure, work);
  try {
    return await collectKeys(structure, view, filter, until?.signal);
  } finally {
    view.close();
  }
}

/** As {@link keysOf}; when they are found, the first of them is about to be changed. */
export function keysToChange(
  structure: ShardStructure,
  change: Omit<FoundChange, "metadata">,
): () => Promise<readonly string[]> {
  return async () => {
    const keys = await keysOf(structure, change);
    change.until?.begin();
    return keys;
  };
}

/** Which of the records found are changed, and how. */
interface PatchChoice {
  readonly patchOf: (record: RecordView) => RecordPatch | undefined;
  readonly work: WorkTally;
}

/**
 * The records as they will be; undefined when none of them is to be changed.
 *
 * @throws InsulaError `metadata_too_large`, `batch_too_large`.
 */
async function patched(
  structure: ShardStructure,
  keys: readonly string[],
  { patchOf, work }: PatchChoice,
): Promise<UpsertOperation | undefined> {
  const view = new ReadView(structure, work);
  let records: readonly (RecordView | undefined)[];
  try {
    records = await fetchRecords(structure, view, keys, { vectors: true, metadata: true });
  } finally {
    view.close();
  }
  const rows = records.flatMap((record) => {
    const patch = record === undefined ? undefined : patchOf(record);
    return record === undefined || patch === undefined ? [] : [{ record, patch }];
  });
  return rows.length === 0 ? undefined : toOperation(structure, rows);
}

interface PatchedRow {
  readonly record: RecordView;
  readonly patch: RecordPatch;
}

function toOperation({ schema }: ShardStructure, rows: readonly PatchedRow[]): UpsertOperation {
  const sparse = (schema.sparseVectors ?? [])
    .map(({ name }) => ({
      field: name,
      ...joinSparse(
        rows.map(({ record, patch }) => patch.sparse?.get(name) ?? record.sparse?.get(name)),
      ),
    }))
    .filter(({ indices }) => indices.length > 0);
  const metadata = rows.map(({ record, patch }) => {
    const merged = mergeMetadata(record.metadata, patch.metadata);
    if (merged === undefined) return undefined;
    checkMetadata(merged);
    return encodeMetadata(merged);
  });
  checkSize(metadata);
  return {
    kind: "upsert",
    keys: rows.map(({ record }) => record.key),
    metadata,
    vectors: schema.vectors.map(({ name, dimension }) => {
      const values = new Float32Array(rows.length * dimension);
      for (const [i, { record, patch }] of rows.entries()) {
        const row = patch.vectors?.get(name) ?? record.vectors?.get(name);
        if (row !== undefined) values.set(row, i * dimension);
      }
      return { field: name, dimension, values };
    }),
    ...(sparse.length === 0 ? {} : { sparse }),
  };
}

/** Properties that were there may be as large as those that are set are small. */
function checkSize(metadata: readonly (Uint8Array | undefined)[]): void {
  const bytes = metadata.reduce((sum, item) => sum + (item?.length ?? 0), 0);
  if (bytes <= BATCH_BYTES_MAX) return;
  throw new InsulaError(
    "batch_too_large",
    `Cannot update the records: expected at most ${String(BATCH_BYTES_MAX)} bytes of metadata at once, received ${String(bytes)}.`,
  );
}
