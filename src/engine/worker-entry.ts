/** Entry of a worker thread: files of the data folder, the kernels, and the engine's jobs. */
import { InsulaError } from "../base/errors.ts";
import { NodeClock, NodeFileSystem, runWorkerEntry } from "../io/node/index.ts";
import { ThreadMemory } from "../vector/index.ts";
import { engineJobs, type JobPlace } from "./jobs.ts";
import { SETUP_TOPIC, type WorkerSetup } from "./worker-setup.ts";

let place: JobPlace | undefined;

const registry = engineJobs(() => {
  if (place !== undefined) return place;
  throw new InsulaError("invariant_broken", "Invariant broken: a worker is set up before its jobs");
});

runWorkerEntry({
  jobs: registry.jobs,
  onBroadcast: (topic, value) => {
    if (topic === SETUP_TOPIC) {
      const { root, kernelModule } = value as WorkerSetup;
      place = {
        clock: new NodeClock(),
        fileSystem: new NodeFileSystem(root),
        memory: new ThreadMemory(kernelModule),
      };
      return;
    }
    registry.onBroadcast(topic, value);
  },
});
