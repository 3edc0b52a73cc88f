import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue, type Flow, type Waiting } from "./fair-queue.ts";

/** Serves so many items, each for its cost. */
function serve(queue: FairQueue<number>, count: number): Map<Flow<number>, number> {
  const served = new Map<Flow<number>, number>();
  for (let i = 0; i < count; i++) {
    const next = queue.shift();
    if (next === undefined) break;
    queue.pay(next.flow, next.item);
    served.set(next.flow, (served.get(next.flow) ?? 0) + next.item);
  }
  return served;
}

function fill(queue: FairQueue<number>, flow: Flow<number>, costs: readonly number[]): void {
  for (const cost of costs) queue.push(flow, cost);
}

test("flows are given work by their weights, whatever their items cost and however many wait", () => {
  const flowOf = fc.record({
    weight: fc.integer({ min: 1, max: 8 }),
    cost: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(flowOf, { minLength: 2, maxLength: 12 }), (shapes) => {
      const queue = new FairQueue<number>();
      const flows = shapes.map(({ weight, cost }, i) => {
        const flow = queue.flow(`f${String(i)}`, weight);
        fill(
          queue,
          flow,
          Array.from({ length: 4_000 }, () => cost),
        );
        return { flow, weight, cost };
      });
      const served = serve(queue, 3_000);
      const perWeight = flows.map(({ flow, weight }) => (served.get(flow) ?? 0) / weight);
      // The bound of the algorithm: one largest item of each of two flows.
      for (const [i, a] of perWeight.entries()) {
        for (const [j, b] of perWeight.entries()) {
          const costOf = (n: number): number => (shapes[n]?.cost ?? 0) / (shapes[n]?.weight ?? 1);
          expect(Math.abs(a - b)).toBeLessThanOrEqual(costOf(i) + costOf(j) + 1e-9);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("a flow that comes late is next, and is not owed what it did not ask for", () => {
  const queue = new FairQueue<number>();
  const busy = queue.flow("busy", 1);
  fill(
    queue,
    busy,
    Array.from({ length: 100 }, () => 5),
  );
  serve(queue, 50);
  const late = queue.flow("late", 1);
  fill(
    queue,
    late,
    Array.from({ length: 100 }, () => 5),
  );
  const served = serve(queue, 20);
  expect(served.get(late)).toBeGreaterThanOrEqual(50);
  expect(served.get(late)).toBeLessThanOrEqual(55);
});

test("items of a flow are served in the order they came in, and those taken out are not", () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), flow: fc.nat(5), cost: fc.nat(9) }),
    fc.record({ kind: fc.constant("remove" as const), at: fc.nat(100) }),
    fc.record({ kind: fc.constant("shift" as const) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = new FairQueue<number>();
      const model = new Map<string, Waiting<number>[]>();
      const all: { readonly name: string; readonly waiting: Waiting<number> }[] = [];
      let served = 0;
      for (const step of operations) {
        if (step.kind === "push") {
          const name = String(step.flow);
          const waiting = queue.push(queue.flow(name, 1 + step.flow), step.cost);
          model.set(name, [...(model.get(name) ?? []), waiting]);
          all.push({ name, waiting });
        } else if (step.kind === "remove") {
          const entry = all[step.at];
          if (entry === undefined) continue;
          const left = model.get(entry.name) ?? [];
          expect(queue.remove(entry.waiting)).toBe(left.includes(entry.waiting));
          model.set(
            entry.name,
            left.filter((each) => each !== entry.waiting),
          );
        } else {
          const next = queue.shift();
          const heads = [...model.values()].flatMap(([head]) => (head === undefined ? [] : [head]));
          if (next === undefined) expect(heads).toEqual([]);
          else {
            expect(heads).toContain(next);
            for (const head of heads) expect(head.flow.tag).toBeGreaterThanOrEqual(next.flow.tag);
            for (const [name, list] of model) if (list[0] === next) model.set(name, list.slice(1));
            queue.pay(next.flow, next.item);
            served++;
          }
        }
        const left = [...model.values()].reduce((sum, list) => sum + list.length, 0);
        expect(queue.count).toBe(left);
      }
      expect(served).toBeLessThanOrEqual(all.length);
    }),
    { numRuns: 300 },
  );
});

test("a million flows that were served and went leave a bounded number of entries", () => {
  const queue = new FairQueue<number>();
  const waiting = queue.flow("waiting", 1);
  fill(queue, waiting, [1, 1]);
  for (let i = 0; i < 20_000; i++) {
    const flow = queue.flow(`f${String(i)}`, 1);
    queue.begin(flow);
    queue.pay(flow, 3);
  }
  expect(queue.flowCount).toBeLessThanOrEqual(2_048);
  serve(queue, 2);
  queue.forget();
  expect(queue.flowCount).toBe(0);
});
