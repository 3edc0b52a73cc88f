/**
 * The graph of one field while its segment is written. It is built in an extent that the control
 * thread has set aside; the codes are quantized straight into it.
 */
import { catchUp, KernelSet, type Extent } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import {
  buildLayout,
  GraphBuilder,
  GRAPH_EF_CONSTRUCTION,
  GRAPH_M,
  type GraphPlan,
  type MemoryViews,
  type OldGraph,
} from "../vector/index.ts";
import { kernelMetric } from "./kernel-metric.ts";

/** Rows put in before the thread is given back and asked whether to go on: 10 ms or so. */
const SLICE_ROWS = 32;

/** The graphs a segment is to be given, one for each field, in turn in one extent. */
export interface PlannedGraph {
  readonly extent: Extent;
  /** Length of the arena's memory where the extent was allocated. */
  readonly memoryBytes: number;
  readonly seed: number;
  /** The source of the merge whose graphs are taken over. */
  readonly copyFrom: number | undefined;
}

/** What a build of graphs needs of the thread it runs on. */
export interface GraphPlace {
  readonly memory: MemoryViews;
  /** Gives the thread back. @throws InsulaError `engine_closed` when the build is to end. */
  turn(): Promise<void>;
}

/** Bytes of an extent in which the graph of any of the fields can be built. */
export function graphBuildBytes(fields: readonly VectorField[], rowCount: number): number {
  return Math.max(...fields.map((field) => buildLayout(graphPlan(field, rowCount, 0)).bytes));
}

export function openGraphBuild(
  { memory }: GraphPlace,
  { extent, memoryBytes, seed }: PlannedGraph,
  field: VectorField,
  rowCount: number,
): GraphBuilder {
  const shared = memory.memory(extent.arena);
  catchUp(shared, memoryBytes);
  const kernels = new KernelSet(memory.kernelModule).kernelsFor(shared);
  return new GraphBuilder(kernels, shared, extent, graphPlan(field, rowCount, seed));
}

/**
 * Builds in slices; codes and factors are there.
 *
 * @returns the section in pieces; undefined when no walk of the graph is good enough to be used.
 */
export async function buildGraph(
  place: GraphPlace,
  builder: GraphBuilder,
  old: OldGraph | undefined,
): Promise<readonly Uint8Array[] | undefined> {
  builder.begin(old);
  do await place.turn();
  while (builder.insert(SLICE_ROWS));
  return builder.isUsable ? builder.section() : undefined;
}

function graphPlan(field: VectorField, rowCount: number, seed: number): GraphPlan {
  const { dimension } = field;
  const metric = kernelMetric(field);
  return {
    dimension,
    rowCount,
    metric,
    m: GRAPH_M,
    efConstruction: GRAPH_EF_CONSTRUCTION,
    seed,
  };
}
