/** Bytes of a segment, wherever they are: its own file, the file before its rename, or a pack. */
import { assert, InsulaError } from "../base/errors.ts";
import { toHex, toSegmentUid, toShardUid } from "../base/brands.ts";
import type { FileSystem, ReadableFile } from "../io/index.ts";
import { packPath, type SegmentSource } from "../storage/index.ts";
import type { MergeSource } from "./build-input.ts";
import { segmentPath, temporaryPath } from "./segment-path.ts";
import type { ShardContext } from "./shard-context.ts";
import { writtenIdentity, type SegmentEntry } from "./shard-state.ts";

/** Through the node's bounded set of open files. */
export function openSegmentSource(
  context: ShardContext,
  shard: Uint8Array,
  entry: SegmentEntry,
): SegmentSource {
  const { location } = entry;
  if (location.kind === "remote") {
    return context.remote.source(location, writtenIdentity(shard, entry).segment);
  }
  if (location.kind === "pack") {
    return context.files.source([packPath(location.pack)], location.offset, location.bytes);
  }
  const paths = [segmentPath(entry.uid), temporaryPath(toShardUid(shard), entry.uid)];
  return context.files.source(paths, 0, location.bytes);
}

/** A source that the caller closes. */
export interface OpenedSource {
  readonly source: SegmentSource;
  close(): Promise<void>;
}

export type OpenMergeSource = (source: MergeSource) => Promise<OpenedSource>;

/** For a job on a worker: a handle of its own. */
export async function openMergeSource(
  fileSystem: FileSystem,
  source: MergeSource,
): Promise<OpenedSource> {
  const { location } = source;
  assert(location.kind !== "remote", "only what is on this disk is merged or looked through");
  const segment = toSegmentUid(source.segment);
  const paths =
    location.kind === "pack"
      ? [packPath(location.pack)]
      : [segmentPath(segment), temporaryPath(toShardUid(source.shard), segment)];
  const file = await openFirst(fileSystem, paths);
  if (file === undefined) {
    throw new InsulaError("data_damaged", `Cannot merge: segment ${toHex(segment)} is missing.`);
  }
  const start = location.kind === "pack" ? location.offset : 0;
  return {
    source: {
      length: location.bytes,
      read: (position, target) => file.read(start + position, target),
    },
    close: () => file.close(),
  };
}

async function openFirst(
  fileSystem: FileSystem,
  paths: readonly string[],
): Promise<ReadableFile | undefined> {
  // A file may be renamed between two tries: a second round finds it under its new name.
  for (const path of [...paths, ...paths]) {
    const file = await fileSystem.openRead(path);
    if (file !== undefined) return file;
  }
  return undefined;
}
