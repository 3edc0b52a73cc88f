import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogFrameHeader } from "./log-entry.ts";
import { decodeLogFooter, decodeLogFooterTrailer, LogFooterBuilder } from "./log-footer.ts";
import { SeededRandom } from "../io/index.ts";

const PLACE = { file: 3, generation: 77n, groupsEnd: 1000 };

function entryOf(shard: Uint8Array, offset: number): LogFrameHeader {
  const extent = { file: 3, offset, length: 5, crc: offset };
  return {
    shard,
    kind: 1,
    isSealed: offset % 2 === 1,
    isMoved: offset % 3 === 1,
    sequenceFirst: 2 ** 52,
    sequenceLast: 2 ** 53 - 1,
    netRows: -(2 ** 52),
    netBytes: -1,
    extent,
  };
}

/** Shards that share their first bytes, their last bytes, or nothing. */
const shards = fc.array(
  fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)).map(([a, b, c]) => {
    const uid = new Uint8Array(16).fill(a, 0, 4).fill(b, 4, 15);
    uid[15] = c === 2 ? 255 : c;
    return uid;
  }),
  { maxLength: 60 },
);

describe("log footer", () => {
  it("finds all frames of a shard in the order written, also after encoding", () => {
    fc.assert(
      fc.property(shards, (uids) => {
        const builder = new LogFooterBuilder();
        const entries = uids.map((uid, i) => entryOf(uid, 100 + i));
        for (const entry of entries) builder.addEntry(entry);
        const built = builder.finish(PLACE);
        const bytes = Buffer.concat(built.encode());
        const footer = decodeLogFooter(bytes, 3, 77n);
        expect(footer?.place).toEqual(PLACE);
        for (const uid of uids) {
          const own = entries.filter((entry) => Buffer.compare(entry.shard, uid) === 0);
          expect(footer?.entriesOf(uid)).toEqual(own);
          expect(footer?.mayContain(uid)).toBe(true);
        }
        const walked = Array.from({ length: built.count }, (_, i) => built.entry(i));
        const sorted = [...entries].sort((a, b) => Buffer.compare(a.shard, b.shard));
        expect(walked).toEqual(sorted);
      }),
    );
  });

  it("says no to nearly every shard that is not there", () => {
    const random = new SeededRandom(4);
    const builder = new LogFooterBuilder();
    for (let i = 0; i < 5000; i++) builder.addEntry(entryOf(random.bytes(16), i));
    const footer = builder.finish(PLACE);
    let wrong = 0;
    for (let i = 0; i < 10_000; i++) if (footer.mayContain(random.bytes(16))) wrong++;
    expect(wrong).toBeLessThan(200);
    expect(wrong).toBeGreaterThan(20);
  });

  it("refuses a footer with any flipped bit, of another file or of another generation", () => {
    const builder = new LogFooterBuilder();
    for (let i = 0; i < 3; i++) builder.addEntry(entryOf(new Uint8Array(16).fill(i), i));
    const bytes = Buffer.concat(builder.finish(PLACE).encode());
    expect(decodeLogFooter(bytes, 3, 77n)?.count).toBe(3);
    expect(decodeLogFooter(bytes, 4, 77n)).toBeUndefined();
    expect(decodeLogFooter(bytes, 3, 78n)).toBeUndefined();
    for (let i = 0; i < bytes.length; i++) {
      if (i >= bytes.length - 8 && i < bytes.length - 4) continue; // reserved, not looked at
      const flipped = Buffer.from(bytes);
      flipped[i] = (flipped[i] ?? 0) ^ 16;
      expect(decodeLogFooter(flipped, 3, 77n), String(i)).toBeUndefined();
    }
    expect(decodeLogFooterTrailer(bytes.subarray(-10))).toBeUndefined();
  });
});
