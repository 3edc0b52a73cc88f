import { InlinePool } from "./inline-pool.ts";
import { makeTestRegistry } from "./node/pool-jobs.contract.ts";
import { describeWorkerPool } from "./worker-pool.contract.ts";

describeWorkerPool("the inline pool", () => new InlinePool(makeTestRegistry()));
