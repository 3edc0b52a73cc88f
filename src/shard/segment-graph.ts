/**
 * The graph of one field while its segment is written. It is built in an extent that the control
 * thread has set aside; the codes are quantized straight into it.
 */
import type { Clock } from "../io/index.ts";
import { catchUp, KernelSet, type Extent } from "../math/index.ts";
import type { VectorField } from "../model/index.ts";
import {
  buildLayout,
  GraphBuilder,
  GRAPH_EF_CONSTRUCTION,
  GRAPH_M,
  type GraphPlan,
  type MemoryViews,
  type GraphBefore,
} from "../vector/index.ts";
import { kernelMetric } from "./kernel-metric.ts";

/**
 * Rows put in before the thread is given back and asked whether to go on, at most, and time after
 * which it is given back before: inline, calls wait behind a slice.
 */
const SLICE_ROWS = 32;
const SLICE_MS = 2;

/** The graphs a segment is to be given, one for each field, in turn in one extent. */
export interface PlannedGraph {
  readonly extent: Extent;
  /** Length of the arena's memory where the extent was allocated. */
  readonly memoryBytes: number;
  readonly seed: number;
  /** Threads that help; 0: none. */
  readonly helpers: number;
  /** The source of the merge whose graphs are taken over. */
  readonly copyFrom: number | undefined;
}

/** What a build of graphs needs of the thread it runs on. */
export interface GraphPlace {
  readonly memory: MemoryViews;
  readonly clock: Clock;
  /** Gives the thread back. @throws InsulaError `engine_closed` when the build is to end. */
  turn(): Promise<void>;
}

/** Bytes of an extent in which the graph of any of the fields can be built. */
export function graphBuildBytes(
  fields: readonly VectorField[],
  rowCount: number,
  helpers: number,
): number {
  const how = { seed: 0, helpers };
  return Math.max(...fields.map((field) => buildLayout(graphPlan(field, rowCount, how)).bytes));
}

export function openGraphBuild(
  { memory }: GraphPlace,
  { extent, memoryBytes, seed, helpers }: PlannedGraph,
  field: VectorField,
  rowCount: number,
): GraphBuilder {
  const shared = memory.memory(extent.arena);
  catchUp(shared, memoryBytes);
  const kernels = new KernelSet(memory.kernelModule).kernelsFor(shared);
  return new GraphBuilder(kernels, shared, extent, graphPlan(field, rowCount, { seed, helpers }));
}

/**
 * Builds in slices; codes and factors are there.
 *
 * @returns the section in pieces; undefined when no walk of the graph is good enough to be used.
 */
export async function buildGraph(
  place: GraphPlace,
  builder: GraphBuilder,
  before: GraphBefore,
): Promise<readonly Uint8Array[] | undefined> {
  builder.begin(before);
  do await place.turn();
  while (insertSlice(builder, place.clock));
  return builder.isUsable ? builder.section() : undefined;
}

/** True while something is left. A clock that stands still makes slices of equal rows. */
function insertSlice(builder: GraphBuilder, clock: Clock): boolean {
  const endMs = clock.monotonicMs() + SLICE_MS;
  for (let i = 0; i < SLICE_ROWS; i++) {
    if (!builder.insert(1)) return false;
    if (clock.monotonicMs() >= endMs) break;
  }
  return true;
}

function graphPlan(
  field: VectorField,
  rowCount: number,
  how: Pick<PlannedGraph, "seed" | "helpers">,
): GraphPlan {
  const { dimension } = field;
  const metric = kernelMetric(field);
  return {
    dimension,
    rowCount,
    metric,
    m: GRAPH_M,
    efConstruction: GRAPH_EF_CONSTRUCTION,
    ...how,
  };
}
