/**
 * A graph in the extent of the codes it is over: where it lies, and the checks before it is used.
 */
import {
  alignBytes,
  codeStrideBytes,
  int8Layout,
  type Extent,
  type KernelMetric,
} from "../../math/index.ts";
import type { SearchMemory } from "../search-memory.ts";
import { cosineWeights } from "./build-layout.ts";
import {
  damaged,
  decodeWholeHeader,
  graphBytes,
  graphLayout,
  requireUpperNodes,
  type GraphHeader,
  type WholeHeader,
} from "./graph-layout.ts";
import type { GraphTarget } from "./graph-view.ts";

/** Lists of level 0 fill cache lines of their own. */
const GRAPH_ALIGN_BYTES = 64;

interface ResidentShape {
  readonly field: { readonly dimension: number };
  readonly rowCount: number;
  readonly metric: KernelMetric;
  readonly graph: { readonly length: number } | undefined;
}

interface ResidentLayout {
  /** Per row a float32, for cosine; else the scales. */
  readonly weights: number;
  readonly graph: number;
  readonly bytes: number;
}

/** Codes, factors, then the graph, then weights, in one extent: a kernel sees one arena. */
export function residentLayout({ field, rowCount, metric, graph }: ResidentShape): ResidentLayout {
  const { bytes, scales } = int8Layout(field.dimension, rowCount);
  if (graph === undefined) return { weights: scales, graph: bytes, bytes };
  const start = Math.ceil(bytes / GRAPH_ALIGN_BYTES) * GRAPH_ALIGN_BYTES;
  const end = start + alignBytes(graph.length);
  if (metric !== "cosine") return { weights: scales, graph: start, bytes: end };
  return { weights: end, graph: start, bytes: end + alignBytes(rowCount * 4) };
}

/**
 * Checks a graph that was read to its place, and fills in the weights. No id of it leads outside:
 * a walk checks nothing.
 *
 * @throws InsulaError `data_damaged`, `format_unsupported`.
 */
export function openGraph(
  memory: SearchMemory,
  { arena, offset }: Extent,
  source: ResidentShape,
): WholeHeader {
  const { rowCount, metric, field } = source;
  const { buffer } = memory.memory(arena);
  const layout = residentLayout(source);
  const at = offset + layout.graph;
  const bytes = source.graph?.length ?? 0;
  const header = decodeWholeHeader(new Uint8Array(buffer, at, bytes), { rowCount, metric });
  const parts = graphLayout(header);
  requireUpperNodes(
    header,
    new Uint32Array(buffer, at + parts.upperRows, header.upperCount),
    new Uint32Array(buffer, at + parts.upperStarts, header.upperCount + 1),
  );
  const kernels = memory.kernels(arena);
  const { m, upperCount, upperListCount } = header;
  const isInside =
    kernels.graphLinksBelow(at + parts.links, rowCount * m * 2, rowCount) !== 0 &&
    kernels.graphLinksBelow(at + parts.upperLinks, upperListCount * m, upperCount) !== 0;
  if (!isInside) throw damaged("a list leads outside");
  requireLevels(header, new Uint32Array(buffer, at, parts.bytes / 4));
  if (metric === "cosine") {
    const codes = int8Layout(field.dimension, rowCount);
    cosineWeights(
      new Float32Array(buffer, offset + codes.scales, rowCount),
      new Float32Array(buffer, offset + codes.inverseNorms, rowCount),
      new Float32Array(buffer, offset + layout.weights, rowCount),
    );
  }
  return header;
}

/** A list of a level names nodes that have this level: the walk reads their lists of it. */
function requireLevels(header: GraphHeader, words: Uint32Array): void {
  const { upperStarts, upperLinks } = graphLayout(header);
  const { m, upperCount } = header;
  const start = (ordinal: number): number => words[upperStarts / 4 + ordinal] ?? 0;
  for (let ordinal = 0; ordinal < upperCount; ordinal++) {
    for (let list = start(ordinal); list < start(ordinal + 1); list++) {
      const level = list - start(ordinal) + 1;
      for (let i = 0; i < m; i++) {
        const id = words[upperLinks / 4 + list * m + i] ?? 0;
        if (id >= upperCount) break;
        if (start(id + 1) - start(id) < level) throw damaged("an upper list names a lower node");
      }
    }
  }
}

/** The graph of resident rows as a walk sees it. */
export function graphTarget(
  header: GraphHeader,
  place: {
    readonly offset: number;
    readonly rowCount: number;
    readonly dimension: number;
    readonly metric: KernelMetric;
  },
): GraphTarget {
  const { offset, rowCount, dimension, metric } = place;
  const graph = { length: graphBytes(header) };
  const layout = residentLayout({ field: { dimension }, rowCount, metric, graph });
  const { squaredNorms } = int8Layout(dimension, rowCount);
  return {
    rowCount,
    m: header.m,
    upperCount: header.upperCount,
    upperListCount: header.upperListCount,
    codes: offset,
    strideBytes: codeStrideBytes(dimension),
    weights: offset + layout.weights,
    bases: metric === "euclidean" ? offset + squaredNorms : 0,
    graph: offset + layout.graph,
    entry: header.entry,
    entryLevel: header.entryLevel,
  };
}
