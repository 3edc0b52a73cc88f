/**
 * `npm run test:nightly`: the tests that draw their cases from seeds, at the size of a night.
 *
 *   npm run test:nightly -- --share 0.01 --only simulation,kill
 *
 * Each step prints its seed when it fails; docs/reliability.md says how to replay one.
 */
import { parseArgs } from "node:util";
import { ROOT } from "./install.mjs";
import { npm, printTable, run } from "./process.mjs";

const HOUR_MS = 3_600_000;
const { values } = parseArgs({
  options: {
    share: { type: "string", default: "1" },
    only: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const share = Number(values.share);
const sized = (count) => String(Math.max(1, Math.ceil(count * share)));

/** All of test/crash, with one kind of it at full size. */
const crash = (sizes) => ({
  command: npm("run", "test:crash"),
  env: { INSULA_SEEDS: "1", INSULA_SCRIPTS: "1", INSULA_SIMULATIONS: "1", ...sizes },
});
const STEPS = {
  node: { command: npm("run", "test:node", "--", "--whole") },
  model: { command: npm("run", "test:model"), env: { INSULA_SEEDS: sized(5_000) } },
  filters: { command: npm("run", "test:filters"), env: { INSULA_CASES: sized(100_000) } },
  simulation: crash({ INSULA_SIMULATIONS: sized(20_000) }),
  cuts: crash({ INSULA_SEEDS: sized(200), INSULA_MOMENTS: "300", INSULA_STATES: "4" }),
  "every cut": crash({ INSULA_SEED: "1", INSULA_MOMENTS: "all", INSULA_STATES: "10" }),
  "failing calls": crash({ INSULA_SCRIPTS: sized(40) }),
  operations: { command: npm("run", "test:operations"), env: { INSULA_ROUNDS: sized(200) } },
  kill: { command: npm("run", "test:kill", "--", "--kills", sized(5_000)) },
  mirror: crash({ INSULA_SEEDS: sized(2_000) }),
  "second machine": {
    command: npm("run", "test:second-machine", "--", "--losses", sized(500)),
  },
  stores: { command: npm("run", "test:stores") },
  fuzz: { command: npm("run", "test:fuzz", "--", "--requests", sized(100_000)) },
};

const names = values.only?.split(",") ?? Object.keys(STEPS);
const unknown = names.filter((name) => !Object.hasOwn(STEPS, name));
if (values.help || unknown.length > 0 || !(share > 0)) {
  process.stdout.write(
    `Steps: ${Object.keys(STEPS).join(", ")}\n\n` +
      "  npm run test:nightly -- --share 0.01 --only simulation,kill\n",
  );
  process.exit(values.help ? 0 : 2);
}

const rows = [["step", "seconds", "result"]];
let failures = 0;
for (const name of names) {
  process.stdout.write(`\n==== ${name} ====\n`);
  const { command, env = {} } = STEPS[name];
  const { code, seconds } = await run(command, {
    cwd: ROOT,
    // One test may take hours here.
    env: { ...env, INSULA_TEST_MS: String(5 * HOUR_MS) },
    live: "stdout",
  });
  if (code !== 0) failures++;
  rows.push([name, seconds.toFixed(0), code === 0 ? "ok" : `failed (${code})`]);
}
process.stdout.write("\n");
printTable(rows);
process.stdout.write(`\n${names.length - failures} passed, ${failures} failed\n`);
process.exitCode = failures === 0 ? 0 : 1;
