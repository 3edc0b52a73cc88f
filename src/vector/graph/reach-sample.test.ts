/** Reaches chosen from a check: those that find as much as the breadths do. */
import { expect, it } from "vitest";
import { chooseBreadths } from "./graph-recall.ts";
import { GRAPH_RECALLS } from "./graph-layout.ts";
import { finish, sequence } from "./graph-reference.contract.ts";
import { ReachSample, type MetNeighbours } from "./reach-sample.ts";

const QUERIES = 500;
const K = 10;
const AT_095 = GRAPH_RECALLS.indexOf(0.95);

function met(breadths: readonly number[], reaches: readonly number[]): MetNeighbours {
  return { breadths: Uint32Array.from(breadths), reaches: Float32Array.from(reaches) };
}

/** Neighbours that are met as chance has it, the broader the walk the farther it reaches. */
function drawn(seed: number, hardness: number): readonly MetNeighbours[] {
  const next = sequence(seed);
  return Array.from({ length: QUERIES }, () => {
    const some = Array.from({ length: K }, () => -Math.log(1 - next()) * hardness);
    some.sort((a, b) => a - b);
    return met(
      some.map((one) => Math.ceil(10 * one)),
      some.map((one) => one / 8),
    );
  });
}

it("a sample tells the least reach with a recall, among walks that keep so many rows", () => {
  const byQuery = [met([1, 12, 40], [0, 0.25, 0.25]), met([2, 90], [0.5, 1])];
  const wide = new ReachSample(byQuery, { wanted: 6, breadth: 90 });
  expect([0.5, 4 / 6, 5 / 6].map((recall) => wide.leastFor(recall))).toEqual([0.25, 0.5, 1]);
  const narrow = new ReachSample(byQuery, { wanted: 6, breadth: 40 });
  expect([0.5, 4 / 6, 5 / 6].map((recall) => narrow.leastFor(recall))).toEqual([0.25, 0.5, 0]);
});

it("a reach that is known is more than none", () => {
  const sample = new ReachSample([met([1], [0])], { wanted: 1, breadth: 10 });
  expect(sample.leastFor(0.9)).toBeGreaterThan(0);
  expect(Math.fround(sample.leastFor(0.9))).toBe(sample.leastFor(0.9));
  expect(new ReachSample([], { wanted: 0, breadth: 10 }).leastFor(0.9)).toBeGreaterThan(0);
});

it("what is infinitely far is reached by none", () => {
  const far = new ReachSample([met([1], [Infinity])], { wanted: 1, breadth: 10 });
  expect(far.leastFor(0.9)).toBe(0);
});

it("walks find as much by their reaches as by their breadths, kept or not", () => {
  const wanted = QUERIES * K;
  for (const keptEfs of [undefined, [10, 12, 20, 60, 70, 75, 80, 90, 0]]) {
    const byQuery = drawn(1, 1);
    const how = { keptEfs, isRaisedOnly: true };
    const { efs, reaches } = finish(chooseBreadths({ byQuery, wanted, scale: 1 }, how));
    if (keptEfs !== undefined) expect(efs[AT_095]).toBe(60);
    expect(reaches).toEqual([...reaches].sort((a, b) => a - b));
    for (const [step, ef] of efs.entries()) {
      const byEf = byQuery.flatMap(({ breadths }) => [...breadths]).filter((one) => one <= ef);
      const byReach = byQuery
        .flatMap((one) => [...one.reaches.filter((_, i) => (one.breadths[i] ?? 0) <= 2 * ef)])
        .filter((one) => one <= (reaches[step] ?? 0));
      expect(byReach.length).toBeGreaterThanOrEqual(byEf.length);
      expect(byReach.length).toBeLessThan(byEf.length * 1.01 + 1);
    }
  }
});

it("where no breadth has the recall there is no reach either", () => {
  const how = { keptEfs: undefined, isRaisedOnly: false };
  const wanted = QUERIES * K * 1.2;
  const poor = finish(chooseBreadths({ byQuery: drawn(1, 1), wanted, scale: 1 }, how));
  expect(poor.efs.map((ef) => ef > 0)).toEqual(poor.reaches.map((reach) => reach > 0));
  expect(poor.efs.at(-1)).toBe(0);
});
