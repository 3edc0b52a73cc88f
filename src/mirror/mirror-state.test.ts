/** What a mirror holds after points: judged against a plain map, with pieces counted by hand. */
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../io/index.ts";
import { MirrorState, type FileChange, type Piece } from "./mirror-state.ts";
import { Turns } from "./turns.ts";

function pieceOf(name: string): Piece {
  return { name, bytes: 100, sha256: new Uint8Array(32) };
}

const whole = (path: string, ...pieces: Piece[]): FileChange => ({
  path,
  isWhole: true,
  ranges: pieces.map((piece) => ({ piece, offset: 0, length: 10 })),
});
const more = (path: string, ...pieces: Piece[]): FileChange => ({
  ...whole(path, ...pieces),
  isWhole: false,
});

describe("a piece", () => {
  const [a, b] = [pieceOf("a"), pieceOf("b")];

  it("is free when the last file that has bytes of it is gone", () => {
    const state = new MirrorState();
    state.apply(1, { files: [whole("x", a), whole("y", a, b)], removed: [] });
    state.apply(2, { files: [], removed: ["x"] });
    expect(state.freed).toEqual([]);
    state.apply(3, { files: [], removed: ["y", "never there"] });
    expect(state.freed).toEqual([
      { point: 3, name: "a" },
      { point: 3, name: "b" },
    ]);
  });

  it("is free when its file is replaced, not when the file grows", () => {
    const state = new MirrorState();
    state.apply(1, { files: [whole("x", a)], removed: [] });
    state.apply(2, { files: [more("x", b)], removed: [] });
    expect(state.bytesOf("x")).toBe(20);
    expect(state.freed).toEqual([]);
    state.apply(3, { files: [whole("x", b)], removed: [] });
    expect(state.freed).toEqual([{ point: 3, name: "a" }]);
    expect(state.bytesOf("x")).toBe(10);
  });

  it("stays known as free until it is forgotten", () => {
    const state = new MirrorState();
    state.apply(1, { files: [whole("x", a)], removed: [] });
    state.apply(5, { files: [], removed: ["x"] });
    expect(state.freedBy(4)).toEqual([]);
    expect(state.freedBy(5)).toEqual([{ point: 5, name: "a" }]);
    expect(state.freedBy(5)).toHaveLength(1);
    state.forgetFreed(4);
    expect(state.freed).toHaveLength(1);
    state.forgetFreed(5);
    expect(state.freed).toEqual([]);
  });
});

it.each([1, 2, 3, 4])("a base says the same as the points before it, seed %i", async (seed) => {
  const random = new SeededRandom(seed);
  const points = new MirrorState();
  let based = new MirrorState();
  const model = new Map<string, string[]>();
  const made: string[] = [];
  for (let point = 1; point <= 200; point++) {
    const files: FileChange[] = [];
    const piece = pieceOf(`p${String(point)}`);
    made.push(piece.name);
    for (let i = random.below(3); i >= 0; i--) {
      const path = `f${String(random.below(8))}`;
      if (files.some((file) => file.path === path)) continue;
      const change = random.below(2) === 0 ? whole(path, piece) : more(path, piece);
      files.push(change);
      model.set(path, [...(change.isWhole ? [] : (model.get(path) ?? [])), piece.name]);
    }
    const removed = random.below(3) === 0 ? [`f${String(random.below(8))}`] : [];
    for (const path of removed) model.delete(path);
    points.apply(point, { files, removed });
    await based.applyInTurns(point, { files, removed }, new Turns());
    if (random.below(10) === 0) {
      const next = new MirrorState();
      next.apply(point, await based.whole(new Turns()));
      next.addFreed(based.freed);
      based = next;
    }
    for (const state of [points, based]) {
      const found = Array.from(state.files, ([path, { ranges }]) => [
        path,
        ranges.map((range) => range.piece.name),
      ]);
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(model));
      // Each piece is in a file or free, never both, never neither.
      const used = [...model.values()].flat();
      const freed = state.freed.map(({ name }) => name);
      expect([...new Set(used), ...freed].toSorted()).toEqual(made.toSorted());
    }
  }
});
