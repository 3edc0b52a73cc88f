/**
 * Runs the tests of one folder of test/ and ends with the line that scripts/ci.mjs counts by:
 * `node scripts/run-tests.mjs model`. More tries: the variable INSULA_SEEDS; one: INSULA_SEED.
 */
import { runTests } from "./vitest-run.mjs";

const [project] = process.argv.slice(2);
if (project === undefined) throw new Error("Name a folder of test/, for example: model");
const { passed, failed, isPassed } = await runTests({ project, live: "stdout" });
const failures = Math.max(failed, isPassed ? 0 : 1);
process.stdout.write(`\n${passed} passed, ${failures} failed\n`);
process.exitCode = failures === 0 ? 0 : 1;
