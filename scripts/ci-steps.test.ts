import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

interface Step {
  readonly name: string;
  readonly budgetSeconds: number;
}

const file = resolve(fileURLToPath(import.meta.url), "../ci-steps.json");
const steps = JSON.parse(readFileSync(file, "utf8")) as readonly Step[];

it("the budgets of all steps together leave a third of the hour to a slower machine", () => {
  const total = steps.reduce((sum, { budgetSeconds }) => sum + budgetSeconds, 0);
  expect(total).toBeLessThanOrEqual(2_400);
});

it("every step has a name of its own", () => {
  expect(new Set(steps.map(({ name }) => name)).size).toBe(steps.length);
});
