import { expect, it } from "vitest";
import { inTurns, Pace, SLICE_STEPS } from "./pace.ts";

/** Steps taken between two turns, told by whoever takes them. */
function meter(): { pace: Pace; took: (steps: number) => void; most: () => number; turns: number } {
  let since = 0;
  let most = 0;
  const counted = {
    turns: 0,
    took: (steps: number) => {
      since += steps;
      most = Math.max(most, since);
    },
    most: () => most,
    pace: new Pace(async () => {
      await new Promise(setImmediate);
      counted.turns++;
      since = 0;
    }),
  };
  return counted;
}

it("gives the thread back when a slice is full, and not before", async () => {
  const counted = meter();
  expect(counted.pace.fits(SLICE_STEPS)).toBe(true);
  expect(counted.pace.fits(1)).toBe(false);
  await counted.pace.take(1);
  expect([counted.turns, counted.pace.left]).toEqual([1, SLICE_STEPS - 1]);
});

it("parts that go on at the same time have one slice between two turns, not one each", async () => {
  const counted = meter();
  const chunk = SLICE_STEPS / 4;
  const part = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      if (!counted.pace.fits(chunk)) await counted.pace.take(chunk);
      counted.took(chunk);
    }
  };
  await Promise.all([part(), part(), part(), part(), part()]);
  expect(counted.most()).toBe(SLICE_STEPS);
  expect(counted.turns).toBe((5 * 20 * chunk) / SLICE_STEPS - 1);
});

it("searches of one call have one slice too, each with a signal of its own", async () => {
  const counted = meter();
  const abort = new AbortController();
  const one = new Pace(counted.pace, abort.signal);
  expect(one.fits(SLICE_STEPS)).toBe(true);
  expect(counted.pace.left).toBe(0);
  abort.abort(new RangeError("enough"));
  await expect(one.take(1)).rejects.toThrow("enough");
  await counted.pace.take(1);
  expect(counted.pace.left).toBe(SLICE_STEPS - 1);
});

it("a piece that is more than a slice has a slice of its own, and ends", async () => {
  const counted = meter();
  expect(counted.pace.fits(3 * SLICE_STEPS)).toBe(false);
  await counted.pace.take(3 * SLICE_STEPS);
  expect([counted.turns, counted.pace.left]).toEqual([1, 0]);
});

it("a signal that is aborted while the thread is given back ends the work there", async () => {
  const abort = new AbortController();
  const pace = new Pace(() => {
    abort.abort(new RangeError("enough"));
    return Promise.resolve();
  }, abort.signal);
  pace.add(SLICE_STEPS);
  await expect(pace.rest()).rejects.toThrow("enough");
});

it("does work in pieces: at once as far as they fit, the rest in slices", async () => {
  const counted = meter();
  function* work(pieces: number): Generator<number, string, void> {
    for (let i = 0; i < pieces; i++) {
      yield SLICE_STEPS / 8;
      counted.took(SLICE_STEPS / 8);
    }
    return "done";
  }
  expect(inTurns(work(8), counted.pace)).toBe("done");
  expect(await inTurns(work(80), counted.pace)).toBe("done");
  expect([counted.turns, counted.most()]).toEqual([10, SLICE_STEPS]);
});
