/**
 * Walks of one query over the graphs of segments: short ones at once on this thread, long ones on
 * the workers. What is found is in the order of the codes; score it again on float32 rows.
 */
import { scanSteps, type Pace } from "../../base/pace.ts";
import type { WorkerPool } from "../../io/index.ts";
import type { KernelMetric } from "../../math/index.ts";
import type { FlatScan } from "../flat-scan.ts";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphTarget } from "./graph-view.ts";
import type { GraphFound } from "./graph-walker.ts";
import { ownView } from "../own-view.ts";
import { WALK_JOB, walkFrom, type WalkJob } from "./walk-job.ts";
import type { WalkLimits } from "./walk-limits.ts";

/**
 * Bytes of codes that a walk done on this thread may read by its breadth, about: 0.3 ms, and twice
 * as long where its reach lets it go on. A walk reads half of the lists it meets, the other half
 * was seen before, and reads slower than a scan.
 */
const INLINE_BYTES_MAX = 1_048_576;

/** One graph to be searched. */
export interface GraphPart {
  readonly arena: number;
  readonly target: GraphTarget;
  /** Rows that may be found, one bit each; undefined: all. */
  readonly bits: Uint8Array | undefined;
}

export class GraphSearch {
  readonly #memory: SearchMemory;
  readonly #scan: FlatScan;
  readonly #workers: WorkerPool;
  readonly #metric: KernelMetric;
  readonly #vector: Float32Array;

  /** @param scan of the same query, whose scratch serves the walks on this thread. */
  constructor(
    scan: FlatScan,
    parts: {
      readonly memory: SearchMemory;
      readonly workers: WorkerPool;
      readonly metric: KernelMetric;
      readonly vector: Float32Array;
    },
  ) {
    const { memory, workers, metric, vector } = parts;
    this.#scan = scan;
    this.#memory = memory;
    this.#workers = workers;
    this.#metric = metric;
    this.#vector = vector;
  }

  /**
   * The nearest rows of a graph, `ef` or as many as the walk reached; not whole when it was given
   * up.
   *
   * @throws InsulaError `memory_exhausted`.
   */
  walk(part: GraphPart, limits: WalkLimits, pace: Pace): GraphFound | Promise<GraphFound> {
    const { target, bits } = part;
    const rows = bits === undefined ? limits.ef * target.m : limits.scoredMax;
    const bytes = rows * target.strideBytes;
    if (bytes > INLINE_BYTES_MAX && this.#workers.size > 0) return this.#walkThere(part, limits);
    const steps = scanSteps(bytes);
    if (pace.fits(steps)) return this.#walkHere(part, limits);
    return pace.take(steps).then(() => this.#walkHere(part, limits));
  }

  #walkHere({ arena, target, bits }: GraphPart, limits: WalkLimits): GraphFound {
    return walkFrom(this.#memory, this.#scan.leased(arena), { target, bits, limits });
  }

  async #walkThere(part: GraphPart, limits: WalkLimits): Promise<GraphFound> {
    const leased = this.#memory.lease(part.arena);
    try {
      const job = this.#job(part, limits, leased.scratch);
      return (await this.#workers.run(WALK_JOB, job)) as GraphFound;
    } finally {
      this.#memory.giveBack(leased);
    }
  }

  #job(
    { arena, target, bits }: GraphPart,
    limits: WalkLimits,
    scratch: WalkJob["scratch"],
  ): WalkJob {
    const memoryBytes = this.#memory.memory(arena).buffer.byteLength;
    const [metric, vector] = [this.#metric, ownView(this.#vector)];
    return { scratch, memoryBytes, metric, vector, target, bits: bits && ownView(bits), limits };
  }
}
