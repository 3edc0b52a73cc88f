/** What is in a segment: its sections, and its records when they are asked for. */
import { toHex, toShardUid, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { ReadOnlyFileSystem } from "../io/index.ts";
import { decodeMetadata, type Metadata } from "../model/index.ts";
import {
  decodeSegmentStats,
  SECTION,
  segmentPath,
  walkRecords,
  type SegmentEntry,
  type ShardState,
} from "../shard/index.ts";
import {
  isSegmentSealed,
  readSegmentIdentity,
  SegmentReader,
  type SegmentIdentity,
  type SegmentSource,
} from "../storage/index.ts";
import type { Catalog } from "./catalog.ts";
import { recoverFolderCatalog } from "./folder-catalog.ts";
import { FolderKeys } from "./folder-keys.ts";
import type { InspectedFile, InspectedPart, InspectedRow, InspectOptions } from "./inspected.ts";
import { walkShards } from "./shard-owners.ts";

/** Undefined when there is no such file. */
export async function inspectSegment(
  file: string,
  options: InspectOptions,
): Promise<InspectedFile | undefined> {
  const opened = await options.files.openRead(file);
  if (opened === undefined) return undefined;
  try {
    const source: SegmentSource = {
      length: await opened.size(),
      read: (position, target) => opened.read(position, target),
    };
    const identity = await readSegmentIdentity(source);
    const isSealed = await isSegmentSealed(source, identity);
    const key = isSealed ? await findKey(file, identity, options) : undefined;
    const reader = await SegmentReader.open(source, { ...identity, key });
    const stats = decodeSegmentStats(reader.stats);
    const sections = reader.sections().map(({ type, name, bytes }) => ({
      section: SECTION_NAMES.get(type) ?? String(type),
      name,
      bytes,
    }));
    return {
      file,
      kind: "segment",
      facts: {
        bytes: source.length,
        segment: toHex(identity.segment),
        shard: toHex(identity.shard),
        rows: stats.rowCount,
        sequence: stats.sequenceMax,
        sealed: isSealed,
      },
      parts: [
        { title: "sections", rows: sections, isCut: false },
        ...(options.isWithRecords ? [await inspectRecords(reader, options.rowsMax)] : []),
      ],
    };
  } finally {
    await opened.close();
  }
}

const SECTION_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(SECTION).map(([name, type]) => [type, name]),
);

async function inspectRecords(reader: SegmentReader, rowsMax: number): Promise<InspectedPart> {
  const rows: InspectedRow[] = [];
  for await (const { key, metadata } of walkRecords(reader)) {
    if (rows.length >= rowsMax) return { title: "records", rows, isCut: true };
    rows.push({
      key: Buffer.from(key).toString("utf8"),
      metadata: metadata === undefined ? "" : printMetadata(decodeMetadata(metadata)),
    });
  }
  return { title: "records", rows, isCut: false };
}

/** Short and for people: dates and bytes as text. */
function printMetadata(metadata: Metadata): string {
  return JSON.stringify(metadata, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

/** The catalogue knows whose it is and what its key is wrapped with. */
async function findKey(
  file: string,
  identity: SegmentIdentity,
  options: InspectOptions,
): Promise<Uint8Array> {
  const files = new ReadOnlyFileSystem(options.files);
  const keys = await FolderKeys.open({ ...options, files });
  const { catalog, close } = await recoverFolderCatalog(files, options.clock);
  try {
    keys.attach(catalog);
    const owner = await findOwner(catalog, file, identity);
    const key = owner && (await keys.segmentKey(owner.state, owner.entry));
    if (key !== undefined) return key;
  } finally {
    await close();
  }
  throw new InsulaError(
    "data_damaged",
    `Cannot read ${file}: it is sealed, and no tenant has it any more.`,
  );
}

/**
 * A segment that was restored or copied carries the identity it was written under; its file has the
 * name under which its shard knows it, and only the shards say whose that is.
 */
async function findOwner(
  catalog: Catalog,
  file: string,
  { shard }: SegmentIdentity,
): Promise<{ readonly state: ShardState; readonly entry: SegmentEntry } | undefined> {
  const ownerOf = async (
    uid: ShardUid,
  ): Promise<{ state: ShardState; entry: SegmentEntry } | undefined> => {
    const state = await catalog.readShard(uid);
    const entry = state?.segments.find(
      ({ uid: segment, location }) => location.kind === "file" && segmentPath(segment) === file,
    );
    return state && entry && { state, entry };
  };
  const writer = await ownerOf(toShardUid(shard));
  if (writer !== undefined) return writer;
  for await (const { uid } of walkShards(catalog)) {
    const owner = await ownerOf(uid);
    if (owner !== undefined) return owner;
  }
  return undefined;
}
