/** Entry of the threads of the bench of builds. */
import { runWorkerEntry } from "../../src/io/index.ts";
import { makeBuildRegistry } from "./build-jobs.ts";

runWorkerEntry(makeBuildRegistry());
