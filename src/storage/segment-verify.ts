/** Reads a whole segment for no other purpose than to know that it is sound. */
import type { Pace } from "../base/pace.ts";
import {
  SEGMENT_HEADER_BYTES,
  SEGMENT_TRAILER_BYTES,
  decodeHeader,
  decodeTrailer,
  requireHeader,
  type SegmentIdentity,
} from "./segment-format.ts";
import { SegmentReader, type SegmentSource } from "./segment-reader.ts";

/** Bytes of a section held at once. */
const READ_BYTES = 1_048_576;

/** Whose segment this is, by its own first bytes. @throws InsulaError `data_damaged` */
export async function readSegmentIdentity(source: SegmentSource): Promise<SegmentIdentity> {
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  await source.read(0, header);
  return decodeHeader(header);
}

/** Whether its sections and its footer need a key. @throws InsulaError `data_damaged`. */
export async function isSegmentSealed(
  source: SegmentSource,
  identity: SegmentIdentity,
): Promise<boolean> {
  const trailer = new Uint8Array(SEGMENT_TRAILER_BYTES);
  await source.read(Math.max(0, source.length - trailer.length), trailer);
  return decodeTrailer(trailer, identity).isSealed;
}

/**
 * Verifies header, footer and every chunk of every section; padding says nothing and is not read.
 * Costs one read of the segment; holds about 1 MiB, or one chunk when chunks are larger. The thread
 * is given back between chunks.
 *
 * @throws InsulaError `data_damaged` for the first fault found, `format_unsupported`.
 */
export async function verifySegment(
  source: SegmentSource,
  identity: SegmentIdentity,
  pace: Pace,
): Promise<void> {
  const reader = await SegmentReader.open(source, identity);
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  await source.read(0, header);
  requireHeader(header, identity);
  for (const { type, name } of reader.sections()) {
    const section = reader.section(type, name);
    if (section === undefined) continue;
    await section.verify(READ_BYTES, pace);
  }
}
