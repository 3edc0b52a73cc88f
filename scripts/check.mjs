/**
 * `npm test` and `npm run check`: installs and builds what is missing, then everything that is
 * checked before a change is taken, two steps at a time. The output of a step is shown when it
 * fails. The last line counts tests, and one failure for each other step that failed.
 *
 *   node scripts/check.mjs [STEP ...]     only these, for example: node scripts/check.mjs lint tidy
 */
import { availableParallelism } from "node:os";
import { stripVTControlCharacters } from "node:util";
import { ensureBuilt } from "./build.mjs";
import { ROOT, ensureInstalled } from "./install.mjs";
import { printTable, run } from "./process.mjs";
import { runTests } from "./vitest-run.mjs";

const CONFIG = "scripts/config";
const tool = (path, ...args) => [process.execPath, `node_modules/${path}`, ...args];

/** The longest first, so that two lanes end together. */
const COMMANDS = {
  tests: undefined, // counted, see vitest-run.mjs
  lint: tool(
    "eslint/bin/eslint.js",
    "--config",
    `${CONFIG}/eslint.config.js`,
    "--max-warnings=0",
    ".",
  ),
  format: tool(
    ...["prettier/bin/prettier.cjs", "--check", "--log-level=warn"],
    ...["--cache", "--cache-strategy=content", "--cache-location=.cache/prettier"],
    ...[".", "!src/math/kernels/**", "!test/golden/format-*/**"],
  ),
  types: tool(
    ...["typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit"],
    ...["--incremental", "--tsBuildInfoFile", ".cache/types.tsbuildinfo"],
  ),
  unused: tool("knip/bin/knip.js", "--no-progress"),
  floors: tool(
    ...["dependency-cruiser/bin/dependency-cruise.mjs", "--config", `${CONFIG}/floors.cjs`],
    ...["--output-type=err", "src"],
  ),
  tidy: [process.execPath, "--import", "tsx", "scripts/tidy.ts"],
  package: tool("publint/src/cli.js", "--strict"),
};

/** Only the build of the package is waited for; the compiler's own complaint is then the step's. */
async function build() {
  const startedAtMs = performance.now();
  let message = "";
  try {
    await ensureInstalled();
    await ensureBuilt({ isChecked: false });
  } catch (error) {
    message = error.message;
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  return { name: "build", seconds, isPassed: message === "", output: message };
}

async function runStep(name) {
  const command = COMMANDS[name];
  // The other lane ends long before the tests do: its core is theirs then.
  if (command === undefined)
    return { name, ...(await runTests({ workers: availableParallelism() })) };
  const { code, output, seconds } = await run(command, { cwd: ROOT });
  return { name, seconds, isPassed: code === 0, output };
}

function report(result) {
  const { name, seconds, isPassed, output } = result;
  const text = stripVTControlCharacters(output).trimEnd();
  if (!isPassed) process.stdout.write(`\n---- ${name} ----\n${text}\n`);
  process.stdout.write(`${isPassed ? "ok    " : "FAILED"} ${name} ${seconds.toFixed(1)} s\n`);
}

async function main(names) {
  const results = [await build()];
  report(results[0]);
  const waiting = [...names];
  const lane = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await runStep(name);
      results.push(result);
      report(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, lane));

  const row = ({ name, seconds, isPassed }) => [
    name,
    seconds.toFixed(1),
    isPassed ? "ok" : "FAILED",
  ];
  printTable([["step", "seconds", "result"], ...results.map(row)]);
  const tests = results.find(({ name }) => name === "tests");
  const others = results.filter((result) => result !== tests && !result.isPassed).length;
  const failedTests = tests === undefined ? 0 : Math.max(tests.failed, tests.isPassed ? 0 : 1);
  process.stdout.write(`\n${tests?.passed ?? 0} passed, ${failedTests + others} failed\n`);
  return results.every(({ isPassed }) => isPassed) ? 0 : 1;
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(COMMANDS, name));
if (unknown.length > 0) {
  process.stderr.write(`no such step: ${unknown}; there are ${Object.keys(COMMANDS).join(", ")}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await main(names.length > 0 ? names : Object.keys(COMMANDS));
}
