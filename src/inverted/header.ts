/**
 * ON DISK: one section per filterable property, docs/formats/inverted.md.
 *
 * ```
 * header      36 bytes, below
 * fences      block count × (dictionary offset u32, postings offset u32,
 *             fence length varint, fence)
 * exists      postings of the rows that have the property
 * long        postings of the rows with a string above INVERTED_TERM_BYTES_MAX
 * dictionary  blocks of entries, ascending terms
 * postings    of the terms with more than one row, in their order
 * ```
 *
 * Header, fences, exists and long are the *head*: read once when a reader opens.
 */
import { ByteReader, type ByteWriter } from "../base/bytes.ts";
import { otherFormat } from "../base/format-version.ts";
import { damaged } from "./postings.ts";

export const INVERTED_FORMAT_VERSION = 1;
export const HEADER_BYTES = 36;

export interface InvertedHeader {
  /** Rows of the segment. */
  readonly rowCount: number;
  readonly termCount: number;
  readonly blockCount: number;
  /** Lengths of the parts, in their order. */
  readonly fencesBytes: number;
  readonly existsBytes: number;
  readonly longBytes: number;
  readonly dictionaryBytes: number;
  readonly postingsBytes: number;
}

export function writeHeader(writer: ByteWriter, header: InvertedHeader): void {
  writer.uint32(INVERTED_FORMAT_VERSION).uint32(header.rowCount).uint32(header.termCount);
  writer.uint32(header.blockCount).uint32(header.fencesBytes).uint32(header.existsBytes);
  writer.uint32(header.longBytes).uint32(header.dictionaryBytes).uint32(header.postingsBytes);
}

/**
 * @param owner whose section it is, for the refusal.
 * @throws InsulaError `format_unsupported` for a newer format, `data_damaged` when the parts do not
 *   fill the section.
 */
export function readHeader(bytes: Uint8Array, sectionBytes: number, owner: string): InvertedHeader {
  const reader = new ByteReader(bytes);
  const version = reader.uint32();
  if (version !== INVERTED_FORMAT_VERSION) {
    throw otherFormat(`the inverted index of ${owner}`, INVERTED_FORMAT_VERSION, version);
  }
  const header: InvertedHeader = {
    rowCount: reader.uint32(),
    termCount: reader.uint32(),
    blockCount: reader.uint32(),
    fencesBytes: reader.uint32(),
    existsBytes: reader.uint32(),
    longBytes: reader.uint32(),
    dictionaryBytes: reader.uint32(),
    postingsBytes: reader.uint32(),
  };
  if (headBytes(header) + header.dictionaryBytes + header.postingsBytes !== sectionBytes) {
    throw damaged("the parts do not fill the section");
  }
  return header;
}

/** Bytes before the dictionary. */
export function headBytes(header: InvertedHeader): number {
  return HEADER_BYTES + header.fencesBytes + header.existsBytes + header.longBytes;
}
