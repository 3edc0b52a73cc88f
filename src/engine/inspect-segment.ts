/** What is in a segment: its sections, and its records when they are asked for. */
import { toHex, toShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { ReadOnlyFileSystem } from "../io/index.ts";
import { decodeMetadata, type Metadata } from "../model/index.ts";
import { decodeSegmentStats, SECTION, walkRecords } from "../shard/index.ts";
import {
  isSegmentSealed,
  readSegmentIdentity,
  SegmentReader,
  type SegmentIdentity,
  type SegmentSource,
} from "../storage/index.ts";
import { recoverFolderCatalog } from "./folder-catalog.ts";
import { FolderKeys } from "./folder-keys.ts";
import type { InspectedFile, InspectedPart, InspectedRow, InspectOptions } from "./inspected.ts";

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
    const isSealed = await isSegmentSealed(source);
    const key = isSealed ? await findKey(identity, options) : undefined;
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
  { shard, segment }: SegmentIdentity,
  options: InspectOptions,
): Promise<Uint8Array> {
  const files = new ReadOnlyFileSystem(options.files);
  const keys = await FolderKeys.open({ ...options, files });
  const catalog = await recoverFolderCatalog(files, options.clock);
  keys.attach(catalog);
  const state = await catalog.readShard(toShardUid(shard));
  const entry = state?.segments.find(({ uid }) => toHex(uid) === toHex(segment));
  const key = state && entry && (await keys.segmentKey(state, entry));
  if (key !== undefined) return key;
  throw new InsulaError(
    "data_damaged",
    `Cannot read segment ${toHex(segment)}: it is sealed, and no tenant has it any more.`,
  );
}
