/** Entry of the threads that the tests of shared builds start. */
import { runWorkerEntry } from "../../io/node/index.ts";
import { makeHelpRegistry } from "./party-jobs.contract.ts";

runWorkerEntry(makeHelpRegistry());
