/** Runs the tests of a vitest project with any Node, and counts them. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./install.mjs";
import { run } from "./process.mjs";

/** A file that does not even load has no tests in it: it counts as one that failed. */
function countFailed({ numFailedTests, testResults }) {
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  );
  return numFailedTests + broken.length;
}

/**
 * @typedef {{ passed: number, failed: number, seconds: number, isPassed: boolean, output: string }}
 * TestCount
 */

/**
 * A skipped test is a failure where the variable CI is set: there, everything must be able to run.
 *
 * @param {{ node?: string, project?: string, name?: string, live?: "stdout",
 *   workers?: number, paths?: string[] }} options the Node to run with, the project (a folder of
 *   test/, or `unit`), a name for its results, whether the output is shown as it comes, how many
 *   files are run at once, parts of the paths of the files meant (without any: all)
 * @returns {Promise<TestCount>} `isPassed` says more than `failed`: a run without any test is none
 */
export async function runTests({
  node = process.execPath,
  project = "unit",
  name = project,
  live,
  workers,
  paths = [],
} = {}) {
  const results = join(ROOT, `.cache/results/${name}-${process.pid}.json`);
  mkdirSync(dirname(results), { recursive: true });
  const command = [
    ...[node, "node_modules/vitest/vitest.mjs", "run"],
    ...(project === "unit" ? ["unit", "unit-alone"] : [project]).map((one) => `--project=${one}`),
    ...["--config", "scripts/config/vitest.config.ts"],
    ...paths,
    ...(workers === undefined ? [] : [`--maxWorkers=${workers}`]),
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${results}`],
  ];
  const env = { PATH: `${dirname(node)}:${process.env.PATH}` };
  const { code, output, seconds } = await run(command, { cwd: ROOT, env, live });
  try {
    const counted = JSON.parse(readFileSync(results, "utf8"));
    const skipped = counted.numPendingTests + counted.numTodoTests;
    const isShort = skipped > 0 && process.env.CI !== undefined;
    const note = isShort ? `\n${skipped} tests were skipped, which CI does not allow\n` : "";
    return {
      passed: counted.numPassedTests,
      failed: countFailed(counted),
      isPassed: code === 0 && !isShort && counted.numPassedTests > 0,
      output: output + note,
      seconds,
    };
  } catch {
    // No results: it did not start.
    return { passed: 0, failed: 1, isPassed: false, output, seconds };
  } finally {
    rmSync(results, { force: true });
  }
}
