import { describe, expect, it } from "vitest";
import { readFully, writeFully, writeFullyNow, type ReadCall } from "./full-transfer.ts";

const SOURCE = new Uint8Array(1000).map((_, i) => i);

/** What the end of a read is told, each time it is. */
function told(read: ReadCall, target: Uint8Array, position: number): (readonly unknown[])[] {
  const ends: (readonly unknown[])[] = [];
  readFully(read, target, position, (error, count) => {
    ends.push([error, count]);
  });
  return ends;
}

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

  it("read on after a short read and stop at the end", () => {
    const read: ReadCall = (target, position, done) => {
      const piece = SOURCE.subarray(position, position + Math.min(target.length, 3));
      target.set(piece);
      done(null, piece.length);
    };
    const target = new Uint8Array(20);
    expect(told(read, target, 100)).toEqual([[null, 20]]);
    expect(target).toEqual(SOURCE.subarray(100, 120));
    expect(told(read, target, 990)).toEqual([[null, 10]]);
    expect(told(read, new Uint8Array(0), 100)).toEqual([[null, 0]]);
  });

  it("end a read with its error, once", () => {
    const failure = new Error("no such sector");
    let calls = 0;
    const read: ReadCall = (_target, _position, done) => {
      calls++;
      if (calls === 3) done(failure, 0);
      else done(null, 5);
    };
    expect(told(read, new Uint8Array(100), 0)).toEqual([[failure, 10]]);
    expect(calls).toBe(3);
  });
});
