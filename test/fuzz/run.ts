/**
 * Thousands of good and bent requests against a live server, protocol by protocol:
 * `npm run test:fuzz -- --dialect s3 --requests 10000 --warm-up 16000`.
 *
 * Every answer must have the dialect's own form and nothing of another tenant, the process must
 * live, answer others meanwhile, and hold as much memory and as many files afterwards as before.
 */
import { parseArgs } from "node:util";
import type { Chance } from "../support/chance.ts";
import { runFuzz } from "./fuzz-run.ts";
import { runGrpcFuzz } from "./grpc.ts";
import { createNativeSubject } from "./native.ts";
import { createOssSubject } from "./oss.ts";
import { createPineconeSubject } from "./pinecone.ts";
import { createS3Subject } from "./s3.ts";
import type { Subject } from "./subject.ts";

const SUBJECTS: Readonly<Record<string, (chance: Chance) => Subject>> = {
  oss: createOssSubject,
  s3: createS3Subject,
  native: createNativeSubject,
  pinecone: createPineconeSubject,
};

/** Not a dialect but its transport, with a runner of its own: grpc.ts. */
const GRPC = "grpc";
/** Each is followed by a good call, so they are fewer. */
const GRPC_SHARE = 0.5;

const { values } = parseArgs({
  options: {
    dialect: { type: "string", default: [...Object.keys(SUBJECTS), GRPC].join() },
    requests: { type: "string", default: "4000" },
    "warm-up": { type: "string", default: "3000" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("Sends good and bent requests to a server and judges every answer.\n");
  console.log("  npm run test:fuzz -- --dialect s3 --requests 1000 --seed 3");
  process.exit(0);
}

let passed = 0;
let failed = 0;
for (const name of values.dialect.split(",")) {
  if (name === GRPC) {
    const requestCount = Math.ceil(Number(values.requests) * GRPC_SHARE);
    const { sent, faultCount } = await runGrpcFuzz({ seed: Number(values.seed), requestCount });
    passed += sent;
    failed += faultCount;
    continue;
  }
  const subject = SUBJECTS[name];
  if (subject === undefined) {
    throw new Error(
      `There is no dialect ${name}: expected ${Object.keys(SUBJECTS).join()},${GRPC}.`,
    );
  }
  const { sent, faultCount } = await runFuzz(subject, {
    seed: Number(values.seed),
    requestCount: Number(values.requests),
    warmUpCount: Number(values["warm-up"]),
  });
  passed += sent;
  failed += faultCount;
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
