/**
 * The head of a section of codes of one bit a component: what it was made for, and how many rows
 * must be compared exactly after a scan of them. ON DISK: docs/formats/segment.md, section 7.
 */
import { InsulaError, assert } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import { BIT_HEADER_BYTES, bitLayout } from "../math/index.ts";
import { GRAPH_RECALLS } from "./graph/graph-layout.ts";

const BITS_VERSION = 1;
const COUNTS_AT = 16;
/** Rows that are compared exactly at least. */
export const BIT_RESCORE_MIN = 20;

export interface BitHeader {
  readonly dimension: number;
  readonly rowCount: number;
  /** Rows to compare for each of {@link GRAPH_RECALLS}; 0 where RESCORE_MAX is too few. */
  readonly counts: readonly number[];
}

export function encodeBitHeader(
  { dimension, rowCount, counts }: BitHeader,
  target: Uint8Array,
): void {
  assert(counts.length === GRAPH_RECALLS.length, "a count for each recall");
  const view = new DataView(target.buffer, target.byteOffset, BIT_HEADER_BYTES);
  view.setUint32(0, BITS_VERSION, true);
  view.setUint32(4, dimension, true);
  view.setUint32(8, bitLayout(dimension, 0).length, true);
  view.setUint32(12, rowCount, true);
  for (const [i, count] of counts.entries()) view.setUint32(COUNTS_AT + i * 4, count, true);
}

/** @throws InsulaError `data_damaged` for a head of other rows, `format_unsupported`. */
export function decodeBitHeader(
  bytes: Uint8Array,
  expected: { readonly dimension: number; readonly rowCount: number },
): BitHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, BIT_HEADER_BYTES);
  const version = view.getUint32(0, true);
  if (version !== BITS_VERSION) throw otherFormat("codes of bits", BITS_VERSION, version);
  const dimension = view.getUint32(4, true);
  const rowCount = view.getUint32(12, true);
  if (dimension !== expected.dimension || rowCount !== expected.rowCount) {
    throw new InsulaError("data_damaged", "Cannot read codes of bits: they are of other rows.");
  }
  const counts = GRAPH_RECALLS.map((_, i) => view.getUint32(COUNTS_AT + i * 4, true));
  return { dimension, rowCount, counts };
}
