/** The jobs of the engine's workers, the same on a thread and inline. */
import type { Clock, FileSystem, JobRegistry } from "../io/index.ts";
import { BUILD_SEGMENT_JOB, buildSegment, type BuildInput } from "../shard/index.ts";
import {
  ARENA_TOPIC,
  HELP_JOB,
  SCAN_JOB,
  WALK_JOB,
  runHelpJob,
  runScanJob,
  runWalkJob,
  type ArenaNews,
  type HelpJob,
  type ScanJob,
  type ThreadMemory,
  type WalkJob,
} from "../vector/index.ts";

/** What the jobs of one thread work on. */
export interface JobPlace {
  readonly clock: Clock;
  readonly fileSystem: FileSystem;
  readonly memory: ThreadMemory;
}

interface BuildMessage {
  readonly input: BuildInput;
  readonly packedBytesMax: number;
}

/** @param place asked for with each job: a thread is set up by its first broadcast. */
export function engineJobs(place: () => JobPlace): JobRegistry {
  return {
    jobs: {
      [SCAN_JOB]: (job: ScanJob) => Promise.resolve({ result: runScanJob(place().memory, job) }),
      [WALK_JOB]: (job: WalkJob) => Promise.resolve({ result: runWalkJob(place().memory, job) }),
      [HELP_JOB]: (job: HelpJob) => Promise.resolve({ result: runHelpJob(place(), job) }),
      [BUILD_SEGMENT_JOB]: async ({ input, packedBytesMax }: BuildMessage) => {
        const result = await buildSegment({ ...place(), packedBytesMax }, input);
        return { result, transfer: result.outputRows.map(({ buffer }) => buffer as ArrayBuffer) };
      },
    },
    onBroadcast: (topic, value) => {
      if (topic === ARENA_TOPIC) place().memory.add(value as ArenaNews);
    },
  };
}
