/** Entry of the threads that the tests of the pool start. */
import { makeTestRegistry } from "./pool-jobs.contract.ts";
import { runWorkerEntry } from "./worker-entry.ts";

runWorkerEntry(makeTestRegistry());
