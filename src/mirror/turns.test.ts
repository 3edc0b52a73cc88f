/** What a mirror of very many files does without holding the thread, and with the same outcome. */
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../io/index.ts";
import { decodePoint, encodePoint } from "./mirror-point.ts";
import type { PointBody } from "./point-body.ts";
import { mirrorSeal } from "./mirror-seal.ts";
import { MirrorState, type FileChange, type PieceRange } from "./mirror-state.ts";
import { ITEMS_PER_TURN, PART_BYTES, Turns, partsOf } from "./turns.ts";

const HEAD = { number: 12, atMs: 1_700_000_000_123, writer: "0a1b2c3d", isSealed: true };
const COUNT = 20_000;
/** Each is asked for its ranges once for what they are and once to be counted. */
const MOST = 2 * (ITEMS_PER_TURN + 1);

/** Counts what is looked at between two turns. */
class Watch {
  most = 0;
  turns = 0;
  #looks = 0;

  look(): void {
    this.most = Math.max(this.most, ++this.#looks);
  }

  turnsOf(): Turns {
    return new Turns({
      yield: () => {
        this.turns++;
        this.#looks = 0;
        return Promise.resolve();
      },
    });
  }

  /** A file that is looked at when its ranges are asked for. */
  file(i: number): FileChange {
    const piece = { name: `piece ${String(i)}`, bytes: 7, sha256: new Uint8Array(32).fill(i) };
    const ranges: PieceRange[] = [{ piece, offset: 0, length: 7 }];
    const look = (): void => {
      this.look();
    };
    return {
      path: `seg/00/${String(i)}`,
      isWhole: true,
      get ranges() {
        look();
        return ranges;
      },
    };
  }

  body(): PointBody {
    const files = Array.from({ length: COUNT }, (_, i) => this.file(i));
    return { files, removed: ["a", "b"], freed: [{ point: 3, name: "c" }] };
  }
}

describe.each([
  ["sealed", mirrorSeal(new Uint8Array(32).fill(3), new SeededRandom(1))],
  ["plain", mirrorSeal(undefined, new SeededRandom(1))],
])("a base of many files that is %s", (_, seal) => {
  it("is written and read in slices, with the bytes it has without", async () => {
    const watch = new Watch();
    const opening = { seal, purpose: "base 12" };
    const turns = watch.turnsOf();
    const bytes = await encodePoint(HEAD, watch.body(), { ...opening, turns });
    expect(watch.most).toBeLessThanOrEqual(MOST);
    // Pieces, files, and the pieces again.
    expect(watch.turns).toBeGreaterThanOrEqual(Math.floor((3 * COUNT) / ITEMS_PER_TURN));
    const plain = await encodePoint(HEAD, new Watch().body(), opening);
    expect(bytes.length).toBe(plain.length);
    if (seal.seal(new Uint8Array(1), "x").length === 1) expect(bytes.equals(plain)).toBe(true);
    const reading = new Watch();
    const back = await decodePoint("k", bytes, { ...opening, turns: reading.turnsOf() });
    expect(reading.turns).toBeGreaterThanOrEqual(Math.floor((2 * COUNT) / ITEMS_PER_TURN));
    const alone = await decodePoint("k", bytes, opening);
    expect(back.head).toEqual(HEAD);
    expect(back).toEqual(alone);
    expect(back.body.files).toHaveLength(COUNT);
    expect(back.body.files[COUNT - 1]).toEqual({ ...new Watch().file(COUNT - 1) });
  });
});

describe("a state of many files", () => {
  it("is made and told in slices", async () => {
    const watch = new Watch();
    const state = new MirrorState();
    const { files } = watch.body();
    await state.applyInTurns(1, { files, removed: ["seg/00/1"] }, watch.turnsOf());
    expect(watch.most).toBeLessThanOrEqual(MOST);
    const telling = new Watch();
    const whole = await state.whole(telling.turnsOf());
    expect(telling.turns).toBe(Math.floor((COUNT - 1) / ITEMS_PER_TURN));
    expect(whole.files).toHaveLength(COUNT - 1);
    const again = new MirrorState();
    again.apply(1, whole);
    expect(again.files).toEqual(state.files);
  });
});

it("bytes are gone through in parts, and each counts for a part of a turn", () => {
  const bytes = new Uint8Array(2 * PART_BYTES + 5);
  const parts = [...partsOf(bytes)];
  expect(parts.map(({ length }) => length)).toEqual([PART_BYTES, PART_BYTES, 5]);
  const turns = new Turns({ yield: () => Promise.resolve() });
  expect(parts.map(({ length }) => turns.isOverAfterBytes(length))).toEqual([true, true, true]);
  expect([...partsOf(new Uint8Array(0))]).toEqual([]);
});
