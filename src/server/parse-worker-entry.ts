/** Entry of a parse worker: bodies too long for the control thread. */
import { readProgramFile, runWorkerEntry } from "../io/node/index.ts";
import { loadNumberParserModule, NUMBER_PARSER_FILE } from "../math/index.ts";
import { SPLIT_JOB } from "./split-job.ts";
import { VectorBodySplitter, type VectorBodyJob } from "./vector-body.ts";

let splitter: Promise<VectorBodySplitter> | undefined;

async function openSplitter(): Promise<VectorBodySplitter> {
  const bytes = await readProgramFile(NUMBER_PARSER_FILE);
  return new VectorBodySplitter(loadNumberParserModule(bytes));
}

runWorkerEntry({
  jobs: {
    [SPLIT_JOB]: async (job: VectorBodyJob) => {
      splitter ??= openSplitter();
      const result = (await splitter).split(job);
      // The one without numbers is shared by all damaged bodies and must stay.
      if (!result.isIntact) return { result };
      return { result, transfer: [result.numbers.buffer, result.lengths.buffer] };
    },
  },
  onBroadcast: () => undefined,
});
