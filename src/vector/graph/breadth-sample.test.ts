/** Breadths chosen from a check, and those that are kept from the graph before. */
import { describe, expect, it } from "vitest";
import { BreadthSample, EF_MIN, chooseEfs } from "./breadth-sample.ts";
import { GRAPH_RECALLS, efForRecall } from "./graph-layout.ts";
import { sequence } from "./graph-reference.contract.ts";

const QUERIES = 500;
const K = 10;
const AT_095 = GRAPH_RECALLS.indexOf(0.95);

/**
 * Queries of which a walk of breadth `ef` finds the share 1 - 2 ** (-ef / half) on average, some of
 * them harder than others.
 */
function sampleOf(half: number, seed: number, queries = QUERIES): BreadthSample {
  const next = sequence(seed);
  const byQuery = Array.from({ length: queries }, () => {
    const hardness = 0.5 + next();
    const breadths = Array.from({ length: K }, () => -Math.log2(1 - next()) * half * hardness);
    return Uint32Array.from(breadths.map(Math.ceil)).sort();
  });
  return new BreadthSample(byQuery, { wanted: queries * K });
}

describe("a sample of breadths", () => {
  it("tells the recall of every breadth, and the smallest with a recall", () => {
    const byQuery = [[1, 1, 12], [2, 30], [40]].map((some) => Uint32Array.from(some));
    const sample = new BreadthSample(byQuery, { wanted: 8 });
    expect([0, 1, 12, 30, 39, 40].map((ef) => sample.recallAt(ef).recall * 8)).toEqual([
      0, 2, 4, 5, 5, 6,
    ]);
    expect([0.5, 4.5 / 8, 0.75].map((recall) => sample.efFor(recall))).toEqual([12, 30, 40]);
    // Two of eight were met by no walk.
    expect(sample.efFor(0.76)).toBe(0);
    expect(sample.efFor(0.1)).toBe(EF_MIN);
  });

  it("asks for broader walks where the graph is to grow", () => {
    const byQuery = [Uint32Array.of(20, 40)];
    const sample = new BreadthSample(byQuery, { wanted: 2, scale: 1.05 });
    expect([20, 21, 41, 42].map((ef) => sample.recallAt(ef).recall)).toEqual([
      expect.closeTo(0.5 * (20 / 1.05 - 19)),
      0.5,
      expect.closeTo(0.5 + 0.5 * (41 / 1.05 - 39)),
      1,
    ]);
    expect([0.1, 0.5, 0.53, 1].map((recall) => sample.efFor(recall))).toEqual([21, 21, 42, 42]);
  });

  it("knows how far it may be off", () => {
    const wide = sampleOf(8, 1, 40_000).recallAt(30).recall;
    const errors = Array.from({ length: 200 }, (_, seed) => {
      const { recall, error } = sampleOf(8, seed + 2).recallAt(30);
      return (recall - wide) / error;
    });
    const beyond = (many: number): number => errors.filter((e) => Math.abs(e) > many).length / 200;
    expect(beyond(1)).toBeGreaterThan(0.2);
    expect(beyond(1)).toBeLessThan(0.45);
    expect(beyond(2)).toBeLessThan(0.1);
  });

  it("has nothing to say of rows without neighbours", () => {
    const sample = new BreadthSample([new Uint32Array(0)], { wanted: 0 });
    expect(sample.recallAt(10)).toEqual({ recall: 1, error: 0 });
    expect(sample.efFor(0.99)).toBe(EF_MIN);
  });
});

describe("the breadths of a graph", () => {
  const measured = chooseEfs(sampleOf(8, 1), undefined, false);

  it("rise with the recall and are those of the check", () => {
    expect(measured).toEqual([...measured].sort((a, b) => a - b));
    const wide = sampleOf(8, 99, 20_000);
    expect(wide.recallAt(efForRecall(measured, 0.95)).recall).toBeCloseTo(0.95, 1.7);
  });

  it("are kept from the graph before while the check agrees", () => {
    for (let seed = 10; seed < 30; seed++) {
      const kept = chooseEfs(sampleOf(8, seed), measured, false);
      expect(Math.abs((kept[AT_095] ?? 0) - (measured[AT_095] ?? 0))).toBeLessThanOrEqual(0);
    }
  });

  it("are raised where the graph finds less, and lowered where it finds much more", () => {
    const harder = chooseEfs(sampleOf(11, 5), measured, false);
    expect(harder[AT_095]).toBeGreaterThan(measured[AT_095] ?? 0);
    const easier = chooseEfs(sampleOf(5, 5), measured, false);
    expect(easier[AT_095]).toBeLessThan(measured[AT_095] ?? 0);
  });

  it("are left as they are where rows have gone, unless they are too narrow for the rest", () => {
    expect(chooseEfs(sampleOf(5, 5), measured, true)).toEqual(measured);
    const harder = chooseEfs(sampleOf(11, 5), measured, true);
    expect(harder).toEqual(chooseEfs(sampleOf(11, 5), measured, false));
  });

  it("are none where no walk has the recall, and none are kept where none were", () => {
    const half = new BreadthSample([Uint32Array.of(10, 20, 30, 40, 50, 60, 70, 80)], {
      wanted: 10,
    });
    expect(chooseEfs(half, undefined, false)).toEqual([70, 80, 0, 0, 0, 0, 0, 0, 0]);
    expect(
      chooseEfs(
        sampleOf(8, 3),
        measured.map(() => 0),
        false,
      ),
    ).toEqual(chooseEfs(sampleOf(8, 3), undefined, false));
  });
});
