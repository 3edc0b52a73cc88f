import { expect, it } from "vitest";
import { SLICE_STEPS } from "../../base/pace.ts";
import { RECORDS_BODY } from "./record-bodies.ts";

function bodyOf(count: number, last: object = {}): { records: object[] } {
  const records = Array.from({ length: count }, (_, i) => ({
    ...{ key: `k${String(i)}`, vector: 0, metadata: { i } },
  }));
  return { records: [...records, { key: "z", vector: 0, ...last }] };
}

const LISTS = [Float32Array.of(1)];

/** What is read, and the steps told before each piece. */
function inPieces(body: unknown): { read: unknown; steps: number[] } {
  const steps: number[] = [];
  const work = RECORDS_BODY.pieces?.(body as never, "", LISTS);
  for (;;) {
    const next = work?.next();
    if (next === undefined || next.done === true) return { read: next?.value, steps };
    steps.push(next.value);
  }
}

it("records are read in pieces, many to a slice and many slices, as they are at once", () => {
  const body = bodyOf(5_000);
  const { read, steps } = inPieces(body);
  expect(read).toEqual(RECORDS_BODY.read(body as never, "", LISTS));
  expect(Math.max(...steps)).toBeLessThan(SLICE_STEPS / 4);
  expect(steps.reduce((sum, each) => sum + each)).toBeGreaterThan(5 * SLICE_STEPS);
});

it("what is wrong is told in the same words", () => {
  for (const body of [bodyOf(50, { key: 1 }), bodyOf(50, { other: 1 }), { records: 1 }, 7]) {
    const told = (run: () => unknown): string => {
      try {
        run();
        return "";
      } catch (error) {
        return String(error);
      }
    };
    const atOnce = told(() => RECORDS_BODY.read(body as never, "", LISTS));
    expect(atOnce).not.toBe("");
    expect(told(() => inPieces(body))).toBe(atOnce);
  }
});
