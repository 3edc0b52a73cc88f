/**
 * Runs the tests of folders of test/ and ends with the line that scripts/ci.mjs counts by:
 * `node scripts/run-tests.mjs model`, or of one file: `model/graph-filters`. More tries: the
 * variable INSULA_SEEDS; one: INSULA_SEED.
 */
import { runTests } from "./vitest-run.mjs";

const projects = process.argv.slice(2);
if (projects.length === 0) throw new Error("Name a folder of test/, for example: model");
const sum = { passed: 0, failures: 0 };
for (const named of projects) {
  const [project, file] = named.split("/");
  const { passed, failed, isPassed } = await runTests({
    project,
    paths: file === undefined ? [] : [`test/${project}/${file}.test.ts`],
    live: "stdout",
  });
  sum.passed += passed;
  sum.failures += Math.max(failed, isPassed ? 0 : 1);
}
process.stdout.write(`\n${sum.passed} passed, ${sum.failures} failed\n`);
process.exitCode = sum.failures === 0 ? 0 : 1;
