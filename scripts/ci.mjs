/**
 * Runs the steps of ci-steps.json one after the other in a fresh clone, all within one hour.
 *
 * A step fails when its program does, when it hangs (it is ended at HANGS_AT times its
 * `budgetSeconds`, which a slow machine may well pass) or the hour is over, when its npm script
 * does not exist, or when it says that it skipped something (exit code 77). Later steps run all the
 * same. Tests are counted from the closing lines `N passed, N failed` of the steps.
 *
 * What repeats itself by chance or with further versions of Node does less of it, as `whenSlow`
 * says, where the steps before took much longer than their budgets: so the hour holds on machines
 * that take up to 1.6 times as long.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./install.mjs";
import { npm, printTable, run } from "./process.mjs";

/** Of all steps together; the rest of the hour is for the clone and the table at the end. */
const TOTAL_SECONDS_MAX = 3_540;
/** Times its budget: no machine that is of use is so slow. */
const HANGS_AT = 3;
const SKIPPED_CODE = 77;
/** Seconds divided by budgets, of all steps before, beyond which a machine is a slow one. */
const SLOW_PACE = 1.2;

const steps = JSON.parse(readFileSync(join(ROOT, "scripts/ci-steps.json"), "utf8"));
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

function isMissing([program, verb, name]) {
  if (program !== "npm") return false;
  return !Object.hasOwn(scripts, verb === "run" ? name : verb);
}

/** Of the last such line: a step may count parts before it counts the whole. */
function readCount(output) {
  const lines = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)];
  const last = lines.at(-1);
  return last === undefined ? { passed: 0, failed: 0 } : { passed: +last[1], failed: +last[2] };
}

async function runStep({ name, command }, limitSeconds) {
  process.stdout.write(`\n==== ${name} ====\n`);
  if (isMissing(command)) return { result: "no such script", seconds: 0, passed: 0, failed: 1 };
  const [program, ...args] = command;
  const { code, output, seconds, isLate } = await run(program === "npm" ? npm(...args) : command, {
    cwd: ROOT,
    env: { CI: "true" },
    live: "stdout",
    timeoutMs: limitSeconds * 1000,
  });
  const count = readCount(output);
  let result = "ok";
  if (isLate) result = "ended: too long";
  else if (code === SKIPPED_CODE) result = "skipped";
  else if (code !== 0) result = `failed (${code})`;
  else if (count.failed > 0) result = "failed";
  return { result, seconds, ...count, failed: Math.max(count.failed, result === "ok" ? 0 : 1) };
}

/** The step as it is run, and whether it does less than it would. */
function sized(step, pace) {
  const isLess = step.whenSlow !== undefined && pace > SLOW_PACE;
  if (!isLess) return { ...step, isLess };
  process.stdout.write(`\nA slow machine, at ${pace.toFixed(2)} of the budgets: `);
  process.stdout.write(`${step.name} with ${step.whenSlow.slice(1).join(" ")}\n`);
  return { ...step, command: [...step.command, ...step.whenSlow], isLess };
}

const rows = [["step", "seconds", "budget", "result"]];
const total = { seconds: 0, budget: 0, passed: 0, failed: 0 };
const budget = steps.reduce((sum, { budgetSeconds }) => sum + budgetSeconds, 0);
for (const each of steps) {
  const step = sized(each, total.budget === 0 ? 1 : total.seconds / total.budget);
  const leftSeconds = Math.max(1, TOTAL_SECONDS_MAX - total.seconds);
  const limitSeconds = Math.min(leftSeconds, HANGS_AT * step.budgetSeconds);
  const { result, seconds, passed, failed } = await runStep(step, limitSeconds);
  const told = step.isLess ? `${result}, less: slow machine` : result;
  rows.push([step.name, seconds.toFixed(1), String(step.budgetSeconds), told]);
  total.seconds += seconds;
  total.budget += step.budgetSeconds;
  total.passed += passed;
  total.failed += failed;
}
const verdict = total.failed === 0 ? "ok" : "failed";
rows.push(["all", total.seconds.toFixed(1), String(budget), verdict]);
printTable(rows);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
