/**
 * Threads of searches that help with the build of a graph while they have time: the control
 * thread's side, which gives them slices one at a time, and the job they run.
 *
 * A slice is as short as one of a search and waits for its turn like one, so a search waits no
 * longer behind a build than behind another search. And one thread of the pool is left alone.
 * Each slice is asked for by the control thread: when that is busy with calls, it asks less often.
 */
import { sleep, type Clock, type WorkerPool } from "../../io/index.ts";
import { catchUp, type Extent } from "../../math/index.ts";
import type { MemoryViews, ThreadMemory } from "../search-memory.ts";
import { GRAPH_HELPERS_MAX, GraphParty } from "./graph-party.ts";

/** Name of the job in the worker registry. */
export const HELP_JOB = "vector/help-graph";
/** Time of one slice; it ends with the row under way. */
const SLICE_MS = 2;
/** A build that has nothing to share now is looked at again after so long. */
const LOOK_AGAIN_MS = 10;

export interface HelpJob {
  /** Of the build; the party is at its beginning. */
  readonly extent: Extent;
  /** Length of the arena's memory where the job was made. */
  readonly memoryBytes: number;
  readonly helper: number;
  readonly sliceMs: number;
}

/** Of these threads, how many may help with one build. */
export function graphHelpers(workers: WorkerPool): number {
  return Math.max(0, Math.min(GRAPH_HELPERS_MAX, workers.size - 1));
}

/** Body of the job: rows that were put in. A build that fails here fails everywhere. */
export function runHelpJob(
  { memory, clock }: { readonly memory: ThreadMemory; readonly clock: Clock },
  { extent, memoryBytes, helper, sliceMs }: HelpJob,
): number {
  const shared = memory.memory(extent.arena);
  catchUp(shared, memoryBytes);
  const kernels = memory.kernels(extent.arena);
  const party = new GraphParty(shared, extent.offset);
  const endMs = clock.monotonicMs() + sliceMs;
  try {
    let count = 0;
    while (party.isOpen && party.insertNext(kernels, { helper })) {
      count++;
      if (clock.monotonicMs() >= endMs) break;
    }
    return count;
  } catch (error) {
    party.fail();
    throw error;
  }
}

/** Who helps, and with what. */
export interface HelpPlace {
  readonly memory: MemoryViews;
  readonly workers: WorkerPool;
  readonly clock: Clock;
  readonly extent: Extent;
  readonly memoryBytes: number;
  readonly helpers: number;
  readonly sliceMs?: number;
}

/**
 * Runs a build, which opens and closes the party in its extent, with helpers beside it.
 *
 * When it settles no helper touches the extent any more.
 *
 * @throws what the build throws; the error of a helper when that made it fail.
 */
export async function withHelpers<Result>(
  place: HelpPlace,
  build: () => Promise<Result>,
): Promise<Result> {
  const party = new GraphParty(place.memory.memory(place.extent.arena), place.extent.offset);
  party.begin();
  const ended = new AbortController();
  const lost: unknown[] = [];
  const helpers = Array.from({ length: place.helpers }, async (_, helper) => {
    try {
      await help(place, party, helper, ended.signal);
    } catch (error) {
      party.fail();
      lost.push(error);
    }
  });
  try {
    return await build();
  } catch (error) {
    throw lost[0] ?? error;
  } finally {
    party.fail();
    ended.abort();
    await Promise.all(helpers);
  }
}

async function help(
  { workers, clock, extent, memoryBytes, sliceMs = SLICE_MS }: HelpPlace,
  party: GraphParty,
  helper: number,
  signal: AbortSignal,
): Promise<void> {
  const job: HelpJob = { extent, memoryBytes, helper, sliceMs };
  while (!signal.aborted) {
    if (party.isOpen && ((await workers.run(HELP_JOB, job)) as number) > 0) continue;
    await sleep(clock, LOOK_AGAIN_MS, signal).catch(() => undefined);
  }
}
