/** Which bytes of a segment file belong to what, as its own footer says. */
import type { FileCall, FileSystem } from "../../src/io/index.ts";
import {
  chunkEntryBytes,
  SEGMENT_HEADER_BYTES,
  SEGMENT_TRAILER_BYTES,
  decodeFooter,
  decodeTrailer,
} from "../../src/storage/segment-format.ts";
import { SECTION } from "../../src/shard/section-types.ts";

interface Range {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Of each segment file its parts, in order. */
export type SegmentMaps = ReadonlyMap<string, readonly Range[]>;

const UIDS_START = 16;
const UID_BYTES = 16;

export async function mapSegments(fileSystem: FileSystem): Promise<SegmentMaps> {
  const maps = new Map<string, readonly Range[]>();
  for (const folder of await fileSystem.listFolder("seg")) {
    for (const file of await fileSystem.listFolder(`seg/${folder}`)) {
      const path = `seg/${folder}/${file}`;
      const bytes = await fileSystem.readWhole(path);
      if (bytes !== undefined) maps.set(path, mapSegment(bytes));
    }
  }
  return maps;
}

function mapSegment(bytes: Uint8Array): readonly Range[] {
  const segment = bytes.subarray(UIDS_START, UIDS_START + UID_BYTES);
  const shard = bytes.subarray(UIDS_START + UID_BYTES, UIDS_START + 2 * UID_BYTES);
  const trailerStart = bytes.length - SEGMENT_TRAILER_BYTES;
  const trailer = decodeTrailer(bytes.subarray(trailerStart), { segment });
  const { footerOffset, footerBytes } = trailer;
  const footer = bytes.subarray(footerOffset, footerOffset + footerBytes);
  const ranges: Range[] = [{ name: "header", start: 0, end: SEGMENT_HEADER_BYTES }];
  for (const section of decodeFooter(footer, trailer, { segment, shard }).sections) {
    const { type, name, offset, storedBytes, plainBytes, chunkBytes, codec } = section;
    const label = Object.entries(SECTION).find(([, number]) => number === type)?.[0] ?? "unknown";
    const full = name === "" ? label : `${label} ${name}`;
    const end = offset + storedBytes;
    const table = Math.ceil(plainBytes / chunkBytes) * chunkEntryBytes(codec);
    ranges.push({ name: full, start: offset, end });
    ranges.push({ name: `table of ${full}`, start: end, end: end + table });
  }
  ranges.push({ name: "footer", start: footerOffset, end: trailerStart });
  ranges.push({ name: "trailer", start: trailerStart, end: bytes.length });
  return ranges;
}

/** What a read touches: every part of which it takes a byte; bytes between parts are "padding". */
export function partsOf(maps: SegmentMaps, read: FileCall): readonly string[] {
  const ranges = maps.get(read.path);
  if (ranges === undefined) return [`outside: ${read.path}`];
  const end = read.position + read.length;
  const parts: string[] = [];
  let covered = 0;
  for (const range of ranges) {
    const touched = Math.min(end, range.end) - Math.max(read.position, range.start);
    if (touched <= 0) continue;
    covered += touched;
    parts.push(range.name);
  }
  return covered < read.length ? [...parts, "padding"] : parts;
}
