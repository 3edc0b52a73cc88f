/** Runs cases with clients for Node and prints one JSON line for each. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";

/**
 * The clients are installed under .cache, where an `import` of this file would not look.
 * INSULA_TEST_NODE is the package.json beside them.
 */
export const load = createRequire(process.env.INSULA_TEST_NODE ?? import.meta.url);

const cases = [];

export function testCase(operation, title, body) {
  cases.push({ operation, title, body });
}

/** Runs the cases in order; what one throws is its failure. */
export async function runCases() {
  for (const { operation, title, body } of cases) {
    const line = { operation, case: title, pass: true };
    try {
      await body();
    } catch (error) {
      line.pass = false;
      line.detail = `${error.name}: ${error.message}`.slice(0, 600);
      process.stderr.write(`${error.stack}\n`);
      process.exitCode = 1;
    }
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

export function near(actual, expected, tolerance = 1e-6) {
  assert(Math.abs(actual - expected) <= tolerance, `expected ${expected}, received ${actual}`);
}
