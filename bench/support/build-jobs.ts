/** Jobs of the threads of the bench of builds. */
import { NodeClock, type JobRegistry } from "../../src/io/index.ts";
import type { Extent, WasmModule } from "../../src/math/index.ts";
import {
  ARENA_TOPIC,
  GraphBuilder,
  HELP_JOB,
  ThreadMemory,
  runHelpJob,
  type ArenaNews,
  type GraphPlan,
  type HelpJob,
} from "../../src/vector/index.ts";

export const MODULE_TOPIC = "bench/module";
export const BUILD_JOB = "bench/build";
export const REST_JOB = "bench/rest";

/** Codes and factors are in the extent already. */
export interface GraphBuildJob {
  readonly extent: Extent;
  readonly plan: GraphPlan;
}

export interface GraphBuilt {
  readonly seconds: number;
  /** The header of the section, with the breadths that the recall check has found. */
  readonly header: Uint8Array;
}

/** Rows of a slice, as in a build of a segment. */
const SLICE_ROWS = 32;
const SLICE_MS = 2;

export function makeBuildRegistry(): JobRegistry {
  const clock = new NodeClock();
  let memory: ThreadMemory | undefined;
  const known = (): ThreadMemory => {
    if (memory === undefined) throw new Error("A thread is told the kernels before its first job.");
    return memory;
  };
  return {
    jobs: {
      [REST_JOB]: () => Promise.resolve({ result: undefined }),
      [HELP_JOB]: (job: HelpJob) =>
        Promise.resolve({ result: runHelpJob({ memory: known(), clock }, job) }),
      [BUILD_JOB]: async ({ extent, plan }: GraphBuildJob) => {
        const startMs = clock.monotonicMs();
        const shared = known().memory(extent.arena);
        const builder = new GraphBuilder(known().kernels(extent.arena), shared, extent, plan);
        builder.begin();
        do await clock.yield();
        while (insertSlice(builder, clock));
        const seconds = (clock.monotonicMs() - startMs) / 1_000;
        return { result: { seconds, header: builder.section()[0] } satisfies GraphBuilt };
      },
    },
    onBroadcast: (topic, value) => {
      if (topic === MODULE_TOPIC) memory = new ThreadMemory(value as WasmModule);
      else if (topic === ARENA_TOPIC) memory?.add(value as ArenaNews);
    },
  };
}

function insertSlice(builder: GraphBuilder, clock: NodeClock): boolean {
  const endMs = clock.monotonicMs() + SLICE_MS;
  for (let i = 0; i < SLICE_ROWS; i++) {
    if (!builder.insert(1)) return false;
    if (clock.monotonicMs() >= endMs) break;
  }
  return true;
}
