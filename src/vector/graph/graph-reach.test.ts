import { expect, it } from "vitest";
import { NO_NODE } from "./graph-layout.ts";
import { finish, sequence } from "./graph-reference.contract.ts";
import { linkLostRows } from "./graph-reach.ts";

const WIDTH = 4;

function reached(links: Uint32Array, start: number): number {
  const seen = new Set([start]);
  for (const row of seen) {
    for (const id of links.subarray(row * WIDTH, (row + 1) * WIDTH)) {
      if (id !== NO_NODE) seen.add(id);
    }
  }
  return seen.size;
}

it("rows that no list names are linked from a neighbour, and no row is lost for them", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = sequence(seed);
    const count = 3 + Math.floor(next() * 60);
    const links = new Uint32Array(count * WIDTH).fill(NO_NODE);
    // A ring that all are on, then random other links; some rows are taken off the ring.
    for (let row = 0; row < count; row++) {
      const ids = new Set([(row + 1) % count]);
      const more = Math.floor(next() * WIDTH);
      for (let i = 0; i < more; i++) ids.add(Math.floor(next() * count));
      ids.delete(row);
      links.set([...ids].slice(0, WIDTH), row * WIDTH);
    }
    const lost = Math.floor(next() * (count - 1)) + 1;
    for (let at = 0; at < links.length; at++) {
      if (links[at] === lost) links[at] = (lost + 1) % count;
    }
    expect(finish(linkLostRows(links, WIDTH, 0))).toBe(0);
    expect(reached(links, 0)).toBe(count);
  }
});

it("a graph in which every row is reached stays as it is", () => {
  const links = Uint32Array.of(1, 2, NO_NODE, NO_NODE, 0, NO_NODE, NO_NODE, NO_NODE, 1, 0, 3, NO_NODE, 2, 1, 0, NO_NODE); // prettier-ignore
  const before = links.slice();
  expect(finish(linkLostRows(links, WIDTH, 0))).toBe(0);
  expect(links).toEqual(before);
});

it("a row without neighbours cannot be linked, and is told", () => {
  const links = new Uint32Array(3 * WIDTH).fill(NO_NODE);
  links[0] = 1;
  links[WIDTH] = 0;
  expect(finish(linkLostRows(links, WIDTH, 0))).toBe(1);
});
