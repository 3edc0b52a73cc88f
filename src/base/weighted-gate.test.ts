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

it("nobody passes a heavy one that waits, however light", async () => {
  const gate = new WeightedGate(10);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const run = (name: string, weight: number): Promise<void> =>
    gate.run(weight, () => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const all = [run("light", 6), run("heavy", 9), run("late", 1), run("last", 1)];
  await Promise.resolve();
  expect(begun).toEqual(["light"]);
  ends.shift()?.();
  await all[0];
  await Promise.resolve();
  // The heavy one first, and beside it what fits.
  expect(begun).toEqual(["light", "heavy", "late"]);
  while (begun.length < 4) {
    ends.shift()?.();
    await new Promise(setImmediate);
  }
  expect(begun.at(-1)).toBe("last");
  for (const end of ends) end();
  await Promise.all(all);
});

it("work that fails gives its place back", async () => {
  const gate = new WeightedGate(1);
  const fail = (): Promise<never> => Promise.reject(new Error("as the test asks"));
  await expect(gate.run(1, fail)).rejects.toThrow("as the test asks");
  expect(await gate.run(1, () => Promise.resolve(7))).toBe(7);
});
