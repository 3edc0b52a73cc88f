import { expect, it } from "vitest";
import { WeightedGate } from "./weighted-gate.ts";

it("a gate never lets in more than its weight, but what is heavier goes alone", async () => {
  const gate = new WeightedGate(10);
  const weights = [4, 4, 4, 25, 1, 10, 3, 3, 3, 3, 9, 2];
  let inside: number[] = [];
  const ended: number[] = [];
  await Promise.all(
    weights.map((weight) =>
      gate.run(weight, async () => {
        inside.push(weight);
        const sum = inside.reduce((total, each) => total + each, 0);
        expect(sum <= 10 || inside.length === 1).toBe(true);
        for (let turn = 0; turn < weight; turn++) await Promise.resolve();
        inside = inside.filter((_, i) => i !== inside.indexOf(weight));
        ended.push(weight);
      }),
    ),
  );
  expect(ended.sort((a, b) => a - b)).toEqual(weights.sort((a, b) => a - b));
});

it("work that fails gives its place back", async () => {
  const gate = new WeightedGate(1);
  const fail = (): Promise<never> => Promise.reject(new Error("as the test asks"));
  await expect(gate.run(1, fail)).rejects.toThrow("as the test asks");
  expect(await gate.run(1, () => Promise.resolve(7))).toBe(7);
});
