import { describe, expect, it } from "vitest";
import { readFully, writeFully, writeFullyNow } from "./full-transfer.ts";

const SOURCE = new Uint8Array(1000).map((_, i) => i);

describe("full transfers", () => {
  it("write everything however little the system takes at a time", async () => {
    for (const most of [1, 7, 999, 1000, 5000]) {
      for (const isNow of [false, true]) {
        const target = new Uint8Array(1010);
        const write = (
          source: Uint8Array,
          offset: number,
          length: number,
          position: number,
        ): number => {
          const count = Math.min(length, most);
          target.set(source.subarray(offset, offset + count), position);
          return count;
        };
        if (isNow) writeFullyNow(write, SOURCE, 10);
        else await writeFully(write, SOURCE, 10);
        expect(target.subarray(10)).toEqual(SOURCE);
      }
    }
  });

  it("fail when the system takes nothing", async () => {
    await expect(writeFully(() => 0, SOURCE, 0)).rejects.toMatchObject({ code: "EIO" });
    expect(() => {
      writeFullyNow(() => 0, SOURCE, 0);
    }).toThrow("no byte");
  });

  it("read on after a short read and stop at the end", async () => {
    const read = (target: Uint8Array, offset: number, length: number, position: number): number => {
      const piece = SOURCE.subarray(position, position + Math.min(length, 3));
      target.set(piece, offset);
      return piece.length;
    };
    const target = new Uint8Array(20);
    expect(await readFully(read, target, 100)).toBe(20);
    expect(target).toEqual(SOURCE.subarray(100, 120));
    expect(await readFully(read, target, 990)).toBe(10);
  });
});
