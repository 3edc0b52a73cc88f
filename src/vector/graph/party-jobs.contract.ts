/** Jobs of the threads that help in the tests of shared builds, or fail to. */
import { InsulaError, assert } from "../../base/errors.ts";
import { NodeClock, type JobRegistry } from "../../io/index.ts";
import type { Extent, WasmModule } from "../../math/index.ts";
import { ARENA_TOPIC, ThreadMemory, type ArenaNews } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { HELP_JOB, runHelpJob, type HelpJob } from "./graph-helpers.ts";

export const MODULE_TOPIC = "module";
export const END_TOPIC = "end";
export const BUILD_JOB = "build";
export const REST_JOB = "rest";

/** A build over codes that are in the extent already. */
export interface BuildJob {
  readonly extent: Extent;
  readonly plan: GraphPlan;
}

/** How a helper ends after its first rows. */
export type HelperEnd = "none" | "throws" | "dies" | "diesWithLocks";

/** Locks at the beginning of a party. */
const LOCKS = 1_024;

export function makeHelpRegistry(): JobRegistry {
  const clock = new NodeClock();
  let memory: ThreadMemory | undefined;
  let end: HelperEnd = "none";

  return {
    jobs: {
      [REST_JOB]: () => Promise.resolve({ result: undefined }),
      [BUILD_JOB]: async ({ extent, plan }: BuildJob) => {
        assert(memory !== undefined, "a thread knows the kernels before its first job");
        const shared = memory.memory(extent.arena);
        const builder = new GraphBuilder(memory.kernels(extent.arena), shared, extent, plan);
        builder.begin();
        do await clock.yield();
        while (builder.insert(8));
        return { result: builder.section()[0] };
      },
      [HELP_JOB]: (job: HelpJob) => {
        assert(memory !== undefined, "a thread knows the kernels before its first job");
        const result = runHelpJob({ memory, clock }, end === "none" ? job : { ...job, sliceMs: 1 });
        if (end === "throws") throw new InsulaError("disk_full", "No more.");
        if (end === "diesWithLocks") {
          const { extent } = job;
          const words = new Uint32Array(memory.memory(extent.arena).buffer, extent.offset, LOCKS);
          for (let lock = 0; lock < LOCKS; lock++) Atomics.store(words, lock, 1);
        }
        if (end !== "none") process.exit(1);
        return Promise.resolve({ result });
      },
    },
    onBroadcast: (topic, value) => {
      if (topic === MODULE_TOPIC) memory = new ThreadMemory(value as WasmModule);
      else if (topic === ARENA_TOPIC) memory?.add(value as ArenaNews);
      else if (topic === END_TOPIC) end = value as HelperEnd;
    },
  };
}
