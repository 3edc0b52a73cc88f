/**
 * The bytes of a graph: a header, the lists of level 0, then the few rows that reach higher levels
 * with their lists, and how far walks reach. The same on disk (docs/formats/segment.md) and in an
 * arena, so that a section is usable after one read.
 */
import { InsulaError, assert } from "../../base/errors.ts";
import { KERNEL_METRICS, alignBytes, type KernelMetric } from "../../math/index.ts";

/** ON DISK: versions of the section: of early builds, which end with the lists, and of these. */
const TAILLESS_VERSION = 1;
const GRAPH_VERSION = 2;
export const GRAPH_HEADER_BYTES = 64;
/** ON DISK: a float32 for each of {@link GRAPH_RECALLS}, and room. */
export const GRAPH_TAIL_BYTES = 48;
/** Ends a list; no node. */
export const NO_NODE = 0xffff_ffff;

/** Neighbours a new row is given on a level; level 0 has room for twice as many. */
export const GRAPH_M = 16;
/** Rows a new row's neighbours are chosen from. */
export const GRAPH_EF_CONSTRUCTION = 128;
/** Largest `m` of a section that is read. */
export const GRAPH_M_MAX = 64;
/**
 * Rows of one graph; larger segments are scanned. Source: a search keeps two bits a row in its
 * scratch, 196,608 bytes each.
 */
export const GRAPH_ROWS_MAX = 1_572_864;
/** Levels above 0. Source: with 16 neighbours the chance of a row to reach it is 16 ** -8. */
export const GRAPH_LEVEL_MAX = 8;

/**
 * How many times as many rows a walk keeps that ends by its reach as one that ends by what it
 * keeps: most go less far, some farther. Source: docs/decisions/0018.
 */
export const GRAPH_REACH_BREADTH = 2;

/** Recalls that a graph knows the breadth of a search for, at ten neighbours; rising. */
export const GRAPH_RECALLS = [0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999] as const;
/** ON DISK: positions in {@link GRAPH_RECALLS} of the words 10 to 12 of a header. */
const WORD_RECALLS = [2, 3, 6] as const;
/** ON DISK: those of the u16 from byte 52 on, which older sections leave zero. */
const SHORT_RECALLS = [0, 1, 4, 5, 7, 8] as const;
const SHORTS_AT = 52;

export interface GraphShape {
  readonly rowCount: number;
  readonly m: number;
  /** Rows with upper levels. */
  readonly upperCount: number;
  /** Lists of all of them together. */
  readonly upperListCount: number;
}

/** Where the parts lie, from the first byte of the header; behind them lies the tail. */
export interface GraphLayout {
  readonly links: number;
  readonly upperRows: number;
  readonly upperStarts: number;
  readonly upperLinks: number;
  readonly bytes: number;
}

export function graphLayout({ rowCount, m, upperCount, upperListCount }: GraphShape): GraphLayout {
  const links = GRAPH_HEADER_BYTES;
  const upperRows = links + rowCount * m * 8;
  const upperStarts = upperRows + alignBytes(upperCount * 4);
  const upperLinks = upperStarts + alignBytes((upperCount + 1) * 4);
  return { links, upperRows, upperStarts, upperLinks, bytes: upperLinks + upperListCount * m * 4 };
}

/** How far walks go for each of {@link GRAPH_RECALLS}. */
export interface WalkBreadths extends Pick<GraphHeader, "efs"> {
  /**
   * How far beyond the last of ten neighbours a walk goes on, for a point of length 1; 0 where that
   * is not known, so that only the rows kept decide.
   */
  readonly reaches: readonly number[];
}

export interface GraphHeader extends GraphShape {
  readonly metric: KernelMetric;
  readonly efConstruction: number;
  /** What the levels were drawn with. */
  readonly seed: number;
  /** Where walks begin: an ordinal of `entryLevel`, a row when that is 0. */
  readonly entry: number;
  readonly entryLevel: number;
  /**
   * Rows that a walk keeps for each of {@link GRAPH_RECALLS}; 0 where no breadth that was tried
   * reaches it, or it was not measured.
   */
  readonly efs: readonly number[];
  /** 0 in sections of early builds. */
  readonly tailBytes: number;
}

/** A header and what its tail says. */
export type WholeHeader = GraphHeader & WalkBreadths;

export function encodeGraphHeader(header: Omit<GraphHeader, "tailBytes">): Uint8Array {
  const bytes = new Uint8Array(GRAPH_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const fields = [
    GRAPH_VERSION,
    header.rowCount,
    header.m,
    KERNEL_METRICS[header.metric],
    header.efConstruction,
    header.seed,
    header.entry,
    header.entryLevel,
    header.upperCount,
    header.upperListCount,
    ...WORD_RECALLS.map((position) => header.efs[position] ?? 0),
  ];
  for (const [i, value] of fields.entries()) view.setUint32(i * 4, value, true);
  for (const [i, position] of SHORT_RECALLS.entries()) {
    view.setUint16(SHORTS_AT + i * 2, header.efs[position] ?? 0, true);
  }
  return bytes;
}

/** The last bytes of a section. */
export function encodeGraphTail({ reaches }: Pick<WalkBreadths, "reaches">): Uint8Array {
  const bytes = new Uint8Array(GRAPH_TAIL_BYTES);
  const view = new DataView(bytes.buffer);
  for (const i of GRAPH_RECALLS.keys()) view.setFloat32(i * 4, reaches[i] ?? 0, true);
  return bytes;
}

/**
 * @param bytes    the beginning of a section.
 * @param expected the segment and field the section stands in.
 * @throws InsulaError `format_unsupported` for another version, `data_damaged` for one that does
 *   not
 *   fit.
 */
export function decodeGraphHeader(
  bytes: Uint8Array,
  expected: { readonly rowCount: number; readonly metric: KernelMetric; readonly bytes: number },
): GraphHeader {
  if (bytes.length < GRAPH_HEADER_BYTES) throw damaged("it is too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, GRAPH_HEADER_BYTES);
  const field = (i: number): number => view.getUint32(i * 4, true);
  const version = field(0);
  if (version !== GRAPH_VERSION && version !== TAILLESS_VERSION) {
    throw new InsulaError(
      "format_unsupported",
      `Cannot read a graph: expected version ${String(GRAPH_VERSION)}, received ${String(version)}.`,
    );
  }
  const tailBytes = version === TAILLESS_VERSION ? 0 : GRAPH_TAIL_BYTES;
  const header: GraphHeader = {
    rowCount: field(1),
    m: field(2),
    metric: expected.metric,
    efConstruction: field(4),
    seed: field(5),
    entry: field(6),
    entryLevel: field(7),
    upperCount: field(8),
    upperListCount: field(9),
    efs: decodeEfs(view),
    tailBytes,
  };
  const { rowCount, m, entry, entryLevel, upperCount, upperListCount } = header;
  if (rowCount !== expected.rowCount || field(3) !== KERNEL_METRICS[expected.metric]) {
    throw damaged("it is that of other rows");
  }
  const isShape =
    rowCount <= GRAPH_ROWS_MAX && m >= 4 && m <= GRAPH_M_MAX && m % 4 === 0 &&
    upperCount <= rowCount && upperListCount <= upperCount * GRAPH_LEVEL_MAX; // prettier-ignore
  if (!isShape || graphBytes(header) !== expected.bytes) throw damaged("its sizes disagree");
  const isEntry =
    entryLevel <= GRAPH_LEVEL_MAX && entry < (entryLevel === 0 ? rowCount : upperCount);
  if (!isEntry) throw damaged("its entry lies outside");
  return header;
}

function decodeEfs(view: DataView): readonly number[] {
  const efs = GRAPH_RECALLS.map(() => 0);
  for (const [i, position] of WORD_RECALLS.entries()) {
    efs[position] = view.getUint32(40 + i * 4, true);
  }
  for (const [i, position] of SHORT_RECALLS.entries()) {
    efs[position] = view.getUint16(SHORTS_AT + i * 2, true);
  }
  return efs;
}

/**
 * As {@link decodeGraphHeader}, of a whole section.
 *
 * @throws as that.
 */
export function decodeWholeHeader(
  bytes: Uint8Array,
  of: { readonly rowCount: number; readonly metric: KernelMetric },
): WholeHeader {
  const header = decodeGraphHeader(bytes, { ...of, bytes: bytes.length });
  const tail = bytes.subarray(bytes.length - header.tailBytes);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const reaches = GRAPH_RECALLS.map((_, i) => {
    const reach = tail.length === 0 ? 0 : view.getFloat32(i * 4, true);
    if (!Number.isFinite(reach) || reach < 0) throw damaged("a walk of it reaches nowhere");
    return reach;
  });
  return { ...header, reaches };
}

/** Length of a section. */
export function graphBytes(header: Pick<GraphHeader, keyof GraphShape | "tailBytes">): number {
  return graphLayout(header).bytes + header.tailBytes;
}

/**
 * The breadth of a search that is to have a recall: that of the next recall measured. 0 when it is
 * not known; then a scan is the way.
 */
export function efForRecall(efs: readonly number[], recall: number): number {
  return efs[stepFor(efs, recall)] ?? 0;
}

/** Position of the breadth in its list; -1 when it is not known. */
export function stepFor(efs: readonly number[], recall: number): number {
  return efs.findIndex((ef, i) => ef > 0 && (GRAPH_RECALLS[i] ?? 0) >= recall);
}

/**
 * The upper nodes in rising order, each with its lists inside: what a walk trusts.
 *
 * @throws InsulaError `data_damaged`.
 */
export function requireUpperNodes(
  { rowCount, upperCount, upperListCount, entry, entryLevel }: GraphHeader,
  rows: Uint32Array,
  starts: Uint32Array,
): void {
  assert(rows.length === upperCount && starts.length === upperCount + 1, "all upper nodes");
  for (let i = 0; i < upperCount; i++) {
    const row = rows[i] ?? NO_NODE;
    const levels = (starts[i + 1] ?? 0) - (starts[i] ?? 0);
    const isRising = row < rowCount && (i === 0 || row > (rows[i - 1] ?? NO_NODE));
    if (!isRising || levels < 1 || levels > GRAPH_LEVEL_MAX) throw damaged("its upper rows");
  }
  const isWhole = starts[0] === 0 && starts[upperCount] === upperListCount;
  if (!isWhole) throw damaged("its upper lists");
  if (entryLevel > 0 && (starts[entry + 1] ?? 0) - (starts[entry] ?? 0) < entryLevel) {
    throw damaged("its entry has no such level");
  }
}

/**
 * The header of a graph that is to be taken over, with the same checks of what is followed.
 *
 * @param bytes the section, beginning at a multiple of 4.
 * @throws InsulaError `data_damaged`, `format_unsupported`.
 */
export function openOldGraph(
  bytes: Uint8Array,
  of: { readonly rowCount: number; readonly metric: KernelMetric },
): WholeHeader {
  const header = decodeWholeHeader(bytes, of);
  const { upperRows, upperStarts } = graphLayout(header);
  const words = (at: number, count: number): Uint32Array =>
    new Uint32Array(bytes.buffer, bytes.byteOffset + at, count);
  requireUpperNodes(
    header,
    words(upperRows, header.upperCount),
    words(upperStarts, header.upperCount + 1),
  );
  return header;
}

export function damaged(reason: string): InsulaError {
  return new InsulaError("data_damaged", `Cannot read a graph: ${reason}.`);
}
