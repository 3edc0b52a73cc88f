/** Rows leave a graph and come back: what the others make of it meanwhile, and afterwards. */
import { expect, it } from "vitest";
import { finish, sequence } from "./graph-reference.contract.ts";
import { AbsentRows, type LeftGraph } from "./absent-rows.ts";
import { NO_NODE } from "./graph-layout.ts";

const ROWS = 400;
const WIDTH = 8;

/** Lists by chance; chosen anew, a list has the smallest ids that it is offered. */
function graphOf(seed: number, upper: (row: number) => boolean, entry = NO_NODE): LeftGraph {
  const next = sequence(seed);
  const links = new Uint32Array(ROWS * WIDTH).fill(NO_NODE);
  for (let row = 0; row < ROWS; row++) {
    const ids = new Set<number>();
    for (let i = 0; i < 1 + next() * WIDTH; i++) ids.add(Math.floor(next() * ROWS));
    ids.delete(row);
    links.set([...ids].slice(0, WIDTH), row * WIDTH);
  }
  return {
    ...{ links, width: WIDTH, entry, isUpper: upper },
    choose: ({ id, level }, ids, countMin) => {
      expect([level, countMin]).toEqual([0, 0]);
      const list = [...ids].sort((a, b) => a - b).slice(0, WIDTH);
      links.fill(NO_NODE, id * WIDTH, (id + 1) * WIDTH).set(list, id * WIDTH);
    },
  };
}

function listOf({ links }: LeftGraph, row: number): number[] {
  const list = [...links.subarray(row * WIDTH, (row + 1) * WIDTH)];
  return list.filter((id) => id !== NO_NODE);
}

it("no list names a row that has left, and all are as they were when it is back", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const graph = graphOf(seed, () => false);
    const before = graph.links.slice();
    const absent = new AbsentRows(graph, 50);
    expect(absent.rows).toHaveLength(50);
    finish(absent.leave());
    const gone = new Set(absent.rows);
    for (let row = 0; row < ROWS; row++) {
      const old = [...before.subarray(row * WIDTH, (row + 1) * WIDTH)];
      if (gone.has(row) || !old.some((id) => gone.has(id))) {
        expect([...graph.links.subarray(row * WIDTH, (row + 1) * WIDTH)]).toEqual(old);
        continue;
      }
      // What it had, and what those had that it has lost.
      const around = old.flatMap((id) =>
        gone.has(id) ? listOf({ ...graph, links: before }, id) : [id],
      );
      const offered = new Set(around.filter((id) => id !== NO_NODE && id !== row && !gone.has(id)));
      expect(listOf(graph, row)).toEqual([...offered].sort((a, b) => a - b).slice(0, WIDTH));
    }
    absent.comeBack();
    expect(graph.links).toEqual(before);
  }
});

it("rows that walks pass on their way down stay, others leave in their stead", () => {
  const graph = graphOf(1, (row) => row % 8 === 0, 9);
  const absent = new AbsentRows(graph, 50);
  expect([...absent.rows].slice(0, 3)).toEqual([1, 10, 17]);
  expect(absent.rows).toHaveLength(50);
  const none = new AbsentRows(
    graphOf(1, () => true),
    50,
  );
  expect(none.rows).toHaveLength(0);
  finish(none.leave());
});
